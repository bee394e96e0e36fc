"""Connections: what is saved, where secrets lie and that they stay there, what an administrator is
given to run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from mmm.access import NotAllowed, Role, User
from mmm.data.ingest import MarketResult, ingest_markets
from mmm.errors import AlreadyExists, InvalidInput, NotFound, UserError
from mmm.platforms.local.secrets import FileSecretStore
from mmm.settings import Settings
from mmm.sources.base import Query
from mmm.sources.connections import Connections, parse_connection
from mmm.sources.snowflake import public_key
from mmm.workspace import Workspace

ANA = User("ana", role=Role.ADMIN)


@pytest.fixture
def secrets(tmp_path: Path) -> FileSecretStore:
    return FileSecretStore(tmp_path / "secrets")


@pytest.fixture
def connections(tmp_path: Path, secrets: FileSecretStore) -> Connections:
    return Connections(Workspace((tmp_path / "workspace").as_uri()), secrets, Settings())


def snowflake_fields(snowflake: Any, **others: Any) -> dict[str, Any]:
    return {
        "kind": "snowflake", "account": "MYORG-SHOP", "user": "ana", "role": "reader", "database": "CONNECTIONS",
        "schema_name": "MART", "host": "127.0.0.1", "port": snowflake.port, "protocol": "http",
    } | others  # fmt: skip


POSTGRES = {"kind": "postgres", "host": "db", "database": "shop", "user": "ana"}


def test_no_secret_lies_in_the_workspace(
    connections: Connections, snowflake: Any, tmp_path: Path
) -> None:
    connection = parse_connection(snowflake_fields(snowflake))
    connections.add(
        "shop", connection, {"private_key": snowflake.encrypted_key, "passphrase": "open"}, ANA
    )
    assert connections.names() == ["shop"]
    assert connections.get("shop") == connection
    assert connections.secrets_set("shop") == ("private_key", "passphrase")
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == [
        "mmm-app-connection-shop-passphrase",
        "mmm-app-connection-shop-private-key",
    ]
    kept = [path.read_text() for path in (tmp_path / "workspace").rglob("*.json")]
    assert len(kept) == 3  # the connection, the audit entry and its link in the chain
    assert not any("PRIVATE" in text or "open" in text for text in kept)
    assert "PRIVATE" not in repr(connections.open("shop", ANA))
    connections.remove("shop", ANA)
    assert connections.names() == []
    assert list((tmp_path / "secrets").iterdir()) == []


def test_a_viewer_may_not_read_through_a_connection(connections: Connections) -> None:
    connections.add("shop", parse_connection(POSTGRES), {"password": "p"}, ANA)
    vic = User("vic")
    for refused in (connections.open, connections.test, connections.grants):
        with pytest.raises(NotAllowed, match=r"connection\.read needs the role analyst"):
            refused("shop", vic)
    day = connections.workspace.audit_days()[-1]
    assert [entry.action for entry in connections.workspace.audit(day)].count(
        "connection.read.refused"
    ) == 3


def test_a_secret_does_not_follow_a_changed_address(
    connections: Connections, secrets: FileSecretStore
) -> None:
    connections.add("shop", parse_connection(POSTGRES), {"password": "p"}, ANA)
    same = parse_connection({**POSTGRES, "schema_name": "mart"})
    connections.add("shop", same, {}, ANA, replace=True)
    assert connections.secrets_set("shop") == ("password",)
    connections.add(
        "shop",
        parse_connection({**POSTGRES, "host": "elsewhere"}),
        {},
        User("eve", role=Role.ADMIN),
        replace=True,
    )
    assert connections.secrets_set("shop") == ()
    assert not secrets.exists("mmm-app-connection-shop-password")


def test_names_and_fields_are_checked(connections: Connections) -> None:
    connection = parse_connection(POSTGRES)
    for name in (
        "",
        "Shop",
        "a b",
        "../x",
        "a/b",
        "a;drop",
        "-a",
        "a-",
        "é",
        "x" * 41,
        "1a",
        "a\n",
    ):
        with pytest.raises(UserError, match="cannot be the name of a connection"):
            connections.add(name, connection, {}, ANA)
    connections.add("shop", connection, {}, ANA)
    with pytest.raises(AlreadyExists, match="there is a connection 'shop' already"):
        connections.add("shop", connection, {"password": "p"}, ANA)
    assert connections.secrets_set("shop") == ()
    with pytest.raises(NotFound, match=r"there is no connection 'other'\. There are: shop"):
        connections.get("other")
    with pytest.raises(UserError, match="postgres takes no private_key"):
        connections.add("two", connection, {"private_key": "x"}, ANA)
    with pytest.raises(UserError, match="'oracle' is not a kind of connection"):
        parse_connection({"kind": "oracle"})
    with pytest.raises(InvalidInput) as caught:
        parse_connection({"kind": "snowflake", "account": "a/b", "password": "x", "port": 0})
    where = {finding.where: finding.what for finding in caught.value.findings}
    assert where["user"] == "is needed."
    assert where["password"] == "means nothing for snowflake; leave it out."
    assert {"account", "port"} < where.keys()


def test_a_key_is_checked_before_it_is_kept(connections: Connections, snowflake: Any) -> None:
    connection = parse_connection(snowflake_fields(snowflake))
    for given, what in (
        ({"private_key": "hello"}, "is not a private key"),
        ({"private_key": snowflake.encrypted_key}, "is encrypted"),
        (
            {"private_key": snowflake.encrypted_key, "passphrase": "no"},
            "cannot be opened with this passphrase",
        ),
    ):
        with pytest.raises(UserError, match=what):
            connections.add("shop", connection, given, ANA)
    assert connections.names() == []


def test_the_settings_make_a_ready_connection(
    tmp_path: Path, secrets: FileSecretStore, snowflake: Any
) -> None:
    workspace = Workspace((tmp_path / "workspace").as_uri())
    settings = Settings(
        sf_account="MYORG-SHOP", sf_user="ANA", sf_role="READER", sf_database="D", sf_schema="S"
    )
    connections = Connections(workspace, secrets, settings)
    assert connections.names() == ["snowflake"]
    assert connections.secrets_set("snowflake") == ()
    secrets.put("mmm-app-sf-private-key", snowflake.key)
    secrets.put("mmm-app-sf-private-key-passphrase", "x")
    assert connections.secrets_set("snowflake") == ("private_key", "passphrase")
    assert connections.open("snowflake", ANA).private_key == snowflake.key  # type: ignore[attr-defined]
    given = settings.model_copy(
        update={"sf_private_key": Settings(sf_private_key="K").sf_private_key}
    )
    assert Connections(workspace, secrets, given).open("snowflake", ANA).private_key == "K"  # type: ignore[attr-defined]
    with pytest.raises(UserError, match=r"the settings SF_\* make the connection 'snowflake'"):
        connections.add("snowflake", parse_connection(POSTGRES), {}, ANA)


# Datasets through a connection


@pytest.fixture
def shop(connections: Connections, snowflake: Any) -> Connections:
    """A connection `shop` to two markets' rows."""
    with (
        snowflake.connect(database="CONNECTIONS", schema="MART") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "create or replace table weekly as select dateadd('week', seq4(), '2024-01-01'::date) as day, "
            "iff(seq4() % 2 = 0, 'DE', 'FR') as market, seq4() * 1.5 as spend from table(generator(rowcount => 20))"
        )
    connections.add(
        "shop", parse_connection(snowflake_fields(snowflake)), {"private_key": snowflake.key}, ANA
    )
    return connections


