"""Robyn's aggregated table from our models holds the numbers recorded from real Robyn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest

from mmm.engines.adstock_hill.frame import LAMBDA_RATIO
from mmm.engines.adstock_hill.models import Search
from mmm.engines.adstock_hill.space import build_space
from mmm.engines.base import Problem
from mmm.engines.ridge.candidates import evaluate
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.rebuild import Rebuilt
from mmm.engines.ridge.robyn_files import aggregated_model
from mmm.engines.ridge.robyn_json import _model
from mmm.engines.ridge.settings import RidgeSettings

#: Bootstrapped numbers hang on R's generator; a fixed model has no lambda on the unit scale, and
#: its own front.
NOT_COMPARED = ("rn", "robynPareto", "pos")


def rebuilt(
    run_cases: ModuleType, folder: Path, problem: Problem, settings: RidgeSettings
) -> Rebuilt:
    case = json.loads((folder / "case.json").read_text())
    frame = run_cases.load_frame(folder, case)
    space = build_space(frame, settings)
    cand = run_cases.load_candidate(frame, case)
    smallest = LAMBDA_RATIO * space.lambda_max
    unit = (cand.lambda_ - smallest) / (space.lambda_max - smallest)
    columns = []
    for item in space.hyperparameters:
        if item.parameter == "lambda":
            columns.append(unit)
        elif item.parameter == "train_size":
            columns.append(cand.train_size)
        else:
            name = {"theta": "rate", "shape": "rate"}.get(item.parameter, item.parameter)
            columns.append(getattr(cand, name)[:, frame.media_names.index(item.variable)])
    design = build_design(frame, settings)
    values = np.column_stack(columns)
    one = np.ones(1, int)
    search = Search(
        values, evaluate(design, space.candidates(values), cores=1), one, one, np.zeros(1)
    )
    stored = pa.table({"front": [1], "cluster": [1], "cluster_best": [True]})
    return Rebuilt(
        replace(problem, window=frame.window), settings, frame, design, space, search, stored
    )


@pytest.mark.parametrize("name", ["c01_geo_base", "c02_geo_tsval", "c06_wpdf_tsval"])
def test_aggregated_holds_robyns_numbers(
    golden: Path, run_cases: ModuleType, demo_problem: Problem, name: str
) -> None:
    folder = golden / "refit" / name
    settings = run_cases.load_settings(json.loads((folder / "case.json").read_text()), "robyn")
    built = rebuilt(run_cases, folder, demo_problem, settings)
    ours = aggregated_model(built, 0)
    recorded = run_cases.read_csv(folder / "xdecompagg.csv")
    assert ours["rn"].to_pylist() == recorded["rn"]
    for column in recorded.keys() - set(NOT_COMPARED):
        values = np.array(
            [np.nan if value is None else value for value in ours[column].to_pylist()], float
        )
        assert run_cases.deviation(values, run_cases.numbers(recorded[column])) < 1e-9, column


def test_a_channel_without_effect_has_no_cpa_in_the_models_json(
    golden: Path, run_cases: ModuleType, demo_problem: Problem
) -> None:
    """Spend over an effect of 0 is endless in Robyn's table; JSON has no such number."""
    folder = golden / "refit" / "c06_wpdf_tsval"
    settings = run_cases.load_settings(json.loads((folder / "case.json").read_text()), "robyn")
    problem = replace(demo_problem, kpi_kind="conversion")
    built = rebuilt(run_cases, folder, problem, settings)
    endless = [
        row["rn"]
        for row in aggregated_model(built, 0).to_pylist()
        if row["cpa_total"] is not None and np.isinf(row["cpa_total"])
    ]
    assert len(endless) == 1
    exported = _model(built, 0)
    json.dumps(exported, allow_nan=False)
    performance = {row["variable"]: row.get("performance") for row in exported["summary"]}
    assert performance[endless[0]] is None
    assert sum(value is not None for value in performance.values()) == 4
