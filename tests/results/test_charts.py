"""Charts are valid Vega-Lite, hold all they need, and survive awkward input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pyarrow as pa
import pytest

from mmm.engines.base import EngineResult
from mmm.format import Labels
from mmm.results import charts
from mmm.results.views import VIEWS, View
from mmm.simulation.generator import World, simulate

ROAS = Labels("revenue", "revenue", "EUR")
CPA = Labels("orders", "conversion", "EUR")


_WITH_MONEY = [view for view in VIEWS if view.key in ("share_of_spend", "efficiency")]


@pytest.mark.parametrize(
    ("view", "labels"), [(view, ROAS) for view in VIEWS] + [(view, CPA) for view in _WITH_MONEY]
)
def test_every_chart_is_valid_vega_lite_without_outside_data(
    view: View, labels: Labels, result: EngineResult
) -> None:
    chart = view.chart(view.numbers(result.tables, result.recommended, labels), labels)
    spec = chart.to_dict()  # raises when it is not valid against the schema
    assert '"url"' not in json.dumps(spec)
    assert spec["datasets"]


def test_every_channel_of_twenty_is_named_in_full(make_result: Callable[..., EngineResult]) -> None:
    world = simulate(7, "standard", channels=20)
    result = make_result(world)
    for view in VIEWS:
        if view.key in (
            "waterfall",
            "share_of_spend",
            "efficiency",
            "response_curves",
            "adstock",
            "carryover",
        ):
            with charts.unvalidated():
                picture = charts.svg(
                    view.chart(view.numbers(result.tables, result.recommended, ROAS), ROAS)
                )
            texts = re.findall(r">([^<>]+)</text>", picture)
            assert set(world.spend) <= set(texts), view.key


def test_validation_and_test_periods_are_shaded(
    world: World, make_result: Callable[..., EngineResult]
) -> None:
    view = next(view for view in VIEWS if view.key == "actual_vs_fitted")
    shaded = {}
    for split in (False, True):
        result = make_result(world, split=split)
        spec = view.chart(view.numbers(result.tables, result.recommended, ROAS), ROAS).to_dict()
        rows = [row for data in spec["datasets"].values() for row in data]
        shaded[split] = sorted(
            (row["period"], row["date"], row["end"]) for row in rows if "period" in row
        )
    first_val, first_test = world.dates[int(0.7 * 156)], world.dates[int(0.85 * 156)]
    assert shaded[False] == []
    assert shaded[True][1] == ("validation", first_val.isoformat(), first_test.isoformat())
    assert shaded[True][0][:2] == ("test", first_test.isoformat())


def test_nothing_kept_but_one_model_still_draws(result: EngineResult) -> None:
    models = result.tables["models"]
    only = models.filter(models["recommended"])
    view = next(view for view in VIEWS if view.key == "pareto")
    numbers = view.numbers({"models": only}, result.recommended, ROAS)
    assert numbers.num_rows == 1
    assert result.recommended in charts.svg(view.chart(numbers, ROAS))


def test_unknown_efficiency_is_drawn_as_a_dash() -> None:
    unknown = ("value", "low", "high", "marginal", "spend_share", "confidence")
    numbers = pa.table({"channel": ["a"], **{name: [None] for name in unknown}})
    assert "–" in charts.svg(charts.efficiency(numbers, CPA))


def test_a_cpa_interval_without_an_upper_end_is_drawn_to_the_end_of_the_axis() -> None:
    row = {
        "channel": "a",
        "value": 4.0,
        "low": 2.0,
        "high": None,
        "marginal": 3.0,
        "spend_share": 1.0,
        "confidence": None,
    }
    drawn = charts.svg(charts.efficiency(pa.Table.from_pylist([row]), CPA))
    assert "EUR 4.00 (2.00 or more)" in drawn
    assert charts.up_to(4.2, [row]) == [{**row, "high": 4.2}]
    assert charts.up_to(4.2, [{"low": None, "high": None}]) == [{"low": None, "high": None}]


def test_no_far_point_is_left_out_and_break_even_lies_inside_the_axis() -> None:
    def row(value: float, high: float | None = None) -> dict[str, float | None]:
        return {"value": value, "low": 0.5 * value, "high": high or 1.5 * value, "marginal": value}

    far = [row(1.0), row(1.2), row(0.9), row(40.0)]
    assert charts.efficiency_end(far, ROAS) > 40.0
    assert charts.efficiency_end([row(0.1), row(0.2)], ROAS) > 1.0
    assert charts.efficiency_end([row(1.0), row(1.1), row(1.2, high=900.0)], ROAS) < 20.0
    assert charts.efficiency_end([row(0.1)], CPA) < 1.0
    assert charts.efficiency_end([], CPA) == 1.0
