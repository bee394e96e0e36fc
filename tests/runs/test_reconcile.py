"""Runs whose task can no longer speak for itself are found and ended. The tasks are real processes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mmm.data.mapping import Mapping, PaidColumns
from mmm.platforms.base import TaskState
from mmm.platforms.local.launcher import LocalLauncher
from mmm.runs.events import History
from mmm.runs.reconcile import reconcile
from mmm.runs.status import run_status
from mmm.runs.status_list import StatusList
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import Attempt, Heartbeat, RunEvent, RunState
from mmm.workspace.names import utc_now
from mmm.workspace.objects import Objects, StoreError

SETTINGS = Settings(
    heartbeat_seconds=1,
    crash_after_seconds=10,
    start_timeout_seconds=100,
    task_timeout_seconds=1000,
)
SLEEP = "import time; print('up', flush=True); time.sleep(60)"


class Case:
    """One run, and its task's process where one was started."""

    def __init__(self, folder: Path) -> None:
        self.workspace = Workspace((folder / "workspace").as_uri())
        self.launcher = LocalLauncher(folder / "tasks")
        run_id = self.workspace.create_run(
            Mapping(date="d", kpi="k", paid=(PaidColumns(spend="tv"),))
        )
        self.history = History.begin(self.workspace, run_id, "ann")
        self.handle = ""

    def task(self, code: str, **other: str) -> None:
        self.history.add(RunState.STARTING, "ann")
        self.handle = self.launcher.start([sys.executable, "-c", code], "task")
        stored = json.dumps({**json.loads(self.handle), **other})
        attempt = Attempt(
            attempt=self.history.last.attempt, platform="local", handle=stored, at=utc_now()
        )
        self.workspace.save_attempt(self.history.run_id, attempt)

    def running(self) -> RunEvent:
        return self.history.add(RunState.RUNNING, "task")

    def beat(self, at: datetime, attempt: int = 1) -> None:
        beat = Heartbeat(attempt=attempt, at=at, host="h", pid=1, memory_bytes=1)
        self.workspace.write_heartbeat(self.history.run_id, beat)

    def wait_for(self, state: TaskState) -> None:
        deadline = time.monotonic() + 120
        while self.launcher.describe(self.handle).state is not state:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def look(self, seconds_later: float = 0.0) -> RunEvent:
        now = self.history.last.at + timedelta(seconds=seconds_later)
        return reconcile(self.workspace, self.launcher, SETTINGS, self.history.run_id, now)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = Case(tmp_path)
    yield made
    if made.handle:
        made.launcher.cancel(made.handle, 0.1)


def test_a_task_that_is_gone_is_crashed_with_its_exit_code_and_last_words(case: Case) -> None:
    case.task("print('\\n'.join(map(str, range(30)))); raise SystemExit(7)")
    case.running()
    case.wait_for(TaskState.STOPPED)
    event = case.look()
    assert event.state is RunState.CRASHED
    assert event.message == "The task is gone without a result: it ended with exit code 7."
    assert event.error is not None
    assert event.error.exit_code == 7
    assert event.error.output.splitlines() == [str(number) for number in range(10, 30)]
    assert case.look() == event


def test_a_task_that_died_before_its_first_word_is_crashed(case: Case) -> None:
    case.task("import os; os.kill(os.getpid(), 9)")
    case.wait_for(TaskState.STOPPED)
    event = case.look()
    assert event.state is RunState.CRASHED
    assert (
        event.message
        == "The task is gone without a result: it was killed by SIGKILL (often: out of memory)."
    )


def test_a_task_that_spoke_before_it_ended_has_the_last_word(case: Case) -> None:
    case.task("pass")
    case.running()
    case.history.add(RunState.SUCCEEDED, "task")
    case.wait_for(TaskState.STOPPED)
    assert case.look(10_000).state is RunState.SUCCEEDED


