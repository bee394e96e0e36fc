"""What an advised budget is really worth: the true curves' answer beside today's and the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mmm.scoring.score import ChannelTruth

#: Advice that brings this share less than today's budget counts as harmful.
HARMFUL = 0.01
_NAN = float("nan")


@dataclass(frozen=True)
class Advice:
    """True response of an advised budget. `regret`: share of the best response that it loses, and
    `regret_today` that of leaving the money where it is; `uplift` and `best_uplift`: what the
    advice and the best budget bring over today's, as shares of today's. NaN without advice.
    """

    regret: float = _NAN
    regret_today: float = _NAN
    uplift: float = _NAN
    best_uplift: float = _NAN

    @property
    def harmful(self) -> bool:
        return self.uplift < -HARMFUL


def judge(
    truths: Sequence[ChannelTruth],
    today: Mapping[str, float],
    advised: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
) -> Advice:
    """Judge an advised budget on the true curves: all are spends per period by channel.

    The best is what the same money brings within the bounds. An advice outside of them (a channel
    that is emptied) is judged as it is.
    """
    names = [truth.name for truth in truths]
    now, reached = total_response(truths, today), total_response(truths, advised)
    budget = sum(advised[name] for name in names)
    best = max(best_response(truths, [bounds[name] for name in names], budget), now)
    if best <= 0 or now <= 0:
        return Advice()
    return Advice(
        regret=max(0.0, 1.0 - reached / best),
        regret_today=max(0.0, 1.0 - now / best),
        uplift=reached / now - 1.0,
        best_uplift=best / now - 1.0,
    )


def total_response(truths: Sequence[ChannelTruth], spends: Mapping[str, float]) -> float:
    """True response per period of a budget."""
    return float(sum(truth.response(spends[truth.name]) for truth in truths))


def best_response(
    truths: Sequence[ChannelTruth], bounds: Sequence[tuple[float, float]], budget: float
) -> float:
    """The largest true response for a budget within bounds, on the channels' concave envelopes."""
    limits = {truth.name: limit for truth, limit in zip(truths, bounds, strict=True)}
    return _filled(truths, limits, budget)[1]


def best_budget(
    truths: Sequence[ChannelTruth], bounds: Mapping[str, tuple[float, float]], budget: float
) -> dict[str, float]:
    """The spends per period that bring the largest true response for a budget within bounds."""
    return _filled(truths, bounds, budget)[0]


def _filled(
    truths: Sequence[ChannelTruth], bounds: Mapping[str, tuple[float, float]], budget: float
) -> tuple[dict[str, float], float]:
    """(spends, response) of the best budget, found by giving money to the piece of a channel's
    concave envelope that earns most.
    """
    pieces: list[tuple[float, float, str]] = []  # (slope, money, channel)
    total = 0.0
    spends = {truth.name: bounds[truth.name][0] for truth in truths}
    for truth in truths:
        low, high = bounds[truth.name]
        total += float(truth.response(low))
        pieces += [(slope, money, truth.name) for slope, money in _envelope(truth, low, high)]
    left = budget - sum(spends.values())
    for slope, money, name in sorted(pieces, reverse=True):
        if left <= 0:
            break
        used = min(left, money)
        total += slope * used
        spends[name] += used
        left -= used
    return spends, total


def _envelope(truth: ChannelTruth, low: float, high: float) -> list[tuple[float, float]]:
    """(slope, money) of the pieces of the upper concave envelope of a channel's response between
    two spends.
    """
    grid = np.linspace(low, high, 1001)
    hull: list[tuple[float, float]] = []
    for x, y in zip(grid.tolist(), truth.response(grid).tolist(), strict=True):
        while len(hull) > 1 and _below(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    return [((b[1] - a[1]) / (b[0] - a[0]), b[0] - a[0]) for a, b in pairwise(hull) if b[0] > a[0]]


def _below(
    first: tuple[float, float], middle: tuple[float, float], last: tuple[float, float]
) -> bool:
    """Whether the middle point lies on or below the line between its neighbours."""
    rise, run = middle[1] - first[1], middle[0] - first[0]
    return rise * (last[0] - middle[0]) <= (last[1] - middle[1]) * run
