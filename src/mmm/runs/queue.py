"""The queue: batches' runs wait as `queued` and are started in order, so many at a time; and any
run for which the platform had no room is tried again.

No process owns the queue. A step looks at what is stored, starts what may start, and ends; whoever
looks at runs takes one, a local task takes one when it ends, and so does `mmm batch step`, for
schedulers. Any number of steps may go on at
once: each begins with the same run, the one that writes its `starting` event launches it, and the
others stop there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mmm.errors import NotFound, UserError
from mmm.platforms.base import NoRoom
from mmm.runs.events import TransitionRefused
from mmm.runs.status import RunStatus
from mmm.runs.waiting import Waits
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunState
from mmm.workspace.stored import Unreadable

log = logging.getLogger(__name__)

_UNDER_WAY = (RunState.STARTING, RunState.RUNNING)
#: A submitter starts its run right after queueing it; one that has not by now was killed.
_SUBMIT_SECONDS = 30.0


class Ends(Protocol):
    """What is to be done when something has ended. It may be asked more than once for the same."""

    def run(self, status: RunStatus) -> None:
        """A run that somebody looks after by itself; UserError to be asked again later."""
        ...

    def batch(self, batch: BatchDocument, statuses: Sequence[RunStatus]) -> None:
        """All runs of a batch; UserError to be asked again later."""
        ...


class Looks(Protocol):
    """How batches and runs are looked at."""

    def batch(self, batch_id: str) -> BatchDocument: ...

    def of_batch(self, batch: BatchDocument) -> list[RunStatus]:
        """The statuses of a batch's runs, in its order."""
        ...

    def of_runs(self, run_ids: Sequence[str]) -> list[RunStatus]: ...


class Jobs(Protocol):
    """Batches that the platform trains as one job of many tasks (`mmm.runs.batch_jobs`)."""

    def takes(self, batch: BatchDocument) -> bool: ...

    def revive(self, batch: BatchDocument, statuses: Sequence[RunStatus]) -> bool: ...

    def tend(
        self, batch: BatchDocument, statuses: Sequence[RunStatus], places: int, now: datetime
    ) -> tuple[bool, Waits | None]: ...


@dataclass(frozen=True)
class Stepped:
    """What a step did: the ids of the runs started; and saw: the statuses, before that, of the
    runs of each batch.
    """

    started: list[str]
    seen: dict[str, list[RunStatus]]


def step(
    workspace: Workspace,
    looks: Looks,
    start: Callable[[str], None],
    at_once: int,
    platform: str,
    now: datetime,
    ends: Ends | None = None,
    jobs: Jobs | None = None,
) -> Stepped:
    """Start runs of the platform's batches while fewer than `at_once` are under way.

    Where the platform had no room, nothing of a batch is started before it is time to ask again.
    Runs of no batch that were refused are tried again at their own time.

    Batches that `jobs` takes are left to the platform's own engine: a job of many tasks is
    submitted while some of their runs wait and none goes on, and runs whose task was lost wait again.

    Batches and runs that have ended go to `ends`, once it is known that they have, and their marks
    are taken away; without `ends` the marks stay for somebody else.

    `looks` gives the statuses of runs, `start` launches the task of a queued one. What was submitted
    to another platform is left alone: a laptop that looks at a bucket must not train what waits for
    the cloud.
    """
    batch_ids, run_ids = workspace.open_work()
    waiting, under_way, full = [], 0, False
    by_job: list[tuple[Jobs, BatchDocument]] = []
    seen: dict[str, list[RunStatus]] = {}
    for batch in _batches(looks, batch_ids):
        if batch.platform != platform:
            continue
        statuses = looks.of_batch(batch)
        taker = jobs if jobs is not None and jobs.takes(batch) else None
        if taker is not None and taker.revive(batch, statuses):
            statuses = looks.of_batch(batch)
        seen[batch.batch_id] = statuses
        # One that could not be read may be going on, or be mended.
        if ends is not None and all(one.final and one.readable for one in statuses):
            _close_batch(workspace, batch, statuses, ends)
        if taker is None or platform == "local":  # a cloud's jobs take nobody's place
            under_way += sum(status.state in _UNDER_WAY for status in statuses)
        if taker is not None:
            by_job.append((taker, batch))
            continue
        waiting += [status.run_id for status in statuses if status.state is RunState.QUEUED]
        full = full or any(_is_early(status, now) for status in statuses)
    singles = []
    for status in looks.of_runs(run_ids):
        if status.platform not in (platform, ""):
            continue
        if status.final and ends is not None:
            _close(workspace, status, ends)
        elif _is_due(status, now) and status.platform:
            singles.append(status.run_id)
    places = at_once - under_way
    for taker, batch in by_job:
        submitted, waits = taker.tend(batch, seen[batch.batch_id], places, now)
        if submitted and platform == "local":  # it takes what there is
            places = 0
        if waits is not None:
            seen[batch.batch_id] = _told(seen[batch.batch_id], waits)
    started = [] if full else _start_batches(waiting, start, places)
    return Stepped(started + _start_singles(singles, start), seen)


