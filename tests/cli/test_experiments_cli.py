"""Presets, estimates, templates, batches and comparisons on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmm.runs.sample import sample_experiment
from mmm.settings import load_settings
from mmm.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]
QUICK = {"trials": 1, "iterations": 60, "min_candidates": 20, "bootstrap": 100}


@pytest.fixture
def experiment(stored: str, tmp_path: Path) -> dict[str, Any]:
    """The sample's experiment with quick settings, also in e.json."""
    content: dict[str, Any] = json.loads(sample_experiment(stored, "ridge").to_json())
    content["settings"] = dict(QUICK)
    (tmp_path / "e.json").write_text(json.dumps(content))
    return content


def test_an_estimate_starts_nothing(run: Run, experiment: dict[str, Any]) -> None:
    code, out, _ = run("submit", "e.json", "--estimate", "--preset", "thorough")
    assert "What the data alone can tell:" in out
    assert "would be off by about" in out
    assert code == 0
    assert out.startswith("About 22 s, ")
    assert "no cost (from measured rates, no run has ended here yet).\n" in out
    assert run("runs")[1].splitlines()[1:] == []


def test_an_unknown_preset_is_named(run: Run, experiment: dict[str, Any]) -> None:
    code, _, err = run("submit", "e.json", "--preset", "slow")
    assert (code, err) == (
        2,
        "Error: preset: the engine ridge has no preset 'slow'. Choose one of: fast, standard, thorough.\n",
    )


def test_a_template_is_kept_shown_and_made_an_experiment_again(
    run: Run, experiment: dict[str, Any]
) -> None:
    assert run("template", "save", "weekly", "e.json") == (0, "weekly@1\n", "")
    assert "weekly" in run("template", "list")[1]
    assert "dataset" not in json.loads(run("template", "show", "weekly@1")[1])
    assert (
        json.loads(run("template", "show", "weekly", "--dataset", "sample/latest")[1])["dataset"]
        == experiment["dataset"]
    )
    code, _, err = run("template", "show", "daily")
    assert (code, err) == (2, "Error: there is no template 'daily'. Known templates: weekly.\n")


def test_a_batch_is_followed_to_its_end_and_its_runs_are_compared(
    run: Run, experiment: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMM_DRAW_REPORTS", "false")
    run("template", "save", "weekly", "e.json")
    (tmp_path / "v.json").write_text(json.dumps({"one": {"seed": 1}, "two": {"seed": 2}}))
    code, out, err = run(
        "batch",
        "submit",
        "--template",
        "weekly",
        "--dataset",
        "sample/latest",
        "--variants",
        "v.json",
        "--follow",
    )
    assert code == 0, err
    assert out.endswith("2 succeeded\n")
    ids = [line.split()[0] for line in run("batch", "show")[1].splitlines()[1:3]]
    code, out, _ = run("compare", *ids)
    assert code == 0
    assert "SETTINGS THAT DIFFER" in out
    assert [line.split() for line in out.splitlines() if line.startswith("seed")] == [
        ["seed", "1", "2"]
    ]
    code, out, err = run("report")
    assert (code, out) == (0, f"{tmp_path / f'{ids[1]}-report.html'}\n")
    assert "2 succeeded" in run("batch", "list")[1]
    assert run("batch", "step") == (0, "", "")
    # What says nothing of a run means the latest.
    assert run("plan", "--no-save")[0] == 0
    assert str(Path(f"{ids[1]}-export")) in run("export")[1]


def test_a_batch_with_a_wrong_member_starts_nothing(
    run: Run, experiment: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "v.json").write_text(
        json.dumps({"good": {}, "few": {"trials": 0}, "odd": {"sed": 1}})
    )
    code, out, err = run("batch", "submit", "e.json", "--variants", "v.json")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == "Error: 2 of the batch's 3 runs cannot start; none was started:"
    assert "few: settings.trials: must be at least 1; got 0." in err
    assert "odd: settings.sed: is not known here; got 1. Did you mean 'seed'?" in err
    assert Workspace.open(load_settings().settings).run_ids() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("batch", "submit"), "batch: give an experiment's file or --template, one of them."),
        (
            ("batch", "show", "2099"),
            "batch: no batch's id starts with '2099'. `mmm batch list` names them.",
        ),
        (("compare", "latest"), "run: there is no run yet."),
        (("batch", "submit", "missing.json"), "missing.json: cannot be read"),
    ],
)
def test_what_is_missing_is_named(run: Run, arguments: tuple[str, ...], message: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert err.startswith(f"Error: {message}")
