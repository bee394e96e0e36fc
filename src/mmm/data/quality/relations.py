"""Checks between columns: spend and exposure, columns that move together, columns that give the KPI
away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.data.columns import counted, listed
from mmm.data.quality.frame import Frame, modelled_columns
from mmm.data.quality.result import CannotTell, Light, Place, Verdict, columns_of, first_dates


@dataclass(frozen=True)
class SpendAndExposure:
    """Spend in a period without exposure, and exposure without spend."""

    name = "exposure"
    title = "Spend without exposure"
    why = "Where the exposure is modelled, spend without it earns nothing, and exposure without spend is free."
    fix = "Correct the dates of booking, map the spend alone, or map free exposure as organic."
    yellow_share: float = 0.0
    orange_share: float = 0.2

    def run(self, frame: Frame) -> Verdict:
        pairs = [paid for paid in frame.mapping.paid if paid.exposure not in (None, paid.spend)]
        if not pairs:
            return Verdict("No medium has an exposure of its own.")
        places = []
        for paid in pairs:
            assert paid.exposure is not None  # noqa: S101 - chosen so
            spend, exposure = frame.series(paid.spend), frame.series(paid.exposure)
            for column, one, other, other_name in (
                (paid.spend, spend, exposure, paid.exposure),
                (paid.exposure, exposure, spend, paid.spend),
            ):
                alone, share = without(one, other)
                if share > self.yellow_share:
                    lost = column == paid.spend or share > self.orange_share
                    light = Light.ORANGE if lost else Light.YELLOW
                    periods = counted(len(alone), "period")
                    kind = "spend" if column == paid.spend else "exposure"
                    what = (
                        f"{periods} {frame.span_text} with {kind} but no {other_name!r}, first "
                        f"{frame.periods[alone[0]]} ({share:.0%} of those it is on)"
                    )
                    places.append(
                        Place(column, light, what, first_dates(frame.periods[alone]), len(alone))
                    )
        if places:
            return Verdict(
                f"Spend and exposure do not go together in {columns_of(places)}.", tuple(places)
            )
        return Verdict("Spend and exposure are on in the same periods.")


def without(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, float]:
    """(periods in which the one is on and the other is 0, their share of those in which the one is
    on).
    """
    alone = np.flatnonzero((one > 0) & (other == 0))
    return alone, len(alone) / max(int((one > 0).sum()), 1)


@dataclass(frozen=True)
class Correlation:
    """Pairs of modelled columns that move together."""

    name = "correlation"
    title = "Correlation"
    why = "Two columns that always move together share one effect; how it is split is chance."
    fix = "Join the two, vary one on purpose, or calibrate with a lift test."
    yellow: float = 0.8
    orange: float = 0.95
    pairs_shown: int = 20
    least_periods: int = 12
    most_columns: int = 1000

    def run(self, frame: Frame) -> Verdict:
        names, matrix = correlations(
            frame, modelled_columns(frame.mapping), self.least_periods, self.most_columns
        )
        first, second = np.nonzero(np.triu(np.abs(matrix) >= self.yellow, 1))
        order = np.argsort(-np.abs(matrix[first, second]))
        places = []
        for i in order[: self.pairs_shown]:
            r = float(matrix[first[i], second[i]])
            light = Light.ORANGE if abs(r) >= self.orange else Light.YELLOW
            places.append(
                Place(names[first[i]], light, f"moves with {names[second[i]]!r} (r = {r:.2f})")
            )
        if places:
            return Verdict(
                f"{counted(len(order), 'pair')} of columns with |r| from {self.yellow} on.",
                tuple(places),
            )
        return Verdict(f"No two modelled columns move together (|r| from {self.yellow}).")


@dataclass(frozen=True)
class VarianceInflation:
    """How far the other columns explain each one: 1 / (1 - R2)."""

    name = "vif"
    title = "Variance inflation (VIF)"
    why = "A column the others can predict has no effect of its own that the data could show."
    fix = "Leave out or join the columns named; a lift test settles a channel that must stay."
    yellow: float = 5
    orange: float = 10
    most_columns: int = 1000

    def run(self, frame: Frame) -> Verdict:
        wanted = modelled_columns(frame.mapping)
        names, matrix = correlations(frame, wanted, len(wanted) + 2, self.most_columns)
        found = inflation(matrix)
        sets = exact_sets(names, matrix)
        places = []
        for i in np.argsort(-found):
            if found[i] < self.yellow:
                continue
            if np.isinf(found[i]):
                others = [name for name in sets[names[i]] if name != names[i]]
                what = f"is a sum of others exactly: {listed(others, most=5)}"
                if len(others) == 1:
                    what = f"is {others[0]!r} but for its scale"
                places.append(Place(names[i], Light.RED, what))
                continue
            others = explained_by(names, matrix, int(i))
            light = Light.ORANGE if found[i] >= self.orange else Light.YELLOW
            what = f"VIF {found[i]:.1f}, mostly by {listed(others, most=3)}"
            places.append(Place(names[i], light, what))
        if places:
            return Verdict(f"The other columns predict {columns_of(places)}.", tuple(places))
        return Verdict(
            f"Every modelled column has movement of its own (VIF below {self.yellow:g})."
        )


@dataclass(frozen=True)
class Leakage:
    """A column that nearly equals the KPI in the same period, or some periods before or after it.

    Red where it is the KPI but for scale, orange where both levels and changes follow the KPI;
    yellow where the levels do, as a common trend makes them, too.
    """

    name = "leakage"
    title = "Leakage"
    why = "A column made from the KPI explains it perfectly and leaves nothing to the media."
    fix = "Leave the column out, or make sure it cannot depend on the KPI."
    red: float = 0.9999
    levels_orange: float = 0.98
    changes_orange: float = 0.95
    levels_yellow: float = 0.9
    most_lag: int = 2
    least_periods: int = 12

    def run(self, frame: Frame) -> Verdict:
        places = []
        kpi = frame.series(frame.mapping.kpi)
        for name in [name for name in frame.mapping.numeric_columns() if name != frame.mapping.kpi]:
            found = self._closest(kpi, frame.series(name))
            if found is None:
                continue
            lag, levels, changes = found
            light = self._light(abs(levels), abs(changes))
            if light is not Light.GREEN:
                when = f", {_lag_text(lag)}" if lag else ""
                what = f"follows the KPI{when} (r = {levels:.2f}, of changes {changes:.2f})"
                places.append(Place(name, light, what))
        if len(frame.periods) < self.least_periods:
            raise CannotTell(
                f"{len(frame.periods)} periods are too few to compare columns with the KPI."
            )
        if places:
            return Verdict(f"The KPI is followed closely by {columns_of(places)}.", tuple(places))
        return Verdict("No column follows the KPI closely.")

    def _light(self, levels: float, changes: float) -> Light:
        """By the sizes of r of levels and of changes."""
        if min(levels, changes) >= self.red:
            return Light.RED
        if levels >= self.levels_orange and changes >= self.changes_orange:
            return Light.ORANGE
        return Light.YELLOW if levels >= self.levels_yellow else Light.GREEN

    def _closest(self, kpi: np.ndarray, values: np.ndarray) -> tuple[int, float, float] | None:
        """(lag, r of levels, r of changes) where the column is closest to the KPI; lag > 0: the
        column comes later.
        """
        best = None
        for lag in sorted(range(-self.most_lag, self.most_lag + 1), key=abs):
            ahead, behind = max(lag, 0), max(-lag, 0)
            one, other = kpi[behind : len(kpi) - ahead], values[ahead : len(values) - behind]
            both = ~np.isnan(one) & ~np.isnan(other)
            if both.sum() < self.least_periods:
                continue
            levels, changes = (
                _r(one[both], other[both]),
                _r(np.diff(one[both]), np.diff(other[both])),
            )
            if best is None or abs(levels) > abs(best[1]) + 1e-9:
                best = lag, levels, changes
        return best


def _lag_text(lag: int) -> str:
    periods = f"{abs(lag)} period{'s' if abs(lag) > 1 else ''}"
    return f"{periods} later" if lag > 0 else f"{periods} before it"


def _r(one: np.ndarray, other: np.ndarray) -> float:
    one, other = _scaled(one), _scaled(other)
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0 else 0.0


def correlations(
    frame: Frame, columns: Sequence[str], least_periods: int, most_columns: int
) -> tuple[list[str], np.ndarray]:
    """(columns that vary, their correlation matrix) over the periods where none is empty."""
    if len(columns) > most_columns:
        raise CannotTell(
            f"{len(columns):,} columns are more than the {most_columns:,} this is computed for."
        )
    if len(columns) < 2:
        raise CannotTell("one column alone has nothing to be compared with.")
    days, values = frame.spread(columns)
    if len(days) < least_periods:
        raise CannotTell(
            f"{len(days):,} complete periods are too few for {len(columns):,} columns."
        )
    varying = np.ptp(values, axis=0) > 0
    names = [name for name, varies in zip(columns, varying, strict=True) if varies]
    if len(names) < 2:
        raise CannotTell("fewer than two columns vary.")
    return names, np.corrcoef(_scaled(values[:, varying]), rowvar=False)


def _scaled(values: np.ndarray) -> np.ndarray:
    """Columns divided by a power of two near their size, which no correlation sees: squares of
    numbers beyond 1e154 are infinite.
    """
    _, exponents = np.frexp(np.abs(values).max(axis=0))
    return np.asarray(np.ldexp(values, -exponents))


#: An eigenvalue of a correlation matrix below this, times its size, is an exact dependence.
_NO_VARIANCE = 1e-10
_NO_WEIGHT = 1e-6
#: Standardised weights from here on name a column among those that explain another.
_WEIGHT_SHOWN = 0.3


def exact_sets(names: Sequence[str], matrix: np.ndarray) -> dict[str, tuple[str, ...]]:
    """For each column that is an exact sum of others: the smallest found set, itself among it.

    The directions without variance, brought to echelon form, name few columns each.
    """
    values, vectors = np.linalg.eigh(matrix)
    rows = vectors[:, values < _NO_VARIANCE * len(matrix)].T.copy()
    pivot = 0
    for column in range(len(names)):
        if pivot == len(rows):
            break
        best = pivot + int(np.argmax(np.abs(rows[pivot:, column])))
        if abs(rows[best, column]) < _NO_WEIGHT:
            continue
        rows[[pivot, best]] = rows[[best, pivot]]
        rows[pivot] /= rows[pivot, column]
        for other in range(len(rows)):
            if other != pivot:
                rows[other] -= rows[other, column] * rows[pivot]
        pivot += 1
    found: dict[str, tuple[str, ...]] = {}
    for row in sorted(rows, key=lambda one: int((np.abs(one) > _NO_WEIGHT).sum())):
        members = tuple(names[int(i)] for i in np.flatnonzero(np.abs(row) > _NO_WEIGHT))
        for name in members:
            found.setdefault(name, members)
    return found


def explained_by(names: Sequence[str], matrix: np.ndarray, column: int) -> list[str]:
    """The other columns that predict this one most, by their standardised weights."""
    others = np.array([i for i in range(len(names)) if i != column])
    within = matrix[np.ix_(others, others)]
    weights = np.abs(np.linalg.lstsq(within, matrix[others, column], rcond=None)[0])
    order = np.argsort(-weights)
    most = [names[int(others[i])] for i in order if weights[i] >= _WEIGHT_SHOWN]
    return most or [names[int(others[order[0]])]]


def inflation(matrix: np.ndarray) -> np.ndarray:
    """Variance inflation factors from a correlation matrix; infinite for exact linear dependence."""
    values, vectors = np.linalg.eigh(matrix)
    null = values < _NO_VARIANCE * len(matrix)
    found = (vectors[:, ~null] ** 2 / values[~null]).sum(axis=1)
    found[(vectors[:, null] ** 2).sum(axis=1) > 1e-8] = np.inf
    return found
