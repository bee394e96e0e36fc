"""Intervals made as wide as the simulated worlds show that they must be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmm.certificate.weights import weighted_quantile
from mmm.scoring.score import ChannelScore

#: So many worlds count as much as all channels together do for a channel's own factor.
_OWN_WORLDS = 40


def needed_stretch(channel: ChannelScore) -> float:
    """By what the interval's arm on the truth's side must be multiplied to reach the truth; NaN
    without an interval.
    """
    if not (np.isfinite(channel.low) and np.isfinite(channel.high)):
        return float("nan")
    gap = channel.true_roi - channel.roi
    arm = channel.high - channel.roi if gap > 0 else channel.roi - channel.low
    if gap == 0:
        return 0.0
    return abs(gap) / arm if arm > 0 else float("inf")


def stretches(
    scores: Sequence[Sequence[ChannelScore]], weights: Sequence[float], level: float
) -> dict[str, float]:
    """By channel the factor at which intervals hold the truth in `level` of the worlds, which count
    by `weights`; at least 1: intervals are widened, never narrowed. The fewer worlds, the nearer to
    the factor of all channels together.
    """
    needed: dict[str, list[tuple[float, float]]] = {}
    for channels, share in zip(scores, weights, strict=True):
        for channel in channels:
            factor = needed_stretch(channel)
            if not np.isnan(factor):
                needed.setdefault(channel.name, []).append((factor, share))
    if not needed:
        return {}
    pooled = _quantile([pair for own in needed.values() for pair in own], level)
    found = {}
    for name, own in needed.items():
        weight = len(own) / (len(own) + _OWN_WORLDS)
        found[name] = max(1.0, weight * _quantile(own, level) + (1.0 - weight) * pooled)
    return found


def stretched(roi: float, low: float, high: float, factor: float) -> tuple[float, float]:
    """The interval with both arms multiplied; it stays at or above 0 where it was, and is the same
    bit for bit where the factor is 1.
    """
    if factor == 1.0:
        return low, high
    wider_low, wider_high = roi - factor * (roi - low), roi + factor * (high - roi)
    return (max(wider_low, 0.0) if low >= 0 else wider_low), wider_high


#: An interval without width cannot be stretched to the truth: it counts as this factor.
_MOST = 20.0


def _quantile(pairs: Sequence[tuple[float, float]], level: float) -> float:
    factors = [min(factor, _MOST) for factor, _ in pairs]
    return weighted_quantile(factors, [share for _, share in pairs], level)
