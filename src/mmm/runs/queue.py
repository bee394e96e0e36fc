"""The queue of batches: their runs wait as `queued` and are started in order, so many at a time.

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

from mmm.errors import AlreadyExists, NotFound, UserError
from mmm.runs.events import History, TransitionRefused
from mmm.runs.status import RunStatus
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunState
from mmm.workspace.stored import Unreadable

log = logging.getLogger(__name__)

_UNDER_WAY = (RunState.STARTING, RunState.RUNNING)


def step(
    workspace: Workspace,
    look: Callable[[Sequence[str]], list[RunStatus]],
    start: Callable[[str], None],
    at_once: int,
    platform: str,
) -> list[str]:
    """Start runs of the platform's batches while fewer than `at_once` are under way; return the ids
    of those started.

    `look` gives the statuses of runs, `start` launches the task of a queued one. What was submitted
    to another platform is left alone: a laptop that looks at a bucket must not train what waits for
    the cloud.
    """
    waiting, under_way = [], 0
    for batch in _open_batches(workspace):
        if batch.platform != platform:
            continue
        statuses = _statuses(workspace, batch, look)
        if all(status.final for status in statuses):
            workspace.batch_waits_no_more(batch.batch_id)
        waiting += [status.run_id for status in statuses if status.state is RunState.QUEUED]
        under_way += sum(status.state in _UNDER_WAY for status in statuses)
    started: list[str] = []
    for run_id in waiting:
        if under_way + len(started) >= at_once:
            break
        try:
            start(run_id)
        except (
            TransitionRefused
        ):  # another step has started it, or it was cancelled: what was counted is out of date
            break
        except UserError:  # its task could not be launched; the run says so
            continue
        started.append(run_id)
    return started


def _open_batches(workspace: Workspace) -> list[BatchDocument]:
    found = []
    for batch_id in workspace.waiting_batches():
        try:
            found.append(workspace.batch(batch_id))
        except NotFound:  # being submitted at this moment, or given up while it was
            continue
        except Unreadable as damage:  # the other batches go on
            log.warning("a batch waits that cannot be read: %s", damage)
    return found


def _statuses(
    workspace: Workspace, batch: BatchDocument, look: Callable[[Sequence[str]], list[RunStatus]]
) -> list[RunStatus]:
    """The runs' statuses in the batch's order. Runs whose submitter did not get to their first
    event get it here.
    """
    run_ids = [member.run_id for member in batch.members]
    found = {status.run_id: status for status in look(run_ids)}
    if len(found) < len(run_ids):
        begin(workspace, batch)
        found = {status.run_id: status for status in look(run_ids)}
    return [found[run_id] for run_id in run_ids]


def begin(workspace: Workspace, batch: BatchDocument) -> None:
    """Write the first event, `queued`, of every run of the batch that has none."""
    for member in batch.members:
        details = {
            "name": member.label,
            "market": member.market,
            "dataset_id": member.dataset_id,
            "engine": batch.engine,
            "batch": batch.batch_id,
        }
        with suppress(AlreadyExists):
            History.begin(
                workspace, member.run_id, batch.actor, warnings=member.warnings, details=details
            )
