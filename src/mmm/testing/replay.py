"""What a design could show, by pseudo-tests on the history: in many windows in which nothing was tested
the analysis is asked for an effect, with and without one planted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri

from mmm.testing.conformal import edge, p_value
from mmm.testing.estimators import RidgeSynthetic
from mmm.testing.panel import LEAST_BEFORE

#: A test calls an effect at this p-value; the declared power is that of the smallest such effect.
FALSE_POSITIVES, POWER = 0.1, 0.8
#: Windows that overlap repeat each other. The scatter of the replayed errors counts as many values as
#: windows fit side by side, the analysis's own standard error as so many.
_OWN_ERROR_COUNTS = 6.0
#: Variance of the logarithm of a set's half-width from windows of the history to the test after it,
#: beyond what all sets share, for sets that the screening chose: measured on 53 simulated markets.
_WIDTH_NOISE = 0.03
#: Fewer sets that nobody chose do not say how much sets differ.
_LEAST_USUAL = 3


@dataclass(frozen=True)
class Usual:
    """Half-widths of sets that nobody chose: their geometric mean, and the variance of their logarithm
    between sets.
    """

    half_width: float
    variance: float

    @classmethod
    def of(cls, half_widths: list[float]) -> Usual | None:
        """From a value a set, all above 0; None where they are too few."""
        if len(half_widths) < _LEAST_USUAL:
            return None
        logs = np.log(half_widths)
        return cls(float(np.exp(logs.mean())), float(logs.var(ddof=1)))

    @property
    def kept(self) -> float:
        """How much of a chosen set's distance from the others is its own and not luck, 0 to 1: what
        of the variance between sets is no noise (James & Stein 1961).
        """
        return max(0.0, 1.0 - _WIDTH_NOISE / self.variance) if self.variance > 0 else 0.0


@dataclass(frozen=True)
class Replay:
    """Pseudo-tests of one set of treated geos, a value a window (W,): `errors` are the effects seen
    where there was none, as shares of the KPI; `half_widths` what an effect must be, beyond the error,
    to be called; `called` whether one was called where there was none. `independent` is how many
    windows fit side by side.
    """

    errors: np.ndarray
    half_widths: np.ndarray
    called: np.ndarray
    independent: float

    @property
    def spread(self) -> float:
        """Standard deviation of the estimate of an effect, as a share of the KPI."""
        own = float(self.half_widths.mean()) / float(ndtri(1.0 - FALSE_POSITIVES / 2.0))
        seen = float((self.errors**2).mean())
        total = _OWN_ERROR_COUNTS * own**2 + self.independent * seen
        return float(np.sqrt(total / (_OWN_ERROR_COUNTS + self.independent)))

    def power(self, effect: float) -> float:
        """How likely a test calls an effect of this size, as a share of the KPI."""
        height = float(self.half_widths.mean())
        spread = self.spread
        right, wrong = (effect - height) / spread, (-effect - height) / spread
        return float(ndtr(right) + ndtr(wrong))

    @property
    def detectable(self) -> float:
        """The smallest effect, as a share of the KPI, that is called with a power of 80 %."""
        return float(self.half_widths.mean()) + float(ndtri(POWER)) * self.spread

    @property
    def false_positives(self) -> float:
        return float(self.called.mean())

    def regressed(self, usual: Usual | None) -> Replay:
        """As a set is to be expected that was chosen of many: its half-widths drawn towards those of
        sets that nobody chose (regression to the mean). As it is where either is not known.
        """
        own = float(self.half_widths.mean())
        if usual is None or not 0 < own < np.inf:
            return self
        factor = (usual.half_width / own) ** (1.0 - usual.kept)
        return replace(self, half_widths=self.half_widths * factor)


def windows(periods: int, length: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """First rows of pseudo-tests of `length` in a history of `periods`, evenly spaced: those to
    choose a design by, and later ones, which no choice has seen, to say what it can show.

    The history before each has at least half of all rows, where there is room, and LEAST_BEFORE.
    """
    last = periods - length
    first = max(LEAST_BEFORE, min(periods // 2, last - 2 * length))
    if last < first:
        return np.array([], dtype=int), np.array([], dtype=int)
    middle = first + (last - first) // 2
    late = _spaced(middle, last, count)
    early = _spaced(first, max(middle - length, first), count)
    return early, late


def _spaced(first: int, last: int, count: int) -> np.ndarray:
    return np.unique(np.linspace(first, last, count).round().astype(int))


def replay(
    target: np.ndarray, controls: np.ndarray, starts: np.ndarray, length: int, sign: float
) -> Replay:
    """Pseudo-tests of the main method on a target (T,) and controls (T, C), one at each of `starts`;
    `sign` is that of the effect to be found.
    """
    errors, widths, called = [], [], []
    for start in starts:
        rows = slice(0, int(start) + length)
        one = _PseudoTest.at(target[rows], controls[rows], int(start))
        errors.append(one.error)
        called.append(one.p_value(0.0) <= FALSE_POSITIVES)
        widths.append(one.half_width(sign))
    side_by_side = (int(starts[-1]) - int(starts[0])) / length + 1.0
    return Replay(np.array(errors), np.array(widths), np.array(called), side_by_side)


@dataclass(frozen=True)
class _PseudoTest:
    target: np.ndarray
    controls: np.ndarray
    before: np.ndarray
    method: RidgeSynthetic
    error: float
    step: float

    @classmethod
    def at(cls, target: np.ndarray, controls: np.ndarray, start: int) -> _PseudoTest:
        before = np.arange(len(target)) < start
        method = RidgeSynthetic().settled(target, controls, before)
        expected = method(target, controls, before)
        level = float(target[~before].mean()) or 1.0
        error = float((target - expected)[~before].mean()) / level
        scatter = float((target - expected)[before].std()) / abs(level)
        step = scatter / np.sqrt(float((~before).sum())) or 1e-6
        return cls(target, controls, before, method, error, step)

    def p_value(self, effect: float) -> float:
        """That nothing happened, once an effect, a share of the KPI, was planted."""
        planted = self.target * np.where(self.before, 1.0, 1.0 + effect)
        return p_value(self.method, planted, self.controls, self.before, 0.0)

    def half_width(self, sign: float) -> float:
        """How far an effect must be from none, beyond the error of this window, to be called."""

        def called(effect: float) -> bool:
            return self.p_value(effect) <= FALSE_POSITIVES

        return abs(edge(called, -self.error, sign * self.step) + self.error)
