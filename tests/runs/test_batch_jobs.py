"""Batches as one job of many tasks: when there is one, what it trains, what happens to lost runs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from batch_fakes import Launcher, stored_batch

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment
from mmm.platforms.base import NoRoom, TaskState, TaskStatus
from mmm.runs.batch import cancel_batch, planned, retry_batch, submit_batch
from mmm.runs.batch_jobs import BatchJobs
from mmm.runs.events import History
from mmm.runs.lost import is_lost
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunError, RunState

ANN = User("ann", role=Role.ANALYST)
Make = Callable[..., Experiment]
QUICK = {"trials": 1, "iterations": 20, "min_candidates": 10, "bootstrap": 100}
SILENT = RunError(what="The task has given no sign of life.")


class Platform(Launcher):
    """A platform whose jobs a test ends by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[tuple[int, int]] = []
        self.refusal: UserError | None = None
        self.goes_on = True
        self.stopped: list[str] = []

    def submit_job(self, batch_uri: str, name: str, tasks: int, slots: int) -> str:
        self.jobs.append((tasks, slots))
        if self.refusal is not None:
            raise self.refusal
        return name

    def describe(self, handle: str) -> TaskStatus:
        return TaskStatus(TaskState.RUNNING if self.goes_on else TaskState.STOPPED)

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        self.stopped.append(handle)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def cloud(platform: Platform, settings: Settings) -> RunService:
    """A service of a cloud with jobs, on a workspace in memory."""
    own = settings.model_copy(update={"cloud_provider": "gcp", "job_from": 4, "job_tasks": 3})
    return RunService(Workspace("memory://"), platform, own)


def waiting(service: RunService, runs: int = 6) -> BatchDocument:
    return stored_batch(service.workspace, runs, platform="gcp")


def states(service: RunService, batch: BatchDocument) -> list[str]:
    return [status.state.value for status in service.of_batch(batch)]


def test_a_large_batch_is_one_job_and_a_small_one_a_task_for_each_run(
    cloud: RunService, platform: Platform
) -> None:
    large, small = waiting(cloud), waiting(cloud, 3)
    cloud.start_waiting()
    cloud.start_waiting()
    assert platform.jobs == [(3, 1)], "nobody knows how long a run takes: one run a task"
    assert platform.launched == [member.run_id for member in small.members[:2]]
    assert states(cloud, large) == ["queued"] * 6


def test_tasks_are_about_ten_minutes_long_and_not_too_many(
    cloud: RunService, platform: Platform, settings: Settings
) -> None:
    own = settings.model_copy(update={"cloud_provider": "gcp", "job_tasks": 16, "job_slots": 4})
    jobs = BatchJobs(cloud.workspace, platform, own)
    batch = waiting(cloud)
    for seconds, runs, expected in (
        (10.0, 200, (1, 4)),
        (10.0, 1000, (5, 4)),
        (60.0, 1000, (16, 4)),
        (7200.0, 10, (10, 1)),
        (None, 40, (16, 1)),
    ):
        known = batch.model_copy(update={"run_seconds": seconds})
        assert jobs._size(known, runs, places=0) == expected


def test_without_room_for_a_job_its_runs_wait_and_say_why(
    cloud: RunService, platform: Platform
) -> None:
    batch = waiting(cloud)
    platform.refusal = NoRoom("the project's quota has no room for it.")
    found = cloud.of_batch(batch)
    assert {status.state for status in found} == {RunState.QUEUED}
    assert found[0].waits is not None
    assert "no room" in found[0].waits.why
    cloud.of_batch(batch)
    assert len(platform.jobs) == 1, "it is not time yet"


def test_a_job_that_is_refused_for_good_ends_its_runs(
    cloud: RunService, platform: Platform
) -> None:
    batch = waiting(cloud)
    platform.refusal = UserError("there is no such job.")
    cloud.start_waiting()
    found = cloud.look_at(batch)
    assert {status.state for status in found} == {RunState.CRASHED}
    assert "there is no such job" in found[0].message
    platform.refusal = None
    assert retry_batch(cloud, batch, ANN) == 6
    assert len(platform.jobs) == 2
    assert states(cloud, batch) == ["queued"] * 6


