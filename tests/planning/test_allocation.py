"""Plans: tie-out, bounds and sums, what is infeasible and what would be feasible, what the
sentences say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from mmm.engines.adstock_hill.curves import hill_slope
from mmm.engines.adstock_hill.media import MediaModel
from mmm.errors import UserError
from mmm.format import Labels
from mmm.planning.findings import answer
from mmm.planning.plan import Plan, PlanDocument
from mmm.planning.request import PlanRequest
from planning_cases import allocate, history_of

Make = Callable[..., MediaModel]


def _rows(plan: Plan) -> dict[str, dict[str, Any]]:
    return {row["channel"]: row for row in plan.channels.to_pylist()}


@pytest.fixture
def model(make_model: Make) -> MediaModel:
    rng = np.random.default_rng(4)
    return make_model(
        tv={
            "spend": rng.uniform(0, 300, 20).round(2),
            "theta": 0.5,
            "inflexion": 400.0,
            "coefficient": 900.0,
        },
        radio={
            "spend": rng.uniform(0, 100, 20).round(2),
            "alpha": 2.0,
            "inflexion": 90.0,
            "coefficient": 700.0,
        },
        search={
            "spend": rng.uniform(0, 50, 20).round(2),
            "exposure_price": rng.uniform(0.5, 2.0, 20),
            "inflexion": 30.0,
            "coefficient": 300.0,
        },
    )


@pytest.mark.parametrize("period", ["all", "last_5", "2024-01-02:2024-03-01"])
def test_the_initial_column_is_the_spend_in_the_books(
    model: MediaModel, revenue: Labels, period: str
) -> None:
    plan = allocate(model, PlanRequest(period=period), revenue)
    rows = history_of(model).rows(period)
    assert all(plan.tie_out["ties"].to_pylist())
    for medium in model.paid:
        row = _rows(plan)[medium.name]
        assert abs(row["initial_spend_total"] - medium.money()[rows].sum()) < 0.005
        assert abs(row["initial_spend"] * len(rows) - medium.money()[rows].sum()) < 0.005
    assert plan.totals.spend_total == pytest.approx(plan.totals.initial_spend_total, rel=1e-9)


def test_the_table_is_the_curves_at_its_spends(model: MediaModel, revenue: Labels) -> None:
    plan = allocate(model, PlanRequest(periods=4, carryover="held"), revenue)
    tv = _rows(plan)["tv"]
    carried = model.medium("tv").curve.apply(model.medium("tv").input).carryover_input[4:].mean()
    z = tv["spend"] + carried
    assert tv["response"] == pytest.approx(900.0 * z / (z + 400.0), rel=1e-12)
    assert tv["roi"] == pytest.approx(tv["response"] / tv["spend"])
    assert tv["cpa"] == pytest.approx(tv["spend"] / tv["response"])
    assert tv["response_total"] == pytest.approx(4 * tv["response"])
    assert (tv["low"], tv["high"]) == pytest.approx(
        (0.5 * tv["initial_spend"], 2.0 * tv["initial_spend"])
    )
    assert sum(row["spend_share"] for row in _rows(plan).values()) == pytest.approx(1.0)
    assert plan.totals.response == pytest.approx(
        sum(row["response"] for row in _rows(plan).values())
    )


def test_bounds_by_channel_by_money_and_by_sum(model: MediaModel, revenue: Labels) -> None:
    request = PlanRequest(
        high=1.5,
        limits={
            "tv": {"low": 0.9, "high": 1.1},
            "search": {"least": 30.0},
            "tv+radio": {"most": 200.0},
        },
    )
    plan = allocate(model, request.model_copy(update={"budget_rule": "at_most"}), revenue)
    rows = _rows(plan)
    assert 0.9 - 1e-9 <= rows["tv"]["spend"] / rows["tv"]["initial_spend"] <= 1.1 + 1e-9
    assert rows["search"]["spend"] >= 30.0 - 1e-9
    assert rows["tv"]["spend"] + rows["radio"]["spend"] <= 200.0 * (1 + 1e-9)


@pytest.mark.parametrize(
    ("request_", "where", "message"),
    [
        (
            {"budget_per_period": 1e6},
            "budget",
            "above the most the channels' bounds allow. The nearest reachable budget",
        ),
        ({"budget_per_period": 1.0}, "budget", "below the least the channels' bounds allow."),
        (
            {"goal": "target", "target": 1e6},
            "target",
            "out of reach within the bounds: the best ROAS they allow is",
        ),
        (
            {"limits": {"tv+radio": {"least": 1e5}}},
            "limits.tv+radio",
            "asks for at least 100,000.00 per period, but",
        ),
        (
            {"limits": {"tv": {"least": 1e5}}},
            "limits.tv",
            "the lower bound 100,000.00 is above the upper bound",
        ),
        ({"limits": {"tv+tv": {"least": 1}}}, "limits.tv+tv", "names a channel twice."),
        ({"limits": {"tv+x": {"least": 1}}}, "limits.tv+x", "'x' is no paid channel of the model."),
    ],
)
def test_infeasible_says_which_constraint(
    model: MediaModel, revenue: Labels, request_: dict[str, Any], where: str, message: str
) -> None:
    with pytest.raises(UserError) as error:
        allocate(model, PlanRequest(**request_), revenue)
    assert error.value.where == where
    assert message in str(error.value)


@pytest.mark.parametrize("field", ["budget_per_period", "budget"])
@pytest.mark.parametrize("asked", [1e7, 0.5])
def test_the_nearest_budget_that_is_named_is_reachable(
    model: MediaModel, revenue: Labels, field: str, asked: float
) -> None:
    with pytest.raises(UserError) as error:
        allocate(model, PlanRequest(**{field: asked}), revenue)
    shown = error.value.fix.split("budget is ")[1].split(" in total")[0].split(" per period (")
    named = float(shown[field == "budget"].replace(",", ""))
    totals = allocate(model, PlanRequest(**{field: named}), revenue).totals
    assert (totals.spend if field == "budget_per_period" else totals.spend_total) == pytest.approx(
        named, rel=1e-9
    )


def test_sums_that_contradict_each_other_are_named(model: MediaModel, revenue: Labels) -> None:
    limits = {
        "tv+radio": {"most": 130.0},
        "radio+search": {"most": 60.0},
        "tv+radio+search": {"least": 380.0},
    }
    with pytest.raises(UserError) as error:
        allocate(model, PlanRequest(limits=limits), revenue)
    assert error.value.where == "limits of tv+radio, radio+search, tv+radio+search"


def test_the_best_reachable_target_that_is_named_is_reachable(
    model: MediaModel, revenue: Labels
) -> None:
    with pytest.raises(UserError) as error:
        allocate(model, PlanRequest(goal="target", target=1e6), revenue)
    best = float(str(error.value).split("they allow is ")[1].split(", at")[0].replace(",", ""))
    plan = allocate(model, PlanRequest(goal="target", target=best * 0.999), revenue)
    assert plan.totals.roi == pytest.approx(best, rel=2e-3)


def test_a_cost_per_conversion_is_a_target_too(model: MediaModel) -> None:
    labels = Labels("orders", "conversion", "EUR")
    plan = allocate(model, PlanRequest(goal="target"), labels)
    today = plan.totals.initial_cpa
    assert today is not None
    assert plan.totals.target == pytest.approx(1.2 * today)
    assert plan.totals.cpa is not None
    assert plan.totals.cpa <= 1.2 * today * (1 + 1e-9)
    assert plan.findings[0].startswith("At a CPA of EUR ")


@pytest.mark.parametrize(
    ("roi", "reached", "said"),
    [
        (2.0, 2.0, "At a ROAS of 2.00, "),
        (1.9, 2.0, "At a ROAS of 2.00 (1.90 over the draws that the plan was not optimised on), "),
        (2.2, 2.3, "At a ROAS of 2.00 (the bounds end at 2.20, better than the target), "),
        (1.9, 2.1, "At a ROAS of 2.00 (the bounds end at 1.90), "),
    ],
)
def test_a_target_stands_beside_the_efficiency_of_the_table(
    model: MediaModel, revenue: Labels, roi: float, reached: float, said: str
) -> None:
    totals = allocate(model, PlanRequest(goal="target"), revenue).totals
    given = {"target": 2.0, "roi": roi, "target_reached": reached}
    assert answer(totals.model_copy(update=given), revenue).startswith(said)


def test_no_change_worth_making_is_an_answer(make_model: Make, revenue: Labels) -> None:
    same = {"spend": 100.0, "inflexion": 100.0, "coefficient": 500.0}
    plan = allocate(make_model(tv=same, radio=same), PlanRequest(), revenue)
    assert not plan.totals.worth_making
    assert plan.findings[1].startswith("No change of the split is worth making")
    assert [row["spend"] for row in plan.channels.to_pylist()] == pytest.approx(
        [100.0, 100.0], rel=1e-4
    )


def test_a_change_worth_making_names_the_moves(make_model: Make, revenue: Labels) -> None:
    plan = allocate(
        make_model(tv={"coefficient": 5000.0}, radio={"coefficient": 50.0}), PlanRequest(), revenue
    )
    assert plan.totals.worth_making
    assert plan.findings[1].startswith(
        "Per week: more for tv (+EUR 50.0, +50.0 %); less for radio (-EUR 50.0, -50.0 %)."
    )


@pytest.mark.parametrize("seed", range(4))
def test_never_below_the_initial_response(make_model: Make, revenue: Labels, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channels = {
        f"c{i}": {
            "spend": rng.uniform(0, 300, 20),
            "alpha": rng.uniform(0.5, 3),
            "inflexion": rng.uniform(20, 400),
            "coefficient": rng.uniform(0, 1000),
            "theta": rng.uniform(0, 0.7),
        }
        for i in range(6)
    }
    for request in (
        PlanRequest(),
        PlanRequest(low=0.9, high=1.1),
        PlanRequest(budget_rule="at_most"),
    ):
        totals = allocate(make_model(**channels), request, revenue).totals
        assert totals.response >= totals.initial_response


def test_a_channel_without_effect_keeps_its_bounds(make_model: Make, revenue: Labels) -> None:
    model = make_model(tv={}, radio={"coefficient": 0.0})
    plan = allocate(model, PlanRequest(), revenue)
    assert _rows(plan)["radio"]["spend"] == pytest.approx(50.0)
    assert _rows(plan)["tv"]["spend"] == pytest.approx(150.0)
    assert any(text.startswith("radio has no effect here and keeps") for text in plan.findings)
    stopped = allocate(model, PlanRequest(limits={"radio": {"low": 0.0}}), revenue)
    assert _rows(stopped)["radio"]["spend"] == pytest.approx(0.0, abs=1e-3)
    assert any(text == "radio has no effect here and stops." for text in stopped.findings)
    assert not any("keeps within" in text for text in stopped.findings)
    kept = allocate(model, PlanRequest(limits={"radio": {"low": 0.8}}), revenue)
    assert _rows(kept)["radio"]["spend"] == pytest.approx(80.0, rel=1e-6)


def test_bounds_at_todays_spend_are_kept_without_any_effect_too(
    make_model: Make, revenue: Labels
) -> None:
    model = make_model(tv={}, radio={"coefficient": 0.0, "spend": 30.0})
    plan = allocate(model, PlanRequest(low=1, high=1), revenue)
    assert [row["spend"] for row in plan.channels.to_pylist()] == [100.0, 30.0]
    assert plan.totals.response_change == 0.0
    assert plan.totals.even_gain == pytest.approx(0.0, abs=1e-12)
    assert not plan.totals.worth_making


def test_carryover_is_counted_with_the_spend_that_causes_it(
    make_model: Make, revenue: Labels
) -> None:
    """A channel that is cut by nine tenths does not live on the carryover of what it lost."""
    model = make_model(tv={"theta": 0.8, "inflexion": 500.0}, radio={"coefficient": 4000.0})
    limits = {"tv": {"low": 0.1, "high": 0.1}}
    row = _rows(allocate(model, PlanRequest(limits=limits), revenue))["tv"]
    assert row["spend_change"] == pytest.approx(-0.9)
    assert row["roi"] <= 1000.0 * hill_slope(0.0, 1.0, 500.0) / (1.0 - 0.8) * (1 + 1e-9)


def test_a_channel_without_spend_in_the_range(make_model: Make, revenue: Labels) -> None:
    model = make_model(tv={}, radio={"spend": np.r_[np.full(15, 100.0), np.zeros(5)]})
    plan = allocate(model, PlanRequest(period="last_5"), revenue)
    assert _rows(plan)["radio"]["spend"] == 0.0
    assert (
        "radio had no spend in the date range, so factors give none; a bound in money would."
        in plan.findings
    )
    asked = allocate(model, PlanRequest(period="last_5", limits={"radio": {"most": 50.0}}), revenue)
    assert _rows(asked)["radio"]["spend"] > 0.0
    assert _rows(asked)["radio"]["spend_change"] is None


def test_carryover_may_follow_the_plan(make_model: Make, revenue: Labels) -> None:
    """Held, a channel that gets nothing still brings its carryover; following, it brings nothing."""
    model = make_model(tv={"theta": 0.5}, radio={})
    limits = {"tv": {"most": 0.0, "least": 0.0}}
    budget = {"budget_per_period": 150.0}
    held = allocate(model, PlanRequest(limits=limits, carryover="held", **budget), revenue)
    follows = allocate(model, PlanRequest(limits=limits, carryover="follows", **budget), revenue)
    assert _rows(held)["tv"]["response"] > 0.0
    assert _rows(follows)["tv"]["response"] == 0.0
    assert _rows(follows)["tv"]["initial_response"] == pytest.approx(
        _rows(held)["tv"]["initial_response"]
    )
    assert held.totals.held_response > 0.0
    assert follows.totals.held_response == 0.0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"budget": 1.0, "budget_per_period": 1.0}, "not both"),
        ({"goal": "target", "budget": 1.0}, "leave it out"),
        ({"target": 1.0}, "a target needs goal: target"),
        ({"low": 3.0}, "the lower bound 3 is above the upper bound 2"),
        ({"limits": {"tv": {"low": 1.0, "least": 1.0}}}, "either a factor or money"),
        ({"limits": {"tv": {"least": 2.0, "most": 1.0}}}, "above the upper bound"),
        ({"budget": -1.0}, "greater than 0"),
        ({"budgets": 1.0}, "Extra inputs"),
    ],
)
def test_requests_that_make_no_sense_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PlanRequest(**fields)


def test_a_plan_is_stored_as_it_is(model: MediaModel, revenue: Labels) -> None:
    plan = allocate(model, PlanRequest(period="last_5"), revenue)
    document = plan.document("20260101T000000-00000000", name="spring", created_by="ana")
    again = PlanDocument.model_validate_json(document.model_dump_json())
    assert again == document
    assert pa.Table.from_pylist(again.channels, schema=plan.channels.schema).equals(plan.channels)
