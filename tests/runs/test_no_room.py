"""A platform without room: nothing is burnt, it is said why and when, and it is tried again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment
from mmm.platforms.base import NoRoom, TaskState, TaskStatus
from mmm.runs import wording
from mmm.runs.batch import batch_statuses, first_wait, planned, retry_batch, submit_batch
from mmm.runs.events import FINAL, History, TransitionRefused
from mmm.runs.reconcile import reconcile
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.runs.waiting import Waits, refused_again
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunState
from mmm.workspace.names import utc_now

ANN, VIEWER = User("ann", role=Role.ANALYST), User("eve")
FULL = NoRoom("the vCPU quota is used up.", where="the cloud", fix="Try again later.")
Make = Callable[..., Experiment]


class Platform:
    """A launcher that takes tasks, or none while it is full."""

    def __init__(self) -> None:
        self.full: NoRoom | None = FULL
        self.asked: list[str] = []
        self.before_answer: Callable[[], object] = lambda: None

    def submit(self, run_uri: str, name: str) -> str:
        self.asked.append(name)
        self.before_answer()
        if self.full is not None:
            raise self.full
        return run_uri

    def describe(self, handle: str) -> TaskStatus:
        return TaskStatus(TaskState.PENDING)

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None: ...

    def logs(self, handle: str) -> Any:
        return iter(())


class Clock:
    """The time as the service sees it, so that no test has to wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        monkeypatch.setattr("mmm.runs.service.utc_now", self.now)

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def forward(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def service(workspace: Workspace, platform: Platform, settings: Settings) -> RunService:
    return RunService(workspace, platform, settings)


def batch_of(
    service: RunService, experiment: Make, dataset: DatasetRef, runs: int
) -> BatchDocument:
    content = json.loads(experiment(trials=1).to_json())
    variants = {f"seed {number}": {"seed": number} for number in range(1, runs + 1)}
    return submit_batch(service, planned(content, [dataset], variants), ANN)


def states(service: RunService, batch: BatchDocument) -> list[str]:
    return [status.state.value for status in batch_statuses(service, batch)]


def waits(status: RunStatus) -> Waits:
    assert status.waits is not None
    return status.waits


def test_a_batch_waits_for_room_and_none_of_its_runs_is_burnt(
    service: RunService, platform: Platform, clock: Clock, experiment: Make, dataset: DatasetRef
) -> None:
    batch = batch_of(service, experiment, dataset, 4)
    assert states(service, batch) == ["queued"] * 4
    assert len(platform.asked) == 1, "a second look does not ask again before it is time"
    found = first_wait(batch_statuses(service, batch))
    assert found is not None
    assert found.why == "the cloud: the vCPU quota is used up. Try again later."
    assert (found.refused, (found.next - found.since).total_seconds()) == (1, 15)

    clock.forward(16)
    assert states(service, batch) == ["queued"] * 4
    assert len(platform.asked) == 2
    again = waits(batch_statuses(service, batch)[0])
    assert (again.refused, again.since) == (2, found.since)

    platform.full = None
    clock.forward(31)
    assert states(service, batch) == ["starting", "starting", "queued", "queued"]
    assert [status.attempt for status in batch_statuses(service, batch)] == [1, 1, 1, 1]


def test_a_run_of_its_own_waits_and_the_queues_step_starts_it(
    service: RunService, platform: Platform, clock: Clock, experiment: Make
) -> None:
    run_id = service.submit(experiment(trials=1), ANN)
    status = service.status(run_id)
    assert (status.state, status.attempt, status.started) == (RunState.QUEUED, 1, None)
    assert wording.what_now(status) == (
        f"No room; next try {waits(status).next:%H:%M:%S} UTC. "
        "the cloud: the vCPU quota is used up. Try again later."
    )
    assert service.start_waiting() == []
    platform.full = None
    clock.forward(16)
    assert service.start_waiting() == [run_id]
    assert service.status(run_id).state is RunState.STARTING
    # A platform that answers the same name in the same way must not repeat its refusal.
    assert platform.asked == [f"{run_id}-0001", f"{run_id}-0001-1"]


def test_a_run_that_waits_for_room_is_never_given_up(
    service: RunService, platform: Platform, settings: Settings, experiment: Make
) -> None:
    run_id = service.submit(experiment(trials=1), ANN)
    later = utc_now() + timedelta(days=3)
    assert reconcile(service.workspace, platform, settings, run_id, later).state is RunState.QUEUED


def test_the_wait_doubles_up_to_ten_minutes() -> None:
    now = utc_now()
    found: Waits | None = None
    seconds = []
    for _ in range(8):
        found = refused_again(found, FULL, now)
        seconds.append((found.next - now).total_seconds())
    assert seconds == [15, 30, 60, 120, 240, 480, 600, 600]


def test_a_refusal_with_little_patience_becomes_a_crash(
    service: RunService, platform: Platform, clock: Clock, experiment: Make
) -> None:
    platform.full = NoRoom("there is no task definition.", patience_seconds=600)
    run_id = service.submit(experiment(trials=1), ANN)
    clock.forward(100)
    service.start_waiting()
    assert service.status(run_id).state is RunState.QUEUED
    clock.forward(601)
    service.start_waiting()
    status = service.status(run_id)
    assert (status.state, status.message) == (
        RunState.CRASHED,
        "The task could not be started: there is no task definition.",
    )


def test_who_cancels_while_the_platform_refuses_has_the_last_word(
    service: RunService, platform: Platform, experiment: Make
) -> None:
    platform.before_answer = lambda: service.cancel(service.workspace.run_ids()[0], ANN)
    run_id = service.submit(experiment(trials=1), ANN)
    status = service.status(run_id)
    assert (status.state, status.attempt) == (RunState.CANCELLED, 1)


def test_a_starting_run_cannot_be_tried_again(
    service: RunService, platform: Platform, experiment: Make
) -> None:
    """Back to queued is the refused launcher's transition, not a person's."""
    platform.full = None
    run_id = service.submit(experiment(trials=1), ANN)
    with pytest.raises(TransitionRefused):
        service.retry(run_id, ANN)
    assert service.status(run_id).state is RunState.STARTING
    with pytest.raises(TransitionRefused):
        History(service.workspace, run_id).add(RunState.QUEUED, "eve", after=FINAL)


def test_a_run_whose_submitter_was_killed_is_started_by_the_step(
    service: RunService,
    platform: Platform,
    clock: Clock,
    experiment: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    platform.full = None
    with monkeypatch.context() as patch:
        patch.setattr(RunService, "_start_or_wait", _killed)
        with pytest.raises(KeyboardInterrupt):
            service.submit(experiment(trials=1), ANN)
    (run_id,) = service.workspace.run_ids()
    assert service.start_waiting() == [], "its submitter may be about to start it"
    clock.forward(31)
    assert service.start_waiting() == [run_id]


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_marks_of_ended_runs_are_taken_away(
    service: RunService, platform: Platform, experiment: Make
) -> None:
    platform.full = None
    run_id = service.submit(experiment(trials=1), ANN)
    assert service.workspace.open_work() == ([], [run_id])
    service.cancel(run_id, ANN)
    service.start_waiting()
    assert service.workspace.open_work() == ([], [])


def test_what_ended_badly_in_a_batch_is_queued_again_and_waits_for_its_turn(
    service: RunService,
    platform: Platform,
    settings: Settings,
    experiment: Make,
    dataset: DatasetRef,
) -> None:
    platform.full = None
    batch = batch_of(service, experiment, dataset, 5)
    ids = [member.run_id for member in batch.members]
    ends = (RunState.CRASHED, RunState.FAILED, RunState.CRASHED, RunState.CANCELLED)
    for run_id, state in zip(ids, ends, strict=False):
        batch_statuses(service, batch)
        History(service.workspace, run_id).add(state, "task")
    batch_statuses(service, batch)
    last = History(service.workspace, ids[4])
    last.add(RunState.RUNNING, "task")
    last.add(RunState.SUCCEEDED, "task")
    service.start_waiting()
    assert service.workspace.waiting_batches() == []

    with pytest.raises(NotAllowed):
        retry_batch(service, batch, VIEWER)
    assert retry_batch(service, batch, ANN) == 3
    assert states(service, batch) == ["starting", "starting", "queued", "cancelled", "succeeded"]
    later = utc_now() + timedelta(days=1)
    assert reconcile(service.workspace, platform, settings, ids[2], later).state is RunState.QUEUED
    assert [status.attempt for status in batch_statuses(service, batch)] == [2, 2, 2, 1, 1]
    assert retry_batch(service, batch, ANN) == 0


def test_a_refusal_that_will_not_pass_still_crashes_the_run_and_is_raised(
    service: RunService, platform: Platform, experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run_uri: str, name: str) -> str:
        raise UserError("not allowed.")

    monkeypatch.setattr(platform, "submit", refuse)
    with pytest.raises(UserError, match="not allowed"):
        service.submit(experiment(trials=1), ANN)
    (status,) = service.runs()
    assert status.state is RunState.CRASHED
