"""What forms are filled in with: from the data, or left open."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from mmm.data.defaults import (
    currency_of_countries,
    usual_countries,
    usual_currency,
    usual_market,
    usual_name,
    usual_period,
)
from mmm.data.mapping import Mapping
from mmm.workspace.tables import with_currencies

MAPPING = Mapping.model_validate({"date": "d", "kpi": "sales", "paid": [{"spend": "tv"}]})


def table(step: int = 1, **more: list[str]) -> pa.Table:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=step * i) for i in range(30)]
    return pa.table({"d": days, "sales": [1.0] * 30, "tv": [2.0] * 30, **more})


@pytest.mark.parametrize(
    ("file", "market"),
    [
        ("1_retail_de.csv", "DE"),
        ("Sales AT 2024.xlsx", "AT"),
        ("tv_spend_by_week.csv", "tv_spend_by_week"),
        ("Bericht (final).csv", "Bericht final"),
        ("../../x.csv", "x"),
        ("<b>.csv", "b"),
    ],
)
def test_a_market_is_called_by_the_country_in_the_files_name_or_the_file(
    file: str, market: str
) -> None:
    assert usual_market(table(), None, file) == market


def test_few_markets_in_a_column_name_the_dataset() -> None:
    assert usual_market(table(geo=["DE", "AT"] * 15), "geo", "x.csv") == "DE-AT"
    many = [f"city {i}" for i in range(30)]
    assert usual_market(table(geo=many), "geo", "cities.csv") == "cities"


def test_countries_come_from_a_market_that_is_named_by_them_alone() -> None:
    assert usual_countries("DE-AT") == ("DE", "AT")
    assert usual_countries("de") == ("DE",)
    assert usual_countries("shop DE") == ()
    assert currency_of_countries(("DE", "AT")) == "EUR"
    assert currency_of_countries(("DE", "CH")) is None
    assert currency_of_countries(()) is None


def test_the_currency_is_what_the_columns_say_or_open() -> None:
    assert usual_currency(table(), MAPPING, None) is None
    signs = with_currencies(table(other=[1.0] * 30), {"tv": "GBP", "other": "EUR"})
    assert usual_currency(signs, MAPPING, None) == "GBP"
    assert usual_currency(table(cur=["CHF"] * 30), MAPPING, None) == "CHF"
    both = with_currencies(table(), {"tv": "GBP", "sales": "EUR"})
    assert usual_currency(both, MAPPING, None) is None
    assert usual_currency(both, MAPPING, {"given": {"currency": "USD"}}) == "USD"


def test_days_become_weeks_and_longer_periods_stay() -> None:
    assert usual_period(table(), "d") == "week"
    assert usual_period(table(7), "d") == "week"
    months = [dt.date(2022 + i // 12, i % 12 + 1, 1) for i in range(30)]
    assert usual_period(pa.table({"d": months}), "d") == "month"


def test_a_run_is_named_by_market_kpi_and_span() -> None:
    days = [np.datetime64("2024-01-01"), np.datetime64("2024-12-30")]
    assert usual_name("DE", "sales", days) == "DE sales, 1 Jan 2024 to 30 Dec 2024"
