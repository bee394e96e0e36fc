"""The efficient frontier as a view: what it says, that break-even is drawn, the file it makes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from mmm.format import Labels
from mmm.results import charts, frontier
from mmm.results.advice import Advice, read_advice

ROAS = Labels("revenue", "revenue", "EUR")
ORDERS = Labels("orders", "conversion", "EUR")


def row(
    spend: float, marginal: float | None, break_even: float | None = 1.0
) -> dict[str, float | None]:
    return {
        "spend": spend, "change": spend / 100.0 - 1.0, "response": 3.0 * spend, "response_low": 2.0 * spend,
        "response_high": 4.0 * spend, "value": 3.0, "marginal": marginal, "break_even": break_even,
        "losing": 0.0, "profit": None,
    }  # fmt: skip


def numbers(*rows: dict[str, float | None]):  # type: ignore[no-untyped-def]
    kept = SimpleNamespace(advice=Advice(frontier=rows))
    assert frontier.known(kept) == (len(rows) > 1)  # type: ignore[arg-type]
    return frontier.frontier(kept, "m", ROAS)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((2.0, 1.2, 0.8), "More money pays for itself up to EUR 100 per week (today's budget)"),
        ((2.0, 1.5, 1.2), "up to EUR 120 per week (20.0 % more than today's), the largest budget"),
        ((0.9, 0.5, 0.2), "Spend less in total: already the step from EUR 60.0 to EUR 80.0"),
    ],
)
def test_it_says_up_to_where_money_pays(steps: tuple[float, ...], said: str) -> None:
    rows = [row(60.0, None)]
    rows += [row(spend, step) for spend, step in zip((80.0, 100.0, 120.0), steps, strict=True)]
    assert said in frontier.finding(numbers(*rows), ROAS)


def test_of_conversions_a_step_may_cost_no_more_than_break_even() -> None:
    rows = [row(60.0, None, 30.0), row(80.0, 20.0, 30.0), row(100.0, 40.0, 30.0)]
    assert "pays for itself up to EUR 80.0" in frontier.finding(numbers(*rows), ORDERS)
    unknown = [row(60.0, None, None), row(80.0, 20.0, None)]
    assert "give the value of a conversion" in frontier.finding(numbers(*unknown), ORDERS)


def test_break_even_is_drawn_wherever_it_is_known() -> None:
    table = numbers(row(60.0, None, 2.5), row(80.0, 3.0, 2.5))
    assert '"even": 2.5' in json.dumps(frontier.chart(table, ROAS).to_dict())
    unknown = numbers(row(60.0, None, None), row(80.0, 3.0, None))
    assert '"even"' not in json.dumps(frontier.chart(unknown, ORDERS).to_dict())
    assert charts.efficiency_end([], Labels("orders", "conversion", "EUR", value=50.0)) > 50.0
    assert Labels("revenue", "revenue", "EUR", margin=0.4).break_even == pytest.approx(2.5)
    assert Labels("orders", "conversion", "EUR", value=50.0, margin=0.4).break_even == 20.0
    assert ORDERS.break_even is None


def test_advice_with_a_frontier_is_read_as_it_was_written() -> None:
    advice = Advice(frontier=(row(60.0, None), row(80.0, 2.0)))
    assert read_advice(advice.to_json()) == advice
    assert read_advice(Advice().to_json()).frontier == ()
