"""A plan under the run's other models: bands, and gains that do not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mmm.engines.adstock_hill.curves import hill
from mmm.engines.adstock_hill.media import MediaModel
from mmm.format import Labels
from mmm.planning.allocation import allocate as allocate_with
from mmm.planning.plan import PlanDocument
from mmm.planning.request import PlanRequest
from mmm.planning.sides import sides_of
from mmm.planning.summary import plan_curves, plan_table, scenario_spends, scenario_totals
from mmm.planning.weighted import MeanResponse, weighted_quantiles
from mmm.results import plan_charts
from mmm.results.charts import svg
from planning_cases import allocate, history_of, planned_with

Make = Callable[..., MediaModel]


def models(make: Make, *strengths: tuple[float, float]) -> list[MediaModel]:
    """Models of tv and radio, 100 a week each, that differ in how much each can bring."""
    return [
        make(tv={"coefficient": tv, "theta": 0.3}, radio={"coefficient": radio})
        for tv, radio in strengths
    ]


def test_the_band_is_each_models_response_at_the_same_spends(
    make_model: Make, revenue: Labels
) -> None:
    kept = models(make_model, *((100.0 * k, 900.0 - 100.0 * k) for k in range(1, 9)))
    plan = allocate(kept[7], PlanRequest(), revenue, kept)
    rows = {row["channel"]: row for row in plan.channels.to_pylist()}
    radio = hill(rows["radio"]["spend"], 1.0, 100.0) * np.arange(800.0, 0.0, -100.0)
    assert rows["radio"]["response_low"] == pytest.approx(np.quantile(radio, 0.1))
    assert rows["radio"]["response_high"] == pytest.approx(np.quantile(radio, 0.9))
    today = hill(100.0, 1.0, 100.0) * np.arange(800.0, 0.0, -100.0)
    assert rows["radio"]["gain_low"] == pytest.approx(np.quantile(radio - today, 0.1))
    band = plan.totals.band
    assert band is not None
    assert band.models == 8
    assert band.response[0] <= plan.totals.response <= band.response[1] * 1.1


def test_a_gain_that_only_one_model_sees_is_no_change_worth_making(
    make_model: Make, revenue: Labels
) -> None:
    kept = models(make_model, (900.0, 100.0), (100.0, 900.0), (120.0, 880.0))
    alone = allocate(kept[0], PlanRequest(), revenue)
    assert alone.totals.worth_making
    assert alone.totals.band is None
    plan = allocate(kept[0], PlanRequest(), revenue, kept)
    assert plan.totals.even_gain == alone.totals.even_gain
    assert not plan.totals.worth_making
    assert plan.totals.band is not None
    assert plan.totals.band.agree == pytest.approx(1 / 3)
    assert plan.findings[1].startswith(
        "No change of the split is worth making. Against the current "
    )
    assert "in 80% of 3 kept models that the plan was not optimised on" in plan.findings[1]
    assert plan.findings[1].endswith("; 66.7 % of them see no gain.")


def test_a_gain_that_holds_names_its_band(make_model: Make, revenue: Labels) -> None:
    kept = models(make_model, (900.0, 100.0), (850.0, 120.0), (800.0, 90.0))
    plan = allocate(kept[0], PlanRequest(), revenue, kept)
    assert plan.totals.worth_making
    assert plan.totals.band is not None
    assert plan.totals.band.median_gain == pytest.approx(0.2, abs=0.1)
    assert "in 80% of 3 kept models that the plan was not optimised on." in plan.findings[1]


def test_the_plan_says_why_its_efficiency_is_not_the_reports(
    make_model: Make, revenue: Labels
) -> None:
    spend = np.tile([0.0, 200.0], 10)
    model = make_model(
        tv={"spend": spend, "theta": 0.5, "coefficient": 900.0}, radio={"spend": spend}
    )
    plan = allocate(model, PlanRequest(carryover="held"), revenue)
    effects = [medium.curve.apply(medium.input).response[4:].sum() for medium in model.paid]
    assert plan.totals.summed_efficiency == pytest.approx(sum(effects) / (2 * spend[4:].sum()))
    text = "\n".join(plan.findings)
    assert (
        f"Today's ROAS is {plan.totals.initial_roi:.2f} here and {plan.totals.summed_efficiency:.2f} with the real"
        in text
    )
    follows = allocate(model, PlanRequest(carryover="follows"), revenue)
    # The other reading of this plan's spends, not the other plan's gain.
    assert plan.totals.other_gain != pytest.approx(follows.totals.even_gain, rel=1e-3)
    assert (
        "The gain over the current allocation of the same money depends on the carryover: " in text
    )
    assert any("following the spend" in sentence for sentence in follows.findings)


def test_documents_before_there_were_bands_can_be_read(make_model: Make, revenue: Labels) -> None:
    plan = allocate(make_model(tv={}, radio={}), PlanRequest(), revenue)
    stored: dict[str, Any] = plan.document("20261128T000000-00000000").model_dump(mode="json")
    for name in ("band", "other_gain", "summed_efficiency", "target_reached"):
        del stored["totals"][name]
    old = PlanDocument.model_validate(stored)
    assert old.totals.band is None
    assert plan_table(old, revenue)["response_low"].null_count == 2
    assert scenario_totals([("old", old)]).to_pylist()[0]["gain_low"] is None


@pytest.mark.parametrize(
    "labels", [Labels("revenue", "revenue", "EUR"), Labels("orders", "conversion", "EUR")]
)
def test_tables_and_charts_of_a_plan(make_model: Make, labels: Labels) -> None:
    kept = models(make_model, (900.0, 100.0), (850.0, 120.0))
    plan = allocate(kept[0], PlanRequest(), labels, kept)
    table = plan_table(plan, labels)
    tv = table.to_pylist()[0]
    assert (tv["channel"], tv["spend_today"]) == ("tv", 100.0)
    key = "roi" if labels.revenue else "cpa"
    assert tv["value_plan"] == plan.channels[key][0].as_py()
    points = plan_curves(plan, history_of(kept[0]), planned_with([kept[0]], kept)).to_pylist()
    today = next(row for row in points if row["channel"] == "tv" and row["part"] == "today")
    assert today["response"] == plan.channels["initial_response"][0].as_py()
    band = [row for row in points if row["channel"] == "tv" and row["part"] == "curve"]
    assert all(
        row["low"] <= row["response"] + 1e-9 and row["response"] <= row["high"] * 1.06
        for row in band
    )
    document = plan.document("20261128T000000-00000000", name="a")
    named = [("a", document), ("b", document)]
    assert scenario_totals(named)["spend_plan"].to_pylist() == [plan.totals.spend] * 2
    for draw in (plan_charts.spend, plan_charts.response, plan_charts.marginal):
        assert "radio" in svg(draw(table, labels))
    assert "radio" in svg(
        plan_charts.curves(
            plan_curves(plan, history_of(kept[0]), planned_with([kept[0]], kept)), labels
        )
    )
    assert "radio" in svg(plan_charts.scenarios(scenario_spends(named), labels))


def test_many_draws_are_optimised_on_half_and_measured_on_the_other(
    make_model: Make, revenue: Labels
) -> None:
    rng = np.random.default_rng(3)
    strengths = rng.lognormal([6.8, 6.0], 0.4, (40, 2))
    drawn = models(make_model, *strengths)
    history, request = history_of(drawn[0]), PlanRequest(risk="expected")
    plan = allocate_with(history, planned_with(drawn), request, revenue)
    sides = sides_of(planned_with(drawn), history.window, request.carryover)
    assert len(sides.optimised.weights) == len(sides.shown.weights) == 20
    spend = np.array(plan.channels["spend"].to_pylist())
    shown = sides.shown.response(spend)
    assert plan.totals.response == pytest.approx(shown.mean(axis=0).sum())
    assert plan.totals.band is not None
    assert plan.totals.band.models == 20
    even = sides.shown.response(np.full(2, 100.0)).sum(axis=1)
    gains = shown.sum(axis=1) / even - 1.0
    assert plan.totals.band.median_gain == pytest.approx(np.median(gains))
    assert plan.totals.band.even_gain == pytest.approx(tuple(np.quantile(gains, (0.1, 0.9))))
    # The optimum of the mean of the first half, not of any model of it.
    marginal = MeanResponse(sides.optimised).marginal(spend)
    assert marginal[0] == pytest.approx(marginal[1], rel=1e-4)


def test_weights_count_in_the_mean_and_in_the_range() -> None:
    values, weights = np.array([0.0, 1.0, 2.0]), np.array([0.8, 0.1, 0.1])
    assert weighted_quantiles(values, np.full(3, 1 / 3), (0.5,)) == pytest.approx([1.0])
    low, high = weighted_quantiles(values, weights, (0.1, 0.9))
    assert low == pytest.approx(0.1 * 0.55 / 0.45, abs=0.2)
    assert high > low
