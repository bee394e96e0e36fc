"""The engine as a whole: its tables agree with each other, and the same inputs give the same bits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mmm.engines import load_engine
from mmm.engines.adstock_hill.features import build_frame
from mmm.engines.adstock_hill.response import response_model
from mmm.engines.adstock_hill.space import build_space
from mmm.engines.base import EngineResult, LiftTest, Problem, Progress
from mmm.engines.ridge import candidates
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.schemas import SCHEMAS

SMALL = {"trials": 2, "iterations": 200, "min_candidates": 20, "bootstrap": 200}


def train(problem: Problem, **settings: object) -> tuple[EngineResult, list[Progress]]:
    heard: list[Progress] = []
    return load_engine("ridge").train(
        problem, RidgeSettings(**{**SMALL, **settings}), heard.append
    ), heard


@pytest.fixture(scope="module")
def trained(demo_problem: Problem) -> tuple[EngineResult, list[Progress]]:
    return train(demo_problem)


def of_model(result: EngineResult, table: str, model: str) -> pa.Table:
    return result.tables[table].filter(pc.field("model_id") == model)


def test_tables_have_their_schema_and_one_recommended_model(
    trained: tuple[EngineResult, list[Progress]],
) -> None:
    result, _ = trained
    assert {name: table.schema for name, table in result.tables.items()} == SCHEMAS
    models = result.tables["models"]
    assert models.num_rows == 400
    recommended = models.filter(pc.field("recommended"))
    assert recommended["model_id"].to_pylist() == [result.recommended]
    assert recommended["cluster_best"].to_pylist() == [True]
    kept = models.filter(pc.is_valid(models["front"]))
    assert kept.num_rows == 20
    assert set(kept["model_id"].to_pylist()) == set(
        result.tables["channels"]["model_id"].to_pylist()
    )
    assert result.recommended in result.reason


def test_contributions_add_up_to_the_fit(
    trained: tuple[EngineResult, list[Progress]], demo_problem: Problem
) -> None:
    result, _ = trained
    for model in set(result.tables["fit"]["model_id"].to_pylist()):
        fit = of_model(result, "fit", model)
        by_date = (
            of_model(result, "contributions", model)
            .group_by("date")
            .aggregate([("effect", "sum")])
            .sort_by("date")
        )
        fitted = fit.sort_by("date")["fitted"].to_numpy()
        assert np.abs(by_date["effect_sum"].to_numpy() / fitted - 1).max() < 1e-12
        assert fit["actual"].to_pylist() == demo_problem.kpi[demo_problem.window_rows].tolist()


def test_channels_agree_with_contributions_and_the_books(
    trained: tuple[EngineResult, list[Progress]], demo_problem: Problem
) -> None:
    result, _ = trained
    channels = of_model(result, "channels", result.recommended).to_pylist()
    parts = of_model(result, "contributions", result.recommended)
    spend = {
        medium.name: medium.spend[demo_problem.window_rows].sum() for medium in demo_problem.paid
    }
    for row in channels:
        own = parts.filter(pc.field("component") == row["channel"])
        assert row["contribution"] == pytest.approx(pc.sum(own["effect"]).as_py(), rel=1e-12)
        if row["contribution"] == 0:
            assert row["carryover_share"] is None
        else:
            carryover = pc.sum(own["carryover"]).as_py()
            assert row["carryover_share"] == pytest.approx(
                carryover / row["contribution"], rel=1e-9
            )
        if row["kind"] == "paid":
            assert row["spend"] == pytest.approx(spend[row["channel"]], rel=1e-14)
            assert row["roi"] == pytest.approx(row["contribution"] / row["spend"], rel=1e-12)
            assert row["roi_low"] <= row["roi"] <= row["roi_high"]
            assert row["cpa"] is None
        else:
            assert row["spend"] is None
    paid = [row for row in channels if row["kind"] == "paid"]
    assert sum(row["spend_share"] for row in paid) == pytest.approx(1.0)
    assert sum(row["effect_share"] for row in paid) == pytest.approx(1.0)


def test_decomp_rssd_follows_from_the_channels(
    trained: tuple[EngineResult, list[Progress]],
) -> None:
    result, _ = trained
    model = result.tables["models"].filter(pc.field("recommended")).to_pylist()[0]
    paid = [
        row
        for row in of_model(result, "channels", result.recommended).to_pylist()
        if row["kind"] == "paid"
    ]
    distance = np.sqrt(sum((row["effect_share"] - row["spend_share"]) ** 2 for row in paid))
    without = sum(round(row["effect_share"], 4) == 0 for row in paid) / len(paid)
    assert model["decomp_rssd"] == pytest.approx(distance * (1 + without), rel=1e-10)


def test_curves_pass_through_their_points(trained: tuple[EngineResult, list[Progress]]) -> None:
    result, _ = trained
    for point in of_model(result, "curve_points", result.recommended).to_pylist():
        curve = of_model(result, "curves", result.recommended).filter(
            pc.field("channel") == point["channel"]
        )
        spend, response = curve["spend"].to_numpy(), curve["response"].to_numpy()
        assert (np.diff(response) >= 0).all()
        assert response[0] == pytest.approx(point["carryover_response"], rel=1e-9, abs=1e-6)
        near = np.interp(point["mean_spend"], spend, response)
        assert near == pytest.approx(
            point["mean_response"], rel=0.1, abs=0.02 * max(response.max(), 1e-9)
        )
        observed = curve["observed"].to_numpy(zero_copy_only=False)
        assert observed[0]
        assert not observed[-1]


def test_progress_covers_every_stage_to_its_end(
    trained: tuple[EngineResult, list[Progress]],
) -> None:
    _, heard = trained
    for stage in load_engine("ridge").stages:
        steps = [step for step in heard if step.stage == stage]
        assert steps[0].done == 0
        assert steps[-1].done == steps[-1].total
        assert steps[-1].seconds_left == 0.0
        assert [step.done for step in steps] == sorted(step.done for step in steps)


def test_same_bits_whatever_the_number_of_cores(demo_problem: Problem) -> None:
    settings = RidgeSettings(adstock="weibull_pdf")
    frame = build_frame(demo_problem, settings)
    design, space = build_design(frame, settings), build_space(frame, settings)
    points = np.random.default_rng(1).random((300, space.dimensions))
    values = space.candidates(space.values(points))
    one, many = (candidates.evaluate(design, values, cores) for cores in (1, 7))
    for a, b in zip(one, many, strict=True):
        assert a.tobytes() == b.tobytes()


_IN_A_PROCESS = """
import hashlib, json, sys
from pyarrow import csv
from mmm.engines import load_engine
from mmm.engines.ridge.settings import RidgeSettings
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.sources import sample
problem = build_problem(sample_experiment("0" * 16, "ridge"), csv.read_csv(sample.PATH))[0]
result = load_engine("ridge").train(problem, RidgeSettings(**json.loads(sys.argv[1])), lambda progress: None)
digest = hashlib.sha256()
for name in sorted(result.tables):
    for column in result.tables[name].columns:
        digest.update(repr(column.to_pylist()).encode())
