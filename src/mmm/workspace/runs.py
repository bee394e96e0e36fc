"""Runs: job config, append-only events, the platform's handles, heartbeat, log parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.models import Attempt, Heartbeat, LogRecord, RunEvent
from mmm.workspace.names import checked_run, is_time_id, meant_id, new_id, studied_run
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, Unreadable, read_all, read_model


class Runs(Part):
    """runs/<run_id>/job_config.json, attempts/0001.json, heartbeat.json, provenance/0001.json.

    A study of a run is a run of its own inside the run's folder, runs/<run_id>/stability/0001/ or
    .../certificate/0001/ with the same files; its id is that path after `runs/`. The list of runs
    does not name it.
    """

    def create_run(self, job_config: BaseModel, run_id: str | None = None) -> str:
        """Store a job config under a new run id, or under one from `new_ids`."""
        run_id = run_id or new_id()
        self._create(f"{_folder(run_id)}/job_config.json", job_config, "job_config")
        return run_id

    def create_study(self, run_id: str, job_config: BaseModel, kind: str = "stability") -> str:
        """Store the job config of a study of a run under the next number; return the study's id."""
        while True:
            study_id = f"{run_id}/{kind}/{len(self.study_ids(run_id, kind)) + 1:04d}"
            try:
                self._create(f"{_folder(study_id)}/job_config.json", job_config, "job_config")
            except AlreadyExists:
                continue  # someone else took this number at the same moment
            return study_id

    def study_ids(self, run_id: str, kind: str = "stability") -> list[str]:
        """Ids of a run's studies of a kind, newest last."""
        return [
            f"{run_id}/{kind}/{name}" for name in self._objects.folders(f"{_folder(run_id)}/{kind}")
        ]

    def job_config(self, run_id: str) -> str:
        """JSON of the run's experiment; NotFound for an unknown run."""
        try:
            return self._text(f"{_folder(run_id)}/job_config.json", "job_config")
        except NotFound:
            raise NotFound(
                f"there is no run {run_id}.", where="run", fix="`mmm runs` lists them."
            ) from None

    def run_ids(self) -> list[str]:
        """Ids of all runs, newest first."""
        return [name for name in reversed(self._objects.folders("runs")) if is_time_id(name)]

    def find_run(self, text: str) -> str:
        """The run that `text` means: an id, an unambiguous start of one, or "latest". A study goes
        by its full id.
        """
        if studied_run(text):
            return text
        return meant_id(
            self.run_ids(), text, "run", "`mmm runs` lists them; `mmm submit` starts one."
        )

    def save_attempt(self, run_id: str, attempt: Attempt) -> None:
        self._create(f"{_folder(run_id)}/attempts/{attempt.attempt:04d}.json", attempt, "attempt")

    def attempt(self, run_id: str, number: int) -> Attempt | None:
        """The handle of an attempt's task, None while it has none; Unreadable when damaged."""
        try:
            key = f"{_folder(run_id)}/attempts/{number:04d}.json"
            return self._read(key, Attempt, "attempt")
        except NotFound:
            return None

    def claim_attempt(self, run_id: str, number: int, by: str) -> bool:
        """Take an attempt for one task; False when another has it. Of several exactly one gets it."""
        try:
            self._objects.create(f"{_folder(run_id)}/claims/{number:04d}.txt", by.encode())
        except AlreadyExists:
            return False
        return True

    def write_heartbeat(self, run_id: str, heartbeat: Heartbeat) -> None:
        self._put(f"{_folder(run_id)}/heartbeat.json", heartbeat, "heartbeat")

    def heartbeat(self, run_id: str) -> Heartbeat | None:
        """The last heartbeat of the run's newest attempt that had one. A damaged one is none: the
        next takes its place.
        """
        try:
            return self._read(f"{_folder(run_id)}/heartbeat.json", Heartbeat, "heartbeat")
        except (NotFound, Unreadable):
            return None


