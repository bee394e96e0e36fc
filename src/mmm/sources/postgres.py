"""PostgreSQL and Amazon Redshift through psycopg: a cursor on the server, rows in pieces, nothing
written.

Values come as text, which both databases print alike: types without a counterpart here are kept as
that text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from mmm.errors import UserError
from mmm.sources.database import Answer, DatabaseSource, Failure, driver, first_line, unreachable
from mmm.sources.deadline import deadline
from mmm.sources.sql import Dialect, Placeholder

_CELLS = 400_000
_CONNECT_SECONDS = 10
#: PostgreSQL's own numbers of types. What is not here is read as the text the server prints.
_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    17: pa.binary(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    26: pa.int64(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1083: pa.time64("us"),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", "UTC"),
}
_NUMERIC = 1700
_TEXTS = (18, 19, 25, 1042, 1043)
_GRANT = (
    "`mmm connect grants` and the page Connect give the statements for an administrator to run."
)
_PASSWORD = Failure(
    "the password of user {user} is wrong, or there is no such user.", "Set the password again."
)
_DATABASE = Failure("there is no database {database}.", "Check its name; it is not the schema's.")
#: By SQLSTATE.
_FAILURES: dict[str, Failure] = {
    "28P01": _PASSWORD,
    "28000": Failure(
        "user {user} may not sign in from here.", "Have pg_hba.conf or the security group allow it."
    ),
    "3D000": _DATABASE,
    "42501": Failure("user {user} may not read this.", _GRANT),
    "42P01": Failure("there is no such table, or its schema is not named.", "Write schema.table."),
    "3F000": Failure("there is no such schema.", "Check its name."),
    "42703": Failure(
        "a column of the query does not exist.",
        "Check its spelling; names in quotes keep their case.",
    ),
    "42601": Failure(
        "the database does not understand the query.", "Correct it where the database says."
    ),
    "25006": Failure("the query would change data.", "Only a SELECT may be read."),
    "57014": Failure(
        "the query ran longer than the server allows.", "Make it smaller, or have the limit raised."
    ),
}
#: A refused connection carries no SQLSTATE, only its sentence.
_SENTENCES: tuple[tuple[str, Failure], ...] = (
    ("password authentication failed", _PASSWORD),
    ("no password supplied", _PASSWORD),
    ("no pg_hba.conf entry", _FAILURES["28000"]),
    ("does not exist", _DATABASE),
    ("resolve host", Failure("there is no host {host}.", "Check its spelling and the network.")),
    (
        "name or service not known",
        Failure("there is no host {host}.", "Check its spelling and the network."),
    ),
    (
        "server does not support ssl",
        Failure("no encrypted connection could be made.", "Set sslmode to what the server offers."),
    ),
)


@dataclass(frozen=True)
class PostgresSource(DatabaseSource):
    """A PostgreSQL database, or with kind "redshift" an Amazon Redshift one, as one user. Sessions
    are read-only.
    """

    host: str
    database: str
    user: str
    password: str | None = field(default=None, repr=False)
    port: int = 5432
    schema: str | None = None
    sslmode: str = "require"
    kind: str = "postgres"

    dialect = Dialect(Placeholder.NUMBER, fold=str.lower, most_parts=2)

    @property
    def where(self) -> str:
        return f"{self.kind} {self.host}/{self.database} as {self.user}"

    def _list(self) -> list[tuple[str, ...]]:
        sql = (
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_schema NOT LIKE 'pg_temp%' "
            "ORDER BY table_schema, table_name"
        )
        with self._connection() as connection:
            found = [tuple(row) for row in connection.execute(sql)]
        return sorted(found, key=lambda parts: parts[0] != (self.schema or "public"))

    @contextmanager
    def _run(self, sql: str, values: Sequence[tuple[str, str]]) -> Iterator[Answer]:
        psycopg = driver("psycopg", "postgres")
        with (
            self._connection() as connection,
            deadline(self.limits, connection.cancel_safe, self.where),
            psycopg.RawServerCursor(connection, "mmm") as cursor,
        ):
            # The server's own clock as well, should this process lose the connection.
            milliseconds = int(self.limits.seconds * 1000) + 1000
            connection.execute(f"SET statement_timeout = {milliseconds}")
            cursor.execute(sql, [value for _, value in values])
            described = cursor.description
            for column in described:
                if column.type_code not in (*_TYPES, _NUMERIC):
                    cursor.adapters.register_loader(
                        column.type_code, psycopg.types.string.TextLoader
                    )
            kinds = [
                _TYPES.get(c.type_code, None if c.type_code == _NUMERIC else pa.string())
                for c in described
            ]
            names = [column.name for column in described]
            yield Answer(
                names,
                [c.type_display for c in described],
                _batches(cursor, names, kinds),
                _notes(described),
            )

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        psycopg = driver("psycopg", "postgres")
        try:
            connected = psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=self.user,
                password=self.password,
                sslmode=self.sslmode,
                connect_timeout=_CONNECT_SECONDS,
                client_encoding="utf8",
                application_name="mmm-app",
            )
        except psycopg.OperationalError as error:
            if _known(error) is None:
                address = f"{self.host}, port {self.port}"
                raise unreachable(self.where, address, error) from error
            raise
        with connected as connection:
            connection.read_only = self.kind == "postgres"  # Redshift has no such transactions
            if self.schema:
                connection.execute(
                    "SELECT set_config('search_path', %s, false)",
                    [self.dialect.quoted([self.schema])],
                )
            connection.execute("SET TimeZone TO 'UTC'")
            yield connection

    def _warnings(self) -> tuple[str, ...]:
        sql = "SELECT usesuper FROM pg_user WHERE usename = current_user"
        with self._connection() as connection:
            found = connection.execute(sql).fetchone()
        if not (found and found[0]):
            return ()
        return (
            f"{self.user} is a superuser of the database. Reading needs SELECT alone: {_GRANT}",
        )

    def _failures(self) -> tuple[type[Exception], ...]:
        return (driver("psycopg", "postgres").Error,)

    def _explained(self, error: Any) -> UserError:
        text = str(error)
        known = _known(error)
        if known:
            return known.error(self.where, vars(self), first_line(text))
        if "date too" in text or "timestamp too" in text:
            fix = "In a query, replace dates such as 'infinity' or BC by NULL or a day of the calendar."
            return UserError(
                f"holds a day out of the calendar ({first_line(text)}).", where=self.where, fix=fix
            )
        fix = "Check the network and read it again; nothing was stored."
        return UserError(
            f"the database or the way to it failed: {first_line(text)}", where=self.where, fix=fix
        )


def _known(error: Any) -> Failure | None:
    if error.sqlstate is not None:
        return _FAILURES.get(error.sqlstate)
    text = str(error).lower()
    return next((failure for part, failure in _SENTENCES if part in text), None)


def _batches(
    cursor: Any, names: Sequence[str], kinds: Sequence[pa.DataType | None]
) -> Iterator[pa.RecordBatch]:
    """Pieces of about the same number of cells. A numeric column's type is that of its piece."""
    size = max(100, _CELLS // len(names))
    while rows := cursor.fetchmany(size):
        turned = zip(*rows, strict=True)
        columns = [
            _column(name, values, kind)
            for name, values, kind in zip(names, turned, kinds, strict=True)
        ]
        yield pa.record_batch(columns, names=list(names))


def _column(name: str, values: Sequence[Any], kind: pa.DataType | None) -> pa.Array:
    try:
        if kind is not None:
            return pa.array(values, kind)
        # The first piece of a column may hold nothing; a number's type then comes with a later
        # piece.
        if all(value is None for value in values):
            return pa.nulls(len(values))
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        fix = "In a query, replace NaN and round to numeric(38, 10) or less."
        raise UserError(
            f"has numbers that cannot be kept ({first_line(str(error), 100)}).",
            where=f"column {name!r}",
            fix=fix,
        ) from None


def _notes(described: Sequence[Any]) -> tuple[str, ...]:
    return tuple(
        f"Column {column.name!r} has the type {column.type_display}; it was read as text."
        for column in described
        if column.type_code not in (*_TYPES, _NUMERIC, *_TEXTS)
    )
