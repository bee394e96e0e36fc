"""How the runs of a batch stand, from few objects: a run that waits or has ended needs no look.

One listing of the batch's folder says which runs have moved (`Batches.moves`), one digest holds all
that had ended by the time it was written. What is in neither is as the batch's own document says.
Only runs under way, and those that ended since the digest, are read one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from mmm.errors import AlreadyExists, NotFound
from mmm.runs.status import RunStatus, status_of
from mmm.runs.status_list import StatusList, lasts, read_statuses
from mmm.workspace import Workspace
from mmm.workspace.concurrent import concurrently
from mmm.workspace.models import BatchDocument, BatchMember, BatchMoves, RunEvent, RunState
from mmm.workspace.objects import StoreError
from mmm.workspace.stored import Unreadable, model_of

log = logging.getLogger(__name__)

Read = Callable[[str], RunStatus]
#: A digest is written when so many runs have ended since the last, or this share of those in it:
#: each is written whole.
_FEWEST, _SHARE = 8, 64


class _Digest(BaseModel):
    ended: tuple[RunStatus, ...]


@dataclass(frozen=True)
class _Kept:
    number: int
    ended: Mapping[str, RunStatus]


class BatchBoard:
    """Statuses of batches' runs, with what this process has read of them. Safe to share between
    threads.
    """

    def __init__(self, workspace: Workspace, kept: StatusList) -> None:
        self._workspace, self._list = workspace, kept
        self._batches: dict[str, BatchDocument] = {}
        self._digests: dict[str, _Kept] = {}

    def batch(self, batch_id: str) -> BatchDocument:
        """The batch, which never changes once it is there."""
        if batch_id not in self._batches:
            self._batches[batch_id] = self._workspace.batch(batch_id)
        return self._batches[batch_id]

    def statuses(self, batch: BatchDocument, read: Read, *, tidy: bool = False) -> list[RunStatus]:
        """The runs now, in the batch's order; `read` looks at one. With `tidy` what has ended is
        put into a digest once it is enough, or all.
        """
        if not batch.marked:  # it was made by a version without marks
            return self._one_by_one(batch, read)
        moves = self._workspace.moves(batch.batch_id)
        if not moves.begun:
            _begin_if_possible(self._workspace, batch)
        digest = self._digest(batch.batch_id, moves.digest)
        found = {one.run_id: waiting_status(batch, one) for one in batch.members}
        moved = [one.run_id for one in batch.members if one.run_id in moves.numbers]
        ended = _still_ended(digest.ended, moves)
        since = [run_id for run_id in moved if run_id not in ended]
        known = _still_ended(self._list.kept(since), moves)
        rest = [run_id for run_id in since if run_id not in known]
        looked_at = read_statuses(rest, read)
        self._list.keep(looked_at.values())
        now = known | looked_at
        found |= ended | now
        new = {run_id: status for run_id, status in now.items() if lasts(status)}
        if tidy and _is_enough(found, ended, new):
            self._write_digest(batch.batch_id, moves.digest, {**ended, **new})
        return [found[one.run_id] for one in batch.members]

    def _one_by_one(self, batch: BatchDocument, read: Read) -> list[RunStatus]:
        run_ids = [member.run_id for member in batch.members]
        found = self._list.statuses(run_ids, read)
        if len(found) < len(run_ids):
            begin(self._workspace, batch)
            found = self._list.statuses(run_ids, read)
        return found

    def _digest(self, batch_id: str, number: int) -> _Kept:
        kept = self._digests.get(batch_id)
        if kept is not None and kept.number >= number:
            return kept
        found = _Kept(0, {})
        try:
            if number:
                text = self._workspace.digest(batch_id, number)
                digest = model_of(_Digest, text, f"digest {number} of batch {batch_id}")
                found = _Kept(number, {one.run_id: one for one in digest.ended})
        except (NotFound, Unreadable) as damage:  # it saves reading, no more
            log.warning("a digest is passed over: %s", damage)
        self._digests[batch_id] = found
        return found

    def _write_digest(self, batch_id: str, before: int, ended: dict[str, RunStatus]) -> None:
        digest = _Digest(ended=tuple(ended.values()))
        try:
            if self._workspace.save_digest(batch_id, before + 1, digest):
                self._digests[batch_id] = _Kept(before + 1, ended)
        except StoreError as failure:  # whoever looks must not need to write
            log.warning("a digest could not be stored: %s", failure)


def begin(workspace: Workspace, batch: BatchDocument) -> None:
    """Write the first event, `queued`, of every run of the batch that has none."""

    def begin_one(member: BatchMember) -> None:
        try:
            workspace.append_event(member.run_id, first_event(batch, member))
        except AlreadyExists:
            return

    concurrently(begin_one, batch.members)
    if batch.marked:
        workspace.mark_begun(batch.batch_id)


def first_event(batch: BatchDocument, member: BatchMember) -> RunEvent:
    """The event by which a run of the batch is queued, whoever writes it."""
    details: dict[str, Any] = {
        "name": member.label,
        "market": member.market,
        "dataset_id": member.dataset_id,
        "engine": batch.engine,
        "batch": batch.batch_id,
        "platform": batch.platform,
    }
    return RunEvent(
        number=1,
        state=RunState.QUEUED,
        at=batch.at,
        attempt=1,
        actor=batch.actor,
        warnings=member.warnings,
        details=details,
    )


def waiting_status(batch: BatchDocument, member: BatchMember) -> RunStatus:
    """A run that is as it was queued."""
    event = first_event(batch, member)
    return status_of(member.run_id, event, event)


def _begin_if_possible(workspace: Workspace, batch: BatchDocument) -> None:
    try:
        begin(workspace, batch)
    except StoreError as failure:  # whoever looks must not need to write
        log.warning("the runs of batch %s could not be begun: %s", batch.batch_id, failure)


def _still_ended(statuses: Mapping[str, RunStatus], moves: BatchMoves) -> dict[str, RunStatus]:
    """Those that nobody has taken up again: their end came after they were last at rest."""
    return {
        run_id: status
        for run_id, status in statuses.items()
        if status.event >= moves.numbers.get(run_id, 0)
    }


def _is_enough(
    found: Mapping[str, RunStatus], ended: Mapping[str, RunStatus], new: Mapping[str, RunStatus]
) -> bool:
    if new and len(ended) + len(new) == len(found):
        return True
    return len(new) >= max(_FEWEST, len(ended) // _SHARE)
