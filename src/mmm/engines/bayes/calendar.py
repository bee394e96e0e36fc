"""Calendar effects: year-end weeks, holidays and calendar weeks as 0/1 columns of the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from mmm.engines.bayes.baseline import EVENT, WEEK, Column

#: ISO weeks around the turn of the year.
YEAR_END_WEEKS = (*range(46, 54), 1, 2, 3)


@dataclass(frozen=True)
class Event:
    """A recurring event: its dates, the group of its columns, and the neighbouring periods (in
    periods of the data, 0 its own) that get a column each.
    """

    name: str
    dates: tuple[date, ...]
    group: str
    offsets: tuple[int, ...] = (0,)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus 1991, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    f = (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date:
    """The n-th given weekday (Monday 0) of a month; n = -1 is the last one."""
    if n > 0:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
    next_month = date(year + month // 12, month % 12 + 1, 1)
    last = next_month - timedelta(days=1)
    return last - timedelta(days=(last.weekday() - weekday) % 7)


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    return nth_weekday(year, 11, 3, 4) + timedelta(days=1)


def year_end_events(years: Sequence[int]) -> list[Event]:
    """Black Friday with a period on each side, Christmas from two before to three after."""
    return [
        Event("Black Friday", tuple(map(black_friday, years)), "year_end", (-1, 0, 1)),
        Event("Christmas", tuple(date(y, 12, 25) for y in years), "year_end", (-2, -1, 0, 1, 2, 3)),
    ]


def period_of(dates: np.ndarray, step_days: int, day: date) -> int | None:
    """The row whose period holds a day, None outside of the data."""
    wanted = np.datetime64(day, "D")
    days = dates.astype("datetime64[D]")
    row = int(np.searchsorted(days, wanted, side="right")) - 1
    if row < 0:
        return None
    if row == len(days) - 1 and (wanted - days[row]).astype(int) >= step_days:
        return None
    return row


def event_columns(dates: np.ndarray, step_days: int, events: Sequence[Event]) -> list[Column]:
    """One column per event and offset that falls into the data; equal columns are taken once."""
    columns: list[Column] = []
    seen: set[bytes] = set()
    for event in events:
        for offset in event.offsets:
            values = _event_values(dates, step_days, event, offset)
            key = values.tobytes()
            if not values.any() or key in seen:
                continue
            seen.add(key)
            name = event.name if offset == 0 else f"{event.name} {offset:+d}"
            columns.append(
                Column(name, event.name, "holiday", values, 1.0, event.group, sparse=EVENT)
            )
    return columns


def _event_values(dates: np.ndarray, step_days: int, event: Event, offset: int) -> np.ndarray:
    values = np.zeros(len(dates))
    for day in event.dates:
        row = period_of(dates, step_days, day + timedelta(days=offset * step_days))
        if row is not None:
            values[row] = 1.0
    return values


def week_columns(dates: np.ndarray, step_days: int) -> list[Column]:
    """A column per ISO week: all of the year's end, others where they occur in two years or more."""
    middle = dates.astype("datetime64[D]") + np.timedelta64(step_days // 2, "D")
    labels = [day.isocalendar()[:2] for day in middle.astype(object)]
    columns = []
    for week in range(1, 54):
        years = {year for year, number in labels if number == week}
        year_end = week in YEAR_END_WEEKS
        if not years or (len(years) < 2 and not year_end):
            continue
        values = np.array([float(number == week) for _, number in labels])
        group = "year_end" if year_end else "calendar"
        columns.append(Column(f"week {week}", "season", "season", values, 1.0, group, sparse=WEEK))
    return columns


def month_columns(dates: np.ndarray) -> list[Column]:
    """Of monthly or longer steps: a column each for November and December, the year's end."""
    months = dates.astype("datetime64[M]").astype(int) % 12 + 1
    columns = []
    for month in (11, 12):
        values = (months == month).astype(float)
        if values.any():
            columns.append(
                Column(f"month {month}", "season", "season", values, 1.0, "year_end", sparse=WEEK)
            )
    return columns


def weekday_columns(dates: np.ndarray) -> list[Column]:
    """A column per weekday of daily data, dense: each is centred, so that they sum to nothing."""
    weekdays = (dates.astype("datetime64[D]").astype(int) + 3) % 7
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    columns = []
    for number, name in enumerate(names):
        values = (weekdays == number).astype(float) - 1.0 / 7.0
        columns.append(Column(name, "weekday", "weekday", values, 1.0, "weekday"))
    return columns
