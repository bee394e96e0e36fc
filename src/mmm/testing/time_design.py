"""A test in time, for a market without geos: a pulse, or on and off in turn, judged by what a model of the
market leaves unexplained.

The effect is the coefficient of the pattern, smeared by the channel's carryover, in a regression on a
level, a line and the pattern with errors of autocorrelation one (interrupted time series; Bernal,
Cummins & Gasparrini 2017). Power is replayed in windows of the residuals, as in geo tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import stdtrit

from mmm.errors import UserError
from mmm.testing.replay import FALSE_POSITIVES, POWER, Replay

_MOST_WINDOWS, _LEAST_ROWS = 24, 30
_MOST_CORRELATION = 0.95


class Pattern(StrEnum):
    PULSE = "one pulse"
    ON_OFF = "on and off in turn"


@dataclass(frozen=True)
class Fitted:
    """An effect per period at full carryover and its standard error, in the series' units."""

    effect: float
    error: float
    freedom: float

    @property
    def half_width(self) -> float:
        return self.error * float(stdtrit(self.freedom, 1.0 - FALSE_POSITIVES / 2.0))


@dataclass(frozen=True)
class Phased:
    """A pattern (periods,) and what it shows; effects are shares of the KPI."""

    pattern: Pattern
    on: np.ndarray
    carryover: tuple[float, ...]
    replay: Replay
    expected: float

    @property
    def detectable(self) -> float:
        return self.replay.detectable

    @property
    def power(self) -> float:
        return self.replay.power(self.expected)


def time_designs(
    residuals: np.ndarray,
    level: float,
    periods: int,
    *,
    carryover: Sequence[float] = (1.0,),
    effect: float | None = None,
) -> list[Phased]:
    """Patterns of so many periods, the smallest standard error first. `residuals` (T,) are what a model leaves of the
    KPI, `level` is the KPI's mean, `carryover` the weights of the channel's adstock by lag.
    """
    if periods < 2:
        raise UserError(f"a test in time needs 2 periods, got {periods}.", where="periods")
    if len(residuals) < max(_LEAST_ROWS, 2 * periods):
        needed = max(_LEAST_ROWS, 2 * periods)
        what = f"has {len(residuals)} periods; {needed} are needed."
        raise UserError(what, where="the history", fix="Ask for fewer periods.")
    weights = np.asarray(carryover, float) / float(np.sum(carryover))
    found = []
    for pattern, on in _patterns(periods):
        done = _replayed(residuals / level, smeared(on, weights), periods)
        expected = effect or done.detectable
        found.append(Phased(pattern, on, tuple(float(one) for one in weights), done, expected))
    return sorted(found, key=lambda one: float(one.replay.half_widths.mean()))


def smeared(on: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The pattern (periods,) after carryover: how much of the steady effect is there in each."""
    return np.convolve(np.asarray(on, float), weights)[: len(on)]


def fitted(series: np.ndarray, pattern: np.ndarray) -> Fitted:
    """The coefficient of a pattern (T,) in a series (T,), by generalised least squares."""
    count = len(series)
    system = np.column_stack([np.ones(count), np.linspace(-1.0, 1.0, count), pattern])
    rough, *_ = np.linalg.lstsq(system, series, rcond=None)
    kept = autocorrelation(series - system @ rough)
    rows, goal = whitened(system, kept), whitened(series, kept)
    coefficients, *_ = np.linalg.lstsq(rows, goal, rcond=None)
    left = goal - rows @ coefficients
    noise = float((left**2).sum()) / (count - system.shape[1])
    covariance = noise * np.linalg.pinv(rows.T @ rows)
    independent = max(count * (1.0 - kept) / (1.0 + kept), 9.0) - system.shape[1]
    return Fitted(float(coefficients[2]), float(np.sqrt(covariance[2, 2])), independent)


def autocorrelation(left: np.ndarray) -> float:
    """That of residuals (T,) at lag 1, which short series hide in part."""
    seen = float(left[1:] @ left[:-1]) / (float(left @ left) or 1.0)
    corrected = seen + (1.0 + 3.0 * seen) / len(left)
    return float(np.clip(corrected, 0.0, _MOST_CORRELATION))


def whitened(values: np.ndarray, kept: float) -> np.ndarray:
    """Rows (T, ...) without what they keep of the row before (Prais and Winsten 1954)."""
    first = np.sqrt(1.0 - kept**2) * values[:1]
    return np.concatenate([first, values[1:] - kept * values[:-1]])


def _patterns(periods: int) -> list[tuple[Pattern, np.ndarray]]:
    """One pulse in the middle half, and on and off in blocks of an eighth and a quarter."""
    half = periods // 2
    pulse = np.zeros(periods, dtype=bool)
    pulse[(periods - half) // 2 :][:half] = True
    found = [(Pattern.PULSE, pulse)]
    blocks = {max(periods // parts, 1) for parts in (8, 4)}
    for block in sorted(blocks):
        on = (np.arange(periods) // block) % 2 == 1
        if on.any() and not on.all():
            found.append((Pattern.ON_OFF, on))
    return found


def _replayed(series: np.ndarray, pattern: np.ndarray, periods: int) -> Replay:
    starts = np.unique(np.linspace(0, len(series) - periods, _MOST_WINDOWS).round().astype(int))
    errors, widths = [], []
    for start in starts:
        placed = np.zeros(len(series))
        placed[start : start + periods] = pattern
        one = fitted(series, placed)
        errors.append(one.effect)
        widths.append(one.half_width)
    called = np.abs(errors) > np.array(widths)
    side_by_side = float(starts[-1] - starts[0]) / periods + 1.0
    return Replay(np.array(errors), np.array(widths), called, side_by_side)


__all__ = ["POWER", "Fitted", "Pattern", "Phased", "fitted", "smeared", "time_designs"]
