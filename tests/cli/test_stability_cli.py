"""`mmm stability` and `mmm calibration` on a trained run, with a real task for the study."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.experiments.config import Experiment, LiftTestConfig
from mmm.results import read_results
from mmm.runs.events import History
from mmm.runs.sample import sample_experiment
from mmm.runs.task import run_task
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

QUICK = {"trials": 2, "iterations": 40, "min_candidates": 12, "bootstrap": 100}
ANN = User("ann", role=Role.ANALYST)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a run that had a lift test, and a newer one that had none."""
    settings = Settings(workspace=str(tmp_path_factory.mktemp("stability") / "workspace"))
    workspace = Workspace.open(settings)
    stored = ingest(
        FileSource(sample.PATH), market="sample", origin="data.csv", workspace=workspace, by=ANN
    )
    test = LiftTestConfig(
        channels=("tv_S",),
        start=date(2018, 1, 1),
        end=date(2018, 3, 4),
        lift=9e5,
        spend=2e5,
        confidence=0.95,
    )
    for tests in ((test,), ()):
        experiment = sample_experiment(stored.dataset_id, "ridge").model_copy(
            update={"settings": QUICK, "lift_tests": tests}
        )
        run_id = workspace.create_run(Experiment.model_validate(experiment.model_dump()))
        History.begin(workspace, run_id, "ann", details={}).add(RunState.STARTING, "ann")
        assert run_task(workspace.run_uri(run_id), settings) == 0
    return workspace


@pytest.fixture
def here(trained: Workspace, monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    monkeypatch.setenv("MMM_WORKSPACE", trained.url.removeprefix("file://"))
    return run


def test_what_is_stored_is_shown_without_training(here: Run, trained: Workspace) -> None:
    code, out, err = here("stability", "latest", "--no-train")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split()[:2] == ["CHANNEL", "OVER"]
    assert "2 trials" in out
    assert "High confidence: 90 % of the models lie within 25 % of their middle" in out
    assert trained.study_ids(trained.run_ids()[0]) == []


def test_the_first_call_studies_and_the_next_shows(here: Run, trained: Workspace) -> None:
    arguments = ("stability", "latest", "--seeds", 1, "--shifts", "", "--holdouts", "0.8")
    code, out, _ = here(*arguments)
    assert code == 0
    assert "succeeded  2 of 2 variants trained." in out
    assert "1 other seed and 1 holdout: " in out
    assert "NRMSE on periods held out and never looked at - 80% trained on: " in out
    (study,) = trained.study_ids(trained.run_ids()[0])
    code, out, _ = here("stability", "latest", "--json")
    assert code == 0
    assert {row["source"] for row in json.loads(out)["channels"]} == {
        "candidates",
        "trials",
        "seeds",
        "holdouts",
    }
    assert trained.study_ids(trained.run_ids()[0]) == [study]
    assert "succeeded" in here("status", study)[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--shifts", "4,x"), "--shifts: '4,x' are not whole numbers between commas."),
        (("--holdouts", "1.5"), "--holdouts: '1.5' must lie above 0 and below 1."),
        (("--shifts", "0"), "--shifts: '0' must lie above 0."),
        (
            ("--holdouts", ",".join(["0.5"] * 11)),
            f"the study is not valid:\n  - holdouts: must have at most 10 entries; got {[0.5] * 11}.",
        ),
    ],
)
def test_what_cannot_be_studied_is_one_sentence(
    here: Run, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = here("stability", "latest", "--again", *arguments)
    assert (code, out, err.strip()) == (2, "", f"Error: {message}")


def test_calibration_says_from_and_to(here: Run, trained: Workspace) -> None:
    calibrated = trained.run_ids()[1]
    code, out, err = here("calibration", calibrated)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["TEST", "CHANNELS"]
    assert lines[1].split()[:4] == ["1", "tv_S", "2018-01-01", "2018-03-04"]
    assert lines[-1].startswith("The model says what was measured, within the test's interval, in ")
    (test,) = json.loads(here("calibration", calibrated, "--json")[1])["tests"]
    assert test["lift"] == 9e5
    assert min(test["uncalibrated"], test["calibrated"]) >= 0
    assert here("calibration", calibrated, "--model", "9_9")[2].startswith("Error: --model: run ")


def test_calibration_of_a_run_without_lift_tests(here: Run, trained: Workspace) -> None:
    code, _, err = here("calibration")
    assert code == 2
    assert "had no lift tests, or is of a version that did not compare them." in err


def test_the_report_has_a_section_for_each(trained: Workspace) -> None:
    plain, calibrated = (read_results(trained, run_id).report for run_id in trained.run_ids())
    assert "Confidence in each channel" in plain
    assert "What the lift tests moved" in calibrated
    assert "What the lift tests moved" not in plain


def test_certify_trains_worlds_once_and_then_shows_them(here: Run, trained: Workspace) -> None:
    code, out, err = here("certify", "latest", "--worlds", "5", "--effort", "full")
    assert code == 0, err
    assert "worlds 5/5" in out
    assert "HIGH, RECALIBRATED" in out
    assert "simulated worlds on your data" in out
    assert "What the data alone can tell:" in out
    run_id = trained.run_ids()[0]
    assert trained.study_ids(run_id, "certificate") == [f"{run_id}/certificate/0001"]
    code, out, _ = here("certify", "latest", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["total"]["worlds"] + len(found["failed"]) in (4, 5)  # harmful ones are apart
    assert len(trained.study_ids(run_id, "certificate")) == 1
    code, _, err = here("certify", "latest", "--again", "--effort", "most")
    assert code != 0
    assert "effort" in err
