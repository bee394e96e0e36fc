"""The calendar of a table: how far apart its periods are, which are missing, and in which longer
period each lies.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mmm.data.fiscal import FiscalCalendar

Period = Literal["day", "week", "month", "quarter"]
PERIODS: tuple[Period, ...] = get_args(Period)
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
#: 1970-01-01, day 0 of datetime64, was a Thursday.
_EPOCH_WEEKDAY = 3
_WEEK = 7
#: Steps in days of periods that are whole weeks: months of four or five, quarters of 13 or 14.
_FISCAL_MONTHS, _FISCAL_QUARTERS = (28, 35), (91, 98)
#: A table has a step when this share of its distances fit it.
_MOST = 0.9
_MONTHS_OF: dict[Period, int] = {"month": 1, "quarter": 3}


@dataclass(frozen=True)
class CalendarRule:
    """What a week, a month and a quarter are: the weekday that weeks start on, the month that
    quarters are counted from (1 to 12), or a fiscal calendar whose months and quarters are whole
    weeks.
    """

    week_starts: Weekday = "monday"
    year_starts: int = 1
    fiscal: FiscalCalendar | None = None


PLAIN = CalendarRule()


@dataclass(frozen=True)
class Cadence:
    """The usual step of a table. `period` is None for steps that are no day, week, month or quarter;
    then only `days` counts. `fiscal` periods are whole weeks (4-4-5 and its like).
    """

    period: Period | None
    days: int
    fiscal: bool = False

    def __str__(self) -> str:
        if self.fiscal:
            return "by fiscal months" if self.period == "month" else "by fiscal quarters"
        words = {"day": "daily", "week": "weekly", "month": "monthly", "quarter": "quarterly"}
        return words[self.period] if self.period else f"every {self.days} days"


def find_cadence(days: np.ndarray) -> Cadence | None:
    """The usual step of sorted, distinct days; None for fewer than two."""
    if len(days) < 2:
        return None
    steps = np.diff(days).astype(int)
    usual = int(np.bincount(steps).argmax()) if steps.max() < 100_000 else int(np.median(steps))
    if usual in (1, _WEEK):
        return Cadence("day" if usual == 1 else "week", usual)
    if _of_whole_weeks(steps, _FISCAL_MONTHS):
        return Cadence("month", usual, fiscal=True)
    if _of_whole_weeks(steps, _FISCAL_QUARTERS):
        return Cadence("quarter", usual, fiscal=True)
    if len(steps) > 2 and (steps % 28 == 0).all():
        return Cadence(None, usual)  # four weeks each time are no month
    if 28 <= usual <= 31:
        return Cadence("month", usual)
    return Cadence("quarter", usual) if 89 <= usual <= 92 else Cadence(None, usual)


def _of_whole_weeks(steps: np.ndarray, lengths: tuple[int, int]) -> bool:
    """Whether the steps are those of a fiscal calendar: both lengths occur and nearly all fit."""
    if len(steps) < 3 or (steps % _WEEK).any():
        return False
    fits = np.isin(steps, lengths)
    both = all((steps == length).any() for length in lengths)
    always_quarters = lengths == _FISCAL_QUARTERS and bool((steps == lengths[0]).all())
    return (both or always_quarters) and float(fits.mean()) >= _MOST


def irregular(days: np.ndarray, cadence: Cadence) -> tuple[np.ndarray, np.ndarray]:
    """(periods missing between the first and the last day, days out of step) of sorted, distinct
    days.

    Calendar months are in step with one date in each month, whatever its day: firsts, ends, first
    Mondays. Periods of whole weeks are in step where they have one of the two lengths.
    """
    if cadence.fiscal:
        lengths = _FISCAL_MONTHS if cadence.period == "month" else _FISCAL_QUARTERS
        odd = np.append(False, ~np.isin(np.diff(days).astype(int), lengths))
        return days[:0], days[odd]
    if cadence.period in ("month", "quarter"):
        return _irregular_months(days, _MONTHS_OF[cadence.period])
    # The phase most days share, so that one odd first day does not make all others odd.
    phases = days.astype(np.int64) % cadence.days
    usual = np.bincount(phases).argmax()
    steady = days[phases == usual]
    expected = np.arange(
        steady[0], steady[-1] + np.timedelta64(1, "D"), np.timedelta64(cadence.days, "D")
    )
    return np.setdiff1d(expected, steady), days[phases != usual]


def _irregular_months(days: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:
    """As `irregular`, for one date every `step` months."""
    months = days.astype("datetime64[M]")
    phases = months.astype(np.int64) % step
    usual = np.bincount(phases).argmax()
    steady = months[phases == usual]
    expected = np.arange(steady[0], steady[-1] + 1, step)
    missing = np.setdiff1d(expected, steady)
    repeated = np.append(False, months[1:] == months[:-1])
    offsets = (days - months.astype("datetime64[D]")).astype(int)
    day = np.timedelta64(int(np.bincount(offsets).argmax()), "D")
    last = (missing + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    named = np.minimum(missing.astype("datetime64[D]") + day, last)
    return named, days[(phases != usual) | repeated]


def weekday(days: np.ndarray) -> np.ndarray:
    """0 for Monday to 6 for Sunday."""
    return (days.astype("datetime64[D]").astype(np.int64) + _EPOCH_WEEKDAY) % _WEEK


def period_start(days: np.ndarray, period: Period, rule: CalendarRule = PLAIN) -> np.ndarray:
    """The first day of the calendar period that holds each day."""
    days = days.astype("datetime64[D]")
    if period == "day" or not len(days):
        return days
    if period == "week":
        back = (weekday(days) - WEEKDAYS.index(rule.week_starts)) % _WEEK
        return days - back.astype("timedelta64[D]")
    if rule.fiscal is not None:
        starts = rule.fiscal.starts_between(days.min(), days.max(), quarters=period == "quarter")
        return starts[np.searchsorted(starts, days, side="right") - 1]
    months = days.astype("datetime64[M]")
    if period == "quarter":
        months = months - (months.astype(np.int64) - (rule.year_starts - 1)) % 3
    return months.astype("datetime64[D]")


def next_period(starts: np.ndarray, period: Period, rule: CalendarRule = PLAIN) -> np.ndarray:
    """The first day after each period."""
    starts = starts.astype("datetime64[D]")
    if period in _MONTHS_OF and rule.fiscal is not None and len(starts):
        quarters = period == "quarter"
        known = rule.fiscal.starts_between(starts.min(), starts.max(), quarters=quarters)
        return known[np.searchsorted(known, starts, side="right")]
    if period in _MONTHS_OF:
        return (starts.astype("datetime64[M]") + _MONTHS_OF[period]).astype("datetime64[D]")
    return starts + np.timedelta64(_WEEK if period == "week" else 1, "D")


def period_label(start: dt.date, period: Period, rule: CalendarRule = PLAIN) -> str:
    """What people call a period by its first day: 2024-W05, 2024-01, Q1 2024, P1 FY2024.

    A week that starts on another day than Monday is called by that day.
    """
    if period in _MONTHS_OF and rule.fiscal is not None:
        return rule.fiscal.label(start, quarters=period == "quarter")
    if period == "week" and rule.week_starts == "monday":
        year, week, _ = start.isocalendar()
        return f"{year}-W{week:02d}"
    if period == "month":
        return f"{start:%Y-%m}"
    if period == "quarter":
        months = (start.month - rule.year_starts) % 12
        begun = start.year - (start.month < rule.year_starts)
        year = begun + (rule.year_starts > 6)  # the year that most of it lies in
        return f"Q{months // 3 + 1} {'FY' if rule.year_starts > 1 else ''}{year}"
    return start.isoformat()


def distinct_days(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(distinct days in order, each row's place among them, -1 for rows without a day)."""
    known = ~np.isnat(days)
    if not known.any():
        return np.array([], "datetime64[D]"), np.full(len(days), -1)
    numbers = days.astype(np.int64)
    low, high = int(numbers[known].min()), int(numbers[known].max())
    if high - low > max(
        10 * len(days), 1_000_000
    ):  # a typing error like the year 20024: count distinct ones instead
        periods, places = np.unique(days[known], return_inverse=True)
        row_period = np.full(len(days), -1)
        row_period[known] = places
        return periods, row_period
    there = np.zeros(high - low + 1, bool)
    there[numbers[known] - low] = True
    place = np.cumsum(there) - 1
    row_period = np.where(known, place[np.where(known, numbers - low, 0)], -1)
    return (np.flatnonzero(there) + low).astype("datetime64[D]"), row_period


def repeated_rows(row_period: np.ndarray, markets: np.ndarray, periods: int) -> np.ndarray:
    """Rows whose date (-1: none) and market an earlier row has; faster than sorting where it can be
    counted.
    """
    known = np.flatnonzero(row_period >= 0)
    keys = markets[known] * max(periods, 1) + row_period[known]
    if not len(keys):
        return known
    size = int(keys.max()) + 1
    if size <= max(10 * len(keys), 1_000_000) and np.bincount(keys, minlength=size).max() < 2:
        return known[:0]
    _, first = np.unique(keys, return_index=True)
    return np.setdiff1d(known, known[first], assume_unique=True)
