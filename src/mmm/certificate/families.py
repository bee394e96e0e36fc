"""Families of truth: what could be the case on the user's data, also where the engine's own model
would be wrong.

Every family says how the shapes of the channels' responses are drawn, what else moves the KPI, and
what is known of single ROIs. Which of its truths fit the KPI is worked out in `plausible`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from mmm.certificate.material import Material
from mmm.certificate.response import Shape

#: Carryover is followed over so many periods of a week; days have as many weeks' worth.
_WEEKS = 16
_WEEK_DAYS = 7


class Family(StrEnum):
    """A family of truth, by the assumption of most models that it breaks."""

    POSTERIOR = "posterior"
    WIDE = "wide"
    DELAYED = "delayed"
    CONVEX = "convex"
    HIDDEN_DEMAND = "hidden_demand"
    GROWING_SEASON = "growing_season"
    LEVEL_BREAK = "level_break"
    DRIFTING = "drifting"
    NO_EFFECT = "no_effect"
    HARMFUL = "harmful"


#: How many of 20 worlds each family has.
SHARES: dict[Family, int] = {
    Family.POSTERIOR: 5,
    Family.WIDE: 4,
    Family.DELAYED: 2,
    Family.CONVEX: 2,
    Family.HIDDEN_DEMAND: 2,
    Family.GROWING_SEASON: 1,
    Family.LEVEL_BREAK: 1,
    Family.DRIFTING: 1,
    Family.NO_EFFECT: 1,
    Family.HARMFUL: 1,
}


@dataclass(frozen=True)
class Sketch:
    """A truth before its sizes are known: the channels' shapes, what else moves the KPI (W,), and
    ROIs that are fixed in multiples of the typical one, by channel's number.
    """

    shapes: tuple[Shape, ...]
    extra: np.ndarray
    fixed: dict[int, float] = field(default_factory=dict)


def order(count: int) -> list[Family]:
    """The families of `count` worlds, spread so that any number of first worlds holds all kinds in
    about their shares.
    """
    placed = []
    for place, (family, share) in enumerate(SHARES.items()):
        for number in range(share):
            placed.append(((number + 0.5) / share, place, family))
    cycle = [family for _, _, family in sorted(placed)]
    return [cycle[number % len(cycle)] for number in range(count)]


def sketch(family: Family, material: Material, random: np.random.Generator) -> Sketch:
    """One draw of a family's shapes and of what else it lets happen."""
    shapes = tuple(_wide_shape(material, random) for _ in material.channels)
    plain = Sketch(shapes, np.zeros(len(material.kpi)))
    drawn = _CHANGES[family](plain, material, random) if family in _CHANGES else plain
    return replace(drawn, shapes=_straight_in_reach(drawn.shapes, material))


def _straight_in_reach(shapes: Sequence[Shape], material: Material) -> tuple[Shape, ...]:
    """Channels with a frequency saturate by it, which their inputs hold already."""
    found = []
    for shape, by_frequency in zip(shapes, material.by_frequency, strict=True):
        found.append(shape.straightened() if by_frequency else shape)
    return tuple(found)


def _wide_shape(material: Material, random: np.random.Generator) -> Shape:
    """Geometric or slightly delayed carryover with a concave to S-shaped curve: the usual ones."""
    lags = _lags(material)
    half_life = float(np.exp(random.normal(np.log(1.0), 0.7)))
    rise = 1.0 + float(np.exp(random.normal(-1.5, 1.0)))
    return Shape(
        _decay(lags, _retained(half_life, material), rise),
        half=float(np.exp(random.normal(np.log(1.6), 0.6))),
        steepness=float(np.exp(random.normal(np.log(1.15), 0.3))),
    )


