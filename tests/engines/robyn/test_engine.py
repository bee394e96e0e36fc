"""`run_robyn.R` in real R, against the stand-in (Robyn's argument lists, recorded numbers) or the
real Robyn.

The stand-in refuses every argument that Robyn 3.12.1 does not have.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest

from mmm.data.mapping import Mapping
from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem, Progress
from mmm.experiments.config import parse_experiment
from mmm.experiments.problem import build_problem
from mmm.sources import sample
from mmm.sources.files import FileSource
from robyn_library import RobynLibrary, real_library, recorded_experiment

GOLDEN = Path(__file__).parents[2] / "golden" / "robyn" / "pareto"
NOWHERE = {"market": "DE", "dataset_id": "0123456789abcdef"}


@dataclass(frozen=True)
class Trained:
    problem: Problem
    result: EngineResult
    progress: list[Progress]
    library: RobynLibrary | None


def problem_of(**changes: Any) -> tuple[Problem, Any]:
    import pyarrow as pa

    experiment = parse_experiment(json.dumps(recorded_experiment(NOWHERE, **changes)))
    with FileSource(sample.PATH).batches() as batches:
        table = pa.Table.from_batches(batches, batches.schema)
    assert isinstance(experiment.mapping, Mapping)
    return build_problem(experiment, table)[0], experiment.engine_settings()


def train(library: Path, **changes: Any) -> tuple[Problem, EngineResult, list[Progress]]:
    problem, settings = problem_of(**changes)
    progress: list[Progress] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMM_ROBYN_LIBRARY", str(library))
        return problem, load_engine("robyn").train(problem, settings, progress.append), progress


@pytest.fixture(scope="module", params=["stand-in", "real"])
def any_robyn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trained]:
    """A training against the stand-in, and against the real Robyn where a library with it is named."""
    if request.param == "stand-in":
        installed: RobynLibrary = request.getfixturevalue("stand_in")
        library = installed.copy(tmp_path_factory.mktemp("library") / "R")
        yield Trained(*train(library.folder, allocator=True, clusters=4), library)
        return
    real = real_library()
    if real is None:
        pytest.skip("TEST_ROBYN_LIBRARY names no library with the real Robyn.")
    yield Trained(*train(real, allocator=True, clusters=4), None)


@pytest.fixture(scope="module")
def recorded(stand_in: RobynLibrary, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    library = stand_in.copy(tmp_path_factory.mktemp("library") / "R")
    return Trained(*train(library.folder), library)


def aggregated() -> list[dict[str, str]]:
    with gzip.open(GOLDEN / "calib400_pareto_aggregated.csv.gz", "rt") as lines:
        return list(csv.DictReader(lines))


def test_a_training_gives_every_table_and_robyns_own_files(any_robyn: Trained) -> None:
    result = any_robyn.result
    models = result.tables["models"]
    kept = models.filter(pc.is_valid(models["front"]))
    assert models.num_rows == 400
    assert kept.num_rows >= 20
    assert result.recommended in kept.filter(kept["cluster_best"])["model_id"].to_pylist()
    assert result.tables["channels"].num_rows == 6 * kept.num_rows
    assert result.tables["contributions"].num_rows == 12 * 157 * kept.num_rows
    names = set(result.files)
    assert {
        "pareto_hyperparameters.csv",
        "pareto_aggregated.csv",
        "pareto_calibration.csv",
    } <= names
    assert {"pareto_clusters.csv", "RobynModel-models.json"} <= names
    assert "Robyn.RDS" not in names
    for ending in (".png", "_max_response_reallocated.csv"):
        assert f"{result.recommended}{ending}" in names
    assert f"RobynModel-{result.recommended}.json" in names
    assert not [row for row in result.tables["diagnostics"].to_pylist() if row["name"] == "warning"]


def test_its_effects_are_robyns_own(any_robyn: Trained) -> None:
    (parity,) = [
        row for row in any_robyn.result.tables["diagnostics"].to_pylist() if row["name"] == "parity"
    ]
    assert parity["value"] < 1e-9


def test_stages_follow_one_another_and_the_search_counts_candidates(any_robyn: Trained) -> None:
    seen = list(dict.fromkeys(step.stage for step in any_robyn.progress))
    assert seen == ["features", "search", "select", "files", "tables"]
    search = [step for step in any_robyn.progress if step.stage == "search"]
    assert search[0].done == 0
    assert [step.done for step in search] == sorted(step.done for step in search)
    assert {step.total for step in search} == {400}
    assert search[-1].done == 400
    assert any(step.seconds_left for step in search)


def test_recorded_numbers_come_through_unchanged(recorded: Trained) -> None:
    result = recorded.result
    channels = {
        (row["model_id"], row["channel"]): row for row in result.tables["channels"].to_pylist()
    }
    selected = {medium.selected: medium.name for medium in recorded.problem.paid} | {
        "newsletter": "newsletter"
    }
    compared = 0
    for row in aggregated():
        if row["rn"] not in selected:
            continue
        found = channels[row["solID"], selected[row["rn"]]]
        wanted = {
            "coefficient": row["coef"],
            "contribution": row["xDecompAgg"],
            "carryover_share": row["carryover_pct"],
        }
        if row["rn"] != "newsletter":
            wanted |= {
                "roi": row["roi_total"],
                "spend_share": row["spend_share"],
                "effect_share": row["effect_share"],
            }
        for name, text in wanted.items():
            if text in ("NA", "NaN"):
                assert found[name] is None
            else:
                assert found[name] == pytest.approx(float(text), rel=1e-9, abs=1e-9), (
                    row["solID"],
                    row["rn"],
                    name,
                )
                compared += 1
    assert compared > 23 * 6 * 3


def test_intervals_are_robyns_own_widened_to_the_models_value(recorded: Trained) -> None:
    channels = {
        (row["model_id"], row["channel"]): row
        for row in recorded.result.tables["channels"].to_pylist()
    }
    known = 0
    for row in aggregated():
        if row["rn"] != "tv_S":
            continue
        found = channels[row["solID"], "tv_S"]
        if row["ci_low"] == "NA":
            assert found["roi_low"] is found["roi_high"] is None
            continue
        known += 1
        assert found["roi_low"] == pytest.approx(min(float(row["ci_low"]), found["roi"]))
        assert found["roi_high"] == pytest.approx(max(float(row["ci_up"]), found["roi"]))
        assert found["cpa_low"] is None
    assert known


def test_for_conversions_the_interval_is_of_the_cost_per_one(robyn: RobynLibrary) -> None:
    problem, settings = problem_of()
    result = load_engine("robyn").train(
        replace(problem, kpi_kind="conversion"), settings, lambda step: None
    )
    assert dict(robyn.calls())["robyn_inputs"]["dep_var_type"] == "conversion"
    rows = [row for row in result.tables["channels"].to_pylist() if row["cpa_low"] is not None]
    assert rows
    assert all(row["cpa_low"] <= row["cpa"] <= row["cpa_high"] for row in rows)
    assert {row["roi_low"] for row in result.tables["channels"].to_pylist()} == {None}


def test_the_best_score_among_the_clusters_best_is_recommended(recorded: Trained) -> None:
    with (GOLDEN / "calib400_pareto_models.csv").open() as lines:
        best = [row for row in csv.DictReader(lines) if row["top_sol"] == "TRUE"]
    wanted = min(best, key=lambda row: float(row["error_score"]))
    assert recorded.result.recommended == wanted["solID"]
    assert f"Model {wanted['solID']} has the best balance" in recorded.result.reason
    models = recorded.result.tables["models"]
    (row,) = models.filter(models["recommended"]).to_pylist()
    for name, column in (
        ("nrmse", "nrmse"),
        ("decomp_rssd", "decomp.rssd"),
        ("calibration_error", "mape"),
    ):
        assert row[name] == pytest.approx(float(wanted[column]), rel=1e-12)
    assert row["cluster"] == int(wanted["cluster"])


def test_what_robyn_does_not_give_is_null(recorded: Trained) -> None:
    models = recorded.result.tables["models"]
    assert models["nrmse_val"].null_count == 400
    other = models.filter(pc.is_null(models["front"]))
    assert other["intercept"].null_count == other.num_rows > 0
    assert recorded.result.tables["moves"].num_rows == 0


def test_robyn_is_called_with_what_was_asked(recorded: Trained) -> None:
    assert recorded.library is not None
    calls = dict(recorded.library.calls())
    inputs, run, outputs = calls["robyn_inputs"], calls["robyn_run"], calls["robyn_outputs"]
    assert inputs["paid_media_spends"] == ["tv_S", "ooh_S", "print_S", "facebook_S", "search_S"]
    assert inputs["paid_media_vars"] == [
        "tv_S",
        "ooh_S",
        "print_S",
        "facebook_I",
        "search_clicks_P",
    ]
    assert (inputs["window_start"], inputs["window_end"]) == ("2016-01-04", "2018-12-31")
    assert inputs["prophet_vars"] == ["trend", "season", "holiday"]
    assert inputs["prophet_country"] == "DE"
    assert inputs["hyperparameters"]["search_clicks_P_gammas"] == [0.3, 1]
    assert "train_size" not in inputs["hyperparameters"]
    assert run == {
        "InputCollect": "robyn_inputs", "cores": 1, "iterations": 400, "trials": 1, "seed": 123,
        "ts_validation": False, "add_penalty_factor": False, "rssd_zero_penalty": True, "intercept": True,
        "intercept_sign": "non_negative", "nevergrad_algo": "TwoPointsDE", "outputs": False, "quiet": False,
    } | {"InputCollect": run["InputCollect"]}  # fmt: skip
    assert outputs["min_candidates"] == 20
    assert outputs["k"] == "auto"
    assert "robyn_allocator" not in calls


def test_an_argument_that_robyn_does_not_have_ends_the_run(
    robyn: RobynLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in is strict: were it not, the tests above would prove nothing."""
    from mmm.engines.robyn import environment
    from mmm.errors import UserError

    changed = shutil.copy(environment.script(), tmp_path / "run_robyn.R")
    text = Path(changed).read_text()
    Path(changed).write_text(
        text.replace("list(InputCollect = input_collect), asked$run", "list(input = 1), asked$run")
    )
    monkeypatch.setattr(environment, "script", lambda: Path(changed))
    problem, settings = problem_of()
    with pytest.raises(UserError, match="robyn_run has no argument input"):
        load_engine("robyn").train(problem, settings, lambda step: None)


