"""Scores of estimated channel effects against the truth. Pure functions of numbers by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np


@dataclass(frozen=True)
class ChannelTruth:
    """What a channel really earned: `spend` in money, `effect` in units of the KPI, the response
    per period.
    """

    name: str
    spend: float
    effect: float
    curve_spend: np.ndarray
    curve_response: np.ndarray

    @property
    def roi(self) -> float:
        return self.effect / self.spend if self.spend else 0.0

    def response(self, spend: float) -> float:
        """Steady response per period at a spend per period, between the curve's points by straight
        lines.
        """
        return float(np.interp(spend, self.curve_spend, self.curve_response))


@dataclass(frozen=True)
class ChannelEstimate:
    """What an engine says. The interval is NaN where it gives none."""

    name: str
    effect: float
    roi: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Recovery:
    """`roi_error`: sum(spend share x |ROI - true|) / sum(spend share x true ROI). `misplaced`:
    share of the media effect that is booked on the wrong channel. `total`: estimated over true
    media effect. `ranked`: share of channel pairs in the right order of ROI. `covered`: share of
    intervals that hold the truth, NaN without intervals.
    `regret`: true response lost by the advised budget as a share of the best one (see `regret`),
    NaN without advice;
    `regret_today`: that of leaving the budget as it is.
    """

    roi_error: float
    misplaced: float
    total: float
    ranked: float
    covered: float
    regret: float = float("nan")
    regret_today: float = float("nan")


def score(truths: Sequence[ChannelTruth], estimates: Sequence[ChannelEstimate]) -> Recovery:
    """Score estimates of the same channels, in any order. ValueError when a channel is missing."""
    by_name = {estimate.name: estimate for estimate in estimates}
    missing = [truth.name for truth in truths if truth.name not in by_name]
    if missing:
        raise ValueError(f"no estimate for {', '.join(missing)}")
    found = [by_name[truth.name] for truth in truths]
    spend = np.array([truth.spend for truth in truths])
    true_roi, roi = (
        np.array([truth.roi for truth in truths]),
        np.array([estimate.roi for estimate in found]),
    )
    true_effect = np.array([truth.effect for truth in truths])
    effect = np.array([estimate.effect for estimate in found])
    share = spend / spend.sum()
    low, high = (
        np.array([estimate.low for estimate in found]),
        np.array([estimate.high for estimate in found]),
    )
    given = np.isfinite(low) & np.isfinite(high)
    inside = (low <= true_roi) & (true_roi <= high)
    return Recovery(
        roi_error=float((share * np.abs(roi - true_roi)).sum() / (share * true_roi).sum()),
        misplaced=float(0.5 * np.abs(_shares(effect) - _shares(true_effect)).sum()),
        total=float(effect.sum() / true_effect.sum()),
        ranked=_pairs_in_order(roi, true_roi),
        covered=float(inside[given].mean()) if given.any() else float("nan"),
    )


def _shares(values: np.ndarray) -> np.ndarray:
    total = values.sum()
    return np.asarray(values / total if total else np.zeros_like(values))


def _pairs_in_order(values: np.ndarray, reference: np.ndarray) -> float:
    """Share of pairs whose order is the reference's; pairs that are equal in the reference don't
    count.
    """
    pairs = [(i, j) for i, j in combinations(range(len(values)), 2) if reference[i] != reference[j]]
    right = sum((values[i] - values[j]) * (reference[i] - reference[j]) > 0 for i, j in pairs)
    return right / len(pairs) if pairs else float("nan")


def regret(
    truths: Sequence[ChannelTruth],
    advised: dict[str, float],
    bounds: dict[str, tuple[float, float]],
) -> float:
    """True response lost by an advised budget, as a share of the best response for the same money
    within the bounds.

    `advised` and `bounds` are spends per period by channel. The best is found on the true curves by
    giving money, in thousandths of the budget, to the piece of a channel's concave envelope that
    earns most.
    """
    names = [truth.name for truth in truths]
    budget = sum(advised[name] for name in names)
    reached = sum(truth.response(advised[truth.name]) for truth in truths)
    best = _best_response(truths, [bounds[name] for name in names], budget)
    return max(0.0, 1.0 - reached / best) if best > 0 else 0.0


def _best_response(
    truths: Sequence[ChannelTruth], bounds: Sequence[tuple[float, float]], budget: float
) -> float:
    pieces: list[tuple[float, float]] = []  # (slope, money)
    total = 0.0
    for truth, (low, high) in zip(truths, bounds, strict=True):
        total += truth.response(low)
        pieces += _envelope(truth, low, high)
    left = budget - sum(low for low, _ in bounds)
    for slope, money in sorted(pieces, reverse=True):
        used = min(left, money)
        total += slope * used
        left -= used
        if left <= 0:
            break
    return total


def _envelope(truth: ChannelTruth, low: float, high: float) -> list[tuple[float, float]]:
    """(slope, money) of the pieces of the upper concave envelope of a channel's response between
    two spends.
    """
    grid = np.linspace(low, high, 1001)
    hull: list[tuple[float, float]] = []
    for x, y in zip(grid, (truth.response(x) for x in grid), strict=True):
        while len(hull) > 1 and (hull[-1][1] - hull[-2][1]) * (x - hull[-1][0]) <= (
            y - hull[-1][1]
        ) * (hull[-1][0] - hull[-2][0]):
            hull.pop()
        hull.append((float(x), y))
    return [((b[1] - a[1]) / (b[0] - a[0]), b[0] - a[0]) for a, b in pairwise(hull) if b[0] > a[0]]