class RunHistory(Part):
    """runs/<run_id>/events/000001.json and logs/part-000001.jsonl: both only ever grow."""

    def append_event(self, run_id: str, event: RunEvent) -> None:
        """Create the event under its number; AlreadyExists when someone else has made this
        transition or another.
        """
        self._create(_event_key(run_id, event.number), event, "event")

    def events(self, run_id: str, after: int = 0) -> Found[RunEvent]:
        """Events with a number above `after`, in order, and those that cannot be read."""
        numbers = [number for number in self._event_numbers(run_id) if number > after]
        return Found(*read_all(numbers, lambda number: self.event(run_id, number)))

    def last_event(self, run_id: str) -> RunEvent:
        """The newest event; NotFound for an unknown run."""
        numbers = self._event_numbers(run_id)
        if not numbers:
            raise NotFound(f"there is no run {run_id}.", where="run", fix="`mmm runs` lists them.")
        return self.event(run_id, numbers[-1])

    def event(self, run_id: str, number: int) -> RunEvent:
        """The event with this number; Unreadable when it is damaged or missing."""
        try:
            return self._read(_event_key(run_id, number), RunEvent, "event")
        except NotFound as error:
            what = f"event {number} of its history is missing."
            raise Unreadable(what, where=f"run {run_id}") from error
        except Unreadable as damage:
            what = f"event {number} of its history {damage.what}"
            raise Unreadable(what, where=f"run {run_id}", fix=damage.fix) from damage

    def has_event(self, run_id: str, number: int) -> bool:
        return self._objects.exists(_event_key(run_id, number))

    def _event_numbers(self, run_id: str) -> list[int]:
        return self._numbers(f"{_folder(run_id)}/events")

    def append_log(self, run_id: str, records: Sequence[LogRecord], part: int) -> int:
        """Store log records as one part, numbered `part` or the next free number; return the number
        after it.
        """
        lines = "".join(record.model_dump_json() + "\n" for record in records)
        while True:
            try:
                self._objects.create(
                    f"{_folder(run_id)}/logs/part-{part:06d}.jsonl", lines.encode()
                )
            except AlreadyExists:
                part += 1  # an earlier attempt's
                continue
            return part + 1

    def log(self, run_id: str, after: int = 0) -> tuple[list[LogRecord], int]:
        """Records of the parts above number `after`, in order, and the last part's number to go on
        from.
        """
        records: list[LogRecord] = []
        folder = f"{_folder(run_id)}/logs"
        for number in self._numbers(folder, ".jsonl", "part-"):
            if number > after:
                lines = self._objects.get(f"{folder}/part-{number:06d}.jsonl").splitlines()
                records += [_log_record(line, number) for line in lines]
                after = number
        return records, after

    def save_provenance(self, run_id: str, attempt: int, provenance: dict[str, Any]) -> None:
        """What the attempt ran with: versions, seed, dataset hash, host."""
        self._create(
            f"{_folder(run_id)}/provenance/{attempt:04d}.json",
            _Provenance.model_validate(provenance),
            "provenance",
        )

    def provenance(self, run_id: str) -> dict[str, Any]:
        """Provenance of the newest attempt that got as far as training; NotFound when none did."""
        numbers = self._numbers(f"{_folder(run_id)}/provenance")
        if not numbers:
            raise NotFound(f"run {run_id} has not started training.", where="run")
        return self._content(f"{_folder(run_id)}/provenance/{numbers[-1]:04d}.json", "provenance")


class _Provenance(BaseModel, extra="allow", frozen=True):
    """Free names and values: what matters differs between engines."""


def _log_record(line: bytes, part: int) -> LogRecord:
    """A line of a log. A damaged one says so in its place, and the rest can be read."""
    try:
        return read_model(LogRecord, line, "log", f"log part {part}")
    except Unreadable:
        message = f"(a line of log part {part} is damaged)"
        began = datetime.fromtimestamp(0, UTC)
        return LogRecord(at=began, level="ERROR", logger=__name__, message=message, attempt=1)


def _event_key(run_id: str, number: int) -> str:
    return f"{_folder(run_id)}/events/{number:06d}.json"


def _folder(run_id: str) -> str:
    return f"runs/{checked_run(run_id)}"