def warned(result: EngineResult) -> list[str]:
    rows = result.tables["diagnostics"].to_pylist()
    return [row["text"] for row in rows if row["name"] == "warning"]


@pytest.mark.parametrize("at", ["robyn_plots", "robyn_onepagers"])
def test_tables_are_written_where_drawing_fails(robyn: RobynLibrary, at: str) -> None:
    robyn.asks_for(at, "error", "no font")
    _, result, _ = train(robyn.folder)
    warnings = warned(result)
    assert warnings
    assert all(re.fullmatch(r"Robyn left out a file \(.*\): no font", text) for text in warnings)
    model = f"RobynModel-{result.recommended}.json"
    assert {"pareto_aggregated.csv", "pareto_clusters.csv", model} <= set(result.files)


def test_an_r_that_is_killed_while_drawing_loses_drawings_alone(robyn: RobynLibrary) -> None:
    robyn.asks_for("robyn_plots", "killed")
    _, result, _ = train(robyn.folder)
    (text,) = warned(result)
    assert text.startswith("R ended before all of Robyn's files were written: R was killed")
    assert "pareto_aggregated.csv" in result.files
    assert result.tables["models"].num_rows == 400


def test_without_clusters_the_searchs_result_is_kept(robyn: RobynLibrary) -> None:
    robyn.asks_for("clusters", "error", "more cluster centers than distinct data points")
    _, result, _ = train(robyn.folder)
    (text,) = warned(result)
    assert text.startswith("Robyn found no clusters among the kept models: Error")
    assert text.endswith("more cluster centers than distinct data points")
    models = result.tables["models"]
    assert models["cluster"].null_count == models.num_rows
    first = models.filter(pc.equal(models["front"], 1)).sort_by("score")
    assert result.recommended == first["model_id"][0].as_py()
    assert "they form no clusters" in result.reason
    assert result.tables["channels"]["roi_low"].null_count == result.tables["channels"].num_rows
    assert f"RobynModel-{result.recommended}.json" in result.files


