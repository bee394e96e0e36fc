"""Batches: which runs belong together, and which batches still have runs that wait for their turn."""

from __future__ import annotations

from collections.abc import Iterable

from mmm.errors import NotFound
from mmm.workspace.models import BatchDocument
from mmm.workspace.names import checked_time_id, is_time_id, meant_id
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, Unreadable


class Batches(Part):
    """batches/<batch_id>/batch.json, and waiting/<batch_id>.json while the batch's runs wait to be
    started.
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

    def waiting_batches(self) -> list[str]:
        """Ids of the batches that may have runs to start, oldest first."""
        names = (name.removesuffix(".json") for name in self._objects.names("waiting"))
        return [name for name in names if is_time_id(name)]

    def batch_waits_no_more(self, batch_id: str) -> None:
        """Every run of the batch has been started or has ended."""
        self._objects.delete(f"waiting/{checked_time_id(batch_id, 'batch')}.json")
