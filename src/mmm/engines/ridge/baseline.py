"""The flexible baseline of method "exact": trend, season, calendar weeks, holidays and factors as
columns with prior widths, which every candidate's fit takes out by itself.

Robyn hands the regression one finished column per Prophet part, each held to [0, 1]: what Prophet
booked on the season stays there. Here the baseline is fitted anew beside each candidate's media
(`mmm.engines.ridge.candidates`), a smooth trend, a yearly season that may grow, weeks of the
calendar and holidays with Gaussian priors. The widths of the priors and of the noise are the most
probable ones given the data (empirical Bayes), with media on a middling curve beside them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from mmm.engines.adstock_hill.features import period_holidays
from mmm.engines.adstock_hill.frame import Baseline
from mmm.engines.base import Factor, Problem

_YEAR = 365.25
#: Widths in shares of the mean KPI that are not estimated.
_SLOPE_SD, _WEEKDAY_SD, _MONTHLY_SD, _FACTOR_SD = 0.3, 0.2, 0.05, 0.2
_FACTOR, _FLAG_SD, _CONTROL_SD = "factor", 0.2, 0.2
#: Slower waves are wider by this power; the season may grow by this share of itself.
_FALL, _GROWTH, _GROWING_WAVES = 1.25, 0.5, 3
#: The shortest wave of the trend in days, the most waves, and calendar weeks of the year's end.
_SHORTEST_WAVE_DAYS, _MOST_WAVES = 91, 24
_YEAR_END = frozenset((*range(46, 54), 1, 2, 3))
#: Estimated widths: (log of the likeliest, standard deviation of the log).
_GROUPS = ("noise", "trend", "season", "year end", "calendar")
_LOG_CENTRES = np.log((0.03, 0.05, 0.3, 0.3, 0.01))
_LOG_SDS = np.array((1.0, 1.0, 0.3, 0.3, 1.0))
#: Media together are expected to make this share of the KPI, each up to as much more or less.
_EXPECTED_MEDIA = 0.25


@dataclass(frozen=True)
class Form:
    """One way to draw the baseline. `trend` scales the width of the trend's waves."""

    name: str = "as chosen"
    waves: int = 6
    trend: float = 1.0
    calendar: bool = True
    grows: bool = True


#: Baselines that fit the data about as well, by which intervals are widened.
VARIANTS = (
    Form("half the season's waves", waves=3),
    Form("ten waves of the season", waves=10),
    Form("a stiffer trend", trend=0.33),
    Form("a looser trend", trend=3.0),
    Form("no weeks of the calendar", calendar=False),
    Form("a season that does not grow", grows=False),
)


class _Column(NamedTuple):
    part: str
    group: str
    width: float  # relative to the group's estimated width, or absolute where it is fixed
    values: np.ndarray


@dataclass(frozen=True)
class Widths:
    """Estimated widths by group, in shares of the mean KPI."""

    by_group: Mapping[str, float]

    def of(self, column: _Column, form: Form) -> float:
        if column.group == "fixed":
            return column.width
        scale = form.trend if column.group == "trend" else 1.0
        return column.width * scale * self.by_group[column.group]


def build_baseline(
    problem: Problem, parts: Sequence[str], widths: Widths, form: Form | None = None
) -> Baseline:
    """The columns of `parts` and of the factors with their penalties."""
    form = form or Form()
    columns = _columns(problem, parts, form)
    noise = widths.by_group["noise"]
    sds = np.array([widths.of(column, form) for column in columns])
    values = [column.values for column in columns]
    return Baseline(
        columns=np.column_stack(values) if values else np.empty((problem.rows, 0)),
        part=tuple(column.part for column in columns),
        precision=(noise / sds) ** 2,
        control_precision=(noise / _CONTROL_SD) ** 2,
        noise=noise,
    )


