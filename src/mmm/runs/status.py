"""What a run looks like from outside, read from its first and its newest event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from mmm.runs.events import FINAL, LABELS
from mmm.runs.waiting import Waits, waits_of
from mmm.workspace import Workspace
from mmm.workspace.models import RunError, RunEvent, RunState, StageProgress


class RunStatus(BaseModel):
    """A run now. `started` is when the attempt's task was launched, `ended` null until the attempt
    is final.

    `batch` is the id of the batch it belongs to, "" for none; `event` is the number of the newest
    event. `platform` is where it was submitted to; `waits` is why a queued one was refused. One that is not `readable` is known by its id and why it cannot be read.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    name: str
    market: str
    dataset_id: str
    engine: str
    batch: str
    state: RunState
    attempt: int
    submitted: datetime
    submitted_by: str
    started: datetime | None
    updated: datetime
    ended: datetime | None
    stages: tuple[str, ...]
    progress: StageProgress | None
    message: str
    error: RunError | None
    warnings: tuple[str, ...]
    details: dict[str, Any]
    event: int
    platform: str = ""
    waits: Waits | None = None
    readable: bool = True

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def label(self) -> str:
        return LABELS[self.state] if self.readable else "unreadable"

    @property
    def seconds(self) -> float | None:
        """How long the attempt has taken from its launch to its last event."""
        return None if self.started is None else (self.updated - self.started).total_seconds()


def run_status(workspace: Workspace, run_id: str, last: RunEvent) -> RunStatus:
    """The status at the event `last`. The first event holds what was submitted."""
    return status_of(run_id, last if last.number == 1 else workspace.event(run_id, 1), last)


def status_of(run_id: str, first: RunEvent, last: RunEvent) -> RunStatus:
    """The status of a run with this first and this newest event."""
    submitted = {
        name: first.details.get(name, "")
        for name in ("name", "market", "dataset_id", "engine", "batch", "platform")
    }
    return RunStatus(
        run_id=run_id,
        **submitted,
        state=last.state,
        attempt=last.attempt,
        submitted=first.at,
        submitted_by=first.actor,
        started=last.started,
        updated=last.at,
        ended=last.at if last.state in FINAL else None,
        stages=last.stages,
        progress=last.progress,
        message=last.message,
        error=last.error,
        warnings=tuple(dict.fromkeys((*first.warnings, *last.warnings))),
        details=last.details if last.state in FINAL else {},
        event=last.number,
        waits=waits_of(last),
    )


def unreadable(run_id: str, why: str) -> RunStatus:
    """What is known of a run whose history cannot be read: when it was submitted, from its id."""
    submitted = datetime.strptime(run_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return RunStatus(
        run_id=run_id,
        name="",
        market="",
        dataset_id="",
        engine="",
        batch="",
        state=RunState.CRASHED,  # the machine's fault, and nothing more will come
        attempt=1,
        submitted=submitted,
        submitted_by="",
        started=None,
        updated=submitted,
        ended=None,
        stages=(),
        progress=None,
        message=why,
        error=RunError(what=why),
        warnings=(),
        details={},
        event=0,
        readable=False,
    )
