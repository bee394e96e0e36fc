"""A run of the engine `robyn` from the data to the plan, by commands only, with the stand-in for
Robyn in real R.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

from mmm.sources import sample
from robyn_library import RobynLibrary, recorded_experiment


def test_the_whole_way_from_data_to_plan(
    run: Callable[..., tuple[int, str, str]], robyn_here: RobynLibrary, tmp_path: Path
) -> None:
    code, out, err = run("ingest", sample.PATH, "--market", "DE")
    assert code == 0, err
    dataset_id = re.search(r"\b[0-9a-f]{16}\b", out)
    assert dataset_id is not None
    experiment = recorded_experiment({"market": "DE", "dataset_id": dataset_id[0]})
    (tmp_path / "experiment.json").write_text(json.dumps(experiment))
    code, out, err = run("submit", "experiment.json", "--follow")
    assert code == 0, out + err
    assert "succeeded" in out
    assert "Model 1_390_1 has the best balance" in out

    code, out, err = run("report", "latest", "--output", "report.html")
    assert code == 0, err
    report = (tmp_path / "report.html").read_text()
    assert "robyn 3.12.1.9000 (R 4." in report
    assert "1_390_1" in report

    code, out, err = run("export", "latest", "own")
    assert code == 0, err
    names = {path.name for path in (tmp_path / "own").iterdir()}
    assert {"RobynModel-1_390_1.json", "1_390_1.png", "pareto_aggregated.csv"} <= names
    assert "Robyn.RDS" not in names
    code, out, err = run("recreate", tmp_path / "own" / "RobynModel-1_390_1.json")
    assert code == 2
    assert "in Robyn's own form, which is not made again here. robyn_recreate in R reads it." in err
    with (tmp_path / "own" / "pareto_aggregated.csv").open() as lines:
        assert len({row["solID"] for row in csv.DictReader(lines)}) == 23
    code, _, err = run("export", "latest", "other", "--format", "parquet")
    assert code != 0
    assert "its engine wrote its files itself" in err

    code, out, err = run("plan", "latest")
    assert code == 0, err
    assert "tv_S" in out
    code, _, err = run("onepager", "latest", "--output", "page.html")
    assert code == 0, err