def load(connections: Connections, asked: Query | str, *markets: str) -> list[MarketResult]:
    return list(
        ingest_markets(
            connections.open("shop", ANA),
            asked,
            markets,
            connection="shop",
            workspace=connections.workspace,
            by=ANA,
        )
    )


def test_a_connection_is_tested_with_seconds_and_rows(shop: Connections) -> None:
    result = shop.test("shop", ANA)
    assert result.rows == 20
    assert result.message.startswith("snowflake MYORG-SHOP as ana (reader): ")
    assert 0 < result.seconds < 30


def test_each_market_has_its_own_result_and_a_second_time_nothing_new(shop: Connections) -> None:
    query = Query("SELECT * FROM weekly WHERE market = :market ORDER BY day DESC")
    first = load(shop, query, "DE", "XX", "FR")
    assert [(r.market, r.is_new, r.manifest.rows if r.manifest else None) for r in first] == [
        ("DE", True, 10), ("XX", False, None), ("FR", True, 10),
    ]  # fmt: skip
    assert "has columns but no rows" in str(first[1].error)
    manifest = first[0].manifest
    assert manifest is not None
    assert manifest == shop.workspace.dataset("DE", manifest.dataset_id)
    assert (manifest.source, manifest.connection) == ("snowflake", "shop")
    assert (manifest.query, manifest.parameters) == (query.sql, {"market": "DE"})
    assert manifest.origin == "shop: SELECT * FROM weekly WHERE market = :market ORDER BY day DE…"
    again = load(shop, Query("SELECT * FROM weekly WHERE market = :market"), "DE", "FR")
    assert [(r.manifest.dataset_id, r.is_new) for r in again if r.manifest] == [
        (r.manifest.dataset_id, False) for r in first if r.manifest
    ]
    assert all(r.manifest is not None and r.manifest.stored_again for r in again)
    assert len(shop.workspace.datasets()) == 2
    table = shop.workspace.read_dataset("DE", manifest.dataset_id)
    assert set(table["MARKET"].to_pylist()) == {"DE"}
    assert table.schema.field("DAY").type in (pa.date32(), pa.timestamp("us"))


