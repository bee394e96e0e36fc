"""What the workspace stores, apart from the documents whose models live on higher floors (mapping,
experiment).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnProfile(_Stored):
    """One column of a dataset. Types are Arrow's names; minimum and maximum are text, null where
    they mean nothing.
    """

    name: str
    source_type: str
    stored_type: str
    nulls: int
    distinct: int | None = None
    minimum: str | None = None
    maximum: str | None = None


class DatasetManifest(_Stored):
    """An immutable dataset. `dataset_id` is the first 16 hexadecimal digits of `content_hash`;
    `bytes` as stored.

    A database's has the name of its `connection`, and for a query its text and the `parameters` it
    ran with. A prepared dataset names its `parent` (market/dataset id) and the `recipe` that made
    it of the parent. `stored_again` is when the same content last came once more: the data stay,
    but it is then the market's newest. A file's has its `reading`: how its values were written,
    and why they were read so. `currencies` are the ISO 4217 codes of columns whose cells, or the
    person who read the file, say one. `name`, `description` and `archived` are what people made of
    it since: they are no part of its content.
    """

    dataset_id: str
    market: str
    source: str
    origin: str
    rows: int
    bytes: int
    content_hash: str
    columns: tuple[ColumnProfile, ...]
    notes: tuple[str, ...] = ()
    created: datetime
    created_by: str
    connection: str | None = None
    query: str | None = None
    parameters: dict[str, str] = Field(default_factory=dict)
    parent: str | None = None
    recipe: dict[str, Any] | None = None
    reading: dict[str, Any] | None = None
    currencies: dict[str, str] = Field(default_factory=dict)
    name: str = ""
    description: str = ""
    archived: bool = False
    stored_again: datetime | None = None

    @property
    def last_stored(self) -> datetime:
        """When this content last came in; the market's `latest` is the one with the newest."""
        return self.stored_again or self.created


class RunState(StrEnum):
    """The types of state that drive logic; which may follow which is declared in `mmm.runs.events`."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"


class StageProgress(_Stored):
    """How far a stage is: `done` of `total` units; `seconds_left` covers this stage, null while it
    is unknown.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    message: str = ""


class RunError(_Stored):
    """Why an attempt ended badly. `log_id` finds the stack trace in the log; `output` is the tail
    of raw output.
    """

    what: str
    log_id: str | None = None
    exit_code: int | None = None
    output: str = ""


class RunEvent(_Stored):
    """One entry of a run's append-only history. `started` and `stages` are the attempt's, repeated
    in later events.
    """

    number: int = Field(ge=1)
    state: RunState
    at: datetime
    attempt: int = Field(ge=1)
    actor: str
    message: str = ""
    started: datetime | None = None
    stages: tuple[str, ...] = ()
    progress: StageProgress | None = None
    error: RunError | None = None
    warnings: tuple[str, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)


class Attempt(_Stored):
    """The platform's handle of one attempt's task."""

    attempt: int
    platform: str
    handle: str
    at: datetime


class Heartbeat(_Stored):
    """The last sign of life of an attempt's task. `memory_bytes` is its resident size."""

    attempt: int
    at: datetime
    host: str
    pid: int
    memory_bytes: int


class LogRecord(_Stored):
    at: datetime
    level: str
    logger: str
    message: str
    attempt: int


class ResultFile(_Stored):
    """One file of a run's results. `rows` is null for what is not a table."""

    bytes: int
    sha256: str
    rows: int | None = None


class ResultsManifest(_Stored):
    """All files of one set of results, written last: results exist when and only when their
    manifest does.
    """

    number: int
    created: datetime
    files: dict[str, ResultFile]


class Acceptance(_Stored):
    """A model that was accepted for use, and the (run, model) that was in use before, null for the
    chain's first.
    """

    run_id: str
    model_id: str
    at: datetime
    actor: str
    replaces: tuple[str, str] | None = None


class PlanOfRecord(_Stored):
    """A plan that was committed to: what the periods ahead are held against."""

    plan_id: str
    at: datetime
    actor: str


class ModelNote(_Stored):
    """What a person noted about a kept model: a text, or that it is pinned (True) or no longer
    (False).
    """

    model_id: str
    at: datetime
    actor: str
    text: str = ""
    pinned: bool | None = None


class LetterTaken(_Stored):
    """Somebody is sending a letter of the outbox since then."""

    at: datetime


class AuditEntry(_Stored):
    """Who did what to what, and when."""

    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any] = Field(default_factory=dict)


class AuditLink(_Stored):
    """Where an entry of the audit trail stands: its key and hash, and the hash of the link before."""

    number: int = Field(ge=1)
    entry: str
    entry_sha256: str
    before: str


class BatchMember(_Stored):
    """One run of a batch: its dataset, the settings it has in place of the batch's own, what it is
    called.
    """

    run_id: str
    label: str
    market: str
    dataset_id: str
    settings: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class BatchDocument(_Stored):
    """Runs that were submitted together, in the order in which they start; `platform` is where they
    are to run. `marked`: a run of it that has left its first event has a mark
    (`Batches.mark_move`). `run_seconds` is what one run was estimated to take.
    """

    batch_id: str
    name: str
    at: datetime
    actor: str
    engine: str
    platform: str = "local"
    members: tuple[BatchMember, ...]
    marked: bool = False
    run_seconds: float | None = None


class BatchJob(_Stored):
    """One job of the platform's for a batch: whoever creates its document submits it. `waiting` is
    how many runs waited then; `fruitless` how many jobs before it in a row took none of them.
    """

    number: int = Field(ge=1)
    tasks: int
    slots: int
    at: datetime
    waiting: int
    fruitless: int = 0


class BatchJobAnswer(_Stored):
    """What the platform said to a job: its handle, or why there was no room and until when; neither
    where it refused the job for good.
    """

    at: datetime
    handle: str | None = None
    waits: dict[str, Any] | None = None


class BatchMoves(_Stored):
    """What one listing says of a batch: whether all its runs have their first event, the number of
    the event by which each run last left a state of rest (those without one are as they were
    queued), and the number of the newest digest of ended runs, 0 for none.
    """

    begun: bool
    numbers: dict[str, int]
    digest: int
