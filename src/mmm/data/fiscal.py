"""Fiscal calendars of whole weeks: 4-4-5, 4-5-4 and 5-4-4 years of 52 or 53 weeks.

A year begins on one weekday, near the first of one month: on the nearest such day ("nearest", as
the retail calendar does) or on the last one up to the first ("last": the year before ends on the
last such weekday of its month). A 53rd week is part of the year's last period.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Pattern = Literal["4-4-5", "4-5-4", "5-4-4"]
YearEnd = Literal["nearest", "last"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
_WEEK = 7
_QUARTERS = 4


@dataclass(frozen=True)
class FiscalCalendar:
    """`starts` is the first day of any one fiscal year; `year_end` says how the other years follow."""

    pattern: Pattern
    starts: dt.date
    year_end: YearEnd

    def year_start(self, year: int) -> dt.date:
        """First day of the fiscal year that begins around the anchor month of a calendar year."""
        anchor = dt.date(year, anchor_month(self.starts).month, 1)
        return _by_rule(anchor, self.starts.weekday(), self.year_end)

    def years(self, first: np.datetime64, last: np.datetime64) -> list[dt.date]:
        """First days of all fiscal years that cover [first, last], and of one more."""
        begin = first.astype("datetime64[Y]").astype(int) + 1970 - 2
        end = last.astype("datetime64[Y]").astype(int) + 1970 + 2
        found = [self.year_start(year) for year in range(begin, end + 1)]
        after = [day for day in found if np.datetime64(day) > last][1:]
        return [day for day in found if day not in after]

    def starts_between(
        self, first: np.datetime64, last: np.datetime64, *, quarters: bool = False
    ) -> np.ndarray:
        """First days of the periods (or quarters) that cover [first, last], one more at each end at
        least.
        """
        years = self.years(first, last)
        lengths = [int(part) for part in self.pattern.split("-")]
        if quarters:
            lengths = [sum(lengths)]
        found = []
        for begin in years[:-1]:
            day = begin
            for weeks in lengths * _QUARTERS:
                found.append(day)
                day += dt.timedelta(days=_WEEK * weeks)
        found.append(years[-1])
        return np.array(found, "datetime64[D]")

    def label(self, start: dt.date, *, quarters: bool = False) -> str:
        """ "P3 FY2024", after the calendar year that most of the fiscal year lies in."""
        day = np.datetime64(start)
        years = [np.datetime64(year) for year in self.years(day, day)]
        begin = max(year for year in years if year <= day)
        inside = self.starts_between(day, day, quarters=quarters)
        number = int(((inside >= begin) & (inside <= day)).sum())
        named = (begin + np.timedelta64(26 * _WEEK, "D")).astype("datetime64[Y]")
        return f"{'Q' if quarters else 'P'}{number} FY{named}"


def fiscal_calendar(
    pattern: Pattern, starts: dt.date, year_end: YearEnd | None = None
) -> FiscalCalendar:
    """The calendar whose years begin by a rule that fits `starts`. Raises ValueError where none does.

    `year_end` None takes the first rule that fits: "nearest", then "last".
    """
    anchor = anchor_month(starts)
    rules: tuple[YearEnd, ...] = get_args(YearEnd) if year_end is None else (year_end,)
    for rule in rules:
        if _by_rule(anchor, starts.weekday(), rule) == starts:
            return FiscalCalendar(pattern, starts, rule)
    expected = _by_rule(anchor, starts.weekday(), rules[0])
    raise ValueError(f"by the rule {rules[0]!r} the year would begin on {expected}, not {starts}")


def anchor_month(starts: dt.date) -> dt.date:
    """The first of a month that lies nearest."""
    this = starts.replace(day=1)
    following = (this + dt.timedelta(days=32)).replace(day=1)
    return this if starts - this <= following - starts else following


def _by_rule(anchor: dt.date, weekday: int, rule: YearEnd) -> dt.date:
    """The day with this weekday nearest to the anchor, or the last one up to it."""
    back = (anchor.weekday() - weekday) % _WEEK
    if rule == "nearest" and back > _WEEK // 2:
        return anchor + dt.timedelta(days=_WEEK - back)
    return anchor - dt.timedelta(days=back)
