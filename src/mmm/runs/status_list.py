"""Many runs' statuses at once, without reading again what cannot have changed.

What is kept on this machine: the statuses of attempts that have ended, each with the number of the
event that ended it. A run that succeeded never changes. One that ended badly changes only by the
event after that number, when someone tries again, so whether that event exists is all there is to
look at.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import mmm
from mmm.errors import NotFound, UserError
from mmm.runs.reconcile import NOT_RECORDED
from mmm.runs.status import RunStatus, unreadable
from mmm.workspace import Workspace
from mmm.workspace.concurrent import concurrently
from mmm.workspace.models import RunState

_TABLE = "CREATE TABLE IF NOT EXISTS ended (run_id TEXT PRIMARY KEY, status TEXT) WITHOUT ROWID"


class StatusList:
    """Reads statuses of a workspace's runs, with `folder` for what is kept. Safe to share between
    threads.
    """

    def __init__(self, workspace: Workspace, folder: Path) -> None:
        self._workspace = workspace
        # Another version may say something else of the same events.
        key = "\n".join((workspace.url, mmm.__version__, repr(RunStatus.model_fields)))
        self._file = folder / "runs" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.sqlite"

    def statuses(self, run_ids: Sequence[str], read: Callable[[str], RunStatus]) -> list[RunStatus]:
        """The statuses in the order of `run_ids`; `read` gives those that are not kept.

        A run whose first event is not written yet is left out.
        """
        known = list(self.kept(run_ids).values())
        so = concurrently(self._still_so, known)
        kept = {status.run_id: status for status, still in zip(known, so, strict=True) if still}
        missing = [run_id for run_id in run_ids if run_id not in kept]
        found = kept | read_statuses(missing, read)
        self.keep(found[run_id] for run_id in missing if run_id in found)
        return [found[run_id] for run_id in dict.fromkeys(run_ids) if run_id in found]

    def _still_so(self, status: RunStatus) -> bool:
        if status.state is RunState.SUCCEEDED:
            return True
        return not self._workspace.has_event(status.run_id, status.event + 1)

    def kept(self, run_ids: Sequence[str]) -> dict[str, RunStatus]:
        """What is kept of these runs, and may not be so any more; ids sort by time, so a page of
        the list is a range of the table.
        """
        if not run_ids:
            return {}
        found: dict[str, RunStatus] = {}
        wanted = set(run_ids)
        with suppress(sqlite3.Error), self._table() as table:
            query = "SELECT run_id, status FROM ended WHERE run_id BETWEEN ? AND ?"
            for run_id, text in table.execute(query, (min(run_ids), max(run_ids))):
                if run_id in wanted:
                    found[run_id] = RunStatus.model_validate_json(text)
        return found

    def keep(self, statuses: Iterable[RunStatus]) -> None:
        """Keep those of them that last."""
        rows = [(one.run_id, one.model_dump_json()) for one in statuses if lasts(one)]
        if rows:
            with suppress(sqlite3.Error), self._table() as table:
                table.executemany("INSERT OR REPLACE INTO ended VALUES (?, ?)", rows)

    @contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        """A connection for one use. sqlite3.Error where nothing can be kept here: then everything
        is read each time.
        """
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error
        connection = sqlite3.connect(self._file, timeout=2)
        try:
            with connection:
                connection.execute(_TABLE)
                yield connection
        finally:
            connection.close()


def lasts(status: RunStatus) -> bool:
    """Whether the status is that of a stored event that ended the attempt."""
    return status.final and status.readable and NOT_RECORDED not in status.details


def read_statuses(run_ids: Sequence[str], read: Callable[[str], RunStatus]) -> dict[str, RunStatus]:
    """The statuses by run, read many at a time, without the runs that have no first event yet."""

    def read_one(run_id: str) -> RunStatus | None:
        try:
            return read(run_id)
        except NotFound:
            return None
        except UserError as error:
            return unreadable(run_id, str(error))

    found = concurrently(read_one, run_ids)
    return {status.run_id: status for status in found if status is not None}
