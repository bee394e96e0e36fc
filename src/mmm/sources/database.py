"""What all databases share: names quoted, values bound, answers streamed, failures explained."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import copy
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Self

import pyarrow as pa

from mmm.errors import NotFound, UserError
from mmm.sources.base import Batches, ConnectionTest, Query
from mmm.sources.deadline import QueryLimits, limited
from mmm.sources.names import require_names
from mmm.sources.sql import Dialect, bind, plain_select
from mmm.sources.stream import spooled

log = logging.getLogger(__name__)

#: A test of the connection looks into so many tables for one that is not empty.
_TRIED_TABLES = 5


@dataclass(frozen=True)
class Answer:
    """A database's answer: its columns, and its rows as they come. `source_types` are the
    database's own names.
    """

    names: Sequence[str]
    source_types: Sequence[str]
    batches: Iterator[pa.RecordBatch]
    notes: tuple[str, ...] = ()


class DatabaseSource(ABC):
    """A `Source` that is a database. A subclass says how to connect, list, run a SELECT and read
    its errors.
    """

    dialect: ClassVar[Dialect]
    #: Each source's own; a class's field comes last, so it is set by `with_limits`.
    limits: QueryLimits = QueryLimits()

    @property
    @abstractmethod
    def kind(self) -> str:
        """As the connection's: "snowflake", "postgres", ..."""

    @property
    @abstractmethod
    def where(self) -> str:
        """What messages call the database: kind, address, who."""

    @abstractmethod
    def _list(self) -> list[tuple[str, ...]]:
        """The parts of the name of each table that may be read."""

    @abstractmethod
    def _run(self, sql: str, values: Sequence[tuple[str, str]]) -> AbstractContextManager[Answer]:
        """Connect, run one SELECT with its bound values, and give the answer; the exit closes
        everything.
        """

    @abstractmethod
    def _failures(self) -> tuple[type[Exception], ...]:
        """What the driver raises."""

    @abstractmethod
    def _explained(self, error: Any) -> UserError:
        """The driver's error in a user's words, with what to do about it."""

    def with_limits(self, limits: QueryLimits) -> Self:
        """The same source with limits of its own."""
        limited_one = copy(self)
        object.__setattr__(limited_one, "limits", limits)  # sources are frozen
        return limited_one

    def _warnings(self) -> tuple[str, ...]:
        """What is worth knowing of the rights that the connection has: less would do."""
        return ()

    def test(self) -> ConnectionTest:
        """Connect, list the tables and read some rows of one; every usual failure says how to mend
        it.
        """
        start = time.perf_counter()
        tables = self.tables()
        if not tables:
            fix = "Grant it SELECT on the tables; `mmm connect grants` and the page Connect give the statements."
            raise UserError(
                "connected, but there is no table that may be read.", where=self.where, fix=fix
            )
        for table in tables[:_TRIED_TABLES]:
            rows = self._first_rows(table, 50).num_rows
            if rows:
                break
        with self._own_errors():
            warnings = self._warnings()
        seconds = time.perf_counter() - start
        return ConnectionTest(
            seconds,
            rows,
            f"{self.where}: {len(tables)} tables; {rows} rows of {table} read.",
            warnings,
        )

    def tables(self) -> list[str]:
        """Names of the tables that may be read, as `preview` and `batches` take them."""
        with self._own_errors():
            return [self.dialect.shown(parts) for parts in self._list()]

    def preview(self, table_or_query: str | Query | None = None, rows: int = 50) -> pa.Table:
        """The first rows of a table or of a query's answer."""
        table = self._first_rows(table_or_query, rows)
        if not table.num_rows:
            raise _no_rows(self._named(table_or_query))
        return table

    def batches(self, table_or_query: str | Query | None = None) -> Batches:
        """The whole table or answer, by way of local disk."""
        sql, values = self._select(table_or_query)
        where = self._named(table_or_query)
        with self._own_errors(), self._run(sql, values) as answer:
            require_names(answer.names, where)
            batches = limited(answer.batches, self.limits, where)
            return spooled(batches, answer.source_types, where=where, notes=answer.notes)

    def _first_rows(self, table_or_query: str | Query | None, rows: int) -> pa.Table:
        sql, values = self._select(table_or_query, rows)
        where = self._named(table_or_query)
        with self._own_errors(), self._run(sql, values) as answer:
            require_names(answer.names, where)
            batches = list(answer.batches)
            if not any(batch.num_rows for batch in batches):
                return pa.table({name: pa.nulls(0) for name in answer.names})
            with spooled(batches, answer.source_types, where=where, most_sorted=0) as stream:
                return pa.Table.from_batches(stream, stream.schema).slice(0, rows)

    def _select(
        self, asked: str | Query | None, rows: int | None = None
    ) -> tuple[str, list[tuple[str, str]]]:
        """SQL and its bound values, for at most `rows` rows."""
        limit = "" if rows is None else f" LIMIT {int(rows)}"
        if isinstance(asked, Query):
            sql, values = bind(plain_select(asked.sql), asked.parameters, self.dialect.placeholder)
            shown = f"SELECT * FROM (\n{sql}\n) AS preview{limit}"  # noqa: S608 - the user's own query
            return sql if rows is None else shown, values
        return f"SELECT * FROM {self.dialect.quoted(self._table(asked))}{limit}", []  # noqa: S608 - a quoted name

    def _table(self, name: str | None) -> tuple[str, ...]:
        if name is not None:
            return self.dialect.parse(name)
        with self._own_errors():
            tables = self._list()
        if len(tables) != 1:
            raise NotFound(
                f"has {len(tables)} tables.", where=self.where, fix="Name one, or give a query."
            )
        return tables[0]

    def _named(self, asked: str | Query | None) -> str:
        if isinstance(asked, Query):
            return f"{self.kind} query"
        if asked:
            return f"{self.kind} table {asked}"
        return self.where

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except self._failures() as error:
            raise self._explained(error) from error


def _no_rows(where: str) -> UserError:
    return UserError(
        "has columns but no rows.", where=where, fix="Check the table, or the query's conditions."
    )


def driver(module: str, extra: str) -> Any:
    """Import a database's driver. Raises UserError saying which extra to install."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise
        raise UserError(
            f"reading from {extra} needs its driver, which is not installed.",
            where=extra,
            fix=f'Run: pip install "mmm-app[{extra}]"',
        ) from None


@dataclass(frozen=True)
class Failure:
    """A usual failure: what it means and the fix. `{...}` are filled with the connection's own
    values.
    """

    what: str
    fix: str

    def error(self, where: str, values: Mapping[str, object], says: str) -> UserError:
        """The error; `says` is the database's own sentence, which follows."""
        shown = {name: value or "?" for name, value in values.items()}
        own = f" ({says})" if says else ""
        return UserError(self.what.format(**shown) + own, where=where, fix=self.fix.format(**shown))


def unreachable(where: str, address: str, error: Exception) -> UserError:
    """One answer for every way in which no such database is reached: what tells a closed port from
    an open one would let a signed-in person look around in the server's network. The log has it.
    """
    log.warning("%s could not be reached: %s", where, error)
    return UserError(
        f"no such database could be reached at {address}.",
        where=where,
        fix="Check host, port and firewall, and that the server runs; the server's log says more.",
    )


def first_line(text: str, most: int = 300) -> str:
    """The first line of a database's message that says something, cut to a bearable length."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= most else line[: most - 1] + "…"
