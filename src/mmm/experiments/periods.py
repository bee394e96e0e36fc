"""A table's rows as even periods in order of their dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from mmm.data.calendar import Period, next_period
from mmm.data.quality.frame import Frame

#: Quarters whose dates are so many days before a month's end are named by their last day.
_NEAR_THE_END = 7


@dataclass(frozen=True)
class Periods:
    """The periods by date. `order` (T,) gives the table's row of each; `step` is 1, 7 or, for months
    and quarters, the first's days; `after` is the first day after the last one.
    """

    order: np.ndarray
    dates: np.ndarray
    step: int
    after: date
    renamed: str = ""

    @property
    def first_day(self) -> date:
        return self.day(0)

    @property
    def last_day(self) -> date:
        return self.after - timedelta(days=1)

    def day(self, row: int) -> date:
        found: date = self.dates[row].item()
        return found

    def last_day_of(self, row: int) -> date:
        if row == len(self.dates) - 1:
            return self.last_day
        return self.day(row + 1) - timedelta(days=1)


def periods_of(frame: Frame) -> Periods:
    """The periods of a frame whose checks of rows are not red. Calendar months and quarters count
    from their first days; `renamed` then says so where the rows have other dates.
    """
    cadence = frame.cadence
    assert cadence is not None  # noqa: S101 - the checks of cadence and length were passed
    order = np.argsort(frame.days, kind="stable")
    dates = frame.days[order]
    if cadence.fiscal or cadence.period not in ("month", "quarter"):
        after = dates[-1] + np.timedelta64(cadence.days, "D")
        return Periods(order, dates, cadence.days, after.item())
    starts = _first_days(dates, cadence.period)
    after = next_period(starts[-1:], cadence.period)[0]
    other = np.flatnonzero(starts != dates)
    renamed = ""
    if len(other):
        named = "monthly" if cadence.period == "month" else "quarterly"
        renamed = (
            f"{named} dates count as the first day of their month, for example "
            f"{dates[other[0]]} as {starts[other[0]]}."
        )
    step = int((starts[1] - starts[0]).astype(int))
    return Periods(order, starts, step, after.item(), renamed)


def _first_days(dates: np.ndarray, period: Period) -> np.ndarray:
    """The first day of each month or quarter; quarters may be named by their first or last day, and
    begin in any month.
    """
    months = dates.astype("datetime64[M]")
    if period == "quarter":
        days_left = (months + 1).astype("datetime64[D]") - dates
        if np.median(days_left.astype(int)) <= _NEAR_THE_END:
            months = months - 2
    return months.astype("datetime64[D]")