def estimate_widths(
    problem: Problem, parts: Sequence[str], drivers: Sequence[np.ndarray], rows: slice
) -> Widths:
    """The most probable widths given the KPI of `rows`, with media (`drivers`, (T,) each, on a
    middling curve) and controls beside the baseline.
    """
    y = problem.kpi[rows] / _level(problem)
    columns = _columns(problem, parts, Form())
    sides = _beside(problem, drivers)
    Z = np.column_stack([column.values[rows] for column in (*columns, *sides)])
    share = _EXPECTED_MEDIA / max(len(drivers), 1)
    for values in drivers:
        y = y - share * values[rows] / values[rows].mean()
    groups = np.array([_group_number(column) for column in (*columns, *sides)])
    base = np.array([column.width for column in (*columns, *sides)])
    ZZ, Zy, yy = Z.T @ Z, Z.T @ y, float(y @ y)

    def improbable(logs: np.ndarray) -> float:
        sds = base * np.where(groups > 0, np.exp(logs)[groups], 1.0)
        sigma = float(np.exp(logs[0]))
        A = ZZ * np.outer(sds, sds) / sigma**2
        A[np.diag_indices_from(A)] += 1.0
        factor = np.linalg.cholesky(A)
        solved = solve_triangular(factor, Zy * sds / sigma**2, lower=True)
        likelihood = len(y) * logs[0] + np.log(np.diag(factor)).sum()
        likelihood += 0.5 * (yy / sigma**2 - float(solved @ solved))
        return float(likelihood + 0.5 * (((logs - _LOG_CENTRES) / _LOG_SDS) ** 2).sum())

    limits = [(centre - 4, centre + 4) for centre in _LOG_CENTRES]
    found = minimize(improbable, _LOG_CENTRES, method="L-BFGS-B", bounds=limits)
    return Widths(dict(zip(_GROUPS, np.exp(found.x).tolist(), strict=True)))


def first_parts(
    problem: Problem, parts: Sequence[str], baseline: Baseline, drivers: Sequence[np.ndarray]
) -> dict[str, np.ndarray]:
    """Each part of the baseline, (T,), in units of the KPI, as fitted beside media on a middling
    curve: what is shown before there is a model.
    """
    rows = problem.window_rows
    sides = _beside(problem, drivers)
    everything = np.column_stack([baseline.columns, *(column.values for column in sides)])
    widths = np.array([column.width for column in sides])
    noise = np.sqrt(baseline.control_precision) * _CONTROL_SD
    penalty = np.append(baseline.precision, (noise / widths) ** 2)
    Z = everything[rows]
    solved = cho_solve(cho_factor(Z.T @ Z + np.diag(penalty)), Z.T @ problem.kpi[rows])
    found = {}
    for part in dict.fromkeys((*parts, *_factor_names(problem))):
        of = [i for i, name in enumerate(baseline.part) if name == part]
        found[part] = everything[:, of] @ solved[of]
    return found


def _group_number(column: _Column) -> int:
    return _GROUPS.index(column.group) if column.group in _GROUPS else 0


def _level(problem: Problem) -> float:
    return float(np.abs(problem.kpi[problem.window_rows]).mean()) or 1.0


def _factor_names(problem: Problem) -> list[str]:
    return [item.name for item in problem.context if isinstance(item, Factor)]


def _columns(problem: Problem, parts: Sequence[str], form: Form) -> list[_Column]:
    makers = {
        "trend": lambda: _trend(problem),
        "season": lambda: _season(problem, form),
        "monthly": lambda: _monthly(problem),
        "weekday": lambda: _weekday(problem),
        "holiday": lambda: _holidays(problem),
    }
    found: list[_Column] = []
    for part in parts:
        found += makers[part]()
    for item in problem.context:
        if isinstance(item, Factor):
            found += _levels(item)
    return found


