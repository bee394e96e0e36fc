"""Regions' holidays and tables of one's own."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from mmm.data.holidays.own import Event, read_events
from mmm.data.holidays.regional import holidays_of
from mmm.errors import UserError

YEAR = dt.date(2024, 1, 1), dt.date(2024, 12, 31)


def test_a_region_has_its_own_holidays_beside_its_countrys() -> None:
    bavaria = {day for day, _ in holidays_of("DE-BY", *YEAR)}
    berlin = {day for day, _ in holidays_of("DE-BE", *YEAR)}
    epiphany, womens_day, unity = dt.date(2024, 1, 6), dt.date(2024, 3, 8), dt.date(2024, 10, 3)
    assert epiphany in bavaria - berlin
    assert womens_day in berlin - bavaria
    assert unity in berlin & bavaria
    assert holidays_of("DE", *YEAR)  # the country alone is Robyn's table


def test_an_unknown_region_is_named_with_near_ones() -> None:
    with pytest.raises(UserError, match="no holidays are known for the region 'DE-XX'"):
        holidays_of("DE-XX", *YEAR)


def test_a_table_of_school_holidays_and_one_of_paydays() -> None:
    school = pa.table(
        {
            "von": ["2024-07-29", "2024-02-12"],
            "bis": ["2024-09-09", "2024-02-16"],
            "Ferien": ["Sommer", " Winter "],
            "Land": ["BY", "BY"],
        }
    )
    assert read_events(school) == (
        Event("Winter", dt.date(2024, 2, 12), dt.date(2024, 2, 16)),
        Event("Sommer", dt.date(2024, 7, 29), dt.date(2024, 9, 9)),
    )
    paydays = pa.table({"date": [dt.date(2024, 1, 31)], "name": ["payday"]})
    assert read_events(paydays) == (Event("payday", dt.date(2024, 1, 31), dt.date(2024, 1, 31)),)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"date": ["2024-01-01"]}, "needs a column of dates and one of names"),
        ({"date": ["2024-01-01", None], "name": ["a", "b"]}, "no date in row 2"),
        ({"date": ["2024-01-01", "2024-01-02"], "name": ["a", None]}, "no name in row 2"),
        (
            {"start": ["2024-02-01"], "end": ["2024-01-01"], "name": ["a"]},
            "the end lies before the start in row 1",
        ),
        (
            {"ds": ["2024-05-01", "2024-07-14"], "holiday": ["a", "b"], "country": ["DE", "FR"]},
            "column 'country' holds 2 places, 'DE', 'FR': all would count",
        ),
    ],
)
def test_what_cannot_be_read_is_named(columns: dict[str, list[str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_events(pa.table(columns))