def test_jobs_that_take_no_run_are_given_up_after_three(
    cloud: RunService, platform: Platform
) -> None:
    batch = waiting(cloud)
    platform.goes_on = False
    for _ in range(5):
        cloud.start_waiting()
    assert len(platform.jobs) == 3
    assert states(cloud, batch) == ["crashed"] * 6


def test_runs_left_by_a_job_that_is_over_get_another(cloud: RunService, platform: Platform) -> None:
    batch = waiting(cloud)
    cloud.start_waiting()
    run = History(cloud.workspace, batch.members[0].run_id)
    for state in (RunState.STARTING, RunState.RUNNING, RunState.SUCCEEDED):
        run.add(state, "task")
    cloud.start_waiting()
    assert len(platform.jobs) == 1, "the first goes on"
    platform.goes_on = False
    cloud.start_waiting()
    assert len(platform.jobs) == 2
    job = cloud.workspace.newest_job(batch.batch_id)
    assert job is not None
    assert (job[0].waiting, job[0].fruitless) == (5, 0)


def test_a_lost_run_waits_again_twice_and_a_failed_one_does_not(
    cloud: RunService, platform: Platform
) -> None:
    batch = waiting(cloud)
    lost, failed = (History(cloud.workspace, batch.members[n].run_id) for n in (0, 1))
    failed.add(RunState.STARTING, "task")
    failed.add(RunState.FAILED, "task", error=RunError(what="No data.", log_id="1", exit_code=1))
    for attempt in (1, 2, 3):
        lost.refresh()
        lost.add(RunState.STARTING, "task")
        lost.add(RunState.CRASHED, "mmm", message=SILENT.what, error=SILENT)
        cloud.start_waiting()
        assert lost.refresh().state is (RunState.QUEUED if attempt < 3 else RunState.CRASHED)
        if attempt < 3:
            what = f"Attempt {attempt + 1}: its task was lost. {SILENT.what}"
            assert cloud.look_at(batch)[0].message == what
    assert failed.refresh().state is RunState.FAILED
    assert [lost.last.attempt, failed.last.attempt] == [3, 1]


def test_what_is_lost_and_what_ended_by_itself() -> None:
    assert is_lost(RunState.CRASHED, 1, SILENT)
    assert is_lost(RunState.CRASHED, 2, RunError(what="SIGTERM", log_id="1", exit_code=143))
    assert not is_lost(RunState.CRASHED, 1, RunError(what="killed", exit_code=137))
    assert not is_lost(RunState.CRASHED, 1, RunError(what="memory", log_id="1", exit_code=1))
    assert not is_lost(RunState.FAILED, 1, SILENT)


