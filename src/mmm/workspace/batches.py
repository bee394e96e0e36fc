"""Batches: which runs belong together; and what goes on: which batches and runs have not ended."""

from __future__ import annotations

from collections.abc import Iterable

from mmm.errors import NotFound
from mmm.workspace.models import BatchDocument
from mmm.workspace.names import checked_run, checked_time_id, is_time_id, meant_id
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, Unreadable


class Batches(Part):
    """batches/<batch_id>/batch.json, waiting/<batch_id>.json while some of the batch's runs have not
    ended, and waiting/run-<run_id>.json while a run of its own has not.

    One listing of `waiting/` names all that anybody needs to look after.
    """

    def save_batch(self, batch: BatchDocument) -> None:
        """Store a batch; it exists, and its runs wait, from here on."""
        key = checked_time_id(batch.batch_id, "batch")
        # The mark first: one without its batch is harmless, a batch without its mark would never
        # begin.
        self._objects.put(f"waiting/{key}.json", b"{}")
        self._create(f"batches/{key}/batch.json", batch, "batch")

    def batch(self, batch_id: str) -> BatchDocument:
        """The batch; NotFound when there is none."""
        try:
            key = f"batches/{checked_time_id(batch_id, 'batch')}/batch.json"
            return self._read(key, BatchDocument, "batch")
        except NotFound:
            raise NotFound(
                f"there is no batch {batch_id}.", where="batch", fix="`mmm batch list` names them."
            ) from None

    def batches(self, batch_ids: Iterable[str]) -> Found[BatchDocument]:
        """The batches of these ids, and those that cannot be read. One that is being submitted at
        this moment is in neither.
        """
        found, damaged = [], []
        for batch_id in batch_ids:
            try:
                found.append(self.batch(batch_id))
            except Unreadable as damage:
                damaged.append(damage)
            except NotFound:
                continue
        return Found(found, damaged)

    def batch_ids(self) -> list[str]:
        """Ids, newest first."""
        return [name for name in reversed(self._objects.folders("batches")) if is_time_id(name)]

    def find_batch(self, text: str) -> BatchDocument:
        """The batch that `text` means: an id, an unambiguous start of one, or "latest"."""
        return self.batch(meant_id(self.batch_ids(), text, "batch", "`mmm batch list` names them."))

    def reopen_batch(self, batch_id: str) -> None:
        """Some of the batch's runs are to be started again."""
        self._objects.put(f"waiting/{checked_time_id(batch_id, 'batch')}.json", b"{}")

    def waiting_batches(self) -> list[str]:
        """Ids of the batches that may have runs to start, oldest first."""
        return self.open_work()[0]

    def open_work(self) -> tuple[list[str], list[str]]:
        """(batches, runs) that have not ended as far as is known, the ids of each oldest first. A
        batch stands for its runs.
        """
        names = [name.removesuffix(".json") for name in self._objects.names("waiting")]
        batches = [name for name in names if is_time_id(name)]
        runs = [_run_of(name) for name in names if name.startswith(_RUN)]
        return batches, runs

    def batch_waits_no_more(self, batch_id: str) -> None:
        """Every run of the batch has ended."""
        self._objects.delete(f"waiting/{checked_time_id(batch_id, 'batch')}.json")

    def mark_run(self, run_id: str) -> None:
        """The run goes on from here: somebody must look after it until it has ended."""
        self._objects.put(_run_mark(run_id), b"{}")

    def unmark_run(self, run_id: str) -> None:
        """The run has ended, and whoever should know it knows."""
        self._objects.delete(_run_mark(run_id))


_RUN = "run-"


def _run_mark(run_id: str) -> str:
    # A study's id holds slashes: all marks lie in one folder.
    return f"waiting/{_RUN}{checked_run(run_id).replace('/', '~')}.json"


def _run_of(name: str) -> str:
    return name.removeprefix(_RUN).replace("~", "/")
