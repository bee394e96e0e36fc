"""Runs with a damaged object: what can still be done is done, and the rest is told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mmm.access import Role, User
from mmm.errors import UserError
from mmm.runs.events import History
from mmm.runs.queue import step
from mmm.runs.service import RunService, _Looks
from mmm.runs.signs import heartbeat
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import Attempt, BatchDocument, BatchMember, RunState
from mmm.workspace.names import new_id, utc_now
from mmm.workspace.stored import Unreadable

TEST = User("test", role=Role.ANALYST)


@pytest.fixture
def running(workspace: Workspace) -> str:
    run_id = new_id()
    history = History.begin(workspace, run_id, "ann")
    history.add(RunState.STARTING, "ann")
    history.add(RunState.RUNNING, "task@here", attempt=1)
    workspace.save_attempt(run_id, Attempt(attempt=1, platform="local", handle="{}", at=utc_now()))
    return run_id


def empty(settings: Settings, key: str) -> None:
    (Path(str(settings.workspace)) / key).write_bytes(b"")


def test_a_run_whose_attempt_is_damaged_is_listed_and_cancelled(
    workspace: Workspace, settings: Settings, running: str
) -> None:
    empty(settings, f"runs/{running}/attempts/0001.json")
    service = RunService.open(settings)
    (listed,) = service.runs()
    assert listed.state is RunState.RUNNING
    with pytest.raises(Unreadable) as told:
        service.cancel(running, TEST)
    assert "heartbeat" in told.value.fix
    assert workspace.last_event(running).state is RunState.CANCELLED


@pytest.mark.parametrize("by", ["ann", "task@here"])
def test_a_task_whose_run_others_have_ended_stops_with_its_next_heartbeat(
    workspace: Workspace, running: str, by: str
) -> None:
    stopped = threading.Event()
    with heartbeat(workspace, running, 1, 0.02, stopped.set, "task@here"):
        assert not stopped.wait(0.1)
        History(workspace, running).add(RunState.FAILED, by, attempt=1)
        assert stopped.wait(60 if by == "ann" else 0.1) == (by == "ann")


def test_a_damaged_batch_leaves_the_others_their_turn(
    workspace: Workspace, settings: Settings
) -> None:
    for number in (1, 2):
        member = BatchMember(
            run_id=f"20260301T12000{number}-0a1b2c3d", label="x", market="DE", dataset_id="d"
        )
        workspace.save_batch(
            BatchDocument(
                batch_id=f"20260301T12000{number}-00000000", name="", at=utc_now(), actor="ann",
                engine="ridge", members=(member,),
            )
        )  # fmt: skip
    empty(settings, "batches/20260301T120001-00000000/batch.json")
    service = RunService.open(settings)
    started: list[str] = []
    looks = _Looks(service, service._board, tidy=False)
    step(workspace, looks, started.append, 5, "local", utc_now())
    assert started == ["20260301T120002-0a1b2c3d"]
    with pytest.raises(UserError, match="empty"):
        workspace.batch("20260301T120001-00000000")
