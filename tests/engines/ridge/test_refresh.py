"""A refresh: Robyn's narrowed ranges and distance to the previous model; what data and parameters
moved adds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pyarrow.compute as pc
import pytest

from mmm.engines import load_engine
from mmm.engines.adstock_hill.checks import check
from mmm.engines.adstock_hill.features import build_frame
from mmm.engines.adstock_hill.space import Space, build_space
from mmm.engines.base import EngineResult, PreviousModel, Problem
from mmm.engines.ridge.refresh import freedom, narrowed, previous_value
from mmm.engines.ridge.settings import RidgeSettings

STEPS = 4
SMALL = {"trials": 2, "iterations": 100, "min_candidates": 20, "bootstrap": 100}


def test_a_recorded_refresh(golden: Path, run_cases: ModuleType) -> None:
    """Window, bounds before and after, coefficients and refreshed RSSD of the twelve recorded
    candidates.
    """
    deviations = run_cases.run_refresh(golden / "refresh", "robyn")
    assert max(deviations.values()) < 1e-9, deviations


def space_of(problem: Problem, settings: RidgeSettings) -> Space:
    return build_space(
        build_frame(problem, settings.model_copy(update={"prophet": ()}), {}), settings
    )


@pytest.fixture(scope="module")
def simple(demo_problem: Problem) -> Problem:
    """The demo without factors, so that no Prophet is needed."""
    return replace(demo_problem, context=demo_problem.context[:1])


def previous(values: Mapping[tuple[str, str], float]) -> PreviousModel:
    return PreviousModel("1_1", STEPS, {("", "lambda_unit"): 0.001, **values}, {}, {})


def test_ranges_stay_within_the_initial_ones_and_fixed_values_become_ranges(
    simple: Problem,
) -> None:
    settings = RidgeSettings(
        prophet=(), gamma=0.5, alpha=(0.5, 3.0), theta=(0.0, 0.8), refresh_freedom=0.1
    )
    space = space_of(simple, settings)
    values = {
        (item.variable, item.parameter): {"alpha": 2.95, "gamma": 0.5, "theta": 0.4}[item.parameter]
        for item in space.hyperparameters
        if item.variable
    }
    found = {
        (item.variable, item.parameter): (item.low, item.high)
        for item in narrowed(space, previous(values), settings).hyperparameters
    }
    assert found["tv_S", "alpha"] == (2.7, 3.0)
    assert found["tv_S", "gamma"] == pytest.approx((0.45, 0.55))
    assert found["tv_S", "theta"] == pytest.approx((0.32, 0.48))
    assert found["", "lambda"] == pytest.approx((0.0, 0.101))


def test_freedom_is_the_share_of_new_periods_unless_set(simple: Problem) -> None:
    assert freedom(previous({}), 160, RidgeSettings()) == STEPS / 160
    assert freedom(previous({}), 160, RidgeSettings(refresh_freedom=0.2)) == 0.2


def test_lambdas_slip_is_robyns_alone(simple: Problem) -> None:
    item = space_of(simple, RidgeSettings(prophet=())).hyperparameters[-1]
    assert item.parameter == "lambda"
    assert previous_value(item, previous({})) == 0.001
    assert previous_value(item, previous({}), robyn=True) == pytest.approx(
        0.001 + 1e-4 / (1 - 1e-4)
    )


def of_model(result: EngineResult, name: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = (
        result.tables[name].filter(pc.field("model_id") == result.recommended).to_pylist()
    )
    return rows


def as_previous(result: EngineResult) -> PreviousModel:
    sums = result.tables["contributions"].filter(pc.field("model_id") == result.recommended)
    effects = sums.group_by("component").aggregate([("effect", "sum")]).to_pylist()
    return PreviousModel(
        result.recommended,
        STEPS,
        {
            (str(row["variable"]), str(row["parameter"])): float(row["value"])
            for row in of_model(result, "parameters")
        },  # type: ignore[arg-type]
        {row["component"]: row["effect_sum"] for row in effects},
        {
            str(row["channel"]): float(row["spend"])
            for row in of_model(result, "channels")
            if row["kind"] == "paid"
        },  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("method", ["exact", "robyn"])
def test_moves_say_what_data_and_parameters_changed(simple: Problem, method: str) -> None:
    settings = RidgeSettings(prophet=(), method=method, **SMALL)
    engine = load_engine("ridge")
    first = engine.train(simple, settings, lambda _: None)
    assert first.tables["moves"].num_rows == 0
    moved = (simple.window[0] + STEPS, simple.window[1] + STEPS)
    problem = replace(simple, window=moved, previous=as_previous(first))
    again = engine.train(problem, settings, lambda _: None)
    moves = {(row["variable"], row["measure"]): row for row in of_model(again, "moves")}
    channels = {row["channel"]: row for row in of_model(again, "channels")}
    before = {row["channel"]: row for row in of_model(first, "channels")}
    assert set(channels) == set(before)
    for name, row in channels.items():
        if row["kind"] == "paid":
            for measure in ("roi", "effect_share", "spend_share", "spend", "contribution_share"):
                assert moves[name, measure]["new"] == pytest.approx(row[measure], rel=1e-9), (
                    name,
                    measure,
                )
                assert moves[name, measure]["old"] == pytest.approx(
                    before[name][measure], rel=1e-9
                ), (name, measure)
            assert moves[name, "spend"]["refitted"] == moves[name, "spend"]["new"]
        assert moves[name, "alpha"]["old"] == moves[name, "alpha"]["refitted"]
    for column in ("old", "refitted", "new"):
        total = sum(
            row[column] for (_, measure), row in moves.items() if measure == "contribution_share"
        )  # type: ignore[misc]
        assert total == pytest.approx(1.0)
    models = again.tables["models"]
    kept = models.filter(pc.is_valid(models["front"]))
    if method == "robyn":
        assert min(kept["decomp_rssd"].to_pylist()) == next(
            row["decomp_rssd"] for row in of_model(again, "models")
        )


def test_other_variables_or_too_many_steps_are_refused(simple: Problem) -> None:
    known = {"competitor_sales_B": 1.0, "intercept": 1.0, "gone": 1.0}
    model = PreviousModel("1_1", 500, {}, known, {})
    findings = [
        item.what for item in check(replace(simple, previous=model), RidgeSettings(prophet=()))
    ]
    assert "'tv_S' is no part of model 1_1." in findings
    assert "'gone' of model 1_1 is missing." in findings
    assert "500 new periods leave nothing of the previous window of 157." in findings
