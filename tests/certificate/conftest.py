"""A run on simulated weekly data, trained once with a small search, and its material."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.certificate.certify import Trained
from mmm.certificate.material import Material, read_material
from mmm.engines import load_engine
from mmm.engines.base import Problem
from mmm.experiments.problem import build_problem
from mmm.recovery.folder import CaseOptions, read_case
from mmm.simulation.export import write_world
from mmm.simulation.generator import simulate

SETTINGS = {"trials": 1, "iterations": 200, "min_candidates": 20}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Problem, Trained]:
    """(problem, what ridge says of it) of a simulated world with two lift tests."""
    folder: Path = tmp_path_factory.mktemp("certified") / "world"
    write_world(simulate(1, "easy"), folder)
    case = read_case(folder, CaseOptions("ridge", SETTINGS))
    problem, _ = build_problem(case.experiment, case.table)
    engine = load_engine("ridge")
    result = engine.train(problem, case.experiment.engine_settings(), lambda progress: None)
    return problem, Trained(result.tables, result.recommended)


@pytest.fixture(scope="session")
def material(trained: tuple[Problem, Trained]) -> Material:
    problem, run = trained
    return read_material(problem, run.tables, run.model_id)
