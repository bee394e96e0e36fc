"""Advice that is safe to follow: what is optimised under uncertainty, and which channels are held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.engines.adstock_hill.media import MediaModel
from mmm.errors import UserError
from mmm.format import Labels
from mmm.planning.allocation import allocate
from mmm.planning.frontier import frontier
from mmm.planning.plan import Plan
from mmm.planning.problem import NOTHING_KNOWN, Known
from mmm.planning.request import PlanRequest
from mmm.planning.risk import TAIL, downside, tail_mean
from planning_cases import history_of, planned_with

Make = Callable[..., MediaModel]


def drawn(make: Make, count: int, tv: float, spread: float) -> list[MediaModel]:
    """Draws that agree on radio and differ in tv, whose effect is `tv` in the middle."""
    strengths = tv + spread * np.linspace(-1.0, 1.0, count)
    return [
        make(tv={"coefficient": float(strength)}, radio={"coefficient": 800.0})
        for strength in strengths
    ]


def planned(
    models: list[MediaModel], labels: Labels, known: Known = NOTHING_KNOWN, **asked: Any
) -> Plan:
    made = replace(planned_with(models), known=known)
    return allocate(history_of(models[0]), made, PlanRequest(**asked), labels)


def spends(plan: Plan) -> dict[str, float]:
    return {row["channel"]: row["spend"] for row in plan.channels.to_pylist()}


def test_the_tail_is_the_mean_of_the_worst_tenth() -> None:
    values, weights = np.arange(20.0)[::-1], np.full(20, 0.05)
    assert tail_mean(values, weights) == pytest.approx(0.5)
    assert tail_mean(np.array([5.0, 1.0]), np.array([0.95, 0.05])) == pytest.approx(3.0)


def test_the_optimised_downside_is_nearly_the_exact_one_and_has_its_derivative() -> None:
    rng = np.random.default_rng(3)
    gains, weights = rng.normal(size=200), np.full(200, 1 / 200)
    value, slope = downside(gains, weights)
    assert value == pytest.approx(tail_mean(gains, weights), abs=0.02)
    assert slope.sum() == pytest.approx(1.0, rel=1e-6)
    # The weight of a draw is that of the tail, but for the smoothing's own derivative.
    assert slope.max() == pytest.approx(1 / 200 / TAIL, rel=0.01)
    step = 1e-5
    for k in (0, 1, 57, 199):
        more, less = gains.copy(), gains.copy()
        more[k], less[k] = gains[k] + step, gains[k] - step
        change = downside(more, weights)[0] - downside(less, weights)[0]
        assert change / (2.0 * step) == pytest.approx(slope[k], abs=1e-8)


def test_money_moves_only_where_that_pays_in_nearly_all_draws(
    make_model: Make, revenue: Labels
) -> None:
    unsure = drawn(make_model, 80, 1000.0, 900.0)
    expected = planned(unsure, revenue, risk="expected")
    careful = planned(unsure, revenue)
    assert spends(expected)["tv"] > 110.0
    assert spends(careful)["tv"] == pytest.approx(100.0, abs=1.0)
    assert not careful.totals.worth_making
    sure = planned(drawn(make_model, 80, 2400.0, 400.0), revenue)
    assert spends(sure)["tv"] > 140.0
    assert sure.totals.worth_making
    assert sure.totals.band is not None
    assert sure.totals.band.losing == 0.0
    assert sure.totals.band.downside is not None
    assert 0.0 < sure.totals.band.downside < sure.totals.band.median_gain  # type: ignore[operator]


UNSURE = Known({"tv": "inconclusive", "radio": "medium"})


def test_an_inconclusive_channel_is_held_and_listed_for_a_test(
    make_model: Make, revenue: Labels
) -> None:
    models = drawn(make_model, 40, 2400.0, 100.0)
    plan = planned(models, revenue, UNSURE)
    assert spends(plan) == pytest.approx({"tv": 100.0, "radio": 100.0}, rel=1e-6)
    assert plan.tests == ("tv",)
    said = "\n".join(plan.findings)
    assert "tv stays at today's spend: the confidence is inconclusive." in said
    assert "Test these: tv" in said
    row = plan.channels.to_pylist()[0]
    assert (row["confidence"], row["at_bound"]) == ("inconclusive", "held")


@pytest.mark.parametrize(
    "asked", [{"hold": "none"}, {"free": ("tv",)}, {"limits": {"tv": {"high": 1.3}}}]
)
def test_a_held_channel_can_be_freed(
    make_model: Make, revenue: Labels, asked: dict[str, Any]
) -> None:
    plan = planned(drawn(make_model, 40, 2400.0, 100.0), revenue, UNSURE, **asked)
    assert spends(plan)["tv"] > 125.0
    assert plan.tests == ("tv",)


def test_bounds_hold_for_a_held_channel_too(make_model: Make, revenue: Labels) -> None:
    models = drawn(make_model, 40, 2400.0, 100.0)
    plan = planned(models, revenue, UNSURE, low=1.1, high=1.5, budget_per_period=240.0)
    assert spends(plan) == pytest.approx({"tv": 110.0, "radio": 130.0}, rel=1e-6)


def test_a_split_that_the_bounds_forbid_is_not_what_a_plan_loses_against(
    make_model: Make, revenue: Labels
) -> None:
    models = drawn(make_model, 40, 2400.0, 100.0)
    plan = planned(models, revenue, UNSURE, low=0.2, high=1.0, budget_per_period=150.0)
    assert spends(plan) == pytest.approx({"tv": 100.0, "radio": 50.0}, rel=1e-3)
    text = " ".join(plan.findings)
    assert "Its split is not within the bounds of tv." in text
    assert "probability of losing" not in text
    assert "No change of the split" not in text
    within = planned(models, revenue, UNSURE, low=0.2, high=1.0)
    assert "not within the bounds" not in " ".join(within.findings)


def test_held_channels_keep_their_share_of_a_budget_that_is_out_of_reach_else(
    make_model: Make, revenue: Labels
) -> None:
    models = drawn(make_model, 40, 2400.0, 100.0)
    plan = planned(models, revenue, UNSURE, budget_per_period=360.0)
    assert spends(plan) == pytest.approx({"tv": 180.0, "radio": 180.0}, rel=1e-6)
    assert any("tv keeps its share of the budget" in text for text in plan.findings)
    near = planned(models, revenue, UNSURE, budget_per_period=220.0)
    assert spends(near) == pytest.approx({"tv": 100.0, "radio": 120.0}, rel=1e-6)


def test_a_budget_that_holding_puts_out_of_reach_says_so(make_model: Make, revenue: Labels) -> None:
    models = drawn(make_model, 40, 2400.0, 100.0)
    with pytest.raises(UserError) as error:
        planned(models, revenue, UNSURE, budget_per_period=500.0)
    assert "Held at today's spend, and can be freed: tv." in error.value.fix
    with pytest.raises(UserError, match="no paid channel"):
        planned(models, revenue, UNSURE, free=("television",))


def test_the_largest_profit_may_be_less_spend(make_model: Make, revenue: Labels) -> None:
    """radio: 800 x / (x + 100) brings one for one at x = 182.8; at a value of 0.3 at 54.9."""
    models = drawn(make_model, 40, 800.0, 1.0)
    plan = planned(models, revenue, goal="profit", unit_value=0.3)
    turning = np.sqrt(0.3 * 800.0 * 100.0) - 100.0
    for row in plan.channels.to_pylist():
        assert row["spend"] == pytest.approx(turning, rel=0.01)
        assert row["break_even_spend"] == pytest.approx(turning, rel=0.01)
        assert row["profit"] == pytest.approx(0.3 * row["response"] - row["spend"])
    totals = plan.totals
    assert totals.worth_making
    assert totals.break_even == pytest.approx(1 / 0.3)
    assert totals.profit > totals.initial_profit  # type: ignore[operator]
    assert any(text.startswith("Spend less in total") for text in plan.findings)


def test_channels_may_sell_what_earns_differently(make_model: Make, revenue: Labels) -> None:
    models = drawn(make_model, 40, 800.0, 1.0)
    asked = {"goal": "profit", "unit_value": 0.3, "channel_values": {"tv": 0.6}}
    found = spends(planned(models, revenue, **asked))
    assert found["tv"] == pytest.approx(np.sqrt(0.6 * 800.0 * 100.0) - 100.0, rel=0.01)
    assert found["radio"] == pytest.approx(np.sqrt(0.3 * 800.0 * 100.0) - 100.0, rel=0.01)


def test_profit_needs_to_know_what_the_kpi_is_worth(make_model: Make) -> None:
    models = drawn(make_model, 40, 800.0, 1.0)
    labels = Labels("orders", "conversion", "EUR")
    with pytest.raises(UserError) as error:
        planned(models, labels, goal="profit")
    assert error.value.where == "unit_value"
    known = Known(unit_value=0.3)
    assert planned(models, labels, known, goal="profit").totals.break_even == pytest.approx(0.3)
    without = planned(models, labels)
    assert without.totals.break_even is None
    assert without.channels["break_even_spend"].null_count == 2


def test_a_range_that_is_not_the_plans_own_says_whose_it_is(
    make_model: Make, revenue: Labels
) -> None:
    """One model whose response lies above that of all others."""
    others = drawn(make_model, 30, 400.0, 50.0)
    one = make_model(tv={"coefficient": 900.0}, radio={"coefficient": 900.0})
    plan = allocate(history_of(one), planned_with([one], others), PlanRequest(), revenue)
    assert plan.totals.band is not None
    assert plan.totals.response > plan.totals.band.response[1]
    said = [text for text in plan.findings if text.startswith("The range of the planned response")]
    assert len(said) == 1
    assert "is that of the 30 kept models; the plan's own" in said[0]
    together = planned(others, revenue)
    assert not any("is that of the" in text for text in together.findings)


def test_the_frontier_is_the_best_plan_at_each_budget(make_model: Make, revenue: Labels) -> None:
    models = drawn(make_model, 40, 2400.0, 100.0)
    history, made = history_of(models[0]), planned_with(models)
    rows = frontier(history, made, PlanRequest(high=1.2, unit_value=0.3), revenue).to_pylist()
    assert [row["change"] for row in rows] == pytest.approx(
        [-0.5, -0.4, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2]
    )
    marginals = [row["marginal"] for row in rows[1:]]
    assert marginals == sorted(marginals, reverse=True)
    asked = PlanRequest(high=1.2, unit_value=0.3, budget_per_period=180.0)
    plan = allocate(history, made, asked, revenue)
    assert rows[4]["response"] == pytest.approx(plan.totals.response)
    assert rows[4]["profit"] == pytest.approx(0.3 * rows[4]["response"] - 180.0)


def test_a_range_is_as_wide_as_the_certificate_asks_for(make_model: Make, revenue: Labels) -> None:
    """Both are shown; what is advised is the same, and a channel whose intervals hold is not widened."""
    models = drawn(make_model, 40, tv=1000.0, spread=300.0)
    plain = planned(models, revenue, hold="none")
    wide = planned(models, revenue, Known(stretch={"tv": 1.5, "radio": 1.0}), hold="none")
    assert spends(wide) == pytest.approx(spends(plain))
    assert plain.totals.band_recalibrated is None
    assert "response_recalibrated_low" not in plain.channels.column_names
    for before, after in zip(plain.channels.to_pylist(), wide.channels.to_pylist(), strict=True):
        factor = 1.5 if after["channel"] == "tv" else 1.0
        assert after["response_low"] == before["response_low"]
        for ending in ("low", "high"):
            arm = before[f"response_{ending}"] - before["response"]
            found = after[f"response_recalibrated_{ending}"] - after["response"]
            assert found == pytest.approx(factor * arm, rel=1e-6, abs=1e-6)
    told, wider = wide.totals.band, wide.totals.band_recalibrated
    assert told is not None
    assert wider is not None
    assert wider.response[0] < told.response[0] < told.response[1] < wider.response[1]
    assert any("The certificate finds such ranges too narrow" in text for text in wide.findings)
    assert not any("too narrow" in text for text in plain.findings)
    tight = planned(models, revenue, Known(stretch={"tv": 20.0}), hold="none").channels.to_pylist()
    assert tight[0]["response_recalibrated_low"] == 0.0
