"""Batches: which runs belong together; and what goes on: which batches and runs have not ended."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import BaseModel

from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.concurrent import concurrently
from mmm.workspace.models import BatchDocument, BatchJob, BatchJobAnswer, BatchMoves
from mmm.workspace.names import checked_run, checked_time_id, is_time_id, meant_id
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, Unreadable


class Batches(Part):
    """batches/<batch_id>/batch.json, waiting/<batch_id>.json while some of the batch's runs have not
    ended, and waiting/run-<run_id>.json while a run of its own has not.

    One listing of `waiting/` names all that anybody needs to look after. One listing of a batch's
    folder tells which of its runs need a look of their own: moves/<run_id>.<event number>.txt is
    written before a run leaves a state of rest, moves/begun.txt after all runs have their first
    event, and digests/000001.json hold all runs that had ended by then, the newest alone counts.
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
        read = concurrently(self._batch_or_damage, batch_ids)
        found = [one for one in read if isinstance(one, BatchDocument)]
        return Found(found, [one for one in read if isinstance(one, Unreadable)])

    def _batch_or_damage(self, batch_id: str) -> BatchDocument | Unreadable | None:
        try:
            return self.batch(batch_id)
        except Unreadable as damage:
            return damage
        except NotFound:
            return None

    def batch_ids(self) -> list[str]:
        """Ids, newest first."""
        return [name for name in reversed(self._objects.folders("batches")) if is_time_id(name)]

    def find_batch(self, text: str) -> BatchDocument:
        """The batch that `text` means: an id, an unambiguous start of one, or "latest"."""
        return self.batch(meant_id(self.batch_ids(), text, "batch", "`mmm batch list` names them."))

    def moves(self, batch_id: str) -> BatchMoves:
        """What the marks of the batch's runs say."""
        folder = f"batches/{checked_time_id(batch_id, 'batch')}"
        numbers: dict[str, int] = {}
        begun, digest = False, 0
        for one in self._objects.everything(folder):
            name = one.key.removeprefix(f"{folder}/")
            if moved := _MOVE.fullmatch(name):
                numbers[moved["run"]] = max(int(moved["number"]), numbers.get(moved["run"], 0))
            elif digested := _DIGEST.fullmatch(name):
                digest = max(digest, int(digested["number"]))
            begun = begun or name == _BEGUN
        return BatchMoves(begun=begun, numbers=numbers, digest=digest)

    def mark_move(self, batch_id: str, run_id: str, number: int) -> None:
        """The run is about to leave a state of rest by the event with this number."""
        folder = f"batches/{checked_time_id(batch_id, 'batch')}"
        self._objects.put(f"{folder}/moves/{checked_run(run_id)}.{number:06d}.txt", b"-")

    def mark_begun(self, batch_id: str) -> None:
        """Every run of the batch has its first event."""
        self._objects.put(f"batches/{checked_time_id(batch_id, 'batch')}/{_BEGUN}", b"-")

    def save_digest(self, batch_id: str, number: int, digest: BaseModel) -> bool:
        """Store the runs that have ended, all of them; False where somebody else has taken the
        number.
        """
        try:
            self._create(_digest_key(batch_id, number), digest, "batch_digest")
        except AlreadyExists:
            return False
        if number > 2:  # whoever reads the one before may go on
            self._objects.delete(_digest_key(batch_id, number - 2))
        return True

    def digest(self, batch_id: str, number: int) -> str:
        """JSON of a digest."""
        return self._text(_digest_key(batch_id, number), "batch_digest")

    def create_job(self, batch_id: str, job: BatchJob) -> bool:
        """Begin a job of the batch; False where somebody else has taken its number."""
        try:
            self._create(_job_key(batch_id, job.number), job, "batch_job")
        except AlreadyExists:
            return False
        return True

    def answer_job(self, batch_id: str, number: int, answer: BatchJobAnswer) -> None:
        """What the platform said to the job."""
        self._put(_job_key(batch_id, number, ".answer"), answer, "batch_job_answer")

    def newest_job(self, batch_id: str) -> tuple[BatchJob, BatchJobAnswer | None] | None:
        """The newest job of the batch and the platform's answer, None while there is none."""
        folder = f"batches/{checked_time_id(batch_id, 'batch')}/jobs"
        numbers = self._numbers(folder)
        if not numbers:
            return None
        job = self._read(_job_key(batch_id, numbers[-1]), BatchJob, "batch_job")
        try:
            key = _job_key(batch_id, numbers[-1], ".answer")
            return job, self._read(key, BatchJobAnswer, "batch_job_answer")
        except NotFound:
            return job, None

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
_BEGUN = "moves/begun.txt"
_MOVE = re.compile(r"moves/(?P<run>[^/.]+)\.(?P<number>\d+)\.txt")
_DIGEST = re.compile(r"digests/(?P<number>\d+)\.json")


def _digest_key(batch_id: str, number: int) -> str:
    return f"batches/{checked_time_id(batch_id, 'batch')}/digests/{number:06d}.json"


def _job_key(batch_id: str, number: int, part: str = "") -> str:
    return f"batches/{checked_time_id(batch_id, 'batch')}/jobs/{number:06d}{part}.json"


def _run_mark(run_id: str) -> str:
    # A study's id holds slashes: all marks lie in one folder.
    return f"waiting/{_RUN}{checked_run(run_id).replace('/', '~')}.json"


def _run_of(name: str) -> str:
    return name.removeprefix(_RUN).replace("~", "/")
