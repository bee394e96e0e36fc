"""The ways from a file to a trained model that the help shows, with real training."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmm.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]
QUICK = {"trials": 1, "iterations": 100, "min_candidates": 10, "bootstrap": 100}


def quick(path: Path, **changes: Any) -> None:
    """Make a simulated experiment one that trains in a moment."""
    content = json.loads(path.read_text())
    content["engine"] = "ridge"
    content["settings"] |= QUICK
    path.write_text(json.dumps(content | changes))


def test_simulate_and_submit_with_data(run: Run, tmp_path: Path) -> None:
    code, out, err = run("simulate", "demo", "--weeks", 104, "--channels", 2)
    assert code == 0
    assert [Path(line).name for line in out.splitlines()] == [
        "data.csv",
        "truth.json",
        "experiments.csv",
        "experiment.json",
    ]
    assert err == "Next: mmm submit demo/experiment.json --data demo/data.csv --follow\n"
    quick(tmp_path / "demo/experiment.json")
    code, out, err = run("submit", "demo/experiment.json", "--data", "demo/data.csv", "--follow")
    assert code == 0, err
    assert err.startswith("104 rows, 9 columns, ")
    assert "differs from the data's" not in err  # the simulator's lift tests fit its own data
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["queued", "starting"]
    assert lines[-1].split()[1] == "succeeded"
    status = json.loads(run("status", "--json")[1])
    (listed,) = run("datasets")[1].splitlines()[1:]
    assert listed.split()[:3] == ["simulated", status["dataset_id"], "104"]


def test_options_read_an_export_as_it_is_meant(run: Run, tmp_path: Path) -> None:
    """A German export with an index column has the numbers of the plain file."""
    run("simulate", "demo")
    rows = [line.split(",") for line in (tmp_path / "demo/data.csv").read_text().splitlines()]
    plain = run("ingest", "demo/data.csv", "--market", "DE")[1].strip()
    rows[0][1] = "Erlös"
    text = "\n".join(
        ";".join([str(i) if i else "", *row]).replace(".", ",") for i, row in enumerate(rows)
    )
    (tmp_path / "export.txt").write_bytes(text.encode("cp1252"))
    options = ("--separator", ";", "--decimal", ",", "--encoding", "windows-1252")
    code, out, err = run("ingest", "export.txt", "--market", "DE", *options)
    assert code == 0
    assert err.startswith("156 rows, 18 columns, ")
    assert "Note: Column 1 has no name; it is called 'column_1'.\n" in err
    assert "Note: Column 'Erlös' was read as numbers with decimal comma (" in err
    workspace = Workspace((tmp_path / "workspace").as_uri())
    expected = workspace.read_dataset("DE", plain).rename_columns({"revenue": "Erlös"})
    found = workspace.read_dataset("DE", out.strip())
    assert found["column_1"].to_pylist() == list(range(1, 157))
    assert found.drop_columns("column_1").to_pydict() == expected.to_pydict()


@pytest.mark.parametrize("word", ["tab", "\t"])
def test_tabs_have_a_name(run: Run, tmp_path: Path, word: str) -> None:
    (tmp_path / "data.csv").write_text("a\tb\n1,5\t2\n")
    assert run("ingest", "data.csv", "--market", "DE", "--separator", word)[2].startswith(
        "1 rows, 2 columns, "
    )
