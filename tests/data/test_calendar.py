"""Cadences as tables have them, and periods of calendar and fiscal years by independent dates."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from mmm.data.calendar import (
    CalendarRule,
    Period,
    find_cadence,
    irregular,
    next_period,
    period_label,
    period_start,
)
from mmm.data.fiscal import fiscal_calendar


def days(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[D]")


def steps(start: str, *lengths: int) -> np.ndarray:
    return np.datetime64(start) + np.cumsum([0, *lengths])


MONTHS = np.arange(np.datetime64("2020-01"), np.datetime64("2023-01"))
FIRSTS = MONTHS.astype("datetime64[D]")
ENDS = (MONTHS + 1).astype("datetime64[D]") - np.timedelta64(1, "D")


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-03-01")), "daily"),
        (steps("2024-01-05", *[7] * 20), "weekly"),
        (FIRSTS, "monthly"),
        (ENDS, "monthly"),
        (FIRSTS[::3], "quarterly"),
        (ENDS[2::3], "quarterly"),
        (steps("2023-01-29", *[28, 28, 35] * 4), "by fiscal months"),
        (steps("2023-01-29", *[28, 35, 28] * 4), "by fiscal months"),
        (steps("2023-01-29", *[91] * 8), "by fiscal quarters"),
        (steps("2023-01-02", *[28] * 13), "every 28 days"),
        (steps("2023-01-02", *[14] * 13), "every 14 days"),
    ],
)
def test_cadences(found: np.ndarray, text: str) -> None:
    cadence = find_cadence(found)
    assert str(cadence) == text
    assert cadence is not None
    missing, odd = irregular(found, cadence)
    if cadence.period:
        assert (len(missing), len(odd)) == (0, 0)


def test_a_missing_month_end_is_named_by_its_own_last_day() -> None:
    without = np.delete(ENDS, 1)
    cadence = find_cadence(without)
    assert cadence is not None
    missing, odd = irregular(without, cadence)
    assert (missing.astype(str).tolist(), len(odd)) == (["2020-02-29"], 0)


#: First days of the retail calendar's fiscal years (Sunday nearest 1 February), as published.
RETAIL_YEARS = ("2021-01-31", "2022-01-30", "2023-01-29", "2024-02-04", "2025-02-02")


def test_retail_years_are_the_published_ones() -> None:
    calendar = fiscal_calendar("4-5-4", dt.date(2023, 1, 29))
    assert calendar.year_end == "nearest"
    assert [str(calendar.year_start(year)) for year in range(2021, 2026)] == list(RETAIL_YEARS)
    inside = calendar.starts_between(*days("2023-01-29", "2024-02-04"))
    year = inside[(inside >= np.datetime64("2023-01-29")) & (inside <= np.datetime64("2024-02-04"))]
    # 2023 has 53 weeks: the last period is five weeks where it otherwise is four.
    assert np.diff(year).astype(int).tolist() == [28, 35, 28] * 3 + [28, 35, 35]


def test_a_year_that_ends_on_the_last_saturday_of_august() -> None:
    calendar = fiscal_calendar("4-4-5", dt.date(2023, 8, 27))
    assert calendar.year_end == "last"
    # The years end on 26 August 2023 and 31 August 2024, the last Saturdays of their Augusts.
    assert [str(calendar.year_start(year)) for year in (2023, 2024)] == ["2023-08-27", "2024-09-01"]
    with pytest.raises(ValueError, match="the year would begin on 2023-09-03, not 2023-08-20"):
        fiscal_calendar("4-4-5", dt.date(2023, 8, 20))


FISCAL = CalendarRule(fiscal=fiscal_calendar("4-4-5", dt.date(2023, 1, 29)))


@pytest.mark.parametrize(
    ("period", "rule", "day", "start", "after", "label"),
    [
        ("week", CalendarRule(), "2024-12-31", "2024-12-30", "2025-01-06", "2025-W01"),
        ("week", CalendarRule("sunday"), "2024-12-31", "2024-12-29", "2025-01-05", "2024-12-29"),
        ("month", CalendarRule(), "2024-02-29", "2024-02-01", "2024-03-01", "2024-02"),
        ("quarter", CalendarRule(), "2024-12-31", "2024-10-01", "2025-01-01", "Q4 2024"),
        ("quarter", CalendarRule(year_starts=2), "2024-12-31", "2024-11-01", "2025-02-01", "Q4 FY2024"),
        ("quarter", CalendarRule(year_starts=2), "2025-01-31", "2024-11-01", "2025-02-01", "Q4 FY2024"),
        ("month", FISCAL, "2023-03-26", "2023-03-26", "2023-04-30", "P3 FY2023"),
        ("month", FISCAL, "2023-03-25", "2023-02-26", "2023-03-26", "P2 FY2023"),
        ("quarter", FISCAL, "2023-04-29", "2023-01-29", "2023-04-30", "Q1 FY2023"),
    ],
)  # fmt: skip
def test_periods(
    period: Period, rule: CalendarRule, day: str, start: str, after: str, label: str
) -> None:
    found = period_start(days(day), period, rule)
    assert str(found[0]) == start
    assert str(next_period(found, period, rule)[0]) == after
    assert period_label(found[0].item(), period, rule) == label