def _told(statuses: Sequence[RunStatus], waits: Waits) -> list[RunStatus]:
    """The statuses, with why those that wait do."""
    return [
        status.model_copy(update={"waits": waits}) if status.state is RunState.QUEUED else status
        for status in statuses
    ]


def _start_batches(waiting: Sequence[str], start: Callable[[str], None], places: int) -> list[str]:
    """Start runs in order while there are places; what was started."""
    started: list[str] = []
    for run_id in waiting:
        if len(started) >= places:
            break
        try:
            start(run_id)
        except NoRoom:  # there is none for the others either; it is tried again when it is time
            break
        except (
            TransitionRefused
        ):  # another step has started it, or it was cancelled: what was counted is out of date
            break
        except UserError:  # its task could not be launched; the run says so
            continue
        started.append(run_id)
    return started


def _start_singles(run_ids: Sequence[str], start: Callable[[str], None]) -> list[str]:
    """Start runs of no batch, which nobody counts; one that is refused leaves the others."""
    started = []
    for run_id in run_ids:
        with suppress(UserError):  # no room, another step was quicker, or the run says why
            start(run_id)
            started.append(run_id)
    return started


def _close_batch(
    workspace: Workspace, batch: BatchDocument, statuses: Sequence[RunStatus], ends: Ends
) -> None:
    try:
        ends.batch(batch, statuses)
    except UserError as error:  # the mark stays, and the next step tries again
        log.warning("batch %s has ended and is not done with: %s", batch.batch_id, error)
        return
    workspace.batch_waits_no_more(batch.batch_id)


def _close(workspace: Workspace, status: RunStatus, ends: Ends) -> None:
    if not status.readable:  # it may be mended
        return
    try:
        ends.run(status)
    except UserError as error:  # the mark stays, and the next step tries again
        log.warning("run %s has ended and is not done with: %s", status.run_id, error)
        return
    workspace.unmark_run(status.run_id)


def _is_due(status: RunStatus, now: datetime) -> bool:
    """Whether a run of its own is to be started: refused, and it is time to ask again; or left
    queued by a submitter that was killed.
    """
    if status.state is not RunState.QUEUED:
        return False
    if status.waits is not None:
        return not _is_early(status, now)
    return (now - status.updated).total_seconds() > _SUBMIT_SECONDS


def _is_early(status: RunStatus, now: datetime) -> bool:
    return status.waits is not None and status.waits.next > now


def _batches(looks: Looks, batch_ids: Sequence[str]) -> list[BatchDocument]:
    found = []
    for batch_id in batch_ids:
        try:
            found.append(looks.batch(batch_id))
        except NotFound:  # being submitted at this moment, or given up while it was
            continue
        except Unreadable as damage:  # the other batches go on
            log.warning("a batch waits that cannot be read: %s", damage)
    return found
