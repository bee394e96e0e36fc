"""The training task's ways out, in this process, with a small engine that does what a test asks
for.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal

import pytest
from pydantic import BaseModel

import mmm
from mmm import engines
from mmm.engines.base import Problem, Progress, ProgressListener
from mmm.errors import Finding, UserError
from mmm.experiments.config import Experiment
from mmm.runs.events import History
from mmm.runs.progress import ProgressRecorder
from mmm.runs.service import RunService
from mmm.runs.task import run_task
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import Attempt, RunEvent, RunState
from mmm.workspace.names import utc_now


class TinySettings(BaseModel):
    end: Literal["user error", "defect", "memory", "sigterm", "cancelled", "cancelled by signal"]
    seed: int = 7


class TinyEngine:
    name = "tiny"
    version = "1.2"
    settings = TinySettings
    stages = ("search",)
    #: What someone else does while the engine works.
    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def check(self, problem: Problem, settings: TinySettings) -> list[Finding]:
        return []

    def check_environment(self) -> list[Finding]:
        return []

    def train(self, problem: Problem, settings: TinySettings, progress: ProgressListener) -> Any:
        progress(Progress("search", 0, 2))
        TinyEngine.meanwhile()
        if settings.end == "user error":
            raise UserError("has 3 rows only.", where="data", fix="Add rows.")
        if settings.end == "defect":
            return 1 // 0
        if settings.end == "memory":
            raise MemoryError
        if settings.end in ("sigterm", "cancelled by signal"):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        progress(Progress("search", 2, 2))
        raise AssertionError("not reached")


@pytest.fixture
def start(
    monkeypatch: pytest.MonkeyPatch, workspace: Workspace, experiment: Callable[..., Experiment]
) -> Callable[[str], str]:
    """Queue and start a run of the tiny engine as a launcher would, without its task; return its
    id.
    """
    module = ModuleType("tiny_engine")
    module.TinyEngine, module.TinySettings = TinyEngine, TinySettings  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tiny_engine", module)
    tiny = engines.Registered("tiny_engine:TinyEngine", "tiny_engine:TinySettings")
    monkeypatch.setitem(engines.ENGINES, "tiny", tiny)
    monkeypatch.setattr(TinyEngine, "meanwhile", staticmethod(lambda: None))

    def queue(end: str) -> str:
        run_id = workspace.create_run(experiment("tiny", end=end))
        History.begin(workspace, run_id, "ann").add(RunState.STARTING, "ann")
        return run_id

    return queue


def train(workspace: Workspace, settings: Settings, run_id: str) -> tuple[int, RunEvent]:
    """Run the task; its exit code and the run's last event."""
    code = run_task(workspace.run_uri(run_id), settings)
    return code, workspace.last_event(run_id)


def log_text(workspace: Workspace, run_id: str) -> str:
    return "\n".join(record.message for record in workspace.log(run_id)[0])


