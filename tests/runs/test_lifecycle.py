"""Runs from submitting to their end: real tasks in processes of their own, training the native
engine on the sample.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from mmm.access import Role, User
from mmm.errors import InvalidInput, NotFound, UserError
from mmm.experiments.config import Experiment
from mmm.results.store import REPORT
from mmm.runs.events import TransitionRefused
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

ANN, BOB = User("ann", role=Role.ANALYST), User("bob", "bob@example.com", Role.ADMIN)
SHORT = {"trials": 1, "iterations": 200, "seed": 1}
LONG = {"trials": 1, "iterations": 1_000_000}


@pytest.fixture
def service(settings: Settings) -> Iterator[RunService]:
    """A service whose runs have all ended when the test has."""
    made = RunService.open(settings)
    yield made
    for status in made.runs():
        if not status.final:
            made.cancel(status.run_id, BOB)


@pytest.fixture
def command(settings: Settings, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `mmm ...` as a process of its own on the same workspace."""
    environment = os.environ | {
        "MMM_WORKSPACE": str(settings.workspace),
        "MMM_HEARTBEAT_SECONDS": str(settings.heartbeat_seconds),
        "MMM_CRASH_AFTER_SECONDS": str(settings.crash_after_seconds),
        "MMM_DRAW_REPORTS": "true",
    }

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mmm", *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell that starts its jobs in the background ignores Ctrl-C for them, and children
            # inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return start


def wait_until(service: RunService, run_id: str, done: Callable[[RunStatus], bool]) -> RunStatus:
    deadline = time.monotonic() + 240
    while not done(status := service.status(run_id)):
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def running(service: RunService, run_id: str) -> int:
    """Wait until the run's task works; its process id."""
    status = wait_until(
        service, run_id, lambda status: status.final or status.state is RunState.RUNNING
    )
    assert status.state is RunState.RUNNING, status
    heartbeat = service.workspace.heartbeat(run_id)
    assert heartbeat is not None
    assert heartbeat.attempt == status.attempt
    return heartbeat.pid


def gone(pid: int) -> bool:
    """Whether the process ends within a moment: a killed one takes a while to give its memory back."""
    try:
        psutil.Process(pid).wait(60)
    except psutil.TimeoutExpired:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        pass
    return True


def test_from_submitting_to_results(
    command: Callable[..., subprocess.Popen[str]],
    experiment: Callable[..., Experiment],
    service: RunService,
    tmp_path: Path,
) -> None:
    (tmp_path / "experiment.json").write_text(experiment(**SHORT).to_json())
    submit = command("submit", "experiment.json", "--follow")
    assert submit.stdout is not None
    run_id = submit.stdout.readline().strip()
    logs = command("logs", run_id[:-2], "--follow")
    shown = [line.split()[1] for line in submit.stdout]
    assert submit.wait(120) == 0
    assert shown[:3] == ["queued", "starting", "running"]
    assert shown[-1] == "succeeded"
    log, _ = logs.communicate(timeout=120)
    assert logs.returncode == 0
    assert "training with ridge" in log
    assert "succeeded" in log

    status = service.status(run_id)
    assert (status.state, status.name, status.market, status.engine) == (
        RunState.SUCCEEDED,
        "sample",
        "DE",
        "ridge",
    )
    assert next(iter(status.details["seconds"])) == "data"
    assert list(status.details["seconds"])[-1] == "results"
    assert status.details["memory_peak_bytes"] > 50e6
    assert service.workspace.result_table(run_id, "models").num_rows == SHORT["iterations"]
    assert "model_summary.json" in service.workspace.results_manifest(run_id).files

    stages = [
        event.progress
        for event in service.workspace.events(run_id)
        if event.state is RunState.RUNNING
    ]
    ends = [stage.stage for stage in stages if stage and stage.done == stage.total]
    assert ends == list(dict.fromkeys(ends)), "each stage ends once"
    assert ends == list(status.details["seconds"]), (
        "every stage, the last one too, is reported to its end"
    )
    # The task draws the report when the run has succeeded already.
    manifest, deadline = service.workspace.results_manifest(run_id), time.monotonic() + 240
    while service.workspace.derived_file(run_id, REPORT, manifest) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(TransitionRefused, match="is succeeded and cannot become queued"):
        service.retry(run_id, ANN)


