"""The dispatcher: things go on while nobody looks, with one of it or several."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mmm.access import Role, User
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment
from mmm.platforms import open_launcher
from mmm.platforms.base import TaskState, TaskStatus
from mmm.platforms.local.launcher import LocalLauncher
from mmm.runs.batch import planned, submit_batch
from mmm.runs.dispatch import Dispatcher, start_in_background
from mmm.runs.events import History
from mmm.runs.firing import Scheduler
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunState
from mmm.workspace.objects import Objects

ANN = User("ann", role=Role.ANALYST)
Make = Callable[..., Experiment]


class Platform:
    """A platform whose tasks a test ends by hand."""

    def __init__(self) -> None:
        self.launched: list[str] = []
        self.gone: set[str] = set()
        self.stopped: list[str] = []
        self._lock = threading.Lock()

    def submit(self, run_uri: str, name: str) -> str:
        with self._lock:
            self.launched.append(run_uri.rpartition("/")[2])
        return run_uri.rpartition("/")[2]

    def describe(self, handle: str) -> TaskStatus:
        if handle in self.gone:
            return TaskStatus(TaskState.STOPPED, 137, "it was killed by SIGKILL")
        return TaskStatus(TaskState.PENDING)

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        self.stopped.append(handle)
        self.gone.add(handle)

    def logs(self, handle: str) -> Any:
        return iter(())


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


def test_killed_tasks_are_found_and_the_rest_of_their_batch_goes_on(
    service: RunService, platform: Platform, experiment: Make, dataset: DatasetRef
) -> None:
    batch = batch_of(service, experiment, dataset, 4)
    ids = [member.run_id for member in batch.members]
    platform.gone |= set(ids[:2])
    assert Dispatcher(lambda: service, 1).round() == ids[2:]
    states = [status.state for status in service.statuses(ids)]
    assert states == [RunState.CRASHED] * 2 + [RunState.STARTING] * 2


def test_two_dispatchers_at_once_launch_every_run_once(
    service: RunService,
    platform: Platform,
    workspace: Workspace,
    settings: Settings,
    experiment: Make,
    dataset: DatasetRef,
) -> None:
    batch = batch_of(service, experiment, dataset, 12)
    ids = [member.run_id for member in batch.members]
    stop = threading.Event()
    two = [Dispatcher(lambda: RunService(workspace, platform, settings), 0.01) for _ in range(2)]
    threads = [threading.Thread(target=one.run, args=(stop,)) for one in two]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 120
    while workspace.waiting_batches() and time.monotonic() < deadline:
        platform.gone |= set(platform.launched)  # every task dies at once
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert workspace.waiting_batches() == []
    assert sorted(platform.launched) == ids
    for run_id in ids:
        states = [event.state.value for event in workspace.events(run_id)]
        assert states == ["queued", "starting", "crashed"]


def test_the_task_of_a_cancelled_run_is_stopped_when_the_canceller_was_killed(
    service: RunService, platform: Platform, experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = service.submit(experiment(trials=1), ANN)

    def killed(handle: str, grace_seconds: float = 10.0) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(platform, "cancel", killed)
        with pytest.raises(KeyboardInterrupt):
            service.cancel(run_id, ANN)
    assert platform.stopped == []
    Dispatcher(lambda: service, 1).round()
    assert platform.stopped == [run_id]
    assert service.workspace.open_work() == ([], [])


def test_a_task_that_cannot_be_stopped_is_tried_again_in_the_next_round(
    service: RunService, platform: Platform, experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = service.submit(experiment(trials=1), ANN)

    def refuse(handle: str, grace_seconds: float = 10.0) -> None:
        raise UserError("the platform refuses.")

    with monkeypatch.context() as patch:
        patch.setattr(platform, "cancel", refuse)
        with pytest.raises(UserError, match="refuses"):
            service.cancel(run_id, ANN)
        Dispatcher(lambda: service, 1).round()
        assert service.workspace.open_work() == ([], [run_id])
    Dispatcher(lambda: service, 1).round()
    assert (platform.stopped, service.workspace.open_work()) == ([run_id], ([], []))


def test_a_chore_that_fails_keeps_neither_the_queue_nor_the_others_from_their_turn(
    service: RunService,
) -> None:
    done: list[str] = []

    def bad(_: RunService) -> None:
        raise UserError("the chore failed.")

    dispatcher = Dispatcher(lambda: service, 1, [bad, lambda _: done.append("second")])
    with pytest.raises(UserError, match="the chore failed"):
        dispatcher.round()
    assert done == ["second"]


def test_a_round_that_fails_does_not_end_the_dispatching(service: RunService) -> None:
    stop, rounds = threading.Event(), []

    def chore(_: RunService) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            stop.set()
        raise RuntimeError("a defect")

    Dispatcher(lambda: service, 0.001, [chore]).run(stop)
    assert len(rounds) == 3


def test_an_idle_round_costs_one_listing_and_each_chore_one_a_minute(
    service: RunService, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name in (
        "names",
        "folders",
        "everything",
        "get",
        "get_buffer",
        "exists",
        "put",
        "create",
        "delete",
    ):
        real = getattr(Objects, name)

        def counted(self: Objects, key: str, *more: Any, _n: str = name, _r: Any = real) -> Any:
            asked.append(f"{_n} {key}")
            return _r(self, key, *more)

        monkeypatch.setattr(Objects, name, counted)
    begin = datetime(2026, 3, 10, 6, 0, 5, tzinfo=UTC)
    moments = iter(begin + timedelta(seconds=20 * number) for number in range(4))
    dispatcher = Dispatcher(lambda: service, 1, [Scheduler(settings, lambda: next(moments))])
    for _ in range(4):
        assert dispatcher.round() == []
    assert asked.count("names waiting") == 4
    assert asked.count("everything schedules") == 2
    assert len(asked) == 6


def test_zero_seconds_switch_it_off(settings: Settings) -> None:
    assert start_in_background(settings.model_copy(update={"dispatch_seconds": 0.0})) is None


def test_what_follows_a_killed_task_is_run_and_what_follows_a_good_one_is_not(
    tmp_path: Path,
) -> None:
    launcher = LocalLauncher(tmp_path / "tasks")
    for code, expected in ((0, False), (1, False), (2, True), (None, True)):
        told = tmp_path / f"told {code}"
        ending = "kill -9 $$" if code is None else f"exit {code}"
        handle = launcher.start(
            ["/bin/sh", "-c", ending], "task", afterwards=["/usr/bin/touch", str(told)]
        )
        _wait(lambda handle=handle: launcher.describe(handle).state is TaskState.STOPPED)
        if expected:
            _wait(told.exists)
        else:
            time.sleep(0.2)
            assert not told.exists()


def _wait(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_killed_local_task_starts_the_next_of_its_batch_with_nobody_looking(
    workspace: Workspace, settings: Settings, experiment: Make, dataset: DatasetRef
) -> None:
    """Real processes: the first task is killed, and nothing looks at the batch afterwards."""
    own = settings.model_copy(update={"batch_at_once": 1})
    service = RunService(workspace, open_launcher(own), own)
    content = json.loads(experiment(trials=1, iterations=1_000_000).to_json())
    variants: dict[str, dict[str, Any]] = {"a": {"seed": 1}, "b": {"seed": 2}}
    batch = submit_batch(service, planned(content, [dataset], variants), ANN)
    first, second = (member.run_id for member in batch.members)
    _wait(lambda: workspace.heartbeat(first) is not None, 120)
    beat = workspace.heartbeat(first)
    assert beat is not None
    # Silence would end it only after this; what ends it is the step of its waiting shell.
    os.kill(beat.pid, signal.SIGKILL)
    try:
        _wait(lambda: workspace.last_event(second).state is not RunState.QUEUED, 120)
        assert workspace.last_event(first).state is RunState.CRASHED
    finally:
        for run_id in (first, second):
            if not History(workspace, run_id).last.state.value.startswith(("crash", "fail")):
                service.cancel(run_id, ANN)
