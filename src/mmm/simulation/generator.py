"""Makes a simulated world. A random draw depends on the seed and on the name of what it is for, on
nothing else.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import NormalDist

import numpy as np

from mmm.errors import UserError
from mmm.simulation.presets import CATALOGUE, CONTROLS, DIFFICULTIES, ChannelKind, Difficulty
from mmm.simulation.response import Adstock, Channel

#: Goes up when the same seed makes other numbers.
GENERATOR_VERSION = 1
FIRST_WEEK = date(2021, 1, 4)
WEEKS_PER_YEAR = 365.25 / 7
TEST_WEEKS = 4
#: Peaks in weeks that hold a day, as a fraction of the highest peak: (month, day), or None for
#: Black Friday.
HOLIDAYS: dict[str, tuple[tuple[int, int] | None, float]] = {
    "black_friday": (None, 1.0),
    "christmas_run_up": ((12, 18), 0.5),
    "christmas": ((12, 25), 0.8),
    "new_year": ((1, 1), -0.4),
}


@dataclass(frozen=True)
class LiftTest:
    """A measured lift from the first week's Monday to the last one's Sunday, `start` and `end`,
    both inclusive.

    immediate: what the spend of these weeks brought in these weeks; total: what all spend did.
    """

    channel: str
    start: date
    end: date
    lift: float
    true_lift: float
    spend: float
    confidence: float
    scope: str


@dataclass(frozen=True)
class World:
    """A simulated market. Arrays have shape (T,); `kpi` is the sum of `baseline`, `effects` and
    `noise`.
    """

    seed: int
    difficulty: str
    dates: tuple[date, ...]
    channels: tuple[Channel, ...]
    spend: dict[str, np.ndarray]
    impressions: dict[str, np.ndarray]
    controls: dict[str, np.ndarray]
    baseline: dict[str, np.ndarray]
    effects: dict[str, np.ndarray]
    noise: np.ndarray
    kpi: np.ndarray
    lift_tests: tuple[LiftTest, ...]

    def channel(self, name: str) -> Channel:
        return next(channel for channel in self.channels if channel.name == name)

    def kpi_with(self, spend: dict[str, np.ndarray]) -> np.ndarray:
        """The KPI this market would have seen with other spends, all else (noise too) the same."""
        effects = [channel.effect(spend[channel.name]) for channel in self.channels]
        return _total([*self.baseline.values(), *effects, self.noise])


def simulate(
    seed: int = 1,
    difficulty: str = "standard",
    *,
    weeks: int | None = None,
    channels: int | None = None,
    lift_tests: int | None = None,
) -> World:
    """Make a world from a preset; the keyword arguments override it. Raises UserError for values
    out of range.
    """
    preset = _preset(difficulty, weeks, channels, lift_tests)
    dates = tuple(FIRST_WEEK + timedelta(weeks=week) for week in range(preset.weeks))
    season = _season(seed, preset)
    kinds = CATALOGUE[: preset.channels]
    spend = _spends(seed, preset, kinds, season)
    fleet = _channels(seed, preset, kinds, spend)
    effects = {channel.name: channel.effect(spend[channel.name]) for channel in fleet}
    media = float(sum(effect.sum() for effect in effects.values())) / preset.weeks
    base = media * (1.0 - preset.media_share) / preset.media_share
    controls, control_effects = _controls(seed, preset, base)
    baseline = {
        "intercept": np.full(preset.weeks, base),
        "trend": base * _trend(seed, preset),
        "season": base * preset.season * season,
        "holiday": base * preset.holidays * _holidays(dates),
        **control_effects,
    }
    explained = _total([*baseline.values(), *effects.values()])
    # The KPI is money in cents; what rounding moves is part of the noise, so that the sum stays
    # exact.
    kpi = np.round(
        explained + base * preset.noise * _rng(seed, "noise").standard_normal(preset.weeks), 2
    )
    world = World(
        seed=seed,
        difficulty=difficulty,
        dates=dates,
        channels=fleet,
        spend=spend,
        impressions=_impressions(seed, preset, fleet, spend),
        controls=controls,
        baseline=baseline,
        effects=effects,
        noise=kpi - explained,
        kpi=kpi,
        lift_tests=(),
    )
    return replace(world, lift_tests=_lift_tests(world, preset))


def _rng(seed: int, purpose: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def _total(parts: list[np.ndarray]) -> np.ndarray:
    return np.sum(parts, axis=0)


def _preset(
    difficulty: str, weeks: int | None, channels: int | None, lift_tests: int | None
) -> Difficulty:
    if difficulty not in DIFFICULTIES:
        raise UserError(
            f"{difficulty!r} is not known.",
            where="difficulty",
            fix=f"Choose one of {', '.join(DIFFICULTIES)}.",
        )
    preset = DIFFICULTIES[difficulty]
    preset = replace(
        preset,
        weeks=preset.weeks if weeks is None else weeks,
        channels=preset.channels if channels is None else channels,
        lift_tests=preset.lift_tests if lift_tests is None else lift_tests,
    )
    limits = {"weeks": (52, 1040), "channels": (2, len(CATALOGUE)), "lift_tests": (0, 20)}
    for name, (low, high) in limits.items():
        if not low <= getattr(preset, name) <= high:
            raise UserError(
                f"{getattr(preset, name)} is out of range.",
                where=name,
                fix=f"Choose {low} to {high}.",
            )
    return replace(
        preset, zero_effect_channels=min(preset.zero_effect_channels, preset.channels - 1)
    )


def _autoregressive(rng: np.random.Generator, weeks: int, memory: float) -> np.ndarray:
    """A wandering series with standard deviation 1 in the long run."""
    shocks = rng.standard_normal(weeks) * np.sqrt(1.0 - memory**2)
    level = rng.standard_normal()
    series = np.empty(weeks)
    for week in range(weeks):
        level = memory * level + shocks[week]
        series[week] = level
    return series


def _season(seed: int, preset: Difficulty) -> np.ndarray:
    """A yearly cycle of two waves, peak near 1."""
    rng = _rng(seed, "season")
    phase = 2.0 * np.pi * np.arange(preset.weeks) / WEEKS_PER_YEAR
    first, second = rng.uniform(0.0, 2.0 * np.pi, size=2)
    return (np.cos(phase - first) + 0.4 * np.cos(2.0 * phase - second)) / 1.2


def _trend(seed: int, preset: Difficulty) -> np.ndarray:
    """Growth relative to the first week, straight between bends."""
    rng = _rng(seed, "trend")
    bends = np.sort(
        rng.choice(np.arange(8, preset.weeks - 8), size=preset.trend_bends, replace=False)
    )
    slopes = rng.normal(0.04, 0.06, size=preset.trend_bends + 1) / WEEKS_PER_YEAR
    piece = np.searchsorted(bends, np.arange(1, preset.weeks), side="right")
    return np.concatenate([[0.0], np.cumsum(slopes[piece])])


def _black_friday(year: int) -> date:
    november = date(year, 11, 1)
    first_thursday = (3 - november.weekday()) % 7
    return november + timedelta(days=first_thursday + 3 * 7 + 1)


def _holidays(dates: tuple[date, ...]) -> np.ndarray:
    heights = np.zeros(len(dates))
    for year in range(dates[0].year, dates[-1].year + 2):
        for day, height in HOLIDAYS.values():
            peak = _black_friday(year) if day is None else date(year, *day)
            week = (peak - dates[0]).days // 7
            if 0 <= week < len(dates):
                heights[week] += height
    return heights


def _flights(rng: np.random.Generator, weeks: int) -> np.ndarray:
    """Bursts of 4 to 10 weeks with pauses of 2 to 8 weeks, 1 when on."""
    on = np.zeros(weeks)
    week = int(rng.integers(0, 4))
    while week < weeks:
        length = int(rng.integers(4, 11))
        on[week : week + length] = 1.0
        week += length + int(rng.integers(2, 9))
    return on


def _picked(seed: int, purpose: str, names: list[str], count: int) -> set[str]:
    """`count` of the names, by lot."""
    return set(_rng(seed, purpose).permutation(names)[:count])


def _spends(
    seed: int, preset: Difficulty, kinds: tuple[ChannelKind, ...], season: np.ndarray
) -> dict[str, np.ndarray]:
    names = [kind.name for kind in kinds]
    flighted = _picked(seed, "flighted", names, round(preset.flighted_share * len(names)))
    cycle = _autoregressive(_rng(seed, "budget cycle"), preset.weeks, memory=0.8)
    common = np.sqrt(preset.spend_correlation) * cycle
    spend = {}
    for kind in kinds:
        rng = _rng(seed, f"spend of {kind.name}")
        own = _autoregressive(rng, preset.weeks, memory=0.4)
        log = preset.spend_spread * (common + np.sqrt(1.0 - preset.spend_correlation) * own)
        shape = np.exp(log + preset.spend_follows_season * season)
        if kind.name in flighted:
            shape *= _flights(rng, preset.weeks)
        level = kind.mean_spend * rng.uniform(0.7, 1.3)
        spend[kind.name] = np.round(level * shape / shape.mean(), 2)
    return spend


def _channels(
    seed: int, preset: Difficulty, kinds: tuple[ChannelKind, ...], spend: dict[str, np.ndarray]
) -> tuple[Channel, ...]:
    names = [kind.name for kind in kinds]
    # The first channel always works: a market whose biggest spend does nothing is another exercise.
    without_effect = _picked(seed, "zero effect", names[1:], preset.zero_effect_channels)
    delayed = _picked(seed, "delayed", names, round(preset.delayed_share * len(names)))
    channels = []
    for kind in kinds:
        rng = _rng(seed, f"response of {kind.name}")
        theta, shape, scale = rng.uniform(0.1, 0.7), rng.uniform(1.3, 2.5), rng.uniform(1.5, 4.0)
        adstock = Adstock("geometric", theta=theta)
        if kind.name in delayed:
            adstock = Adstock("weibull", shape=shape, scale=scale)
        spent = spend[kind.name]
        half = spent[spent > 0].mean() * rng.uniform(0.7, 2.0)
        channel = Channel(
            kind.name, kind.cost_per_thousand, adstock, rng.uniform(0.8, 1.8), half, 1.0
        )
        roi = 0.0 if kind.name in without_effect else rng.uniform(*preset.roi)
        ceiling = roi * spent.sum() / channel.effect(spent).sum()
        channels.append(replace(channel, ceiling=float(ceiling)))
    return tuple(channels)


def _impressions(
    seed: int, preset: Difficulty, channels: tuple[Channel, ...], spend: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    impressions = {}
    for channel in channels:
        price = _autoregressive(_rng(seed, f"price of {channel.name}"), preset.weeks, memory=0.6)
        cost = channel.cost_per_thousand * np.exp(preset.impressions_spread * price)
        impressions[channel.name] = np.round(1000.0 * spend[channel.name] / cost).astype(np.int64)
    return impressions


def _controls(
    seed: int, preset: Difficulty, base: float
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Values and effects by name; an effect is 0 at the control's reference."""
    values, effects = {}, {}
    phase = 2.0 * np.pi * np.arange(preset.weeks) / WEEKS_PER_YEAR
    for kind in CONTROLS:
        wander = _autoregressive(_rng(seed, kind.name), preset.weeks, memory=0.5)
        moved = wander * (0.4 if kind.yearly else 1.0) - kind.yearly * np.cos(phase - 0.3)
        values[kind.name] = np.round(kind.reference + kind.spread * moved, 2)
        coefficient = base * preset.controls * kind.strength / kind.spread
        effects[kind.name] = coefficient * (values[kind.name] - kind.reference)
    return values, effects


