"""Normal mixtures as proposals: fitted to draws by expectation-maximisation, drawn from, evaluated.

An independence proposal close to the target jumps between its modes (e.g. Giordani and Kohn 2010,
"Adaptive independent Metropolis-Hastings by fast estimation of mixtures of normals").
"""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import inner

COMPONENTS = 4
_ROUNDS = 30
#: Proposals are wider than what they are fitted to; the last component holds everything, wider yet.
_WIDER, _WIDEST, _WIDE_WEIGHT = 1.3, 2.0, 0.2
_JITTER = 1e-4


@inner
def draw_mixture(
    weight: np.ndarray,
    mean: np.ndarray,
    factor: np.ndarray,
    rng: np.random.Generator,
    out: np.ndarray,
) -> None:
    """A draw from the mixture of G components into `out` (n,)."""
    left = rng.random()
    component = 0
    while component < weight.shape[0] - 1 and left >= weight[component]:
        left -= weight[component]
        component += 1
    for i in range(out.shape[0]):
        out[i] = mean[component, i]
    for j in range(out.shape[0]):
        z = rng.standard_normal()
        for i in range(j, out.shape[0]):
            out[i] += factor[component, i, j] * z


@inner
def log_mixture(
    weight: np.ndarray, mean: np.ndarray, factor: np.ndarray, value: np.ndarray
) -> float:
    """Log density of the mixture at `value` (n,), without the constant of 2 pi."""
    n = value.shape[0]
    z = np.empty(n)
    high, total = -math.inf, 0.0
    for component in range(weight.shape[0]):
        if weight[component] == 0.0:
            continue
        log_density = math.log(weight[component])
        for i in range(n):
            rest = value[i] - mean[component, i]
            for j in range(i):
                rest -= factor[component, i, j] * z[j]
            z[i] = rest / factor[component, i, i]
            log_density -= 0.5 * z[i] * z[i] + math.log(factor[component, i, i])
        if log_density > high:
            total = total * math.exp(high - log_density) + 1.0
            high = log_density
        else:
            total += math.exp(log_density - high)
    return high + math.log(total)


def fit_mixture(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights (G,), means (G, n) and factors (G, n, n) close to `draws` (N, n).

    The start divides the draws by their last number, the effect, whose modes are what jumps are for.
    """
    order = np.argsort(draws[:, -1], kind="stable")
    parts = np.array_split(order, COMPONENTS - 1)
    mean = np.array([draws[part].mean(axis=0) for part in parts])
    whole = np.cov(draws.T) + _JITTER * np.eye(draws.shape[1])
    covariance = np.array([whole for _ in parts])
    weight = np.full(len(parts), 1.0 / len(parts))
    for _ in range(_ROUNDS):
        shares = _responsibilities(draws, weight, mean, covariance)
        count = shares.sum(axis=0) + 1e-9
        weight = count / count.sum()
        mean = (shares.T @ draws) / count[:, None]
        for g in range(len(parts)):
            centred = draws - mean[g]
            spread = (shares[:, g, None] * centred).T @ centred
            # A little of the whole keeps a component of few draws from collapsing.
            covariance[g] = (spread + 5.0 * whole) / (count[g] + 5.0)
    weights = np.append((1.0 - _WIDE_WEIGHT) * weight, _WIDE_WEIGHT)
    means = np.vstack([mean, draws.mean(axis=0)])
    covariances = np.concatenate([_WIDER**2 * covariance, _WIDEST**2 * whole[None]])
    return weights, means, np.linalg.cholesky(covariances)


def _responsibilities(
    draws: np.ndarray, weight: np.ndarray, mean: np.ndarray, covariance: np.ndarray
) -> np.ndarray:
    """How far each draw belongs to each component, (N, G)."""
    logs = np.empty((len(draws), len(weight)))
    for g in range(len(weight)):
        factor = np.linalg.cholesky(covariance[g])
        z = np.linalg.solve(factor, (draws - mean[g]).T)
        logs[:, g] = np.log(weight[g] + 1e-300) - 0.5 * (z**2).sum(axis=0)
        logs[:, g] -= np.log(np.diag(factor)).sum()
    logs -= logs.max(axis=1, keepdims=True)
    shares = np.exp(logs)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
