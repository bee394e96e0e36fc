"""The usual failures of databases: each says what is wrong and what to do, and nothing of a broken
read is kept.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.errors import NotFound, UserError
from mmm.sources import database
from mmm.sources.base import Query, Source
from mmm.sources.bigquery import BigQuerySource
from mmm.sources.duckdb import DuckDBSource
from mmm.sources.postgres import PostgresSource
from mmm.sources.snowflake import SnowflakeSource, load_key
from mmm.workspace import Workspace
from servers import free_port

ANA = User("ana", role=Role.ADMIN)


def failure(act: Callable[[], Any]) -> str:
    with pytest.raises(UserError) as caught:
        act()
    assert caught.value.fix
    return str(caught.value)


def read_fails(
    source: Source, asked: str | Query, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Ingesting fails within a minute and leaves neither a dataset nor a temporary file."""
    (folder / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "temporary"))
    workspace = Workspace((folder / "workspace").as_uri())
    start = time.monotonic()
    told = failure(
        lambda: ingest(
            source, market="DE", origin="t", workspace=workspace, by=ANA, table_or_query=asked
        )
    )
    assert time.monotonic() - start < 60
    assert workspace.datasets() == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    return told


# Snowflake


@pytest.fixture
def ana(snowflake: Any) -> SnowflakeSource:
    """ANA with her key, in a database of this module."""
    return SnowflakeSource(
        "MYORG-SHOP", "ANA", "READER", database="FAILURES", schema="MART", private_key=snowflake.key,
        host="127.0.0.1", port=snowflake.port, protocol="http",
    )  # fmt: skip


@pytest.fixture
def shop(snowflake: Any) -> Iterator[Callable[[str], Any]]:
    """Run a statement in the module's database."""
    with (
        snowflake.connect(database="FAILURES", schema="MART") as connection,
        connection.cursor() as cursor,
    ):
        yield cursor.execute


def test_snowflake_takes_each_form_of_credentials(ana: SnowflakeSource, snowflake: Any) -> None:
    escaped = snowflake.key.replace("\n", "\\n")
    for own in (
        {"private_key": snowflake.encrypted_key, "passphrase": "open"},
        {"private_key": escaped},
        {"private_key": snowflake.key, "passphrase": "not needed"},
        {"private_key": None, "password": snowflake.password},
    ):
        assert "FAILURES" in replace(ana, **own).databases()


def test_snowflake_refusals_name_the_fix(ana: SnowflakeSource, snowflake: Any) -> None:
    key = {"private_key": None}
    for change, what, fix in (
        (
            {"private_key": snowflake.other_key},
            "the key is not the one registered for user ANA",
            "RSA_PUBLIC_KEY",
        ),
        ({"user": "BOB"}, "the key is not the one registered for user BOB", "ALTER USER BOB"),
        ({**key, "password": "wrong"}, "the user name or the password is wrong", "user ANA"),
        ({**key}, "has neither a private key nor a password", "Set one of them"),
        (
            {"role": "ADMIN"},
            "the role ADMIN does not exist or ANA may not use it",
            "GRANT ROLE ADMIN TO USER ANA",
        ),
        (
            {"account": "MYORG-OTHER"},  # of a host that was named no more is told
            "the server of account MYORG-OTHER did not answer",
            "Check the account's name",
        ),
        ({"role": "NO_GRANTS"}, "the role NO_GRANTS may not read this", "mmm connect grants"),
    ):
        source = replace(ana, **change)
        told = failure(lambda source=source: source.preview("weekly"))
        assert what in told
        assert fix in told
        assert snowflake.other_key[100:140] not in told


def test_snowflake_unreachable_is_told_within_seconds(
    ana: SnowflakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmm.sources.snowflake._LOGIN_SECONDS", 3)
    start = time.monotonic()
    told = failure(replace(ana, port=free_port()).databases)
    assert "the server of account MYORG-SHOP did not answer" in told
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("pem", "passphrase", "what"),
    [
        ("ssh-rsa AAAA", None, "is not a private key in PEM form"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            None,
            "it is not the public key",
        ),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", None, "is damaged"),
        ("encrypted", None, "is encrypted. Give its passphrase"),
        ("encrypted", "wrong", "cannot be opened with this passphrase"),
    ],
)
def test_a_key_that_cannot_be_used_is_explained(
    snowflake: Any, pem: str, passphrase: str | None, what: str
) -> None:
    text = snowflake.encrypted_key if pem == "encrypted" else pem
    assert what in failure(lambda: load_key(text, passphrase))


