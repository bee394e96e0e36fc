"""The numbers behind the charts agree with the result tables, and the findings with the numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mmm.engines.base import EngineResult
from mmm.engines.schemas import SCHEMAS
from mmm.format import Labels, cell, heading
from mmm.results import findings, summary
from mmm.results.views import VIEWS
from mmm.simulation.generator import World, simulate

ROAS = Labels("revenue", "revenue", "EUR")
CPA = Labels("orders", "conversion", "EUR")


def test_the_waterfall_stands_on_the_baseline_and_ends_at_the_fitted_total(
    result: EngineResult, world: World
) -> None:
    rows = summary.waterfall(result.tables, result.recommended, ROAS).to_pylist()
    assert [row["kind"] for row in rows][:4] == ["intercept", "trend", "season", "holiday"]
    assert rows[0]["start"] == 0.0
    assert all(one["end"] == other["start"] for one, other in pairwise(rows))
    assert rows[-1]["end"] == pytest.approx((world.kpi - world.noise).sum())
    assert sum(row["share"] for row in rows) == pytest.approx(1.0)
    paid = [row["effect"] for row in rows if row["kind"] == "paid"]
    assert paid == sorted(paid, reverse=True)


def test_shares_and_returns_are_the_channels_own(result: EngineResult, world: World) -> None:
    rows = {
        row["channel"]: row
        for row in summary.channels(result.tables, result.recommended, ROAS).to_pylist()
    }
    assert set(rows) == set(world.spend)
    assert rows["tv"]["value"] == pytest.approx(world.effects["tv"].sum() / world.spend["tv"].sum())
    assert sum(row["spend_share"] for row in rows.values()) == pytest.approx(1.0)


def test_conversions_report_cost_per_conversion_and_put_unknown_last(
    result: EngineResult, world: World
) -> None:
    rows = summary.efficiency(result.tables, result.recommended, CPA).to_pylist()
    known = [row["value"] for row in rows if row["value"] is not None]
    assert known == sorted(known)
    (dead,) = (channel.name for channel in world.channels if channel.ceiling == 0)
    assert (rows[-1]["channel"], rows[-1]["value"], rows[-1]["marginal"]) == (dead, None, None)
    tv = next(row for row in rows if row["channel"] == "tv")
    assert tv["value"] == pytest.approx(world.spend["tv"].sum() / world.effects["tv"].sum())


def test_curves_join_at_the_largest_observed_spend_and_mark_today(
    result: EngineResult, world: World
) -> None:
    table = summary.curves(result.tables, result.recommended, ROAS)
    rows = [row for row in table.to_pylist() if row["channel"] == "tv"]
    parts = {
        name: [row for row in rows if row["part"] == name]
        for name in ("observed", "extrapolated", "today")
    }
    assert (
        parts["observed"][-1]["spend"]
        == parts["extrapolated"][0]["spend"]
        <= world.spend["tv"].max()
    )
    assert len(parts["observed"]) <= summary.CURVE_POINTS
    assert parts["today"][0]["spend"] == pytest.approx(world.spend["tv"].mean())


def test_break_even_is_where_one_more_unit_of_money_brings_what_it_costs(
    result: EngineResult,
) -> None:
    tables = dict(result.tables)
    curves = tables["curves"].sort_by([("model_id", "ascending"), ("channel", "ascending")])
    slopes = []
    for key in dict.fromkeys(
        zip(*(curves[n].to_pylist() for n in ("model_id", "channel")), strict=True)
    ):
        mine = pc.and_(pc.equal(curves["model_id"], key[0]), pc.equal(curves["channel"], key[1]))
        own = curves.filter(mine)
        slopes.append(np.gradient(own["response"].to_numpy(), own["spend"].to_numpy()))
    place = curves.schema.get_field_index("marginal_response")
    column = pa.array(np.concatenate(slopes))
    tables["curves"] = curves.set_column(place, "marginal_response", column)
    for margin in (None, 0.5):
        labels = Labels("revenue", "revenue", "EUR", margin=margin)
        enough = 1.0 if margin is None else 2.0
        table = summary.curves(tables, result.recommended, labels)
        rows = table.to_pylist()
        found = {row["channel"]: row for row in rows if row["part"] == "break-even"}
        today = {row["channel"]: row for row in rows if row["part"] == "today"}
        assert found
        beyond = []
        for name, point in found.items():
            assert point["marginal_response"] == enough
            if today[name]["spend"] > point["spend"]:
                beyond.append(name)
            line = [row for row in rows if row["channel"] == name and row["part"] == "observed"]
            line += [
                row for row in rows if row["channel"] == name and row["part"] == "extrapolated"
            ]
            step = max(after["spend"] - before["spend"] for before, after in pairwise(line))
            for row in line:
                # Beyond it the last unit of money brings less than it costs.
                if row["spend"] > point["spend"] + step:
                    assert row["marginal_response"] < enough
        said = findings.response_curves(table, labels)
        assert ("beyond break-even" in said) == bool(beyond)
        for name in beyond:
            assert name in said.partition("break-even:")[2]
    unknown = Labels("orders", "conversion", "EUR")
    parts = summary.curves(tables, result.recommended, unknown)["part"].to_pylist()
    assert "break-even" not in parts


def test_parts_over_time_add_up_to_the_fitted_kpi_even_when_channels_are_put_together(
    make_result: Callable[..., EngineResult],
) -> None:
    world = simulate(7, "standard", channels=20)
    result = make_result(world)
    table = summary.over_time(result.tables, result.recommended, ROAS)
    names = table["series"].unique().to_pylist()
    assert names[:2] == [summary.BASE_SERIES, summary.ORGANIC_SERIES]
    assert names[-1] == "13 other channels"
    assert len(names) == 2 + summary.SERIES_LIMIT
    total = np.array(table["effect"]).reshape(len(names), -1).sum(axis=0)
    np.testing.assert_allclose(total, world.kpi - world.noise, rtol=1e-9)


def test_the_pareto_plot_counts_every_candidate_within_its_frame(result: EngineResult) -> None:
    rows = summary.pareto(result.tables, result.recommended, ROAS).to_pylist()
    kept = [row for row in rows if row["part"] == "kept"]
    cells = [row for row in rows if row["part"] == "others"]
    models = [row for row in result.tables["models"].to_pylist() if row["front"] is None]
    limits = {
        name: np.quantile([row[name] for row in models], 0.9) for name in ("nrmse", "decomp_rssd")
    }
    inside = [row for row in models if all(row[name] <= limit for name, limit in limits.items())]
    assert (len(kept), sum(row["candidates"] for row in cells)) == (30, len(inside))
    assert [row["model_id"] for row in kept if row["shown"]] == [result.recommended]


def test_ten_thousand_candidates_make_few_cells(result: EngineResult) -> None:
    rng = np.random.default_rng(0)
    columns = {field.name: pa.nulls(10_000, field.type) for field in SCHEMAS["models"]}
    columns |= {
        "nrmse": pa.array(rng.gamma(2, 1, 10_000)),
        "decomp_rssd": pa.array(rng.gamma(2, 1, 10_000)),
    }
    crowd = pa.concat_tables([result.tables["models"], pa.table(columns, schema=SCHEMAS["models"])])
    table = summary.pareto({"models": crowd}, result.recommended, ROAS)
    assert table.num_rows <= 30 + summary.PARETO_BINS[0] * summary.PARETO_BINS[1]


def test_adstock_stops_where_nothing_is_left(result: EngineResult) -> None:
    table = summary.adstock(result.tables, result.recommended, ROAS)
    last = max(table["lag"].to_pylist())
    weights = [row["weight"] for row in result.tables["adstock"].to_pylist() if row["lag"] > last]
    assert last < 39
    assert max(weights) < summary.ADSTOCK_FLOOR


@pytest.mark.parametrize(
    ("weights", "periods"),
    [([1, 0.5, 0.25], 1), ([1, 0.8, 0.6], 3), ([0.2, 1, 0.6, 0.3], 2), ([1, 0, 0], 1)],
)
def test_half_life_counts_from_the_peak(weights: list[float], periods: int) -> None:
    assert summary.half_life(weights) == periods


def test_residuals_are_actual_less_fitted_and_measures_are_by_split(
    world: World, make_result: Callable[..., EngineResult]
) -> None:
    result = make_result(world, split=True)
    table = summary.fit(result.tables, result.recommended, ROAS)
    np.testing.assert_allclose(np.array(table["residual"]), world.noise, atol=1e-6)
    measures = summary.fit_measures(table)
    rows = slice(0, int(0.7 * len(world.kpi)))
    expected = (
        1 - (world.noise[rows] ** 2).sum() / ((world.kpi[rows] - world.kpi[rows].mean()) ** 2).sum()
    )
    assert list(measures) == ["train", "val", "test"]
    assert measures["train"]["rsq"] == pytest.approx(expected)


def test_the_waterfalls_finding_names_every_part() -> None:
    kinds = {"intercept": 30.0, "season": 10.0, "context": 20.0, "organic": 15.0, "paid": 25.0}
    numbers = pa.table(
        {"component": list(kinds), "kind": list(kinds), "effect": list(kinds.values())}
    )
    assert findings.waterfall(numbers, ROAS) == (
        "Paid media bring 25.0 % of revenue, organic media 15.0 %, context (what else was observed) 20.0 %; "
        "the baseline (level, trend, seasons) stands for 40.0 %. The largest channel is paid with EUR 25.0."
    )


def test_one_channel_far_below_its_share_is_not_called_in_line() -> None:
    shares = pa.table(
        {
            "channel": ["a", "b", "c"],
            "spend_share": [0.4, 0.35, 0.25],
            "effect_share": [0.42, 0.37, 0.21],
        }
    )
    assert "c brings less: 21.0 % for 25.0 %." in findings.share_of_spend(shares, ROAS)


def test_findings_say_what_the_numbers_say() -> None:
    fit = pa.table(
        {
            "date": [date(2020, 1, 6), date(2020, 1, 13), date(2020, 1, 20), date(2020, 1, 27)],
            "actual": [100.0, 200.0, 100.0, 200.0],
            "fitted": [110.0, 190.0, 110.0, 190.0],
            "residual": [-10.0, 10.0, -10.0, 10.0],
            "split": ["train"] * 4,
        }
    )
    assert findings.actual_vs_fitted(fit, ROAS) == (
        "The model explains 96.0 % of the variation in revenue; on average it is 7.5 % off. "
        "No period was held out, so nothing here tests how it forecasts."
    )
    assert findings.residuals(fit, ROAS).startswith(
        "Residuals follow each other (correlation of neighbours -0.75)"
    )
    shares = pa.table(
        {"channel": ["a", "b"], "spend_share": [0.7, 0.3], "effect_share": [0.5, 0.5]}
    )
    assert findings.share_of_spend(shares, ROAS) == (
        "b brings more than its share: 50.0 % of the paid effect for 30.0 % of spend. a brings less: 50.0 % for 70.0 %."
    )


@pytest.mark.parametrize("labels", [ROAS, CPA])
def test_every_view_has_a_finding_and_says_how_to_read_it(
    result: EngineResult, labels: Labels
) -> None:
    for view in VIEWS:
        numbers = view.numbers(result.tables, result.recommended, labels)
        for sentence in (view.finding(numbers, labels), view.how_to_read(labels)):
            assert sentence.endswith(".")
            assert "{" not in sentence
            assert "None" not in sentence
            assert "nan" not in sentence


def test_effects_add_up_per_period_and_shares_to_one() -> None:
    days = [date(2024, 1, 1), date(2024, 1, 29), date(2024, 2, 5), date(2024, 4, 1)]
    effects = {"a": 1.0, "b": 3.0}
    rows = [
        {"series": name, "date": day, "effect": effect}
        for name, effect in effects.items()
        for day in days
    ]
    numbers = pa.Table.from_pylist(rows)
    months = summary.by_period(numbers, "month")
    assert months.column_names == ["series", "date", "effect"]
    found = {(row["series"], row["date"].isoformat()): row["effect"] for row in months.to_pylist()}
    assert found["a", "2024-01-01"] == 2.0
    assert found["b", "2024-01-01"] == 6.0
    assert found["b", "2024-04-01"] == 3.0
    quarters = summary.by_period(numbers, "quarter")
    assert [row["effect"] for row in quarters.to_pylist()] == [3.0, 1.0, 9.0, 3.0]
    assert summary.as_share(quarters)["share"].to_pylist() == [0.25, 0.25, 0.75, 0.75]
    assert summary.by_period(numbers, "day").equals(numbers)


def test_periods_are_no_shorter_than_the_datas() -> None:
    assert summary.periods_from(1) == ["day", "week", "month", "quarter", "year"]
    assert summary.periods_from(7) == ["week", "month", "quarter", "year"]
    assert summary.periods_from(30) == ["month", "quarter", "year"]


def test_the_waterfall_in_shares_ends_at_one(result: EngineResult) -> None:
    numbers = summary.as_share(summary.waterfall(result.tables, result.recommended, ROAS))
    assert "effect" not in numbers.column_names
    assert numbers["end"][-1].as_py() == pytest.approx(1.0)
    assert sum(numbers["share"].to_pylist()) == pytest.approx(1.0)


def test_every_component_keeps_its_own_row_per_date(result: EngineResult) -> None:
    numbers = summary.by_component(result.tables, result.recommended, ROAS)
    waterfall = summary.waterfall(result.tables, result.recommended, ROAS)
    wide = summary.pivoted(numbers, "date", "component", "effect")
    assert wide.column_names == ["date", *waterfall["component"].to_pylist()]
    sums = [sum(wide[name].to_pylist()) for name in wide.column_names[1:]]
    assert sums == pytest.approx(waterfall["effect"].to_pylist())


def test_how_firm_is_said_in_the_same_words_everywhere(result: EngineResult) -> None:
    rows = [row | {"confidence": "inconclusive"} for row in result.tables["channels"].to_pylist()]
    tables = {"channels": pa.Table.from_pylist(rows, SCHEMAS["channels"])}
    numbers = summary.efficiency(tables, result.recommended, ROAS)
    assert set(numbers["confidence"].to_pylist()) == {"inconclusive"}
    assert "Inconclusive for " in findings.efficiency(numbers, ROAS)


def _split(*parts: tuple[str, str, float]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"component": name, "kind": kind, "share": share} for name, kind, share in parts]
    )


def test_a_split_that_is_hard_to_believe_is_told_with_the_rule() -> None:
    one, two = findings.implausible(
        _split(
            ("intercept", "intercept", 0.0), ("competitor", "context", 0.69), ("tv", "paid", 0.31)
        ),
        ROAS,
    )
    assert one.startswith(
        "competitor carries 69.0 % of revenue: one context variable with more than 50 % usually"
    )
    assert two.startswith("The level (intercept) is 0: ")
    (negative,) = findings.implausible(
        _split(("intercept", "intercept", 0.2), ("trend", "trend", -0.3), ("tv", "paid", 0.7)), ROAS
    )
    assert negative.startswith("The baseline (level, trend, seasons) is negative (-10.0 %)")
    (paid,) = findings.implausible(
        _split(("intercept", "intercept", 0.1), ("tv", "paid", 0.9)), ROAS
    )
    assert paid.startswith("Paid media carry 90.0 % of revenue: more than 80 %")
    plausible = _split(
        ("intercept", "intercept", 0.5), ("price", "context", 0.3), ("tv", "paid", 0.2)
    )
    assert findings.implausible(plausible, ROAS) == []


def test_worth_and_margin_give_roas_and_profit(result: EngineResult) -> None:
    tables, model = result.tables, result.recommended
    sold = summary.channels(tables, model, Labels("orders", "conversion", "EUR", 7, 50.0, 0.4))
    for row in sold.to_pylist():
        contribution, spend = row["contribution"], row["spend"]
        assert row["roas"] == pytest.approx(50.0 * contribution / spend)
        assert row["profit"] == pytest.approx(0.4 * 50.0 * contribution - spend)
        assert row["profit_low"] <= row["profit"] <= row["profit_high"]
    open_worth = summary.channels(
        tables, model, Labels("orders", "conversion", "EUR", 7, None, 0.4)
    )
    assert not {"roas", "profit"} & set(open_worth.column_names)
    for name in summary.money_columns(Labels("orders", "conversion", "EUR", 7, 50.0, 0.4)):
        assert cell(name, 1234.5, ROAS)
        assert heading(name, ROAS)
    labels = Labels("revenue", "revenue", "EUR", 7, None, 0.4)
    told = findings.efficiency(summary.efficiency(tables, model, labels), labels)
    assert "At a margin of 40" in told
