"""Connections to databases: kept in the workspace, their secrets in the secret store, opened as
sources.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from mmm.access import User
from mmm.errors import Finding, InvalidInput, UserError
from mmm.platforms import open_secret_store
from mmm.platforms.base import SecretStore
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.stored import as_valid

if TYPE_CHECKING:  # pyarrow, which listing does not need
    from mmm.sources.base import ConnectionTest, Source

#: The name of the connection that the settings SF_* make.
FROM_SETTINGS = "snowflake"
_Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]+$"
    ),
]
_Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=255)]
#: Where secrets are sent and as whom. A changed one must not carry away secrets given for another.
_ADDRESS = {"kind", "account", "host", "port", "protocol", "sslmode", "endpoint", "user"}
#: The deployment guide's names of the secrets that belong to the settings SF_*.
_SF_SECRETS = {
    "private_key": "private-key",
    "passphrase": "private-key-passphrase",
    "password": "password",
}
_Port = Annotated[int, Field(ge=1, le=65535)]


class _Connection(BaseModel):
    """What all kinds share. `SECRETS` are the names of the kind's secrets, which no connection
    holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    SECRETS: ClassVar[tuple[str, ...]] = ()

    def open(self, secrets: Mapping[str, str]) -> Source:
        """The source; nothing is connected yet."""
        raise NotImplementedError

    def check(self, secrets: Mapping[str, str]) -> None:
        """Raise UserError for secrets that cannot be right."""

    def hosts(self) -> tuple[str, ...]:
        """The hosts that are connected to; none for a file."""
        return ()


class SnowflakeConnection(_Connection):
    SECRETS = ("private_key", "passphrase", "password")

    kind: Literal["snowflake"] = "snowflake"
    account: _Host
    user: _Text
    role: _Text | None = None
    warehouse: _Text | None = None
    database: _Text | None = None
    schema_name: _Text | None = None
    host: _Host | None = None
    port: _Port | None = None
    protocol: Literal["https", "http"] | None = None

    def open(self, secrets: Mapping[str, str]) -> Source:
        from mmm.sources.snowflake import SnowflakeSource

        given = self.model_dump(exclude={"kind", "schema_name"}) | dict(secrets)
        return SnowflakeSource(**given, schema=self.schema_name)

    def hosts(self) -> tuple[str, ...]:
        return (self.host or f"{self.account}.snowflakecomputing.com",)

    def check(self, secrets: Mapping[str, str]) -> None:
        from mmm.sources.snowflake import load_key

        if "private_key" in secrets:
            load_key(secrets["private_key"], secrets.get("passphrase"))


class PostgresConnection(_Connection):
    SECRETS = ("password",)

    kind: Literal["postgres", "redshift"]
    host: _Host
    port: _Port | None = None
    database: _Text
    user: _Text
    schema_name: _Text | None = None
    sslmode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "require"

    def open(self, secrets: Mapping[str, str]) -> Source:
        from mmm.sources.postgres import PostgresSource

        given = self.model_dump(exclude={"schema_name", "port"}) | dict(secrets)
        port = self.port or (5432 if self.kind == "postgres" else 5439)
        return PostgresSource(**given, port=port, schema=self.schema_name)

    def hosts(self) -> tuple[str, ...]:
        return (self.host,)


class BigQueryConnection(_Connection):
    SECRETS = ("key",)

    kind: Literal["bigquery"] = "bigquery"
    project: _Text
    dataset: _Text | None = None
    location: _Text | None = None
    endpoint: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None

    def open(self, secrets: Mapping[str, str]) -> Source:
        from mmm.sources.bigquery import BigQuerySource

        return BigQuerySource(**self.model_dump(exclude={"kind"}) | dict(secrets))

    def hosts(self) -> tuple[str, ...]:
        host = urlsplit(self.endpoint).hostname if self.endpoint else None
        return (host or "bigquery.googleapis.com",)


class DuckDBConnection(_Connection):
    kind: Literal["duckdb"] = "duckdb"
    path: Path

    def open(self, secrets: Mapping[str, str]) -> Source:
        from mmm.sources.duckdb import DuckDBSource

        return DuckDBSource(self.path)


Connection = SnowflakeConnection | PostgresConnection | BigQueryConnection | DuckDBConnection
_CONNECTION: TypeAdapter[Connection] = TypeAdapter(
    Annotated[Connection, Field(discriminator="kind")]
)
KINDS = ("snowflake", "postgres", "redshift", "bigquery", "duckdb")


def parse_connection(given: Mapping[str, Any]) -> Connection:
    """A connection of checked fields. Raises InvalidInput with every wrong or missing field."""
    if given.get("kind") not in KINDS:
        raise UserError(
            f"{given.get('kind')!r} is not a kind of connection.",
            fix=f"Use one of: {', '.join(KINDS)}.",
        )
    try:
        return _CONNECTION.validate_python(dict(given))
    except ValidationError as error:
        findings = []
        for problem in error.errors(include_url=False):
            field = "connection"
            if len(problem["loc"]) > 1:
                field = str(problem["loc"][-1])
            message = {
                "missing": "is needed.",
                "extra_forbidden": f"means nothing for {given['kind']}; leave it out.",
            }.get(problem["type"], f"{problem['msg']}; got {problem['input']!r}.")
            findings.append(Finding("error", message, where=field.replace("schema_name", "schema")))
        raise InvalidInput("The connection is not valid:", findings) from None


