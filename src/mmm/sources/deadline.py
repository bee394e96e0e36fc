"""What one query of a database may take, and how it is stopped: by time, by rows, or by a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass

import pyarrow as pa

from mmm.errors import UserError
from mmm.settings import Settings

_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class QueryLimits:
    """`seconds` from the start of a query until its last row is here; `rows` of its answer."""

    seconds: float = 900.0
    rows: int = 50_000_000

    @classmethod
    def of(cls, settings: Settings) -> QueryLimits:
        return cls(settings.query_seconds, settings.read_rows)


class QueryStopped(UserError):
    """The query ran into a limit, or a person stopped it."""


class Stop:
    """A person's wish to stop the queries that run in a `stoppable` block, from any thread."""

    def __init__(self) -> None:
        self.wanted = False

    def now(self) -> None:
        """Stop what runs, and what would begin."""
        self.wanted = True


_stop: ContextVar[Stop | None] = ContextVar("stop", default=None)


@contextmanager
def stoppable(stop: Stop) -> Iterator[None]:
    """Queries that this thread begins in the block end when `stop.now()` is called."""
    token = _stop.set(stop)
    try:
        yield
    finally:
        _stop.reset(token)


@contextmanager
def deadline(limits: QueryLimits, cancel: Callable[[], None], where: str) -> Iterator[None]:
    """Call `cancel`, which makes the driver raise, when the time is over; QueryStopped then."""
    stop = _stop.get() or Stop()
    if stop.wanted:
        raise _stopped(where)
    late, done = threading.Event(), threading.Event()

    def watch() -> None:
        ends = time.monotonic() + limits.seconds
        while not done.wait(_LOOK_SECONDS):
            if time.monotonic() >= ends:
                late.set()
            if late.is_set() or stop.wanted:
                _cancelled(cancel)  # again and again: the query may not have begun yet

    threading.Thread(target=watch, name="query-deadline", daemon=True).start()
    try:
        yield
    except Exception as error:
        if late.is_set():
            raise _too_long(limits, where) from error
        if stop.wanted:
            raise _stopped(where) from error
        raise
    finally:
        done.set()


def limited(
    batches: Iterator[pa.RecordBatch], limits: QueryLimits, where: str
) -> Iterator[pa.RecordBatch]:
    """The batches up to the limit of rows; QueryStopped beyond it."""
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        if rows > limits.rows:
            fix = "Ask for less: a period, a sum by day. MMM_READ_ROWS sets the limit."
            raise QueryStopped(f"has more than {limits.rows:,} rows.", where=where, fix=fix)
        yield batch


def _cancelled(cancel: Callable[[], None]) -> None:
    with suppress(Exception):  # it has ended by itself, or its connection is gone: both stop it
        cancel()


def _too_long(limits: QueryLimits, where: str) -> QueryStopped:
    what = f"the query took longer than {limits.seconds:g} seconds and was stopped."
    fix = "Ask for less, or for tables that are joined by a key. MMM_QUERY_SECONDS sets the limit."
    return QueryStopped(what, where=where, fix=fix)


def _stopped(where: str) -> QueryStopped:
    return QueryStopped("the query was stopped.", where=where, fix="Nothing was stored.")
