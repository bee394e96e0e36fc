"""A DuckDB database file, opened for reading only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmm.errors import NotFound, UserError
from mmm.sources.database import Answer, DatabaseSource, driver, first_line
from mmm.sources.deadline import deadline
from mmm.sources.sql import Dialect, Placeholder

_BATCH_ROWS = 65_536
#: A query may read the database and nothing else: no other file, no network, no extension.
_CLOSED = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}
#: By the first words of DuckDB's message: what it means, and the fix.
_FAILURES: dict[str, tuple[str, str]] = {
    "Catalog Error": (
        "there is no such table.",
        "Write schema.table as `mmm connect tables` lists it.",
    ),
    "Binder Error": ("a name in the query does not exist.", "Check its spelling."),
    "Parser Error": ("DuckDB does not understand the query.", "Correct it where DuckDB says."),
    "IO Error": (
        "the file cannot be opened as a DuckDB database.",
        "No other process may have it open to write.",
    ),
    "Permission Error": (
        "the query asks for something outside the database.",
        "Only its own tables may be read.",
    ),
    "Invalid Input Error": ("the query cannot be run.", "Correct it where DuckDB says."),
    "Conversion Error": ("a value does not fit its type.", "Cast it in the query."),
}


@dataclass(frozen=True)
class DuckDBSource(DatabaseSource):
    """One database file on this machine."""

    path: Path

    kind = "duckdb"
    dialect = Dialect(Placeholder.NUMBER)

    @property
    def where(self) -> str:
        return f"duckdb {self.path.name}"

    def _list(self) -> list[tuple[str, ...]]:
        sql = (
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('information_schema', 'pg_catalog') "
            "ORDER BY table_schema <> 'main', table_schema, table_name"
        )
        with self._connection() as connection:
            return [tuple(row) for row in connection.execute(sql).fetchall()]

    @contextmanager
    def _run(self, sql: str, values: Sequence[tuple[str, str]]) -> Iterator[Answer]:
        with (
            self._connection() as connection,
            deadline(self.limits, connection.interrupt, self.where),
        ):
            result = connection.sql(sql, params=[value for _, value in values])
            names, types = result.columns, [str(kind) for kind in result.types]
            reader = result.to_arrow_reader(_BATCH_ROWS)
            del result
            try:
                _require_plain(reader.schema, self.where)
                yield Answer(names, types, _batches(reader))
            finally:
                # DuckDB opens a file again only after nothing of the last time is left, or waits
                # for ever.
                reader.close()

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        duckdb = driver("duckdb", "duckdb")
        if not self.path.is_file():
            raise NotFound("there is no such file.", where=str(self.path))
        with duckdb.connect(str(self.path), read_only=True, config=dict(_CLOSED)) as connection:
            yield connection

    def _failures(self) -> tuple[type[Exception], ...]:
        # A failure while a result streams comes through Arrow.
        return (driver("duckdb", "duckdb").Error, pa.ArrowInvalid, OSError)

    def _explained(self, error: Any) -> UserError:
        says = first_line(str(error))
        known = says.partition(":")[0]
        what, fix = _FAILURES.get(known, ("the query failed.", "Correct it where DuckDB says."))
        return UserError(f"{what} ({says})", where=self.where, fix=fix)


def _require_plain(schema: pa.Schema, where: str) -> None:
    for field in schema:
        if pa.types.is_nested(field.type) or pa.types.is_interval(field.type):
            raise UserError(
                f"the column holds values that are no plain cells ({field.type}).",
                where=f"{where}, column {field.name!r}",
                fix="In a query, give one plain column per value.",
            )


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    for batch in reader:
        yield batch.cast(_plain(batch.schema))


def _plain(schema: pa.Schema) -> pa.Schema:
    """Enums as text: each piece of an answer has its own dictionary."""
    return pa.schema(
        [
            (
                field.name,
                field.type.value_type if pa.types.is_dictionary(field.type) else field.type,
            )
            for field in schema
        ]
    )