def test_a_silent_task_is_crashed_and_stopped(case: Case) -> None:
    case.task(SLEEP)
    case.beat(case.running().at + timedelta(seconds=5))
    assert case.look(14).state is RunState.RUNNING
    event = case.look(16)
    assert event.state is RunState.CRASHED
    assert event.message == "The task has given no sign of life for 11 seconds."
    assert case.launcher.describe(case.handle).state is TaskState.STOPPED


def test_progress_is_a_sign_of_life_too(case: Case) -> None:
    case.task(SLEEP)
    case.running()
    case.running()
    assert case.look(9).state is RunState.RUNNING


def test_a_heartbeat_of_an_earlier_attempt_is_none(case: Case) -> None:
    case.task(SLEEP)
    case.beat(utc_now() + timedelta(seconds=100), attempt=0)
    assert case.look(9).state is RunState.STARTING
    assert case.look(11).state is RunState.CRASHED


def test_a_task_on_another_machine_lives_by_its_heartbeat(case: Case) -> None:
    case.task("pass", host="elsewhere")
    case.running()
    case.wait_for(TaskState.STOPPED)
    assert case.look(9).state is RunState.RUNNING
    assert case.look(18).state is RunState.RUNNING
    assert case.look(20).state is RunState.CRASHED


@pytest.mark.parametrize("minutes", [-10, -3, 3, 10])
def test_a_looker_whose_clock_is_off_ends_no_healthy_run(case: Case, minutes: int) -> None:
    case.task("pass", host="elsewhere")
    case.running()
    case.wait_for(TaskState.STOPPED)
    for seconds in range(0, 60, 8):
        case.beat(case.history.last.at + timedelta(seconds=seconds))
        assert case.look(minutes * 60 + seconds).state is RunState.RUNNING
    assert case.look(minutes * 60 + 70).state is RunState.CRASHED


def test_a_task_that_takes_too_long_is_timed_out_and_stopped(case: Case) -> None:
    case.task(SLEEP)
    case.running()
    case.beat(utc_now() + timedelta(seconds=2000))
    assert case.look(998).state is RunState.RUNNING
    event = case.look(1001)
    assert event.state is RunState.TIMED_OUT
    assert event.message == "It took longer than 1000 seconds."
    assert case.launcher.describe(case.handle).state is TaskState.STOPPED


def test_a_run_that_nobody_starts_is_crashed_in_the_end(case: Case) -> None:
    assert not case.look(99).state.value.startswith("crash")
    event = case.look(101)
    assert event.state is RunState.CRASHED
    assert event.message == "No task was started within 100 seconds."


def test_an_end_that_cannot_be_recorded_is_shown_and_nothing_is_kept_of_it(
    case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full or read-only store: who looks must not need to write."""
    case.task("raise SystemExit(7)")
    running = case.running()
    case.wait_for(TaskState.STOPPED)

    def full(*_: object) -> None:
        raise StoreError("the store failed: no space left.")

    with monkeypatch.context() as patch:
        patch.setattr(Objects, "create", full)
        patch.setattr(Objects, "put", full)
        event = case.look()
        assert (event.state, event.number) == (RunState.CRASHED, running.number)
        listed = StatusList(case.workspace, tmp_path / "cache")
        run_id = case.history.run_id
        for _ in range(2):
            (status,) = listed.statuses(
                [run_id], lambda _: run_status(case.workspace, run_id, event)
            )
            assert status.state is RunState.CRASHED
    assert case.workspace.last_event(run_id) == running
    (status,) = listed.statuses([run_id], lambda _: run_status(case.workspace, run_id, running))
    assert status.state is RunState.RUNNING
    assert case.look().number == running.number + 1


def test_a_run_whose_starter_was_killed_is_crashed_as_soon_as_a_silent_task_is(case: Case) -> None:
    case.history.add(RunState.STARTING, "ann")
    limit = SETTINGS.crash_after_seconds
    assert limit < SETTINGS.start_timeout_seconds
    assert case.look(limit - 1).state is RunState.STARTING
    event = case.look(limit + 1)
    assert event.state is RunState.CRASHED
    assert event.message == (
        f"No task was started within {limit:g} seconds: whoever was starting it is gone."
    )
