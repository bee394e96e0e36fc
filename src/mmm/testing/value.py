"""What a test is worth: the expected value of sample information.

Today's best decision is that of the posterior. After a test the posterior is another one, and so may
the decision be; the value is how much more the new decision is expected to bring than today's, judged
by the new posterior, over all results that the posterior expects (Raiffa & Schlaifer 1961). The
posterior after a result is that of before with each draw weighted by the result's likelihood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

Decide = Callable[[np.ndarray], np.ndarray]
Worth = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Measured:
    """What a test measures: its true value in each draw (K,), and its standard error."""

    truth: np.ndarray
    error: float


def sample_value(
    measured: Measured, weights: np.ndarray, decide: Decide, worth: Worth, results: int = 16
) -> float:
    """Expected gain of a test in the units of `worth`; never negative.

    `decide` gives the best spend (P,) for weights of the draws (K,), `worth` what a spend brings in
    each draw (K,). `results` possible outcomes stand for all: draws at evenly spaced places of what
    is measured, with evenly spaced errors in a fixed shuffled order.
    """
    if measured.error <= 0:
        raise ValueError(f"the standard error of a test must be above 0, got {measured.error}")
    if float(np.ptp(measured.truth)) <= 0:
        return 0.0
    today = worth(decide(weights))
    gains = []
    for outcome in _outcomes(measured, weights, results):
        after = posterior(measured, weights, outcome)
        gains.append(max(0.0, float(after @ (worth(decide(after)) - today))))
    return float(np.mean(gains))


def posterior(measured: Measured, weights: np.ndarray, outcome: float) -> np.ndarray:
    """The draws' weights (K,) once the test has given `outcome`."""
    distance = (outcome - measured.truth) / measured.error
    likelihood = -0.5 * distance**2
    found = weights * np.exp(likelihood - likelihood.max())
    return np.asarray(found / found.sum())


def _outcomes(measured: Measured, weights: np.ndarray, count: int) -> np.ndarray:
    places = (np.arange(count) + 0.5) / count
    order = np.argsort(measured.truth)
    reached = np.cumsum(weights[order])
    chosen = np.minimum(np.searchsorted(reached, places * reached[-1]), len(order) - 1)
    errors = ndtri(places)[np.random.default_rng(1).permutation(count)]
    return np.asarray(measured.truth[order][chosen] + measured.error * errors)