def test_an_engines_own_error_is_failed_with_its_message(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    run_id = start("user error")
    code, event = train(workspace, settings, run_id)
    assert (code, event.state, event.message) == (
        1,
        RunState.FAILED,
        "data: has 3 rows only. Add rows.",
    )
    assert not workspace.results_exist(run_id)


def test_a_defect_is_failed_with_an_id_that_finds_its_trace_in_the_log(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    run_id = start("defect")
    code, event = train(workspace, settings, run_id)
    assert (code, event.state) == (1, RunState.FAILED)
    assert event.message == "An unexpected error ended the training (ZeroDivisionError)."
    assert event.error is not None
    assert event.error.log_id is not None
    log = log_text(workspace, run_id)
    assert event.error.log_id in log
    assert "Traceback" in log
    assert "Traceback" not in event.model_dump_json()


def test_no_memory_is_the_machines_failure(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    _, event = train(workspace, settings, start("memory"))
    assert (event.state, event.message) == (RunState.CRASHED, "The task ran out of memory.")


def test_sigterm_is_the_platforms_doing(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    code, event = train(workspace, settings, start("sigterm"))
    assert (code, event.state) == (143, RunState.CRASHED)
    assert event.message == "The platform stopped the task (SIGTERM)."


@pytest.mark.parametrize(("end", "expected"), [("defect", 1), ("sigterm", 143)])
def test_a_sigterm_while_the_end_is_recorded_does_not_lose_it(
    monkeypatch: pytest.MonkeyPatch,
    workspace: Workspace,
    settings: Settings,
    start: Callable[[str], str],
    end: str,
    expected: int,
) -> None:
    refresh = History.refresh

    def terminated(history: History) -> RunEvent:
        os.kill(os.getpid(), signal.SIGTERM)
        return refresh(history)

    run_id = start(end)
    TinyEngine.meanwhile = lambda: monkeypatch.setattr(History, "refresh", terminated)  # type: ignore[method-assign]
    code, event = train(workspace, settings, run_id)
    assert code == expected
    assert event.state is (RunState.FAILED if end == "defect" else RunState.CRASHED)


@pytest.mark.parametrize(("end", "expected"), [("cancelled", 0), ("cancelled by signal", 143)])
def test_a_cancelled_run_stays_cancelled_and_gets_no_results(
    workspace: Workspace, settings: Settings, start: Callable[[str], str], end: str, expected: int
) -> None:
    run_id = start(end)
    TinyEngine.meanwhile = lambda: History(workspace, run_id).add(RunState.CANCELLED, "ann")  # type: ignore[method-assign]
    code, event = train(workspace, settings, run_id)
    assert (code, event.state, event.actor) == (expected, RunState.CANCELLED, "ann")
    assert not workspace.results_exist(run_id)
    assert "Traceback" not in log_text(workspace, run_id)


def test_a_run_cancelled_before_its_task_began_is_not_trained(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    run_id = start("defect")
    History(workspace, run_id).add(RunState.CANCELLED, "ann")
    assert train(workspace, settings, run_id)[0] == 0
    assert workspace.log(run_id) == ([], 0)


def test_a_run_is_trained_by_one_task_only(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    run_id = start("defect")
    History(workspace, run_id).add(RunState.RUNNING, "another task")
    assert run_task(workspace.run_uri(run_id), settings) == 0
    assert workspace.last_event(run_id).actor == "another task"


def test_of_two_tasks_of_one_attempt_the_loser_leaves_quietly(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    run_id = start("defect")
    assert workspace.claim_attempt(run_id, 1, "another task")
    before = workspace.events(run_id)
    assert run_task(workspace.run_uri(run_id), settings) == 0
    assert workspace.events(run_id) == before
    assert workspace.heartbeat(run_id) is None
    assert workspace.claim_attempt(run_id, 2, "a later attempt's task")


def test_what_the_model_was_made_with_is_kept(
    workspace: Workspace, settings: Settings, start: Callable[[str], str]
) -> None:
    run_id = start("user error")
    train(workspace, settings, run_id)
    kept = workspace.provenance(run_id)
    assert (kept["engine"], kept["engine_version"], kept["seed"]) == ("tiny", "1.2", 7)
    assert kept["code_version"] == mmm.__version__
    assert kept["dataset_hash"].startswith(kept["dataset_id"])
    assert set(kept["libraries"]) >= {"numpy", "scipy", "pyarrow"}
    first = next(event for event in workspace.events(run_id) if event.state is RunState.RUNNING)
    assert first.details == kept
    assert first.stages == ("data", "search", "results")
    heartbeat = workspace.heartbeat(run_id)
    assert heartbeat is not None
    assert heartbeat.attempt == 1


def test_progress_is_written_at_a_stages_ends_and_seldom_between(
    workspace: Workspace, start: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    run_id = start("defect")
    record = ProgressRecorder(History(workspace, run_id), "task", 1)
    for step in range(81):  # ten seconds
        record(Progress("search", step, 80))
        now[0] += 0.125
    record(Progress("search", 80, 80))
    record(Progress("report", 0, 3, seconds_left=2.04))
    now[0] += 5
    record(Progress("report", 3, 3))
    written = [event.progress for event in workspace.events(run_id) if event.progress]
    search = [stage for stage in written if stage.stage == "search"]
    assert [stage.done for stage in search] == [0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80]
    assert [stage.seconds_left for stage in search] == [
        None,
        9.0,
        8.0,
        7.0,
        6.0,
        5.0,
        4.0,
        3.0,
        2.0,
        1.0,
        0.0,
    ]
    assert [(stage.done, stage.seconds_left) for stage in written if stage.stage == "report"] == [
        (0, 2.0),
        (3, 0.0),
    ]
    assert record.seconds_per_stage() == {"search": 10.125, "report": 5.0}


@pytest.mark.parametrize(("platform", "steps"), [("local", 1), ("aws", 0)])
def test_only_a_task_of_this_machine_starts_the_next_run_of_a_batch(
    workspace: Workspace,
    settings: Settings,
    start: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    platform: str,
    steps: int,
) -> None:
    """A cloud's task has no settings that say where it is: it is given nothing but the run's
    address.
    """
    taken: list[RunService] = []
    monkeypatch.setattr(RunService, "start_waiting", lambda service, tidy: taken.append(service))
    run_id = start("user error")
    workspace.save_attempt(run_id, Attempt(attempt=1, platform=platform, handle="{}", at=utc_now()))
    train(workspace, settings, run_id)
    assert len(taken) == steps
