"""How much each world counts: those whose kind of truth fits the user's KPI better count more."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

#: Worlds count by their evidence, but never so unequally that they stand for less than this share
#: of their number: the families are not all that could be.
_LEAST_EFFECTIVE = 0.5
_STEPS = 40


def world_weights(evidence: np.ndarray) -> np.ndarray:
    """Weights (n,) that sum to 1, from logarithms of evidence (n,): proportional to the evidence to
    the largest power, at most 1, at which the effective number of worlds is half of n or more.
    """
    relative = evidence - evidence.max()
    weights = np.exp(relative)
    if _effective(weights) < _LEAST_EFFECTIVE:
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            power = (low + high) / 2
            enough = _effective(np.exp(power * relative)) >= _LEAST_EFFECTIVE
            low, high = (power, high) if enough else (low, power)
        weights = np.exp(low * relative)
    return np.asarray(weights / weights.sum())


def _effective(weights: np.ndarray) -> float:
    """Effective number of worlds over their number (Kish)."""
    return float(weights.sum() ** 2 / (weights**2).sum() / len(weights))


def weighted_mean(values: Iterable[float], weights: Iterable[float]) -> float | None:
    """The mean of the finite values; None without any, or where none of them counts."""
    found = np.array(list(values), float)
    shares = np.array(list(weights), float)
    known = np.isfinite(found)
    total = float(shares[known].sum())
    return float(found[known] @ shares[known] / total) if total > 0 else None


def weighted_quantile(values: Iterable[float], weights: Iterable[float], level: float) -> float:
    """The smallest value at or below which `level` of the weight lies."""
    found, shares = np.array(list(values), float), np.array(list(weights), float)
    order = np.argsort(found, kind="stable")
    reached = np.cumsum(shares[order])
    # A hair below, so that sums of equal weights reach what they are meant to.
    place = int(np.searchsorted(reached, level * reached[-1] * (1.0 - 1e-9)))
    return float(found[order][min(place, len(found) - 1)])