def test_fixed_hyperparameters_are_not_grouped(robyn: RobynLibrary) -> None:
    """Robyn's clusters are of hyperparameters: with all of them fixed it fails after the search."""
    endings = {"alphas": 1, "gammas": 0.5, "thetas": 0.2}
    media = ("tv_S", "ooh_S", "print_S", "facebook_I", "search_clicks_P", "newsletter")
    fixed = {f"{name}_{end}": value for name in media for end, value in endings.items()}
    problem, settings = problem_of(hyperparameters=fixed)
    engine = load_engine("robyn")
    assert [
        found.what for found in engine.check(problem, settings) if "is fixed" in found.what
    ] == [
        "every hyperparameter of the media is fixed, so only lambda is searched and Robyn can form "
        "no clusters; the best score of the first front is recommended."
    ]
    result = engine.train(problem, settings, lambda step: None)
    assert dict(robyn.calls())["robyn_outputs"]["clusters"] is False
    assert warned(result) == []
    assert result.tables["models"]["cluster"].null_count == 400


def test_lift_tests_are_compared_as_robyn_compares_them(recorded: Trained) -> None:
    with gzip.open(GOLDEN / "calib400_calibration.csv.gz", "rt") as lines:
        told = {
            (row["solID"], row["rn"]): float(row["decompAbsScaled"])
            for row in csv.DictReader(lines)
        }
    selected = {medium.name: medium.selected for medium in recorded.problem.paid}
    rows = recorded.result.tables["lift_tests"].to_pylist()
    kept = {row["model_id"] for row in recorded.result.tables["channels"].to_pylist()}
    assert {row["model_id"] for row in rows} == kept
    assert len(rows) == 3 * len(kept)
    for row in rows:
        assert row["effect"] == pytest.approx(told[row["model_id"], selected[row["channels"]]])
        assert row["uncalibrated"] is None
    tests = {row["test"]: (row["channels"], row["lift"], row["scope"]) for row in rows}
    assert tests == {
        1: ("tv_S", 900000.0, "immediate"),
        2: ("facebook_S", 150000.0, "immediate"),
        3: ("ooh_S", 400000.0, "total"),
    }


