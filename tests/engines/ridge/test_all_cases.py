"""The parity script covers every kind of recorded case from one folder."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

#: Folders whose cases are compared here; refits, refreshes, responses and allocator calls have
#: tests of their own.
FOLDERS = ("transforms", "lambda", "pareto", "convergence", "prophet", "models")


def test_every_kind_is_found_below_one_folder(golden: Path, run_cases: ModuleType) -> None:
    found = list(run_cases.cases(golden))
    assert {kind for _, kind in found} == set(run_cases.KINDS)
    assert len(found) == 38
    with_cases = {path.relative_to(golden).parts[0] for path, _ in found if path != golden}
    # data has inputs, artifacts the columns of Robyn's files (test_robyn_files.py)
    assert {path.name for path in golden.iterdir() if path.is_dir()} - with_cases == {
        "data",
        "artifacts",
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_recorded_tables(golden: Path, run_cases: ModuleType, folder: str) -> None:
    for path, kind in run_cases.cases(golden / folder):
        if kind != "response_grid.csv":
            deviations = run_cases.KINDS[kind](path, "robyn")
            assert deviations
            assert max(deviations.values()) < 1e-9, (path.name, deviations)


def test_kept_quirks(golden: Path, run_cases: ModuleType) -> None:
    assert set(run_cases.run_quirks(golden, "robyn").values()) == {0.0}


def test_a_case_that_is_changed_deviates(
    golden: Path, run_cases: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "lambda"
    folder.mkdir()
    for path in (golden / "lambda").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (tmp_path / "data").symlink_to(golden / "data")
    largest = run_cases.lambda_max(run_cases.demo_frame(folder, "../data/dt_mod_demo.csv"))
    assert max(run_cases.run_lambda(folder, largest).values()) < 1e-9
    assert min(run_cases.run_lambda(folder, 1.01 * largest).values()) == pytest.approx(0.01)
    assert np.isfinite(largest)
