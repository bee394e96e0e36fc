"""Holidays by country."""

from __future__ import annotations

from datetime import date

import pytest

from mmm.data.holidays import countries, holidays
from mmm.errors import UserError


def test_german_holidays_of_a_year_come_by_date() -> None:
    found = holidays("DE", date(2016, 1, 1), date(2016, 5, 31))
    assert found == (
        (date(2016, 1, 1), "New Year's Day"),
        (date(2016, 3, 25), "Good Friday"),
        (date(2016, 3, 28), "Easter Monday"),
        (date(2016, 5, 1), "Labor Day"),
        (date(2016, 5, 5), "Ascension Day"),
        (date(2016, 5, 16), "Whit Monday"),
    )


def test_both_ends_are_included_and_an_empty_range_gives_nothing() -> None:
    assert holidays("DE", date(2016, 1, 1), date(2016, 1, 1)) == (
        (date(2016, 1, 1), "New Year's Day"),
    )
    assert holidays("DE", date(2016, 1, 2), date(2016, 1, 3)) == ()


def test_the_whole_table_is_read_with_line_breaks_in_names_mended() -> None:
    total = sum(
        len(holidays(country, date(1900, 1, 1), date(2100, 1, 1))) for country in countries()
    )
    assert (len(countries()), total) == (123, 87_651)
    assert all("\n" not in name for _, name in holidays("PT", date(1995, 1, 1), date(2044, 12, 31)))


def test_an_unknown_country_names_near_ones() -> None:
    with pytest.raises(
        UserError, match=r"country: no holidays are known for 'de'\. Did you mean one of .*DE"
    ):
        holidays("de", date(2016, 1, 1), date(2016, 12, 31))