def test_several_markets_need_a_parameter(shop: Connections) -> None:
    for asked in ("weekly", Query("SELECT * FROM weekly")):
        with pytest.raises(UserError, match="several markets need a query with :market"):
            load(shop, asked, "DE", "FR")
    with pytest.raises(UserError, match="cannot be the name of a market"):
        load(shop, Query("SELECT * FROM weekly WHERE market = :market"), "DE", "../x")
    assert shop.workspace.datasets() == []


# Grants


def test_snowflake_grants_hold_the_public_key_and_quote_names(
    connections: Connections, snowflake: Any
) -> None:
    fields = snowflake_fields(snowflake, warehouse='"odd ""; DROP"', schema_name="mart")
    connections.add("shop", parse_connection(fields), {"private_key": snowflake.key}, ANA)
    script = connections.grants("shop", ANA)
    key = public_key(snowflake.key, None)
    assert f"ALTER USER \"ANA\" SET RSA_PUBLIC_KEY = '{key}';" in script
    assert (
        'GRANT SELECT ON FUTURE TABLES IN SCHEMA "CONNECTIONS"."MART" TO ROLE "READER";' in script
    )
    assert 'GRANT USAGE ON WAREHOUSE "odd ""; DROP" TO ROLE "READER";' in script
    assert "PRIVATE" not in script
    assert "OWNERSHIP" not in script
    connections.add("bad", parse_connection(snowflake_fields(snowflake, role="x; DROP")), {}, ANA)
    with pytest.raises(UserError, match="is not the name of a table"):
        connections.grants("bad", ANA)


def test_postgres_grants_let_read_and_nothing_else(
    connections: Connections, postgres: Any, new_name: str
) -> None:
    user, schema = f'Odd "{new_name}"', f"{new_name}-mart"
    fields = {
        "kind": "postgres", "host": "127.0.0.1", "port": postgres.port, "database": "postgres", "user": user,
        "schema_name": schema, "sslmode": "disable",
    }  # fmt: skip
    connections.add("shop", parse_connection(fields), {"password": "p"}, ANA)
    admin = {
        "host": "127.0.0.1",
        "port": postgres.port,
        "dbname": "postgres",
        "user": "admin",
        "password": "admin",
    }
    with psycopg.connect(**admin, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
        connection.execute(f'CREATE TABLE "{schema}".weekly AS SELECT 1 AS x')
        connection.execute(connections.grants("shop", ANA))
        connection.execute(f"""ALTER ROLE "{user.replace('"', '""')}" PASSWORD 'p'""")
        connection.execute(f'CREATE TABLE "{schema}".later AS SELECT 2 AS x')
    assert connections.test("shop", ANA).rows == 1
    source = connections.open("shop", ANA)
    assert source.tables() == [f'"{schema}".later', f'"{schema}".weekly']
    assert source.preview("later").to_pylist() == [{"x": 2}]
    with psycopg.connect(**{**admin, "user": user, "password": "p"}) as connection:
        connection.read_only = False
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f'DELETE FROM "{schema}".weekly')


def test_other_grants_quote_for_shell_and_sql(connections: Connections) -> None:
    connections.add(
        "bq", parse_connection({"kind": "bigquery", "project": "p q", "dataset": "mart"}), {}, ANA
    )
    assert "'p q'" in connections.grants("bq", ANA)
    assert "`p q`.`mart`" in connections.grants("bq", ANA)
    key = json.dumps({"client_email": "me@p.iam.gserviceaccount.com"})
    connections.add(
        "bq",
        parse_connection({"kind": "bigquery", "project": "p"}),
        {"key": key},
        ANA,
        replace=True,
    )
    assert "serviceAccount:me@p.iam.gserviceaccount.com" in connections.grants("bq", ANA)
    connections.add(
        "duck", parse_connection({"kind": "duckdb", "path": "/data/a b.duckdb"}), {}, ANA
    )
    assert "chmod o+r '/data/a b.duckdb'" in connections.grants("duck", ANA)
    redshift = parse_connection({**POSTGRES, "kind": "redshift"})
    connections.add("red", redshift, {}, ANA)
    assert 'CREATE USER "ana" PASSWORD DISABLE;' in connections.grants("red", ANA)
