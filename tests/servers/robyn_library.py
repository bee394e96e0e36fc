"""R libraries for tests: the stand-in for Robyn, and the real one where a library with it is named.

The stand-in has Robyn's argument lists and recorded numbers; `tests/r/Robyn` says what it is. It is
installed into a temporary folder, from which nothing but these tests reads.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from left_out import unavailable
from mmm.sources import sample

TESTS = Path(__file__).parents[1]
_GOLDEN = TESTS / "golden" / "robyn"
_RECORDED = {
    "frame.csv": "data/dt_mod_demo.csv",
    "candidates.csv.gz": "pareto/calib400_all_candidates.csv.gz",
    "models.csv": "pareto/calib400_pareto_models.csv",
    "aggregated.csv.gz": "pareto/calib400_pareto_aggregated.csv.gz",
    "calibration.csv.gz": "pareto/calib400_calibration.csv.gz",
    "convergence.json": "convergence/calib400_messages.json",
}


def real_library() -> Path | None:
    """The R library with the real Robyn, where TEST_ROBYN_LIBRARY names one."""
    named = os.environ.get("TEST_ROBYN_LIBRARY")
    return Path(named) if named else None


@dataclass(frozen=True)
class RobynLibrary:
    """An R library with the stand-in."""

    folder: Path

    def asks_for(self, at: str, do: str, message: str = "") -> None:
        """Let the function `at` make trouble."""
        (self.folder / "standin.json").write_text(
            json.dumps({"at": at, "do": do, "message": message})
        )

    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """(function, arguments) of every call, in order."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        return [(call["name"], call["arguments"]) for call in map(json.loads, lines)]

    def copy(self, folder: Path) -> RobynLibrary:
        return RobynLibrary(Path(shutil.copytree(self.folder, folder)))


def install_stand_in(folder: Path) -> RobynLibrary:
    """Install the stand-in into `folder`; the test is skipped without R and jsonlite."""
    if (
        shutil.which("R") is None
        or subprocess.run(["Rscript", "-e", "library(jsonlite)"], capture_output=True).returncode
    ):
        unavailable("R with jsonlite is not installed.", "R", "r-base-core r-cran-jsonlite")
    package = Path(shutil.copytree(TESTS / "r" / "Robyn", folder / "source" / "Robyn"))
    shutil.copy(
        TESTS / "r" / "robyn_3.12.1_signatures.json", _made(package / "inst") / "signatures.json"
    )
    for name, origin in _RECORDED.items():
        shutil.copy(_GOLDEN / origin, _made(package / "inst" / "recorded") / name)
    library = _made(folder / "library")
    done = subprocess.run(
        ["R", "CMD", "INSTALL", "--no-docs", "--no-byte-compile", f"--library={library}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return RobynLibrary(library)


def recorded_experiment(dataset: dict[str, str], **changes: Any) -> dict[str, Any]:
    """The experiment whose output was recorded, as JSON types; `changes` replace settings."""
    start, end = sample.WINDOW
    ranges = json.loads((_GOLDEN / "data" / "inputcollect_demo.json").read_text())[
        "hyperparameters"
    ]
    del ranges["train_size"]
    with (_GOLDEN / "pareto" / "calib400_calibration_input.csv").open() as lines:
        studies = list(csv.DictReader(lines))
    return {
        "name": "Recorded",
        "dataset": dataset,
        "mapping": sample.sample_mapping().model_dump(mode="json"),
        "window": {"start": str(start), "end": str(end)},
        "country": sample.COUNTRY,
        "currency": sample.CURRENCY,
        "lift_tests": [
            {
                "channels": [study["channel"]],
                "start": study["liftStartDate"],
                "end": study["liftEndDate"],
                "lift": float(study["liftAbs"]),
                "spend": float(study["spend"]),
                "confidence": float(study["confidence"]),
                "scope": study["calibration_scope"],
            }
            for study in studies
        ],
        "engine": "robyn",
        "settings": {
            "hyperparameters": ranges,
            "trials": 1,
            "iterations": 400,
            "min_candidates": 20,
            "cores": 1,
        }
        | changes,
    }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
