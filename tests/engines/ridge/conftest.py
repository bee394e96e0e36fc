from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from pyarrow import csv

from mmm.engines.base import Problem
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.sources import sample

TESTS = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def golden() -> Path:
    """Reference numbers recorded from real Robyn; see the folder's LICENSE and README."""
    return TESTS / "golden" / "robyn"


@pytest.fixture(scope="session")
def run_cases() -> ModuleType:
    """The parity script, as a module."""
    spec = importlib.util.spec_from_file_location("run_cases", TESTS / "parity" / "run_cases.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def demo_problem() -> Problem:
    """Robyn's demo as shipped with the product."""
    table = csv.read_csv(sample.PATH)
    experiment = sample_experiment("0" * 16, "ridge")
    return build_problem(experiment, table)[0]