class Connections:
    """A workspace's connections with their secrets. Secrets go in and are used; nothing gives them
    back.
    """

    def __init__(self, workspace: Workspace, secrets: SecretStore, settings: Settings) -> None:
        self.workspace, self._secrets, self._settings = workspace, secrets, settings

    @classmethod
    def of(cls, settings: Settings) -> Connections:
        """The connections of the workspace the settings name."""
        return cls(Workspace.open(settings), open_secret_store(settings), settings)

    def names(self) -> list[str]:
        """Saved ones, and the one the settings make."""
        saved = self.workspace.connection_names()
        return sorted({*saved, FROM_SETTINGS} if self._of_settings() else saved)

    def get(self, name: str) -> Connection:
        """The connection; NotFound names those there are."""
        made = self._of_settings() if name == FROM_SETTINGS else None
        if made:
            return made
        content = json.loads(self.workspace.connection(name))
        return as_valid(_CONNECTION.validate_json, content, f"connection {name!r}")

    def add(
        self,
        name: str,
        connection: Connection,
        secrets: Mapping[str, str],
        by: User,
        *,
        replace: bool = False,
    ) -> None:
        """Save a connection and its secrets.

        Secrets not given stay when a connection is replaced by one to the same address and user,
        else they are deleted.
        """
        action = "connection.replace" if replace else "connection.add"
        self.workspace.permit(by, action, name)
        if name == FROM_SETTINGS and self._of_settings():
            fix = "Take another name, or unset SF_ACCOUNT."
            raise UserError(
                f"the settings SF_* make the connection {name!r}.", where="connection", fix=fix
            )
        unknown = [secret for secret in secrets if secret not in connection.SECRETS]
        if unknown:
            raise UserError(f"{connection.kind} takes no {', '.join(unknown)}.", where="connection")
        self._require_host(connection)
        connection.check(secrets)
        same_address = replace and self._address(name) == connection.model_dump(include=_ADDRESS)
        self.workspace.save_connection(name, connection, replace=replace)
        for secret in connection.SECRETS:
            if secret in secrets:
                self._secrets.put(self._secret_name(name, secret), secrets[secret])
            elif not same_address:
                self._secrets.delete(self._secret_name(name, secret))
        self.workspace.append_audit(by, action, name)

    def _address(self, name: str) -> dict[str, Any] | None:
        if name not in self.workspace.connection_names():
            return None
        return self.get(name).model_dump(include=_ADDRESS)

    def remove(self, name: str, by: User) -> None:
        """Forget a connection and its secrets. Datasets read through it stay."""
        self.workspace.permit(by, "connection.remove", name)
        connection = self.get(name)
        self.workspace.delete_connection(name)
        for secret in connection.SECRETS:
            self._secrets.delete(self._secret_name(name, secret))
        self.workspace.append_audit(by, "connection.remove", name)

    def secrets_set(self, name: str) -> tuple[str, ...]:
        """Which of the connection's secrets have a value."""
        return tuple(self._secret_values(name))

    def open(self, name: str, by: User) -> Source:
        """The source behind a connection, for somebody who may read through it."""
        self.workspace.permit(by, "connection.read", name)
        from mmm.sources.database import DatabaseSource
        from mmm.sources.deadline import QueryLimits

        connection = self.get(name)
        self._require_host(connection)
        source = connection.open(self._secret_values(name))
        limits = QueryLimits.of(self._settings)
        if isinstance(source, DatabaseSource):
            return source.with_limits(limits)
        return source

    def _require_host(self, connection: Connection) -> None:
        """UserError for a host that the settings do not allow."""
        allowed = self._settings.source_hosts
        for host in connection.hosts() if allowed else ():
            if not any(fnmatchcase(host.lower(), pattern) for pattern in allowed):
                raise UserError(
                    f"the host {host} is not one that may be asked.",
                    where="connection",
                    fix="An administrator allows hosts with MMM_SOURCE_HOSTS.",
                )

    def test(self, name: str, by: User) -> ConnectionTest:
        """Connect and read a little; a UserError says what is wrong and what to do."""
        return self.open(name, by).test()

    def grants(self, name: str, by: User) -> str:
        """What an administrator has to run so that the connection may read, and nothing else."""
        from mmm.sources.grants import grant_script

        self.workspace.permit(by, "connection.read", name)
        return grant_script(self.get(name), self._secret_values(name))

    def _secret_values(self, name: str) -> dict[str, str]:
        found = {}
        if name == FROM_SETTINGS and self._of_settings():
            found = self._secrets_of_settings()
        for secret in self.get(name).SECRETS:
            stored = self._secret_name(name, secret)
            if secret not in found and self._secrets.exists(stored):
                found[secret] = self._secrets.get(stored)
        return found

    def _secret_name(self, connection: str, secret: str) -> str:
        """As in the deployment guide for the connection of the settings: mmm-app-sf-private-key."""
        service = self._settings.service_name
        if connection == FROM_SETTINGS:
            return f"{service}-sf-{_SF_SECRETS[secret]}"
        return f"{service}-connection-{connection}-{secret.replace('_', '-')}"

    def _of_settings(self) -> SnowflakeConnection | None:
        settings = self._settings
        if not (settings.sf_account and settings.sf_user):
            return None
        return SnowflakeConnection(
            account=settings.sf_account,
            user=settings.sf_user,
            role=settings.sf_role,
            warehouse=settings.sf_warehouse,
            database=settings.sf_database,
            schema_name=settings.sf_schema,
        )

    def _secrets_of_settings(self) -> dict[str, str]:
        given = {
            "private_key": self._settings.sf_private_key,
            "passphrase": self._settings.sf_private_key_passphrase,
            "password": self._settings.sf_password,
        }
        return {secret: value.get_secret_value() for secret, value in given.items() if value}