print(digest.hexdigest(), result.recommended)
"""


def test_same_bits_in_another_process_with_other_thread_counts() -> None:
    """Search, Prophet, k-means and bootstrap: all of it, on one core and on all."""
    told = []
    for threads, cpus in (("1", {0}), ("4", None)):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        command = [sys.executable, "-c", _IN_A_PROCESS, json.dumps({**SMALL, "iterations": 60})]
        if cpus is not None and hasattr(os, "sched_setaffinity"):
            command[2] = f"import os; os.sched_setaffinity(0, {cpus})\n" + _IN_A_PROCESS
        told.append(
            subprocess.run(
                command, env=environment, check=True, capture_output=True, text=True
            ).stdout
        )
    assert told[0] == told[1]
    assert len(told[0].split()[0]) == 64


def test_another_seed_gives_other_candidates(
    demo_problem: Problem, trained: tuple[EngineResult, list[Progress]]
) -> None:
    other, _ = train(demo_problem, seed=7)
    assert (
        other.tables["models"]["nrmse"].to_pylist()
        != trained[0].tables["models"]["nrmse"].to_pylist()
    )


def test_validation_splits_and_minimises_the_validation_error(demo_problem: Problem) -> None:
    result, _ = train(demo_problem, validation={"train_size": (0.6, 0.8)})
    fit = of_model(result, "fit", result.recommended)
    splits = fit["split"].to_pylist()
    assert splits == ["train"] * splits.count("train") + ["val"] * splits.count("val") + [
        "test"
    ] * splits.count("test")
    assert min(splits.count(name) for name in ("train", "val", "test")) > 10
    model = result.tables["models"].filter(pc.field("recommended")).to_pylist()[0]
    assert model["nrmse"] == model["nrmse_val"]
    val = fit.filter(pc.field("split") == "val")
    actual, fitted = val["actual"].to_numpy(), val["fitted"].to_numpy()
    expected = np.sqrt(((actual - fitted) ** 2).mean()) / (actual.max() - actual.min())
    assert model["nrmse_val"] == pytest.approx(expected, rel=1e-10)


def test_a_conversion_kpi_reports_cpa(demo_problem: Problem) -> None:
    result, _ = train(replace(demo_problem, kpi_kind="conversion"))
    for row in of_model(result, "channels", result.recommended).to_pylist():
        if row["kind"] == "paid" and row["contribution"] > 0:
            assert row["cpa"] == pytest.approx(row["spend"] / row["contribution"], rel=1e-12)
            assert row["cpa_low"] <= row["cpa"]
            if row["roi_low"] > 0:
                assert row["cpa"] <= row["cpa_high"]
            else:  # the effect may be none, its cost has no upper end
                assert row["cpa_high"] is None


@pytest.mark.parametrize("method", ["exact", "robyn"])
def test_lift_tests_pull_a_channel_towards_them(demo_problem: Problem, method: str) -> None:
    """With a study of tv at a tenth of what the uncalibrated model says, tv's ROI falls."""
    plain, _ = train(demo_problem, method=method)
    study = LiftTest(("tv_S",), date(2018, 1, 1), date(2018, 3, 4), 60_000.0, 0.0, 0.95, "total")
    calibrated, _ = train(replace(demo_problem, lift_tests=(study,)), method=method)

    def tv(result: EngineResult) -> float:
        rows = of_model(result, "channels", result.recommended).to_pylist()
        return float(next(row["roi"] for row in rows if row["channel"] == "tv_S"))

    assert tv(calibrated) < tv(plain)
    assert calibrated.tables["models"]["calibration_error"].null_count == 0
    assert plain.tables["models"]["calibration_error"].null_count == plain.tables["models"].num_rows