def test_snowflake_numbers_times_and_large_answers(
    ana: SnowflakeSource, shop: Callable[[str], Any]
) -> None:
    shop(
        "create or replace table kinds as select seq4() as n, 1.25::number(18,2) as money, "
        "'9999-12-31 00:00:00'::timestamp_ntz as never, '2024-01-01 10:00:00.5 +0000'::timestamp_tz as moment, "
        "'12:30:00'::time as clock, true as yes from table(generator(rowcount => 250000))"
    )
    with ana.batches("kinds") as batches:
        table = pa.Table.from_batches(batches)
        assert batches.source_types[:2] == ("NUMBER(38,0)", "NUMBER(18,2)")
    assert table.num_rows == 250_000  # in three pieces: one inline, two downloaded
    assert table["N"].to_pylist() == list(range(250_000))
    assert table.slice(0, 1).to_pylist() == [
        {
            "N": 0,
            "MONEY": Decimal("1.25"),
            "NEVER": dt.datetime(9999, 12, 31),
            "MOMENT": dt.datetime(2024, 1, 1, 10, 0, 0, 500_000, dt.UTC),
            "CLOCK": dt.time(12, 30),
            "YES": True,
        }
    ]
    assert table.schema.field("MONEY").type == pa.decimal128(18, 2)


def test_snowflake_wide_tables(ana: SnowflakeSource, shop: Callable[[str], Any]) -> None:
    shop(f"create or replace table wide as select {', '.join(f'{i} as c{i}' for i in range(5000))}")
    with ana.batches("wide") as batches:
        assert len(batches.schema) == 5000


