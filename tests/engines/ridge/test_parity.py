"""Refits, lambda, selection and convergence equal the numbers recorded from real Robyn 3.12.1."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mmm.engines.adstock_hill.frame import LAMBDA_RATIO, lambda_max
from mmm.engines.ridge.convergence import convergence
from mmm.engines.ridge.selection import choose_cluster_count, eligible, error_scores, pareto_fronts

CASES = sorted(
    path.parent.name
    for path in (Path(__file__).parents[2] / "golden/robyn/refit").glob("*/case.json")
)
RUNS = [("demo2000x5", 100), ("calib400", 20)]


def test_all_recorded_cases_are_here() -> None:
    assert len(CASES) == 17


@pytest.mark.parametrize("name", CASES)
def test_refit_in_method_robyn(golden: Path, run_cases: ModuleType, name: str) -> None:
    """Coefficients, intercept, decomposition, R2, NRMSE, RSSD, MAPE to 1e-9; the same number of
    passes.
    """
    deviations = run_cases.run_case(golden / "refit" / name, "robyn")
    assert deviations["passes"] == 0.0
    assert deviations["split"] == 0.0
    assert max(deviations.values()) < 1e-9, deviations


@pytest.mark.parametrize("name", CASES)
def test_refit_in_method_exact(golden: Path, run_cases: ModuleType, name: str) -> None:
    """The exact solver meets the optimality conditions and is never worse than glmnet at its
    threshold 1e-15; at that threshold our own descent gives glmnet's numbers. (glmnet's own 1e-15
    still stops up to 4e-5 from the optimum.)
    """
    deviations = run_cases.run_case(golden / "refit" / name, "exact")
    assert deviations["optimality"] < 1e-9, deviations
    assert deviations["objective above coef_tight"] <= 1e-14, deviations
    assert deviations["coef_tight at threshold 1e-15"] < 1e-8, deviations
    assert deviations["coefficients"] < 1e-4, deviations


def test_lambda_sequence(golden: Path, run_cases: ModuleType) -> None:
    case = json.loads((golden / "refit/c01_geo_base/case.json").read_text())
    top = lambda_max(run_cases.load_frame(golden / "refit/c01_geo_base", case))
    sequence = run_cases.numbers(
        run_cases.read_csv(golden / "lambda/lambda_seq_demo.csv")["lambda"]
    )
    ours = np.geomspace(10 * top, 10 * top * LAMBDA_RATIO, 100)
    assert run_cases.deviation(ours, sequence) < 1e-10


@pytest.mark.parametrize(("run", "least"), RUNS)
def test_fronts_and_scores(golden: Path, run_cases: ModuleType, run: str, least: int) -> None:
    table = run_cases.read_csv(golden / f"pareto/{run}_all_candidates.csv")
    loss = np.column_stack(
        [run_cases.numbers(table[name]) for name in ("nrmse", "decomp.rssd", "mape")]
    )
    within = eligible(loss, 0.1)
    assert (within == (run_cases.numbers(table["mape.qt10"]) == 1)).all()
    selection = pareto_fronts(loss, within, least)
    summary = json.loads((golden / f"pareto/{run}_summary.json").read_text())
    assert selection.count == summary["pareto_fronts_chosen"]
    assert len(selection.kept) == summary["n_pareto_models"]
    reference = run_cases.numbers(table["robynPareto"])[selection.kept]
    assert selection.fronts[selection.kept].tolist() == reference.tolist()
    scores = error_scores(loss, (1.0, 1.0, 1.0))
    assert run_cases.deviation(scores, run_cases.numbers(table["error_score"])) < 1e-14


@pytest.mark.parametrize(("run", "least"), RUNS)
def test_number_of_clusters(golden: Path, run_cases: ModuleType, run: str, least: int) -> None:
    wss = run_cases.numbers(run_cases.read_csv(golden / f"pareto/{run}_wss_by_k.csv")["wss"])
    assert (
        choose_cluster_count(wss)
        == json.loads((golden / f"pareto/{run}_summary.json").read_text())["k"]
    )


@pytest.mark.parametrize(("run", "least"), RUNS)
def test_convergence(golden: Path, run_cases: ModuleType, run: str, least: int) -> None:
    table = run_cases.read_csv(golden / f"pareto/{run}_all_candidates.csv")
    recorded = run_cases.read_csv(golden / f"convergence/{run}_errors.csv")
    trial = run_cases.numbers(table["trial"])
    messages = json.loads((golden / f"convergence/{run}_messages.json").read_text())["conv_msg"]
    assert messages
    for message in messages:
        error = message.split()[0]
        course = convergence(error, run_cases.numbers(table[error.lower()]), trial)
        assert course is not None
        rows = [i for i, name in enumerate(recorded["error_type"]) if name == error]
        assert course.converged == ("NOT converged" not in message)
        assert course.count.tolist() == run_cases.numbers(recorded["n"])[rows].tolist()
        assert (
            run_cases.deviation(course.median, run_cases.numbers(recorded["median"])[rows]) < 1e-12
        )
        assert run_cases.deviation(course.sd, run_cases.numbers(recorded["std"])[rows]) < 1e-12