@pytest.mark.parametrize("adstock", ["geometric", "weibull_cdf", "weibull_pdf"])
def test_todays_spend_is_one_for_curves_marginal_roi_and_plan(
    demo_problem: Problem, adstock: str
) -> None:
    """With a late Weibull peak the immediate part of the input is near 0; the spend is not."""
    result, _ = train(demo_problem, adstock=adstock)
    channels = of_model(result, "channels", result.recommended).to_pylist()
    points = of_model(result, "curve_points", result.recommended).to_pylist()
    today = {point["channel"]: point for point in points}
    paid = [row for row in channels if row["kind"] == "paid"]
    plan = response_model(result.tables, models=[result.recommended])
    spend = np.array([row["mean_spend"] for row in paid])
    assert plan.channels == tuple(row["channel"] for row in paid)
    marginal = plan.marginal(spend)[0]
    for i, row in enumerate(paid):
        point = today[row["channel"]]
        assert point["mean_spend"] == pytest.approx(row["mean_spend"], rel=1e-9)
        assert row["marginal_roi"] == pytest.approx(marginal[i], rel=1e-3, abs=1e-6)


def test_adstock_per_channel(demo_problem: Problem) -> None:
    result, _ = train(
        demo_problem, media={"tv_S": {"adstock": "weibull_pdf", "scale": (0.01, 0.05)}}
    )
    parameters = result.tables["parameters"]
    names = set(
        zip(parameters["variable"].to_pylist(), parameters["parameter"].to_pylist(), strict=True)
    )
    assert {("tv_S", "shape"), ("tv_S", "scale"), ("ooh_S", "theta")} <= names
    assert ("tv_S", "theta") not in names
    scale = parameters.filter(
        (pc.field("variable") == "tv_S") & (pc.field("parameter") == "scale")
    )["value"].to_numpy()
    assert scale.min() >= 0.01
    assert scale.max() <= 0.05


def test_fixed_hyperparameters_give_one_and_the_same_model(demo_problem: Problem) -> None:
    fixed = {"theta": 0.3, "alpha": 1.0, "gamma": 0.5, "lambda": 0.2}
    result, _ = train(demo_problem, trials=1, iterations=20, min_candidates=3, **fixed)
    assert len(set(result.tables["models"]["nrmse"].to_pylist())) == 1


def test_penalty_factors_are_searched(demo_problem: Problem) -> None:
    result, _ = train(demo_problem, penalty_factors=True)
    parameters = result.tables["parameters"]
    penalised = parameters.filter(pc.field("parameter") == "penalty")
    assert set(penalised["variable"].to_pylist()) >= {"trend", "tv_S", "newsletter"}
