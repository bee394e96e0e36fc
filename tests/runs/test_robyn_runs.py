"""How runs of the engine `robyn` end when R makes trouble: real R processes, with the stand-in for
Robyn.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest

from mmm.access import Role, User
from mmm.errors import InvalidInput
from mmm.experiments.config import DatasetRef, Experiment, parse_experiment
from mmm.runs.events import History
from mmm.runs.service import RunService
from mmm.runs.task import run_task
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunEvent, RunState
from robyn_library import RobynLibrary, recorded_experiment

ANN = User("ann", role=Role.ANALYST)


@pytest.fixture
def recorded(dataset: DatasetRef) -> Experiment:
    return parse_experiment(json.dumps(recorded_experiment(dataset.model_dump())))


@pytest.fixture
def ended(
    workspace: Workspace, settings: Settings, recorded: Experiment
) -> Callable[[], tuple[RunEvent, str]]:
    """Run the task of a new run in this process; its last event and its log."""

    def run() -> tuple[RunEvent, str]:
        run_id = workspace.create_run(recorded)
        History.begin(workspace, run_id, "ann").add(RunState.STARTING, "ann")
        run_task(workspace.run_uri(run_id), settings)
        records, _ = workspace.log(run_id)
        return workspace.last_event(run_id), "\n".join(record.message for record in records)

    return run


def test_an_error_in_r_fails_the_run_with_rs_words(
    robyn: RobynLibrary, ended: Callable[[], tuple[RunEvent, str]]
) -> None:
    robyn.asks_for("robyn_run", "error", 'object "pb" not found')
    last, log = ended()
    assert last.state is RunState.FAILED
    assert last.message == 'Robyn: object "pb" not found The log has all that R printed.'
    assert 'R: Error: object "pb" not found' in log
    assert "R: This is a stand-in for tests, not Robyn." in log


def test_a_missing_package_says_where_to_put_it(
    robyn: RobynLibrary, ended: Callable[[], tuple[RunEvent, str]]
) -> None:
    robyn.asks_for("robyn_inputs", "error", "there is no package called ‘rstan’")
    last, _ = ended()
    assert last.state is RunState.FAILED
    assert last.message.endswith("called ‘rstan’ Install it into the library of MMM_ROBYN_LIBRARY.")


@pytest.mark.parametrize(
    ("do", "message"),
    [
        ("allocate", "The task ran out of memory."),
        ("killed", "R was killed (mostly for lack of memory). Its last lines:\n"),
    ],
)
def test_too_little_memory_crashes_the_run(
    robyn: RobynLibrary, ended: Callable[[], tuple[RunEvent, str]], do: str, message: str
) -> None:
    """R says so itself; where it was killed, nobody knows for sure what for."""
    robyn.asks_for("robyn_run", do)
    last, log = ended()
    assert last.state is RunState.CRASHED
    assert last.message.startswith(message)
    assert ("cannot allocate vector" in log) is (do == "allocate")


def test_what_is_missing_is_told_before_the_run_and_again_by_the_task(
    robyn: RobynLibrary,
    recorded: Experiment,
    workspace: Workspace,
    settings: Settings,
    ended: Callable[[], tuple[RunEvent, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MMM_RSCRIPT", "Rscript-of-no-machine")
    with pytest.raises(InvalidInput) as caught:
        RunService.open(settings).submit(recorded, ANN)
    assert str(caught.value).startswith(
        "the engine robyn cannot train on this machine:\n  - R: 'Rscript-of-no-machine'"
    )
    assert workspace.run_ids() == []
    last, _ = ended()
    assert last.state is RunState.FAILED
    assert last.message.startswith("the engine robyn cannot train on this machine:")


@pytest.mark.parametrize("way", [RunState.CANCELLED, RunState.TIMED_OUT])
def test_r_ends_with_its_run(
    robyn: RobynLibrary, recorded: Experiment, settings: Settings, way: RunState
) -> None:
    """A task in a process of its own, whose R has started a process in turn."""
    robyn.asks_for("robyn_run", "hang")
    service = RunService.open(settings)
    run_id = service.submit(recorded, ANN)
    wait_until(lambda: {"R", "sleep"} <= set(processes(robyn)))
    if way is RunState.CANCELLED:
        service.cancel(run_id, ANN)
    else:
        RunService.open(settings.model_copy(update={"task_timeout_seconds": 0.01})).status(run_id)
    assert service.status(run_id).state is way
    wait_until(lambda: not processes(robyn))


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def processes(library: RobynLibrary) -> list[str]:
    """Names of the processes that work with this R library."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(library.folder) in process.environ().get("R_LIBS", ""):
                found.append(process.name())
    return found