def test_snowflake_cut_in_the_middle_leaves_nothing(
    ana: SnowflakeSource,
    shop: Callable[[str], Any],
    proxy: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop("create or replace table long as select seq4() as n, uniform(0::float, 1::float, random()) as x "
         "from table(generator(rowcount => 500000))")  # fmt: skip
    way = proxy(ana.port, cut_after=4_000_000)
    told = read_fails(replace(ana, port=way.port), "long", tmp_path, monkeypatch)
    assert way.is_cut
    assert "Snowflake or the way to it failed" in told


# PostgreSQL


@pytest.fixture
def admin(postgres: Any) -> Iterator[Any]:
    with psycopg.connect(
        host="127.0.0.1",
        port=postgres.port,
        dbname="postgres",
        user="admin",
        password="admin",
        autocommit=True,
    ) as connection:
        yield connection


@pytest.fixture
def pg(postgres: Any, admin: Any, new_name: str) -> PostgresSource:
    """The administrator in a schema of this test."""
    admin.execute(f"CREATE SCHEMA {new_name}")
    return PostgresSource(
        "127.0.0.1", "postgres", "admin", "admin", postgres.port, new_name, sslmode="disable"
    )


def test_postgres_refusals_name_the_fix(pg: PostgresSource, admin: Any) -> None:
    admin.execute(f"CREATE TABLE {pg.schema}.weekly AS SELECT 1 AS x")
    reader = f"reader_{pg.schema}"
    admin.execute(f"CREATE ROLE {reader} LOGIN PASSWORD 'r'")
    admin.execute(f"GRANT USAGE ON SCHEMA {pg.schema} TO {reader}")
    closed = free_port()
    for change, what in (
        ({"password": "wrong"}, "the password of user admin is wrong"),
        ({"user": "nobody"}, "the password of user nobody is wrong, or there is no such user"),
        ({"database": "nothere"}, "there is no database nothere"),
        ({"host": "nothere.invalid"}, "there is no host nothere.invalid"),
        ({"port": closed}, f"no such database could be reached at 127.0.0.1, port {closed}"),
        ({"sslmode": "require"}, "no encrypted connection could be made"),
        ({"user": reader, "password": "r"}, f"user {reader} may not read this"),
    ):
        source = replace(pg, **change)
        assert what in failure(lambda source=source: source.preview("weekly"))
    told = failure(replace(pg, user=reader, password="r").test)
    assert "there is no table that may be read" in told


def test_postgres_keeps_what_it_reads(pg: PostgresSource, admin: Any) -> None:
    admin.execute(
        "DO $$ BEGIN CREATE TYPE mood AS ENUM ('glad'); EXCEPTION WHEN duplicate_object THEN END $$"
    )
    admin.execute(
        f"CREATE TABLE {pg.schema}.kinds AS SELECT 1::smallint AS small, 9007199254740993 AS large, "
        "1.10::numeric(10, 2) AS money, 0.1::numeric AS free, 2.5::real AS half, '2024-01-01'::date AS day, "
        "'2024-01-01 10:00+02'::timestamptz AS moment, '2024-01-01 10:00'::timestamp AS local, '10:30'::time AS clock, "
        "'ü'::text AS text, 'x'::char(3) AS padded, 'glad'::mood AS mood, '{\"a\": 1}'::jsonb AS json, "
        "'{1,2}'::int[] AS list, interval '1 day' AS span, '\\x00ff'::bytea AS raw, NULL::numeric AS nothing"
    )
    with pg.batches("kinds") as batches:
        (row,) = pa.Table.from_batches(batches).to_pylist()
    assert row == {
        "small": 1, "large": 9007199254740993, "money": Decimal("1.10"), "free": Decimal("0.1"), "half": 2.5,
        "day": dt.date(2024, 1, 1), "moment": dt.datetime(2024, 1, 1, 8, tzinfo=dt.UTC),
        "local": dt.datetime(2024, 1, 1, 10), "clock": dt.time(10, 30), "text": "ü", "padded": "x  ", "mood": "glad",
        "json": '{"a": 1}', "list": "{1,2}", "span": "1 day", "raw": b"\x00\xff", "nothing": None,
    }  # fmt: skip
    assert [note.split("'")[1] for note in batches.notes] == ["mood", "json", "list", "span"]


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ("'infinity'::date", "holds a day out of the calendar"),
        ("'0044-03-15 BC'::date", "holds a day out of the calendar"),
        ("'NaN'::numeric", "has numbers that cannot be kept"),
        ("10::numeric ^ 60", "has numbers that cannot be kept"),
    ],
)
def test_postgres_values_out_of_range_are_explained(
    pg: PostgresSource, column: str, what: str
) -> None:
    assert what in failure(lambda: pg.batches(Query(f"SELECT {column} AS x")))


def test_postgres_numbers_of_growing_scale(pg: PostgresSource) -> None:
    sql = "SELECT CASE WHEN i < 200000 THEN i::numeric ELSE i + 0.125 END AS x, 1 AS y FROM generate_series(0, 250000) i"
    with pg.batches(Query(sql)) as batches:
        values = pa.Table.from_batches(batches)["x"]
    assert values.type.scale == 3
    assert values[250_000].as_py() == Decimal("250000.125")


def test_postgres_sessions_cannot_write(pg: PostgresSource, admin: Any) -> None:
    admin.execute(
        f"CREATE FUNCTION {pg.schema}.harm() RETURNS int LANGUAGE sql AS 'CREATE TABLE {pg.schema}.x(); SELECT 1'"
    )
    assert "the query would change data" in failure(
        lambda: pg.batches(Query(f"SELECT {pg.schema}.harm()"))
    )


def test_postgres_cut_in_the_middle_leaves_nothing(
    pg: PostgresSource, proxy: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = proxy(pg.port, cut_after=3_000_000)
    query = Query("SELECT i, sqrt(i) AS x FROM generate_series(1, 1000000) i")
    told = read_fails(replace(pg, port=way.port), query, tmp_path, monkeypatch)
    assert way.is_cut
    assert "the database or the way to it failed" in told


def test_postgres_killed_in_the_middle_is_told(pg: PostgresSource, admin: Any) -> None:
    def read() -> None:
        with (
            pg._own_errors(),
            pg._run("SELECT i FROM generate_series(1, 10000000) i", []) as answer,
        ):
            next(answer.batches)
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mmm-app'"
            )
            list(answer.batches)

    assert "the database or the way to it failed" in failure(read)


