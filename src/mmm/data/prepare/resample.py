"""From an even grid to calendar periods: a rule per column, whole periods only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.data.calendar import WEEKDAYS, Period, Weekday, next_period, period_start, weekday
from mmm.data.prepare.grid import Grid, listed_days
from mmm.data.prepare.recipe import Aggregate
from mmm.errors import UserError

_FINENESS: dict[Period, int] = {"day": 0, "week": 1, "month": 2}
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


def find_periods(grid: Grid, period: Period, week_starts: Weekday, where: str) -> Periods:
    """The whole calendar periods of the grid. Raises UserError where the source is coarser, or no
    period is whole.
    """
    cadence = grid.cadence.period if grid.cadence else "day"
    assert cadence is not None  # noqa: S101 - find_step refused other steps
    if _FINENESS[cadence] > _FINENESS[period]:
        raise UserError(
            f"the rows are {grid.cadence}; they cannot be split by {period}.", where=where
        )
    days, notes = grid.days, []
    daily = (cadence, period) == ("week", "month")
    if cadence == period == "week":
        begins_on = WEEKDAYS[int(weekday(days[:1])[0])]
        if begins_on != week_starts:
            raise UserError(
                f"its weeks begin on {begins_on}, the recipe's on {week_starts}.",
                where=where,
                fix=f'Set "week_starts" to "{begins_on}": weekly rows cannot be cut anew.',
            )
    if daily:
        days = np.arange(days[0], days[-1] + np.timedelta64(_WEEK, "D"))
        notes.append("Weeks that lie in two months were divided by days.")
    starts = period_start(days, period, week_starts)
    begins = np.flatnonzero(np.append(True, starts[1:] != starts[:-1]))
    ends = np.append(begins[1:], len(starts))
    found = starts[begins]
    whole = (found >= grid.first) & (
        next_period(found, period) - np.timedelta64(1, "D") <= grid.last
    )
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
    return Periods(found[whole], begins[whole], ends[whole], daily, tuple(notes))


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
