"""The calendar of a table: how far apart its periods are, which are missing, and in which longer
period each lies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Period = Literal["day", "week", "month"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
#: 1970-01-01, day 0 of datetime64, was a Thursday.
_EPOCH_WEEKDAY = 3


@dataclass(frozen=True)
class Cadence:
    """The usual step of a table. `period` is None for steps that are no day, week or month; then
    only `days` counts.
    """

    period: Period | None
    days: int

    def __str__(self) -> str:
        words = {"day": "daily", "week": "weekly", "month": "monthly"}
        return words[self.period] if self.period else f"every {self.days} days"


def find_cadence(days: np.ndarray) -> Cadence | None:
    """The usual step of sorted, distinct days; None for fewer than two."""
    if len(days) < 2:
        return None
    steps = np.diff(days).astype(int)
    usual = int(np.bincount(steps).argmax()) if steps.max() < 100_000 else int(np.median(steps))
    if 28 <= usual <= 31:
        return Cadence("month", usual)
    names: dict[int, Period] = {1: "day", 7: "week"}
    return Cadence(names.get(usual), usual)


def irregular(days: np.ndarray, cadence: Cadence) -> tuple[np.ndarray, np.ndarray]:
    """(periods missing between the first and the last day, days out of step) of sorted, distinct
    days.

    Months are in step when they all begin on the same day of the month, the most usual one.
    """
    if cadence.period == "month":
        months = days.astype("datetime64[M]")
        offsets = (days - months.astype("datetime64[D]")).astype(int)
        usual = np.bincount(offsets).argmax()
        missing = np.setdiff1d(np.arange(months[0], months[-1] + 1), months)
        repeated = np.append(False, months[1:] == months[:-1])
        return missing.astype("datetime64[D]") + np.timedelta64(usual, "D"), days[
            (offsets != usual) | repeated
        ]
    # The phase most days share, so that one odd first day does not make all others odd.
    phases = days.astype(np.int64) % cadence.days
    usual = np.bincount(phases).argmax()
    steady = days[phases == usual]
    expected = np.arange(
        steady[0], steady[-1] + np.timedelta64(1, "D"), np.timedelta64(cadence.days, "D")
    )
    return np.setdiff1d(expected, steady), days[phases != usual]


def weekday(days: np.ndarray) -> np.ndarray:
    """0 for Monday to 6 for Sunday."""
    return (days.astype("datetime64[D]").astype(np.int64) + _EPOCH_WEEKDAY) % 7


def period_start(days: np.ndarray, period: Period, week_starts: Weekday = "monday") -> np.ndarray:
    """The first day of the calendar period that holds each day."""
    days = days.astype("datetime64[D]")
    if period == "week":
        back = (weekday(days) - WEEKDAYS.index(week_starts)) % 7
        return days - back.astype("timedelta64[D]")
    return days.astype("datetime64[M]").astype("datetime64[D]") if period == "month" else days


def next_period(starts: np.ndarray, period: Period) -> np.ndarray:
    """The first day after each period."""
    starts = starts.astype("datetime64[D]")
    if period == "month":
        return (starts.astype("datetime64[M]") + 1).astype("datetime64[D]")
    return starts + np.timedelta64(7 if period == "week" else 1, "D")


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
