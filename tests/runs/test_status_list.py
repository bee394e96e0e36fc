"""Lists of runs: what is kept stays true, and one run that cannot be read does not hide the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.runs.status_list import StatusList
from mmm.runs.wording import what_now
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunError, RunEvent, RunState

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILED = "The experiment does not fit its data:\n  - column 'x': is not there.\n  - column 'y': is not there."


@pytest.fixture
def service(settings: Settings) -> RunService:
    return RunService.open(settings)


def add(workspace: Workspace, run_id: str, *states: RunState) -> None:
    """Events of these states after those that are there."""
    for number, state in enumerate(states, len(workspace.events(run_id)) + 1):
        error = RunError(what=FAILED) if state is RunState.FAILED else None
        message = FAILED if error else state.value
        event = RunEvent(
            number=number, state=state, at=AT, attempt=1, actor="ann", message=message, error=error
        )
        workspace.append_event(run_id, event)


def run_id(number: int) -> str:
    return f"20260301T1200{number:02d}-00000000"


def counting(service: RunService) -> tuple[Callable[[str], RunStatus], list[str]]:
    """The service's `status`, and the ids it is asked for."""
    asked: list[str] = []

    def status(run_id: str) -> RunStatus:
        asked.append(run_id)
        return service.status(run_id)

    return status, asked


def test_what_has_ended_is_read_once_and_a_new_attempt_is_seen(
    service: RunService, tmp_path: Path
) -> None:
    workspace = service.workspace
    add(workspace, run_id(1), RunState.QUEUED, RunState.SUCCEEDED)
    add(workspace, run_id(2), RunState.QUEUED, RunState.FAILED)
    ids, (status, asked) = [run_id(2), run_id(1)], counting(service)
    listed = StatusList(workspace, tmp_path / "cache")
    first = listed.statuses(ids, status)
    assert [found.state for found in first] == [RunState.FAILED, RunState.SUCCEEDED]
    assert asked == ids

    assert StatusList(workspace, tmp_path / "cache").statuses(ids, status) == first
    assert asked == ids, "another process reads nothing again"

    add(workspace, run_id(2), RunState.QUEUED, RunState.CANCELLED)
    assert [found.state for found in listed.statuses(ids, status)] == [
        RunState.CANCELLED,
        RunState.SUCCEEDED,
    ]
    assert asked == [*ids, run_id(2)]


def test_a_run_under_way_is_read_every_time(service: RunService, tmp_path: Path) -> None:
    add(service.workspace, run_id(1), RunState.QUEUED, RunState.CANCELLED, RunState.QUEUED)
    status, asked = counting(service)
    listed = StatusList(service.workspace, tmp_path / "cache")
    for _ in range(2):
        listed.statuses(
            [run_id(1)],
            lambda asked_id: status(asked_id).model_copy(update={"state": RunState.RUNNING}),
        )
    assert len(asked) == 2


@pytest.mark.parametrize("damage", ["text", "missing", "torn"])
def test_a_run_that_cannot_be_read_is_listed_among_the_others(
    service: RunService, settings: Settings, damage: str
) -> None:
    for number in (1, 2, 3):
        add(service.workspace, run_id(number), RunState.QUEUED, RunState.CANCELLED)
    events = Path(str(settings.workspace)) / "runs" / run_id(2) / "events"
    if damage == "missing":
        (events / "000001.json").unlink()
    else:
        (events / "000002.json").write_text(
            "not JSON" if damage == "text" else '{"number": 2, "state"'
        )
    (events / "notes.json").write_text("{}")
    newest, damaged, oldest = service.runs()
    assert (newest.label, damaged.label, oldest.label) == ("cancelled", "unreadable", "cancelled")
    assert (damaged.final, damaged.readable, damaged.submitted) == (
        True,
        False,
        AT.replace(second=2),
    )
    what = (
        "event 1 of its history is missing" if damage == "missing" else "event 2 of its history is"
    )
    assert f"run {run_id(2)}: {what}" in damaged.message
    assert service.runs()[1] == damaged


def test_where_nothing_can_be_kept_everything_is_still_listed(
    service: RunService, tmp_path: Path
) -> None:
    add(service.workspace, run_id(1), RunState.QUEUED, RunState.CANCELLED)
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "damaged"):
        listed = StatusList(service.workspace, folder)
        if folder.name == "damaged":
            listed.statuses([run_id(1)], service.status)
            (kept,) = (folder / "runs").iterdir()
            kept.write_bytes(os.urandom(4096))
        assert [found.run_id for found in listed.statuses([run_id(1)], service.status)] == [
            run_id(1)
        ]


def test_a_run_without_events_is_not_listed_yet(service: RunService, settings: Settings) -> None:
    add(service.workspace, run_id(1), RunState.QUEUED, RunState.CANCELLED)
    (Path(str(settings.workspace)) / "runs" / run_id(2)).mkdir()
    assert [found.run_id for found in service.runs()] == [run_id(1)]


def test_a_row_tells_the_first_finding(service: RunService) -> None:
    add(service.workspace, run_id(1), RunState.QUEUED, RunState.FAILED)
    assert what_now(service.status(run_id(1))) == "column 'x': is not there. (and 1 more)"
