"""Random-walk proposals that learn their shape in the warm-up (Haario, Saksman and Tamminen 2001)
and their length by the share that is accepted (Andrieu and Thoms 2008, algorithm 4).
"""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import dot, inner

#: Acceptance rates that scales are adapted to: of several dimensions, of one.
WANTED_JOINT, WANTED_ONE = 0.25, 0.44
#: States between two adaptations of a shape, and those that the first one needs.
ADAPT_EVERY, ADAPT_FROM = 50, 100
#: Added to an adapted covariance's diagonal.
_JITTER = 1e-6


@inner
def step(
    factor: np.ndarray, scale: float, rng: np.random.Generator, old: np.ndarray, out: np.ndarray
) -> None:
    """A step with the factor's covariance into `out`."""
    for i in range(out.shape[0]):
        out[i] = old[i]
    for j in range(out.shape[0]):
        z = scale * rng.standard_normal()
        for i in range(j, out.shape[0]):
            out[i] += factor[i, j] * z


@inner
def rescaled(log_scale: float, rate: float, accepted: bool, wanted: float) -> float:
    """A log scale after one proposal."""
    if accepted:
        return log_scale + rate * (1.0 - wanted)
    return log_scale - rate * wanted


@inner
def learn(
    value: np.ndarray,
    factor: np.ndarray,
    scale: np.ndarray,
    seen: np.ndarray,
    mean: np.ndarray,
    product: np.ndarray,
) -> None:
    """Take a state (n,) into the running moments (Welford 1962); now and then set the shape."""
    seen[0] += 1.0
    count, n = seen[0], value.shape[0]
    for i in range(n):
        before = value[i] - mean[i]
        for j in range(i):
            # mean[j] is the new one already: old deviation of i times new deviation of j.
            product[i, j] += before * (value[j] - mean[j])
        mean[i] += before / count
        product[i, i] += before * (value[i] - mean[i])
    if count < ADAPT_FROM or count % ADAPT_EVERY != 0:
        return
    for i in range(n):
        for j in range(i):
            factor[i, j] = (product[i, j] / count - dot(factor[i], factor[j], j)) / factor[j, j]
        remaining = product[i, i] / count + _JITTER - dot(factor[i], factor[i], i)
        factor[i, i] = math.sqrt(max(remaining, _JITTER))
    if count == ADAPT_FROM:
        scale[0] = math.log(2.38 / math.sqrt(n))
