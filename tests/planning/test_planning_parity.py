"""Response and allocation equal the numbers recorded from real Robyn 3.12.1, or are better where it
falls short.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import planning_cases
from mmm.format import Labels
from mmm.planning.problem import build_space, solve_budget, solve_target
from mmm.planning.request import PlanRequest
from reference import numbers, read_csv

GOLDEN = Path(__file__).parents[1] / "golden/robyn"
CALLS = sorted(path.parent.name for path in (GOLDEN / "allocator").glob("*/inputs.json"))


def _check(deviations: dict[str, float]) -> None:
    assert deviations.pop("main points (7 digits)", 0.0) < 1e-6
    assert deviations.pop("response below Robyn's", 0.0) < 1e-12
    assert deviations.pop("response below the initial", 0.0) == 0.0
    assert max(deviations.values()) < 1e-9, deviations


def test_all_recorded_calls_are_here() -> None:
    assert len(CALLS) == 9
    assert len(list((GOLDEN / "models").glob("*/b*_inputs.json"))) == 6


def test_response_grid_and_history(golden: Path) -> None:
    """Every range and total: spend, carryover, response; vectors per date; sums of immediate and
    carryover.
    """
    _check(planning_cases.run_response(golden / "response", "robyn"))


@pytest.mark.parametrize("name", ["wpdf", "conversion"])
def test_response_and_allocation_of_other_models(golden: Path, name: str) -> None:
    _check(planning_cases.run_response(golden / "models" / name, "robyn"))


@pytest.mark.parametrize("name", CALLS)
def test_allocator_call(golden: Path, name: str) -> None:
    """Robyn's table given its solution; our plan is at least as good as its, and never below the
    initial one.
    """
    _check(planning_cases.run_allocator(golden / "allocator" / name, "robyn"))


def test_as_good_as_the_best_of_thirty_local_searches(golden: Path) -> None:
    with (golden / "allocator/independent_optimum.csv").open() as file:
        best = {
            row["scenario"]: float(row["independent_total_response"])
            for row in csv.DictReader(file)
        }
    assert len(best) == 7
    for name, response in best.items():
        folder = golden / "allocator" / name
        case, table = planning_cases.load_case(folder)
        model, request = planning_cases.load_model(folder), planning_cases.request_of(case, table)
        plan = planning_cases.allocate(model, request, Labels("revenue", "revenue", "EUR"))
        assert plan.totals.response >= response * (1 - 1e-9)


def test_a_channel_without_effect_keeps_its_bounds(golden: Path) -> None:
    """Model 3_1480_1 has channels with a zero coefficient; Robyn leaves them out by default."""
    model = planning_cases.load_model(golden / "allocator/a01_max_response_demo", "3_1480_1")
    without = [medium.name for medium in model.paid if medium.curve.coefficient == 0]
    assert without
    request = PlanRequest(carryover="held")
    market = planning_cases.build_market(model, request, revenue=True)
    spend, budget = solve_budget(market, build_space(market, request), request, 157)
    for name in without:
        i = market.channels.index(name)
        assert spend[i] == pytest.approx(0.5 * market.initial[i], rel=1e-9)
    assert spend.sum() == pytest.approx(budget, rel=1e-12)


def test_no_lift_where_every_bound_is_locked(golden: Path) -> None:
    """Robyn reports 21 % in such a case (a model without exposures): it compares two kinds of
    response.
    """
    recorded = read_csv(golden / "allocator/spend_only_no_change_dt_optimOut.csv")
    assert numbers(recorded["optmResponseUnitTotalLift"])[0] > 0.2
    model = planning_cases.load_model(golden / "allocator/a01_max_response_demo")
    plan = planning_cases.allocate(
        model, PlanRequest(low=1, high=1, carryover="held"), Labels("revenue", "revenue", "EUR")
    )
    assert plan.totals.response_change == pytest.approx(0.0, abs=1e-12)
    assert not plan.totals.worth_making


def test_the_default_target_is_robyns(golden: Path) -> None:
    folder = golden / "allocator/a06_target_efficiency_default"
    case, _ = planning_cases.load_case(folder)
    model = planning_cases.load_model(folder)
    market = planning_cases.build_market(
        model, PlanRequest(goal="target", carryover="held"), revenue=True
    )
    target = planning_cases.default_target(market)
    assert target == pytest.approx(case["target_value"], rel=1e-13)
    spend = solve_target(
        market, build_space(market, PlanRequest(goal="target", carryover="held")), target
    )
    assert np.isclose(market.curves.response(spend).sum() / spend.sum(), target, rtol=1e-9)