def test_robyns_objects_are_kept_on_disk_and_on_request(robyn: RobynLibrary) -> None:
    _, result, _ = train(robyn.folder, rds=True, one_pagers=False)
    path = result.files["Robyn.RDS"]
    assert isinstance(path, Path)
    assert path.stat().st_size > 0
    assert not [name for name in result.files if name.endswith(".png")]
    del result
    assert not path.exists()


def test_r_gets_no_secrets(robyn: RobynLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmm.engines.robyn.environment import REnvironment

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("SF_PASSWORD", "hidden")
    variables = REnvironment.from_settings().variables()
    assert "hidden" not in variables.values()
    assert variables["R_LIBS"].startswith(str(robyn.folder))
    assert variables["RETICULATE_PYTHON"] == sys.executable


def test_the_curves_meet_the_contributions(recorded: Trained) -> None:
    """The response at the mean spend on the stored curve is the marked point's."""
    tables = recorded.result.tables
    model = recorded.result.recommended
    point = next(
        row
        for row in tables["curve_points"].to_pylist()
        if (row["model_id"], row["channel"]) == (model, "tv_S")
    )
    curve = [
        row
        for row in tables["curves"].to_pylist()
        if (row["model_id"], row["channel"]) == (model, "tv_S")
    ]
    response = np.interp(
        point["mean_spend"], [row["spend"] for row in curve], [row["response"] for row in curve]
    )
    assert response == pytest.approx(point["mean_response"], rel=1e-3)