def _lags(material: Material) -> int:
    lags = _WEEKS * max(_WEEK_DAYS // material.problem.step_days, 1)
    return min(lags, max(len(material.kpi) // 3, 1))


def _retained(half_life_weeks: float, material: Material) -> float:
    """Share of an effect that lasts into the next period."""
    periods = half_life_weeks * _WEEK_DAYS / material.problem.step_days
    return float(0.5 ** (1.0 / max(periods, 0.1)))


def _decay(lags: int, retained: float, rise: float) -> np.ndarray:
    """Weights proportional to (rise)_l / l! retained^l, which sum to 1: geometric for a rise of 1,
    later peaks above (negative binomial).
    """
    weights = np.ones(lags)
    for lag in range(1, lags):
        weights[lag] = weights[lag - 1] * retained * (rise + lag - 1) / lag
    return weights / weights.sum()


def _delayed(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """The effect peaks weeks after the spend."""
    lags = 2 * _lags(material)
    shapes = []
    for shape in plain.shapes:
        peak = random.uniform(2.0, 7.0) * max(_WEEK_DAYS // material.problem.step_days, 1)
        retained = random.uniform(0.6, 0.8)
        rise = 1.0 + peak * (1.0 - retained) / retained
        shapes.append(replace(shape, weights=_decay(lags, retained, rise)))
    return replace(plain, shapes=tuple(shapes))


def _convex(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """More spend brings more than in proportion, within what was spent."""
    shapes = []
    for shape in plain.shapes:
        steep, half = random.uniform(1.6, 2.6), random.uniform(1.0, 2.5)
        shapes.append(replace(shape, steepness=steep, half=half))
    return replace(plain, shapes=tuple(shapes))


def _hidden_demand(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """A demand that nobody measured moves the KPI, and some channels' spend follows it."""
    rows = len(material.kpi)
    count = max(1, int(random.integers(1, len(material.channels) + 1)) // 2)
    chasing = random.choice(len(material.channels), count, replace=False)
    followed = np.zeros(rows)
    for number in chasing:
        followed += _standard(material.inputs[number, material.window])
    own = np.zeros(rows)
    for row in range(1, rows):
        own[row] = 0.7 * own[row - 1] + random.normal()
    demand = _standard(0.6 * _standard(followed) + 0.8 * _standard(own))
    size = random.uniform(0.02, 0.06) * material.kpi.mean()
    return replace(plain, extra=size * demand)


def _growing_season(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """The year's swings grow or shrink over the window."""
    slow = _moving_mean(material.base, max(364 // material.problem.step_days, 2))
    season = _moving_mean(material.base, max(28 // material.problem.step_days, 1)) - slow
    growth = random.uniform(0.4, 1.0) * random.choice([-1.0, 1.0])
    time = np.linspace(-1.0, 1.0, len(season))
    return replace(plain, extra=growth * time * season)


def _level_break(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """The level of the KPI shifts at once, for good."""
    rows = len(material.kpi)
    place = int(random.uniform(0.25, 0.75) * rows)
    size = random.uniform(0.05, 0.15) * random.choice([-1.0, 1.0]) * material.kpi.mean()
    return replace(plain, extra=np.where(np.arange(rows) >= place, size, 0.0))


def _drifting(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """Channels wear out or get better over the window."""
    rows, window = material.problem.rows, material.window
    time = np.clip((np.arange(rows) - window.start) / max(len(material.kpi) - 1, 1), 0.0, 1.0)
    shapes = []
    for shape in plain.shapes:
        change = random.uniform(-0.6, 0.6)
        shapes.append(replace(shape, drift=1.0 + change * (time - 0.5)))
    return replace(plain, shapes=tuple(shapes))


def _no_effect(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """One channel does nothing."""
    return replace(plain, fixed={int(random.integers(len(material.channels))): 0.0})


def _harmful(plain: Sketch, material: Material, random: np.random.Generator) -> Sketch:
    """One channel costs more than its money."""
    channel = int(random.integers(len(material.channels)))
    return replace(plain, fixed={channel: -random.uniform(0.3, 1.0)})


_CHANGES: dict[Family, Callable[[Sketch, Material, np.random.Generator], Sketch]] = {
    Family.DELAYED: _delayed,
    Family.CONVEX: _convex,
    Family.HIDDEN_DEMAND: _hidden_demand,
    Family.GROWING_SEASON: _growing_season,
    Family.LEVEL_BREAK: _level_break,
    Family.DRIFTING: _drifting,
    Family.NO_EFFECT: _no_effect,
    Family.HARMFUL: _harmful,
}


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else values - values.mean()


def _moving_mean(values: np.ndarray, length: int) -> np.ndarray:
    """Mean over `length` periods around each, over fewer at the ends."""
    length = min(length, len(values))
    kernel = np.ones(length)
    counts = np.convolve(np.ones(len(values)), kernel, mode="same")
    return np.asarray(np.convolve(values, kernel, mode="same") / counts)
