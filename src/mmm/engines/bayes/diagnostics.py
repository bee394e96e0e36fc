"""Whether chains agree: rank-normalised split R-hat and effective sample size of many quantities.

Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, "Rank-normalization, folding, and localization".
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

#: Beyond this R-hat, or below this many effective draws, a quantity is not to be relied on.
MOST_R_HAT, FEWEST_EFFECTIVE = 1.01, 400.0


def split_chains(values: np.ndarray) -> np.ndarray:
    """Each chain's halves as chains of their own: (chains, n, ...) to (2 chains, n // 2, ...)."""
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, -half:]])


def agreement(values: np.ndarray) -> tuple[float, float]:
    """R-hat and bulk effective sample size of values (chains, n).

    R-hat is the larger of those of ranks and of folded ranks, 1 for a constant.
    """
    if np.ptp(values) == 0.0:
        return 1.0, float(values.size)
    parts = split_chains(values)
    ranks = _normal_ranks(parts)
    folded = _normal_ranks(np.abs(parts - np.median(parts)))
    return max(_plain_r_hat(ranks), _plain_r_hat(folded)), _effective(ranks)


def effective(values: np.ndarray) -> float:
    """Bulk effective sample size of (chains, n)."""
    return agreement(values)[1]


def _effective(parts: np.ndarray) -> float:
    """By Geyer's initial monotone sequence on the normal ranks of split chains."""
    chains, n = parts.shape
    covariance = _autocovariance(parts)
    within = covariance[:, 0].mean() * n / (n - 1.0)
    total = within * (n - 1.0) / n + parts.mean(axis=1).var(ddof=1)
    correlation = 1.0 - (within - covariance.mean(axis=0)) / total
    correlation[0] = 1.0
    pairs = correlation[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0.0)
    pairs = pairs[: negative[0]] if len(negative) else pairs
    time = -1.0 + 2.0 * np.minimum.accumulate(pairs).sum()
    return float(min(chains * n / max(time, 1e-12), chains * n * np.log10(chains * n)))


def _normal_ranks(values: np.ndarray) -> np.ndarray:
    ranks = rankdata(values, axis=None).reshape(values.shape)
    return np.asarray(ndtri((ranks - 0.375) / (values.size + 0.25)))


def _plain_r_hat(values: np.ndarray) -> float:
    n = values.shape[1]
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1)
    return float(np.sqrt((n - 1.0) / n + between / within))


def _autocovariance(values: np.ndarray) -> np.ndarray:
    """Of each chain at all lags, (chains, n), by FFT."""
    n = values.shape[1]
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(values - values.mean(axis=1, keepdims=True), size, axis=1)
    return np.asarray(np.fft.irfft(np.abs(spectrum) ** 2, size, axis=1)[:, :n] / n)
