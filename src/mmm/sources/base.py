"""The interface of a data source, and what every source hands on: a table as record batches."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

import pyarrow as pa

from mmm.sources.reading import Reading


@dataclass(frozen=True)
class ConnectionTest:
    """A source that answered: how long it took, how many rows it showed, a sentence for the user,
    and what is worth knowing of its rights.
    """

    seconds: float
    rows: int
    message: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Query:
    """A SELECT with `:name` where a value goes; the values are bound by the driver, never written
    into the text.
    """

    sql: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Batches:
    """A table that may be read more than once, always with the same batches in the same order.

    `source_types` says for each column what it was in the source, `notes` what a user should know
    about the reading. Use it in a `with` block: it may hold a temporary file. Iterating raises
    UserError where the source is damaged.
    """

    schema: pa.Schema
    read: Callable[[], Iterator[pa.RecordBatch]]
    source_types: tuple[str, ...]
    notes: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None
    #: How a file was read; None for sources whose values have a type of their own.
    reading: Reading | None = None

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self.read()

    def __enter__(self) -> Batches:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Source(Protocol):
    """A place tables come from. All methods raise UserError for what a user can mend."""

    @property
    def kind(self) -> str:
        """What the source is, for the dataset's manifest: "csv", "parquet", "excel", "snowflake",
        ...
        """
        ...

    def test(self) -> ConnectionTest:
        """Open the source and read a little of it."""
        ...

    def tables(self) -> list[str]:
        """The tables that may be read, the most likely one first where the source can tell."""
        ...

    def preview(self, table_or_query: str | Query | None = None, rows: int = 50) -> pa.Table:
        """The first rows. Types are those of the rows shown; later rows may widen them."""
        ...

    def batches(self, table_or_query: str | Query | None = None) -> Batches:
        """The whole table, streamed: memory does not grow with the number of rows. None is the only
        or first table.
        """
        ...


class Spool:
    """Record batches on local disk, so that a stream which comes once can be read twice. The owner
    closes it.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mmm-spool-")
        self._path = str(Path(self._folder.name) / "batches.arrow")
        self._file = pa.OSFile(self._path, "wb")
        self._writer = pa.ipc.new_stream(
            self._file, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")
        )

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)

    def finish(self) -> None:
        """End writing; from now on the spool may be read."""
        self._writer.close()
        self._file.close()

    def read(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(self._path, "rb") as file, pa.ipc.open_stream(file) as reader:
            yield from reader

    def close(self) -> None:
        if not self._file.closed:
            self.finish()
        self._folder.cleanup()
