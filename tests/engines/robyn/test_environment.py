"""What is missing is told with what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmm.engines import load_engine
from mmm.errors import Finding
from robyn_library import RobynLibrary


def found() -> list[Finding]:
    return load_engine("robyn").check_environment()


def test_without_r_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMM_RSCRIPT", "Rscript-of-no-machine")
    (finding,) = found()
    assert finding.level == "error"
    assert str(finding).startswith(
        "R: 'Rscript-of-no-machine' is not found; the engine robyn runs in R. Install R 4.0"
    )


def test_a_library_without_robyn_is_told(
    robyn: RobynLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("MMM_ROBYN_LIBRARY", str(empty))
    (finding,) = found()
    assert str(finding).startswith(
        "R's library: lacks Robyn. Set MMM_ROBYN_LIBRARY where they are."
    )


def test_a_package_that_robyn_needs_is_told(robyn: RobynLibrary) -> None:
    description = robyn.folder / "Robyn" / "Meta" / "package.rds"
    code = (
        f"d <- readRDS('{description}'); d$DESCRIPTION[['Imports']] <- 'jsonlite, nowhere (>= 4.0),\\n unheardof';"
        f"saveRDS(d, '{description}')"
    )
    subprocess.run(["Rscript", "-e", code], check=True)
    (finding,) = [finding for finding in found() if finding.level == "error"]
    assert finding.what == "lacks nowhere, unheardof."


def test_another_robyn_than_the_one_it_is_written_for_is_a_warning(robyn: RobynLibrary) -> None:
    (finding,) = found()
    assert finding.level == "warning"
    assert finding.what == "version 3.12.1.9000 is installed; this engine is written for 3.12.1."


def test_a_python_without_nevergrad_is_told(
    robyn: RobynLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    monkeypatch.setenv("RETICULATE_PYTHON", str(bare))
    (finding,) = [finding for finding in found() if finding.level == "error"]
    assert str(finding) == (
        f"RETICULATE_PYTHON: {bare} has no nevergrad, with which Robyn searches. "
        f"Install it: {bare} -m pip install nevergrad."
    )
