"""A study of a run: a task of its own inside the run, what it trains, what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.errors import NotFound, UserError
from mmm.experiments.config import Experiment, LiftTestConfig
from mmm.platforms.base import TaskState, TaskStatus
from mmm.results import read_results
from mmm.results.model_summary import labels_of
from mmm.results.stability import spread
from mmm.runs.events import History
from mmm.runs.service import RunService
from mmm.runs.stability import StabilityStudy, held_out, newest_study, notes
from mmm.runs.task import EXIT_DONE, EXIT_FAILED, run_task
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

ANA = User("ana", role=Role.ANALYST)
QUICK = {"trials": 2, "iterations": 40, "min_candidates": 12, "bootstrap": 100}


class NoLauncher:
    """Hands out handles and starts nothing: the test runs the task itself."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str]] = []

    def submit(self, run_uri: str, name: str) -> str:
        self.started.append((run_uri, name))
        return "handle"

    def describe(self, handle: str) -> TaskStatus:
        return TaskStatus(TaskState.RUNNING)


@pytest.fixture
def launcher() -> NoLauncher:
    return NoLauncher()


@pytest.fixture
def service(workspace: Workspace, settings: Settings, launcher: NoLauncher) -> RunService:
    return RunService(workspace, launcher, settings)  # type: ignore[arg-type]


@pytest.fixture
def trained(workspace: Workspace, settings: Settings, experiment: Callable[..., Experiment]) -> str:
    test = LiftTestConfig(
        channels=("tv_S",),
        start=date(2018, 11, 5),
        end=date(2018, 12, 23),
        lift=5e5,
        spend=2e5,
        confidence=0.9,
    )
    run_id = workspace.create_run(experiment(**QUICK).model_copy(update={"lift_tests": (test,)}))
    details = {"name": "sample", "batch": "20261128T000000-00000000"}
    History.begin(workspace, run_id, "ana", details=details).add(RunState.STARTING, "ana")
    assert run_task(workspace.run_uri(run_id), settings) == EXIT_DONE
    return run_id


def test_a_study_trains_seeds_windows_and_holdouts(
    trained: str, service: RunService, settings: Settings, launcher: NoLauncher
) -> None:
    workspace = service.workspace
    assert newest_study(workspace, trained) is None
    study_id = service.submit_study(
        trained, StabilityStudy(seeds=1, shifts=(4,), holdouts=(0.8, 0.999)), ANA
    )
    assert study_id == f"{trained}/stability/0001"
    assert launcher.started == [
        (f"{workspace.url}/runs/{study_id}", f"{trained}-stability-0001-0001")
    ]
    details = workspace.event(study_id, 1).details
    assert details["name"] == "sample"
    assert "batch" not in details, "a study is no run of its run's batch"
    assert workspace.run_ids() == [trained]
    assert workspace.find_run(study_id) == study_id
    with pytest.raises(UserError, match=r"a study of run .* is under way"):
        service.submit_study(trained, StabilityStudy(), ANA)

    assert run_task(workspace.run_uri(study_id), settings) == EXIT_DONE
    last = workspace.last_event(study_id)
    assert last.state is RunState.SUCCEEDED
    assert last.stages == ("seeds", "windows", "holdouts")
    assert last.message == "3 of 4 variants trained."
    assert next(service.log(study_id)).message.startswith("seeds: seed 1123")

    found = newest_study(workspace, trained)
    assert found is not None
    rows = {row["variant"]: row for row in found.variants.to_pylist()}
    assert list(rows) == ["seed 1123", "4 periods earlier", "80% trained on", "100% trained on"]
    assert rows["80% trained on"]["nrmse_test"] > 0
    assert rows["seed 1123"]["nrmse_test"] is None
    assert held_out(found.variants).startswith(
        "NRMSE on periods held out and never looked at - 80% trained on: "
    )
    (note,) = notes(found.variants)
    assert note.startswith("holdout 100% trained on: ")
    assert "validation" in note

    results = read_results(workspace, trained)
    numbers = spread(found.values, labels_of(results.summary)).to_pylist()
    stored = {
        row["channel"]: row["roi"]
        for row in results["channels"].to_pylist()
        if row["model_id"] == results.summary["model"]["id"] and row["kind"] == "paid"
    }
    assert {(row["channel"], row["source"]): row["value"] for row in numbers} == {
        (channel, source): roi
        for channel, roi in stored.items()
        for source in ("candidates", "trials", "seeds", "windows", "holdouts")
    }
    assert {row["source"]: row["variants"] for row in numbers}["holdouts"] == 1


def test_a_study_needs_results_and_the_right(
    service: RunService, workspace: Workspace, experiment: Callable[..., Experiment], trained: str
) -> None:
    run_id = workspace.create_run(experiment(**QUICK))
    History.begin(workspace, run_id, "ana", details={})
    with pytest.raises(NotFound, match="has no results"):
        service.submit_study(run_id, StabilityStudy(), ANA)
    with pytest.raises(NotAllowed, match=r"run\.study needs the role analyst"):
        service.submit_study(trained, StabilityStudy(), User("vic"))
    assert workspace.study_ids(trained) == []


def test_a_study_of_nothing_fails_and_says_so(
    trained: str, service: RunService, settings: Settings
) -> None:
    study_id = service.submit_study(
        trained, StabilityStudy(seeds=0, shifts=(), holdouts=(0.999,)), ANA
    )
    assert run_task(service.workspace.run_uri(study_id), settings) == EXIT_FAILED
    assert service.workspace.last_event(study_id).message.startswith(
        "none of the 1 variants could be trained: "
    )
    assert newest_study(service.workspace, trained) is None
    again = service.retry(study_id, ANA)
    assert (again.run_id, again.attempt) == (study_id, 2)


def test_a_study_whose_submitter_stopped_half_way_stands_in_nobodys_way(
    trained: str, service: RunService
) -> None:
    service.workspace.create_study(trained, StabilityStudy())
    assert service.submit_study(trained, StabilityStudy(), ANA) == f"{trained}/stability/0002"


@pytest.mark.parametrize(
    "run_id", ["x", "20261128T000000-00000000/stability/1", "20261128T000000-00000000/other/0001"]
)
def test_no_other_path_is_a_run(workspace: Workspace, run_id: str) -> None:
    with pytest.raises(UserError, match="is not a run id"):
        workspace.job_config(run_id)
