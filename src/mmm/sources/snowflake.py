"""Snowflake through its official connector: key pair or password, results as Arrow batches."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from mmm.errors import UserError
from mmm.sources.database import Answer, DatabaseSource, Failure, driver, first_line
from mmm.sources.deadline import deadline
from mmm.sources.sql import Dialect, Placeholder

_DIALECT = Dialect(Placeholder.QUESTION, fold=str.upper)
_TYPES = (
    *(
        "NUMBER",
        "FLOAT",
        "TEXT",
        "DATE",
        "TIMESTAMP",
        "VARIANT",
        "TIMESTAMP_LTZ",
        "TIMESTAMP_TZ",
        "TIMESTAMP_NTZ",
    ),
    *("OBJECT", "ARRAY", "BINARY", "TIME", "BOOLEAN"),
)
_LOGIN_SECONDS = 20
_ROLE = Failure(
    "the role {role} does not exist or {user} may not use it.",
    "Run: GRANT ROLE {role} TO USER {user}; or name another role.",
)
log = logging.getLogger(__name__)

_GRANT = (
    "`mmm connect grants` and the page Connect give the statements for an administrator to run."
)
_NO_ACCOUNT, _NO_ANSWER = 250001, 14
#: By the error number of the connector or the server.
_FAILURES: dict[int, Failure] = {
    390100: Failure(
        "the user name or the password is wrong.", "Check user {user} and set the password again."
    ),
    390144: Failure(
        "the key is not the one registered for user {user}.",
        "Run: ALTER USER {user} SET RSA_PUBLIC_KEY='...'; " + _GRANT,
    ),
    390189: _ROLE,
    390422: Failure(
        "the account's network policy refuses this machine.",
        "Have its address added to the policy.",
    ),
    390432: Failure(
        "the account's network policy refuses this machine.",
        "Have its address added to the policy.",
    ),
    390201: Failure("the warehouse {warehouse} does not exist or {role} may not use it.", _GRANT),
    606: Failure(
        "no warehouse is running for {role}.", "Name a warehouse that {role} may use. " + _GRANT
    ),
    2043: Failure("the database or schema does not exist or {role} may not see it.", _GRANT),
    90105: Failure("the database {database} does not exist or {role} may not see it.", _GRANT),
    90106: Failure("the schema {schema} does not exist or {role} may not see it.", _GRANT),
    2003: Failure("the table, schema or database does not exist or {role} may not see it.", _GRANT),
    3001: Failure("the role {role} may not read this.", _GRANT),
    904: Failure(
        "a column of the query does not exist.",
        "Check its spelling; names in quotes keep their case.",
    ),
    1003: Failure("Snowflake does not understand the query.", "Correct it where Snowflake says."),
    _NO_ACCOUNT: Failure(
        "there is no account {account} at this address.",
        "The account is the part before .snowflakecomputing.com, for example MYORG-MYACCOUNT.",
    ),
    _NO_ANSWER: Failure(
        "the server of account {account} did not answer in time.",
        "Check the account's name, the network, and whether the firewall lets port 443 out.",
    ),
}


#: Roles that come with an account and may do nearly everything.
_ADMINISTRATORS = ("ACCOUNTADMIN", "ORGADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN")


@dataclass(frozen=True)
class SnowflakeSource(DatabaseSource):
    """A Snowflake account as one user and role. `private_key` (PEM text) is preferred over
    `password`.

    `host`, `port` and `protocol` are for private links and the tests' emulator.
    """

    account: str
    user: str
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    private_key: str | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    host: str | None = None
    port: int | None = None
    protocol: str | None = None

    kind = "snowflake"
    dialect = _DIALECT

    @property
    def where(self) -> str:
        return f"snowflake {self.account} as {self.user}{f' ({self.role})' if self.role else ''}"

    def databases(self) -> list[str]:
        """Databases the role can see."""
        return self._names("SHOW DATABASES", "name")

    def schemas(self, database: str) -> list[str]:
        """Schemas of a database."""
        quoted = _DIALECT.quoted(_DIALECT.parse(database))
        found = self._names(f"SHOW SCHEMAS IN DATABASE {quoted}", "name")
        return [name for name in found if name != "INFORMATION_SCHEMA"]

    def _names(self, sql: str, column: str) -> list[str]:
        with self._own_errors(), self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            i = [described.name.lower() for described in cursor.description].index(column)
            return [_DIALECT.shown([row[i]]) for row in cursor.fetchall()]

    def _list(self) -> list[tuple[str, ...]]:
        if not self.database:
            raise UserError(
                "no database is named.",
                where=self.where,
                fix=f"One of: {', '.join(self.databases())}.",
            )
        prefix = _DIALECT.quoted(_DIALECT.parse(self.database))
        sql = (
            f"SELECT table_catalog, table_schema, table_name FROM {prefix}.information_schema.tables "  # noqa: S608
            "WHERE table_schema <> 'INFORMATION_SCHEMA' ORDER BY table_schema, table_name"
        )
        with self._connection() as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            found = [tuple(row) for row in cursor.fetchall()]
        mine = _DIALECT.fold(self.schema or "")
        return sorted(found, key=lambda parts: parts[1] != mine)

    @contextmanager
    def _run(self, sql: str, values: Sequence[tuple[str, str]]) -> Iterator[Answer]:
        with (
            self._connection() as connection,
            connection.cursor() as cursor,
            deadline(self.limits, connection.close, self.where),
        ):
            cursor.execute(
                sql,
                [value for _, value in values] or None,
                timeout=math.ceil(self.limits.seconds),  # the connector cancels it on the server
            )
            names = [described.name for described in cursor.description]
            types = tuple(_type_name(described) for described in cursor.description)
            tables = cursor.fetch_arrow_batches(force_microsecond_precision=True)
            yield Answer(names, types, (batch for table in tables for batch in _plain(table)))

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        connector = driver("snowflake.connector", "snowflake")
        # It warns of clouds it is not in and of proxies; what matters comes as an error.
        logging.getLogger("snowflake.connector").setLevel(logging.ERROR)
        given = {
            name: getattr(self, name)
            for name in (
                "account",
                "user",
                "role",
                "warehouse",
                "database",
                "schema",
                "host",
                "port",
                "protocol",
            )
        }
        with self._connect(
            connector,
            **{name: value for name, value in given.items() if value},
            **self._credentials(),
            paramstyle="qmark",
            arrow_number_to_decimal=True,
            application="mmm-app",
            login_timeout=_LOGIN_SECONDS,
            client_memory_limit=256,
            client_prefetch_threads=2,
            enable_server_session_keep_alive_auto_detection=False,
            session_parameters={"TIMEZONE": "UTC", "CLIENT_TELEMETRY_ENABLED": False},
        ) as connection:
            yield connection

    def _connect(self, connector: Any, **options: Any) -> Any:
        """A connection. Of a host that a person has named, nothing is told that would let them look
        around in the server's network.
        """
        try:
            return connector.connect(**options)
        except connector.errors.Error as error:
            if self.host and (error.errno not in _FAILURES or error.errno == _NO_ACCOUNT):
                log.warning("%s could not be reached: %s", self.where, error)
                raise _FAILURES[_NO_ANSWER].error(self.where, vars(self), "") from error
            raise

    def _credentials(self) -> dict[str, Any]:
        if self.private_key:
            return {
                "authenticator": "SNOWFLAKE_JWT",
                "private_key": key_der(self.private_key, self.passphrase),
            }
        if self.password:
            return {"password": self.password}
        raise UserError(
            "has neither a private key nor a password.", where=self.where, fix="Set one of them."
        )

    def _warnings(self) -> tuple[str, ...]:
        with self._connection() as connection, connection.cursor() as cursor:
            row = cursor.execute("SELECT CURRENT_ROLE()").fetchone()
        role = str(row[0]) if row else ""
        if role not in _ADMINISTRATORS:
            return ()
        return (
            f"the role {role} may do everything here. Reading needs a role of its own. {_GRANT}",
        )

    def _failures(self) -> tuple[type[Exception], ...]:
        return (driver("snowflake.connector", "snowflake").errors.Error,)

    def _explained(self, error: Any) -> UserError:
        says = first_line(
            re.sub(r"^\d{6} \(\w+\): |Failed to login: |Login error: ", "", str(error.raw_msg))
        )
        # The connector's number for a name that no server knows is also that of one that refused
        # all its tries.
        silent = error.errno == _NO_ACCOUNT and "404" not in says
        known = _FAILURES.get(_NO_ANSWER if silent else error.errno)
        if known:
            return known.error(self.where, vars(self), says)
        fix = "Check the network and read it again; nothing was stored."
        return UserError(f"Snowflake or the way to it failed: {says}", where=self.where, fix=fix)


def _plain(table: pa.Table) -> Iterator[pa.RecordBatch]:
    """The table's batches without the connector's notes on fields, which differ from piece to
    piece.
    """
    for batch in table.to_batches():
        yield pa.record_batch(batch.columns, names=batch.schema.names)


def _type_name(described: Any) -> str:
    name = "UNKNOWN"
    if 0 <= described.type_code < len(_TYPES):
        name = _TYPES[described.type_code]
    if name == "NUMBER":
        return f"NUMBER({described.precision},{described.scale})"
    return name


def key_der(pem: str, passphrase: str | None) -> bytes:
    """A PEM private key as the connector wants it. Raises UserError saying what is wrong with key
    or passphrase.
    """
    serialization = driver("cryptography.hazmat.primitives.serialization", "snowflake")
    key = load_key(pem, passphrase)
    return bytes(
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def load_key(pem: str, passphrase: str | None) -> Any:
    """The key object of a PEM text; `\\n` written out, as in many secret stores, is a line's end."""
    serialization = driver("cryptography.hazmat.primitives.serialization", "snowflake")
    text = pem.strip().replace("\\n", "\n")
    if "PRIVATE KEY-----" not in text:
        fix = "Give the text of rsa_key.p8, from -----BEGIN to -----END; it is not the public key."
        raise UserError("is not a private key in PEM form.", where="private key", fix=fix)
    if "ENCRYPTED" in text and not passphrase:
        raise UserError("is encrypted.", where="private key", fix="Give its passphrase.")
    try:
        return serialization.load_pem_private_key(
            text.encode(), passphrase.encode() if passphrase else None
        )
    except TypeError:  # a passphrase for a key that has none
        return serialization.load_pem_private_key(text.encode(), None)
    except ValueError as error:
        encrypted = "ENCRYPTED" in text
        what = f"is damaged ({first_line(str(error), 100)})."
        fix = "Paste the whole file again."
        if encrypted:
            what = "cannot be opened with this passphrase."
            fix = "Type the passphrase again."
        raise UserError(what, where="private key", fix=fix) from None


def public_key(pem: str, passphrase: str | None) -> str:
    """The public half of a private key, as RSA_PUBLIC_KEY takes it: base64 without header or line
    ends.
    """
    serialization = driver("cryptography.hazmat.primitives.serialization", "snowflake")
    text = (
        load_key(pem, passphrase)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return "".join(text.decode().splitlines()[1:-1])
