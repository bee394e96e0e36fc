"""How numbers look."""

from __future__ import annotations

from datetime import date

import pytest

from mmm.format import COLUMNS, MISSING, Labels, cell, compact, count, fixed, percent, ratio, span
from mmm.results.findings import implausible_figures

ROAS = Labels("revenue", "revenue", "EUR")
CPA = Labels("orders", "conversion", "USD", step_days=1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1_234_567, "1.23M"),
        (-58_123, "-58.1k"),
        (999.6, "1.00k"),
        (999_950, "1.00M"),
        (12.0, "12.0"),
        (345.0, "345"),
        (0.04567, "0.0457"),
        (-1e-11, "0"),
        (0.0000004, "0"),
        (-0.0000006, "-0.000001"),
        (2.5e9, "2.50B"),
        (None, MISSING),
        (float("nan"), MISSING),
        (float("inf"), MISSING),
    ],
)
def test_compact_numbers_have_three_digits(value: float | None, text: str) -> None:
    assert compact(value) == text


def test_percent_has_one_digit_and_no_negative_zero() -> None:
    assert [percent(value) for value in (0.1234, -0.0001, -0.1, None)] == [
        "12.3 %",
        "0.0 %",
        "-10.0 %",
        MISSING,
    ]


def test_rounding_leaves_no_negative_zero() -> None:
    assert [fixed(value) for value in (-0.001, -1234.5, 0.0)] == ["0.00", "-1,234.50", "0.00"]
    assert (ROAS.money(-1e-11), ROAS.efficiency_value(-1e-11)) == ("EUR 0", "0.00")


def test_revenue_reports_roas_and_conversions_report_cpa() -> None:
    assert (ROAS.efficiency, ROAS.efficiency_value(3.14159), ROAS.effect(1e6)) == (
        "ROAS",
        "3.14",
        "EUR 1.00M",
    )
    assert (CPA.efficiency, CPA.efficiency_value(3.14159), CPA.effect(1e6)) == (
        "CPA",
        "USD 3.14",
        "1.00M",
    )
    assert (ROAS.interval(2, 1, 3), CPA.interval(2, 1, 3)) == (
        "2.00 (1.00 to 3.00)",
        "USD 2.00 (1.00 to 3.00)",
    )
    assert ROAS.interval(2, None, 3) == "2.00"
    assert CPA.interval(2, 1, None) == "USD 2.00 (1.00 or more)"  # the effect may be none
    assert (CPA.interval(2, None, None), CPA.interval(None, 1, None)) == ("USD 2.00", MISSING)


def test_periods_and_dates_are_named() -> None:
    assert (ROAS.period, CPA.period, Labels("x", "revenue", "EUR", 31).period) == (
        "week",
        "day",
        "month",
    )
    assert span(date(2016, 1, 4), date(2018, 12, 31)) == "4 Jan 2016 to 31 Dec 2018"
    assert (count(1, "week"), count(1500, "week")) == ("1 week", "1,500 weeks")


def test_every_declared_column_can_show_a_missing_value() -> None:
    assert {cell(name, None, ROAS) for name in COLUMNS} == {MISSING}
    assert cell("date", date(2020, 2, 3), ROAS) == "2020-02-03"
    assert cell("confidence", "inconclusive", ROAS) == "inconclusive"
    assert (cell("weight", 0.5, ROAS), cell("recommended", True, ROAS)) == ("0.5000", "yes")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.234, "1.23"),
        (0.1, "0.10"),
        (0.0999, "0.10"),
        (0.0023, "0.0023"),
        (0.00049, "0.00049"),
        (-0.0123, "-0.012"),
        (0.0, "0.00"),
        (1e-9, "0.00"),
    ],
)
def test_a_small_roas_keeps_significant_digits(value: float, text: str) -> None:
    assert ratio(value) == text


def test_figures_that_are_hard_to_believe_are_named() -> None:
    revenue = Labels("sales", "revenue", "EUR")
    channels = [
        {"channel": "tv", "roi": 1336.0},
        {"channel": "radio", "roi": 0.0023},
        {"channel": "search", "roi": 2.0},
        {"channel": "off", "roi": 0.0},
    ]
    assert implausible_figures(channels, 0.2, 0.9, revenue) == [
        "Implausible ROAS: tv 1,336.00 and radio 0.0023. A ROAS above 100 or below 0.01 usually means "
        "that spend and KPI are in different units or currencies."
    ]
    assert implausible_figures(channels[2:], 0.2, 0.9, revenue) == []
    few = implausible_figures(channels[2:], 0.001, 0.12, revenue)
    assert few == [
        "Paid media carry 0.1 % of sales: below 0.5 % the model sees next to no effect of advertising.",
        "The model explains 12.0 % of the variation in training (R2 0.12): below 0.30 its split of the "
        "KPI rests on little.",
    ]
    assert implausible_figures(channels, 0.2, None, Labels("orders", "conversion", "EUR")) == []
