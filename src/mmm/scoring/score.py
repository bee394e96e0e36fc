"""Scores of estimated channel effects against the truth. Pure functions of numbers by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.interpolate import PchipInterpolator

_NAN = float("nan")


@dataclass(frozen=True)
class ChannelTruth:
    """What a channel really earned: `spend` in money, `effect` in units of the KPI, the response
    per period. `today` is the spend per period at which the marginal ROI is taken; `column` the
    spend's column where the truth names it.
    """

    name: str
    spend: float
    effect: float
    curve_spend: np.ndarray
    curve_response: np.ndarray
    today: float = _NAN
    given_marginal: float | None = None
    column: str | None = None

    @property
    def roi(self) -> float:
        return self.effect / self.spend if self.spend else 0.0

    @property
    def marginal_roi(self) -> float:
        """Effect of one more unit of money at today's spend: as given, else the curve's slope."""
        if self.given_marginal is not None:
            return self.given_marginal
        if not np.isfinite(self.today):
            return _NAN
        return float(self._interpolated().derivative()(self.today))

    def response(self, spend: float | np.ndarray) -> np.ndarray:
        """Steady response per period at spends per period, smooth and monotone between the curve's
        points (PCHIP), constant beyond them.
        """
        within = np.clip(spend, self.curve_spend[0], self.curve_spend[-1])
        return np.asarray(self._interpolated()(within))

    def _interpolated(self) -> PchipInterpolator:
        return PchipInterpolator(self.curve_spend, self.curve_response)


@dataclass(frozen=True)
class ChannelEstimate:
    """What an engine says. NaN where it gives none; `word` is its confidence word."""

    name: str
    effect: float
    roi: float
    low: float = _NAN
    high: float = _NAN
    marginal_roi: float = _NAN
    word: str = ""


@dataclass(frozen=True)
class ChannelScore:
    """One channel beside its truth. `held` is None without an interval."""

    name: str
    spend: float
    true_roi: float
    roi: float
    low: float
    high: float
    word: str
    held: bool | None

    @property
    def off(self) -> float:
        """Distance of the estimate from the truth, relative to the larger of the two: 0 to 1 for
        estimates of the right sign.
        """
        larger = max(abs(self.roi), abs(self.true_roi))
        return abs(self.roi - self.true_roi) / larger if larger else 0.0


@dataclass(frozen=True)
class Recovery:
    """`roi_error`: sum(spend share x |ROI - true|) / sum(spend share x |true ROI|).
    `marginal_error`: the same of marginal ROIs. `width`: sum(spend share x width of the interval) /
    sum(spend share x |true ROI|), over channels with an interval. `misplaced`: share of the media
    effect that is booked on the wrong channel. `total`: estimated over true media effect. `ranked`:
    share of channel pairs in the right order of ROI. `covered`: share of intervals that hold the
    truth. NaN where an engine gives nothing to score. `channels` are in the truth's order.
    """

    roi_error: float
    marginal_error: float
    width: float
    misplaced: float
    total: float
    ranked: float
    covered: float
    channels: tuple[ChannelScore, ...]


def score(truths: Sequence[ChannelTruth], estimates: Sequence[ChannelEstimate]) -> Recovery:
    """Score estimates of the same channels, in any order. ValueError when a channel is missing."""
    by_name = {estimate.name: estimate for estimate in estimates}
    missing = [truth.name for truth in truths if truth.name not in by_name]
    if missing:
        raise ValueError(f"no estimate for {', '.join(missing)}")
    found = [by_name[truth.name] for truth in truths]
    channels = tuple(_channel(truth, by_name[truth.name]) for truth in truths)
    spend = np.array([truth.spend for truth in truths])
    true_roi, roi = _column(truths, "roi"), _column(found, "roi")
    true_effect, effect = _column(truths, "effect"), _column(found, "effect")
    widths = _column(found, "high") - _column(found, "low")
    given = np.isfinite(widths)
    held = [channel.held for channel in channels if channel.held is not None]
    return Recovery(
        roi_error=_weighted(spend, np.abs(roi - true_roi), true_roi),
        marginal_error=_weighted(
            spend,
            np.abs(_column(found, "marginal_roi") - _column(truths, "marginal_roi")),
            _column(truths, "marginal_roi"),
        ),
        width=_weighted(spend[given], widths[given], true_roi[given]),
        misplaced=float(0.5 * np.abs(_shares(effect) - _shares(true_effect)).sum()),
        total=float(effect.sum() / true_effect.sum()),
        ranked=_pairs_in_order(roi, true_roi),
        covered=float(np.mean(held)) if held else _NAN,
        channels=channels,
    )


def _channel(truth: ChannelTruth, estimate: ChannelEstimate) -> ChannelScore:
    held = None
    if np.isfinite(estimate.low) and np.isfinite(estimate.high):
        held = bool(estimate.low <= truth.roi <= estimate.high)
    return ChannelScore(
        truth.name,
        truth.spend,
        truth.roi,
        estimate.roi,
        estimate.low,
        estimate.high,
        estimate.word,
        held,
    )


def _column(items: Sequence[ChannelTruth] | Sequence[ChannelEstimate], name: str) -> np.ndarray:
    return np.array([getattr(item, name) for item in items], float)


def _weighted(spend: np.ndarray, values: np.ndarray, reference: np.ndarray) -> float:
    """Spend-weighted sum of values over that of the reference's sizes; NaN without one."""
    below = float((spend * np.abs(reference)).sum())
    return float((spend * values).sum()) / below if below > 0 else _NAN


def _shares(values: np.ndarray) -> np.ndarray:
    total = values.sum()
    return np.asarray(values / total if total else np.zeros_like(values))


def _pairs_in_order(values: np.ndarray, reference: np.ndarray) -> float:
    """Share of pairs whose order is the reference's; pairs that are equal in the reference don't
    count.
    """
    pairs = [(i, j) for i, j in combinations(range(len(values)), 2) if reference[i] != reference[j]]
    right = sum((values[i] - values[j]) * (reference[i] - reference[j]) > 0 for i, j in pairs)
    return right / len(pairs) if pairs else _NAN