def _lift_tests(world: World, preset: Difficulty) -> tuple[LiftTest, ...]:
    """Tests on effective channels in turn, scopes in turn. A test that finds no lift is repeated,
    as tests are.
    """
    effective = [channel.name for channel in world.channels if channel.ceiling > 0]
    # A test whose lift is just different from 0 at this confidence has this relative standard
    # error.
    error = 1.0 / NormalDist().inv_cdf((1.0 + preset.lift_confidence) / 2.0)
    tests = []
    for number in range(preset.lift_tests):
        name = effective[number % len(effective)]
        rng = _rng(world.seed, f"lift test {number} on {name}")
        rows = _test_rows(rng, world.spend[name])
        scope = ("immediate", "total")[number % 2]
        true_lift = true_lift_of(world, name, rows, scope)
        factor = 0.0
        while factor <= 0.0:
            factor = 1.0 + error * rng.standard_normal()
        tests.append(
            LiftTest(
                channel=name,
                start=world.dates[rows.start],
                end=world.dates[rows.stop - 1] + timedelta(days=6),
                lift=round(true_lift * factor, 2),
                true_lift=true_lift,
                spend=round(float(world.spend[name][rows].sum()), 2),
                confidence=preset.lift_confidence,
                scope=scope,
            )
        )
    return tuple(tests)


def _test_rows(rng: np.random.Generator, spend: np.ndarray) -> slice:
    """Consecutive weeks with spend in each, after the first quarter of the series; else the weeks
    with most spend.
    """
    starts = np.arange(len(spend) // 4, len(spend) - TEST_WEEKS)
    running = np.array([np.all(spend[start : start + TEST_WEEKS] > 0) for start in starts])
    if running.any():
        start = int(rng.choice(starts[running]))
    else:
        start = int(
            starts[np.argmax([spend[first : first + TEST_WEEKS].sum() for first in starts])]
        )
    return slice(start, start + TEST_WEEKS)


def true_lift_of(world: World, channel: str, rows: slice, scope: str) -> float:
    """KPI in `rows` with the spend less without it: that of these rows (immediate), or all of it
    (total).
    """
    without = world.spend[channel].copy()
    without[rows if scope == "immediate" else slice(None)] = 0.0
    counterfactual = world.kpi_with({**world.spend, channel: without})
    return float((world.kpi - counterfactual)[rows].sum())
