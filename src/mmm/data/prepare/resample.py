"""From an even grid to calendar periods: a rule per column, whole periods only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.calendar import (
    WEEKDAYS,
    CalendarRule,
    Period,
    next_period,
    period_label,
    period_start,
    weekday,
)
from mmm.data.prepare.grid import Grid, listed_days
from mmm.data.prepare.recipe import Aggregate
from mmm.errors import UserError

_FINENESS: dict[Period, int] = {"day": 0, "week": 1, "month": 2, "quarter": 3}
_WEEK = 7


@dataclass(frozen=True)
class Periods:
    """How grid points fall into periods: `starts` (P,) the periods' first days, `begins` (P,) and
    `ends` (P,) their first and one past their last point. With `daily` each grid point first
    becomes seven days (weeks into months).
    """

    starts: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    daily: bool
    notes: tuple[str, ...]


def find_periods(grid: Grid, period: Period, rule: CalendarRule, where: str) -> Periods:
    """The whole calendar periods of the grid. Raises UserError where the source is coarser, or no
    period is whole.
    """
    _require_finer(grid, period, rule, where)
    days, notes = grid.days, []
    daily = False
    if grid.cadence and grid.cadence.period == "week" and period in ("month", "quarter"):
        last_days = days + np.timedelta64(_WEEK - 1, "D")
        divided = period_start(days, period, rule) != period_start(last_days, period, rule)
        daily = bool(divided.any())
    if daily:
        days = np.arange(days[0], days[-1] + np.timedelta64(_WEEK, "D"))
        notes.append(f"Weeks that lie in two {period}s were divided by days.")
    starts = period_start(days, period, rule)
    begins = np.flatnonzero(np.append(True, starts[1:] != starts[:-1]))
    ends = np.append(begins[1:], len(starts))
    found = starts[begins]
    last_covered = next_period(found, period, rule) - np.timedelta64(1, "D")
    whole = (found >= grid.first) & (last_covered <= grid.last)
    if not whole.any():
        raise UserError(
            f"the data cover no whole {period}.",
            where=where,
            fix="Widen the window, or choose days.",
        )
    if not whole.all():
        dropped = found[~whole]
        covered = f"the data cover {grid.first} to {grid.last}"
        notes.append(
            f"Incomplete at the edge and left out: the {period} of {listed_days(dropped)} ({covered})."
        )
    if rule.fiscal is not None and period in ("month", "quarter"):
        kept = found[whole]
        named = [period_label(day.item(), period, rule) for day in kept[[0, -1]]]
        notes.append(f"Periods of the {rule.fiscal.pattern} calendar: {named[0]} to {named[1]}.")
    return Periods(found[whole], begins[whole], ends[whole], daily, tuple(notes))


def _require_finer(grid: Grid, period: Period, rule: CalendarRule, where: str) -> None:
    """Raise UserError where rows are coarser than the period, or cut at other places than it."""
    cadence = grid.cadence
    source: Period = "day" if cadence is None or cadence.period is None else cadence.period
    if _FINENESS[source] > _FINENESS[period]:
        raise UserError(f"the rows are {cadence}; they cannot be split by {period}.", where=where)
    if source == period == "week":
        begins_on = WEEKDAYS[int(weekday(grid.days[:1])[0])]
        if begins_on != rule.week_starts:
            raise UserError(
                f"its weeks begin on {begins_on}, the recipe's on {rule.week_starts}.",
                where=where,
                fix=f'Set "week_starts" to "{begins_on}": weekly rows cannot be cut anew.',
            )
    calendar_months = source in ("month", "quarter") and cadence and not cadence.fiscal
    if calendar_months and rule.fiscal is not None:
        what = f"the rows are {cadence}; they cannot be cut into periods of whole weeks."
        raise UserError(what, where=where, fix="Load daily or weekly rows, or choose months.")


def resample(values: np.ndarray, periods: Periods, rule: Aggregate) -> np.ndarray:
    """One column, (T,) without gaps, as (P,) by its rule."""
    if periods.daily:
        values = np.repeat(values / _WEEK if rule == "sum" else values, _WEEK)
    if rule == "first":
        return values[periods.begins]
    if rule == "last":
        return values[periods.ends - 1]
    values, begins = values[: periods.ends[-1]], periods.begins
    if rule == "max":
        return np.maximum.reduceat(values, begins)
    total = np.add.reduceat(values, begins)
    return total / (periods.ends - begins) if rule == "mean" else total