# DuckDB


def test_duckdb_reads_its_file_and_nothing_else(tmp_path: Path) -> None:
    import duckdb

    path = tmp_path / "shop.duckdb"
    with pytest.raises(NotFound, match="there is no such file"):
        DuckDBSource(path).tables()
    path.write_text("not a database at all, " * 100)
    assert "cannot be opened as a DuckDB database" in failure(DuckDBSource(path).tables)
    path.unlink()
    (tmp_path / "other.csv").write_text("a\n1\n")
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"CREATE TABLE wide AS SELECT {', '.join(f'{i} AS c{i}' for i in range(5000))}"
        )
        connection.execute("CREATE TYPE mood AS ENUM ('glad')")
        connection.execute(
            "CREATE TABLE kinds AS SELECT 'glad'::mood AS mood, 5::HUGEINT AS large, [1] AS list"
        )
    source = DuckDBSource(path)
    told = failure(lambda: source.batches(Query(f"SELECT * FROM read_csv('{tmp_path}/other.csv')")))
    assert "the query asks for something outside the database" in told
    assert "'list'" in failure(lambda: source.batches("kinds"))
    with source.batches(Query("SELECT mood, large FROM kinds")) as batches:
        assert pa.Table.from_batches(batches).to_pylist() == [{"mood": "glad", "large": Decimal(5)}]
    with source.batches("wide") as batches:
        assert len(batches.schema) == 5000


def test_duckdb_failing_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    duckdb.connect(str(tmp_path / "shop.duckdb")).close()
    query = Query(
        "SELECT CASE WHEN i < 900000 THEN '1' ELSE 'x' END::INT AS n FROM range(1000000) t(i)"
    )
    with pytest.raises(UserError, match="a value does not fit its type"):
        DuckDBSource(tmp_path / "shop.duckdb").batches(query)


# BigQuery, against the stand-in


def test_bigquery_refusals_name_the_fix(bigquery: tuple[str, Any]) -> None:
    endpoint, database_ = bigquery
    database_.execute(
        "CREATE SCHEMA IF NOT EXISTS other; CREATE OR REPLACE TABLE other.secret AS SELECT 1 AS x"
    )
    source = BigQuerySource("shop", "other", endpoint=endpoint)
    assert "this account may not read here" in failure(lambda: source.batches("secret"))
    assert "does not exist, or lies in another location" in failure(
        lambda: source.batches("nothere")
    )
    assert "does not exist" in failure(replace(source, dataset="nothere").tables)
    assert "is not a service account's key" in failure(replace(source, key="{}").tables)
    assert "there is no table that may be read" in failure(replace(source, dataset="empty").test)


def test_bigquery_cut_in_the_middle_leaves_nothing(
    bigquery: tuple[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmm.sources.bigquery._RETRY_SECONDS", 2)
    endpoint, database_ = bigquery
    database_.execute("CREATE SCHEMA IF NOT EXISTS other; CREATE OR REPLACE TABLE other.falling AS "
                      "SELECT i FROM range(5000) t(i)")  # fmt: skip
    told = read_fails(
        BigQuerySource("shop", "other", endpoint=endpoint), "other.falling", tmp_path, monkeypatch
    )
    assert "BigQuery or the way to it failed" in told


def test_a_missing_driver_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def absent(name: str) -> Any:
        raise ModuleNotFoundError(name=name.partition(".")[0])

    monkeypatch.setattr(database, "import_module", absent)
    (tmp_path / "x.duckdb").write_bytes(b"")
    for source, extra in (
        (SnowflakeSource("A", "B", database="C", private_key="x", password="x"), "snowflake"),
        (PostgresSource("h", "d", "u"), "postgres"),
        (BigQuerySource("p", "d"), "bigquery"),
        (DuckDBSource(tmp_path / "x.duckdb"), "duckdb"),
    ):
        assert failure(source.tables).endswith(f'Run: pip install "mmm-app[{extra}]"')