def test_a_killed_and_a_hanging_task_are_found_crashed_and_the_run_can_be_retried(
    settings: Settings, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    run_id = service.submit(experiment(**LONG), ANN)
    os.kill(running(service, run_id), signal.SIGKILL)
    status = wait_until(service, run_id, lambda status: status.final)
    assert status.state is RunState.CRASHED
    assert status.error is not None
    assert status.error.exit_code == 137
    assert "killed by SIGKILL" in status.message

    again = service.retry(run_id, BOB)
    assert (again.attempt, again.submitted_by) == (2, "ann")
    pid = running(service, run_id)
    os.kill(pid, signal.SIGSTOP)
    quick = RunService.open(settings.model_copy(update={"crash_after_seconds": 1.0}))
    status = wait_until(quick, run_id, lambda status: status.final)
    assert (status.state, status.attempt) == (RunState.CRASHED, 2)
    assert status.message.startswith("The task has given no sign of life for")
    assert gone(pid), "a hanging task is stopped"
    assert not service.workspace.results_exist(run_id)
    states = [(event.attempt, event.state) for event in service.workspace.events(run_id)]
    assert [
        state for attempt, state in states if attempt == 1 and state is not RunState.RUNNING
    ] == [
        RunState.QUEUED,
        RunState.STARTING,
        RunState.CRASHED,
    ]


def test_of_two_who_cancel_one_does_and_the_task_ends(
    settings: Settings, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    run_id = service.submit(experiment(**LONG), ANN)
    pid = running(service, run_id)

    def cancel(by: User) -> str:
        try:
            return RunService.open(settings).cancel(run_id, by).state
        except TransitionRefused as refusal:
            return str(refusal)

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(cancel, (ANN, BOB)))
    refusal = f"run {run_id} is cancelled and cannot become cancelled. Only a run that has not ended can be cancelled."
    assert answers == ["cancelled", refusal]
    assert gone(pid)
    time.sleep(0.3)
    last = service.workspace.last_event(run_id)
    assert (last.state, service.workspace.results_exist(run_id)) == (RunState.CANCELLED, False)


def test_a_run_survives_who_started_it_and_ctrl_c_ends_the_looking_only(
    command: Callable[..., subprocess.Popen[str]],
    experiment: Callable[..., Experiment],
    settings: Settings,
    service: RunService,
    tmp_path: Path,
) -> None:
    (tmp_path / "experiment.json").write_text(experiment(**LONG).to_json())
    submit = command("submit", "experiment.json", "--follow")
    assert submit.stdout is not None
    run_id = submit.stdout.readline().strip()
    pid = running(service, run_id)
    submit.send_signal(signal.SIGINT)
    _, err = submit.communicate(timeout=120)
    assert submit.returncode == 130
    assert f"The run goes on. Look again with `mmm status {run_id}`" in err
    os.kill(pid, 0)
    assert service.status(run_id).state is RunState.RUNNING

    impatient = RunService.open(settings.model_copy(update={"task_timeout_seconds": 0.5}))
    time.sleep(0.5)
    assert impatient.status(run_id).state is RunState.TIMED_OUT
    assert gone(pid)


def test_what_cannot_be_modelled_is_refused_before_anything_is_stored(
    service: RunService, experiment: Callable[..., Experiment], workspace: Workspace
) -> None:
    good = json.loads(experiment().to_json())
    unknown = Experiment.model_validate(
        {**good, "mapping": {**good["mapping"], "kpi": "no such column"}}
    )
    with pytest.raises(InvalidInput, match="no such column"):
        service.submit(unknown, ANN)
    elsewhere = Experiment.model_validate(
        {**good, "dataset": {"market": "DE", "dataset_id": "0" * 16}}
    )
    with pytest.raises(NotFound, match="market 'DE' has no dataset 0000000000000000"):
        service.submit(elsewhere, ANN)
    assert workspace.run_ids() == []


def test_a_task_that_cannot_be_started_leaves_a_crashed_run_that_says_so(
    settings: Settings, service: RunService, experiment: Callable[..., Experiment]
) -> None:
    settings.tasks_dir.write_text("a file where the tasks' folder should be")
    with pytest.raises(UserError, match=r"could not be started: .*File exists"):
        service.submit(experiment(), ANN)
    (status,) = service.runs()
    assert status.state is RunState.CRASHED
    assert status.message.startswith("The task could not be started: ")