def _trend(problem: Problem) -> list[_Column]:
    """A slope and cosines over the whole series, the slowest first."""
    rows = problem.rows
    place = (np.arange(rows) + 0.5) / rows
    found = [_Column("trend", "fixed", _SLOPE_SD, np.sqrt(12.0) * (place - 0.5))]
    waves = int(2 * rows * problem.step_days / _SHORTEST_WAVE_DAYS)
    for j in range(1, min(waves, _MOST_WAVES, rows // 4) + 1):
        wave = np.sqrt(2.0) * np.cos(np.pi * j * place)
        found.append(_Column("trend", "trend", j**-_FALL, wave))
    return found


def _season(problem: Problem, form: Form) -> list[_Column]:
    """Waves of the year, the slow ones growing or fading with time, and weeks of the calendar."""
    days = _days(problem)
    turn = 2 * np.pi * (days - np.datetime64("2000-01-01", "D")).astype(float) / _YEAR
    place = (np.arange(problem.rows) + 0.5) / problem.rows
    time = np.sqrt(12.0) * (place - 0.5)
    most = max(1, int(_YEAR / problem.step_days / 2) - 1)
    found = []
    for j in range(1, min(form.waves, most) + 1):
        for wave in (np.sin(j * turn), np.cos(j * turn)):
            found.append(_Column("season", "season", j**-_FALL, wave))
            if form.grows and j <= _GROWING_WAVES:
                growing = _Column("season", "season", _GROWTH * j**-_FALL, wave * time)
                found.append(growing)
    return found + (_weeks(problem) if form.calendar else [])


def _weeks(problem: Problem) -> list[_Column]:
    """One column for each ISO week that occurs in two years or more; none for monthly data."""
    if problem.step_days > 7:
        return []
    weeks = [day.isocalendar()[:2] for day in _as_dates(problem)]
    years = Counter(week for _, week in set(weeks))
    numbers = np.array([week for _, week in weeks])
    found = []
    for week in sorted(years):
        if years[week] >= 2:
            group = "year end" if week in _YEAR_END else "calendar"
            found.append(_Column("season", group, 1.0, (numbers == week).astype(float)))
    return found


def _monthly(problem: Problem) -> list[_Column]:
    turn = 2 * np.pi * (_days(problem) - np.datetime64("2000-01-01", "D")).astype(float) / 30.5
    waves = []
    for j in range(1, 6):
        waves += [np.sin(j * turn), np.cos(j * turn)]
    return [_Column("monthly", "fixed", _MONTHLY_SD, wave) for wave in waves]


def _weekday(problem: Problem) -> list[_Column]:
    days = np.array([day.weekday() for day in _as_dates(problem)])
    each = [(days == day).astype(float) - 1.0 / 7.0 for day in range(7)]
    return [_Column("weekday", "fixed", _WEEKDAY_SD, values) for values in each]


def _holidays(problem: Problem) -> list[_Column]:
    """One column for each name of a period's holidays, as Robyn joins them."""
    by_name: dict[str, list[date]] = {}
    for day, name in period_holidays(problem):
        by_name.setdefault(name, []).append(day)
    dates = _as_dates(problem)
    found = []
    for days in by_name.values():
        values = np.array([float(day in days) for day in dates])
        late = [day.isocalendar()[1] in _YEAR_END for day in days]
        group = "year end" if np.mean(late) > 0.5 else "calendar"
        if values.any():
            found.append(_Column("holiday", group, 1.0, values))
    return found


def _levels(factor: Factor) -> list[_Column]:
    """One column for each level but the most frequent, the baseline."""
    counts = Counter(factor.levels)
    usual = min(counts, key=lambda level: (-counts[level], level))
    columns = []
    for level in sorted(counts):
        if level == usual:
            continue
        values = np.array([float(value == level) for value in factor.levels])
        columns.append(_Column(factor.name, "fixed", _FACTOR_SD, values))
    return columns


def _beside(problem: Problem, drivers: Sequence[np.ndarray]) -> list[_Column]:
    """What stands beside the baseline while it is estimated: the level, controls, media."""
    found = [_Column("", "fixed", 1.0, np.ones(problem.rows))]
    for item in problem.context:
        if not isinstance(item, Factor):
            found.append(_Column(item.name, "fixed", _CONTROL_SD, standard(problem, item.values)))
    share = _EXPECTED_MEDIA / max(len(drivers), 1)
    for values in drivers:
        mean = values[problem.window_rows].mean()
        found.append(_Column("", "fixed", share, values / mean))
    return found


def standard(problem: Problem, values: np.ndarray) -> np.ndarray:
    """A series less its mean in the window, over its standard deviation there."""
    inside = values[problem.window_rows]
    sd = inside.std()
    return np.asarray((values - inside.mean()) / (sd if sd > 0 else 1.0))


def _days(problem: Problem) -> np.ndarray:
    return np.asarray(problem.dates.astype("datetime64[D]"))


def _as_dates(problem: Problem) -> list[date]:
    return [day.item() for day in _days(problem)]


def centred(baseline: Baseline, window: slice) -> Baseline:
    """The same baseline with every column's mean in the window at 0, so that the level is the
    intercept's. Holidays and factors stay: theirs is a difference from a usual period.
    """
    columns = baseline.columns.copy()
    for i, part in enumerate(baseline.part):
        if part in ("trend", "season", "monthly", "weekday"):
            columns[:, i] -= columns[window, i].mean()
    return replace(baseline, columns=columns)