def test_a_submitter_that_was_killed_is_waited_for_and_then_replaced(
    cloud: RunService, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(cloud)
    with monkeypatch.context() as killed:
        killed.setattr(platform, "submit_job", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            cloud.start_waiting()
    cloud.start_waiting()
    assert platform.jobs == []
    monkeypatch.setattr("mmm.runs.batch_jobs._SUBMIT_SECONDS", -1.0)
    cloud.start_waiting()
    assert len(platform.jobs) == 1


def test_cancelling_a_batch_stops_its_job(cloud: RunService, platform: Platform) -> None:
    batch = waiting(cloud)
    cloud.start_waiting()
    assert cancel_batch(cloud, batch, ANN) == 6
    assert platform.stopped == [f"{batch.batch_id}-0001"]
    assert states(cloud, batch) == ["cancelled"] * 6


def until(condition: Callable[[], bool], what: Callable[[], Any], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


@pytest.mark.parametrize("platform_name", ["local", "gcp"])
def test_a_job_really_trains_a_batch_and_lost_runs_again(
    platform_name: str, request: pytest.FixtureRequest, settings: Settings, experiment: Make
) -> None:
    """Real tasks: a pool of processes here, an execution of two tasks on Google Cloud."""
    given: dict[str, Any] = {"job_from": 2, "job_tasks": 2, "batch_at_once": 2}
    content = json.loads(experiment(**QUICK).to_json())
    if platform_name == "gcp":
        gcp = request.getfixturevalue("gcp")
        settings = gcp.settings(gcp.new_bucket(), TRAINING_JOB_NAME=gcp.new_job())
        stored = ingest(
            FileSource(sample.PATH), market="DE", origin=sample.PATH.name,
            workspace=Workspace.open(settings), by=ANN,
        )  # fmt: skip
        assert stored.dataset_id == content["dataset"]["dataset_id"]
    service = RunService.open(settings.model_copy(update=given))
    dataset = DatasetRef(**content["dataset"])
    with pytest.MonkeyPatch.context() as later:
        later.setattr(service, "start_waiting", list)
        later.setattr("mmm.runs.batch._run_seconds", lambda *_: 700.0)
        batch = submit_batch(service, planned(content, [dataset], seeds(2)), ANN)
    lost = History(service.workspace, batch.members[0].run_id)
    lost.add(RunState.STARTING, "task")
    lost.add(RunState.CRASHED, "mmm", message=SILENT.what, error=SILENT)
    service.start_waiting()

    def last() -> list[str]:
        events = [service.workspace.last_event(member.run_id) for member in batch.members]
        return [event.state.value for event in events]

    until(lambda: set(last()) <= {"succeeded", "failed", "crashed"}, last)
    found = service.of_batch(batch)
    assert [(one.state.value, one.attempt) for one in found] == [("succeeded", 2), ("succeeded", 1)]
    told = [event.state.value for event in service.workspace.events(lost.run_id)][:4]
    assert told == ["queued", "starting", "crashed", "queued"]
    for member in batch.members:
        assert service.workspace.attempt(member.run_id, 1) is None, "no task of its own"
    job = service.workspace.newest_job(batch.batch_id)
    assert job is not None
    assert (job[0].number, job[0].tasks) == (1, 2 if platform_name == "gcp" else 1)
    service.start_waiting()
    assert service.workspace.waiting_batches() == []


def seeds(count: int) -> dict[str, dict[str, Any]]:
    return {f"seed {number}": {"seed": number} for number in range(1, count + 1)}


def test_a_killed_process_of_a_job_is_told_at_once_and_cancelling_ends_the_others(
    workspace: Workspace, settings: Settings, experiment: Make, dataset: DatasetRef
) -> None:
    own = settings.model_copy(update={"job_from": 2, "batch_at_once": 2})
    service = RunService.open(own)
    content = json.loads(experiment(trials=1, iterations=1_000_000).to_json())
    batch = submit_batch(service, planned(content, [dataset], seeds(2)), ANN)
    first, second = (member.run_id for member in batch.members)
    beats = workspace.heartbeat
    until(lambda: None not in (beats(first), beats(second)), lambda: states(service, batch))
    beat = beats(first)
    assert beat is not None
    os.kill(beat.pid, signal.SIGKILL)
    try:
        until(
            lambda: workspace.last_event(first).state is RunState.CRASHED,
            lambda: workspace.last_event(first),
        )
        last = workspace.last_event(first)
        assert last.error is not None
        assert last.error.exit_code == 137
    finally:
        cancel_batch(service, batch, ANN)
    assert states(service, batch) == ["crashed", "cancelled"]
    job = workspace.newest_job(batch.batch_id)
    assert job is not None
    assert job[1] is not None
    handle = str(job[1].handle)
    until(
        lambda: service._launcher.describe(handle).state is TaskState.STOPPED,
        lambda: service._launcher.describe(handle),
    )
