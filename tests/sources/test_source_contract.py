"""What every source must do. A further source is a further class at the end that says how to make
the same shop.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmm.errors import InvalidInput, UserError
from mmm.sources.base import Query, Source
from mmm.sources.bigquery import BigQuerySource
from mmm.sources.duckdb import DuckDBSource
from mmm.sources.files import FileSource
from mmm.sources.postgres import PostgresSource
from mmm.sources.snowflake import SnowflakeSource

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(weeks=i) for i in range(60)]
ROWS = [
    {
        "day": day,
        "market": "DE" if i % 2 else "FR",
        "clicks": None if i % 7 == 0 else i * 1000,
        "spend": i / 8,
        "revenue": Decimal(i) + Decimal("0.25"),
        "promo": i % 3 == 0,
        "note": "Größe; 'x'" if i % 5 == 0 else "na",
    }
    for i, day in enumerate(DAYS)
]
COLUMNS = tuple(ROWS[0])
#: As SQL, for every database that makes its own table.
INSERTS = ", ".join(
    "({})".format(
        ", ".join(
            "NULL"
            if value is None
            else f"'{value}'"
            if isinstance(value, dt.date)
            else "'" + value.replace("'", "''") + "'"
            if isinstance(value, str)
            else str(value)
            for value in row.values()
        )
    )
    for row in reversed(ROWS)
)
DEFINED = "day DATE, market VARCHAR, clicks BIGINT, spend {float}, revenue NUMERIC(18, 2), promo BOOLEAN, note VARCHAR"


def statements(schema: str = "", float_type: str = "DOUBLE") -> list[str]:
    """Make the shop: `weekly` with its rows, `hollow` without any, `Odd "Name"` with one."""
    columns = DEFINED.format(float=float_type)
    return [
        f"CREATE TABLE {schema}weekly ({columns})",
        f"INSERT INTO {schema}weekly VALUES {INSERTS}",
        f"CREATE TABLE {schema}hollow ({columns})",
    ]


@dataclass(frozen=True)
class Shop:
    """A source that holds the table `weekly`, by the name the source gives it."""

    source: Source
    weekly: str
    execute: Callable[[str], Any] | None = None


def values(table: pa.Table) -> list[dict[str, Any]]:
    """Rows by day, names in lower case."""
    rows = [{name.lower(): value for name, value in row.items()} for row in table.to_pylist()]
    return sorted(rows, key=lambda row: row["day"])


class SourceContract:
    def test_it_tests_its_connection(self, shop: Shop) -> None:
        result = shop.source.test()
        assert result.rows >= 1
        assert result.seconds > 0
        assert shop.source.kind.split("-")[0] in result.message.lower()

    def test_its_tables_are_listed_by_names_it_takes(self, shop: Shop) -> None:
        assert shop.weekly in shop.source.tables()
        assert shop.source.preview(shop.weekly, 3).num_rows == 3

    def test_a_preview_is_the_first_rows(self, shop: Shop) -> None:
        shown = shop.source.preview(shop.weekly, 7)
        assert [name.lower() for name in shown.column_names] == list(COLUMNS)
        assert shown.num_rows == 7
        assert shop.source.preview(shop.weekly).num_rows == 50

    def test_the_whole_table_comes_with_its_values_twice(self, shop: Shop) -> None:
        with shop.source.batches(shop.weekly) as batches:
            first = pa.Table.from_batches(batches, batches.schema)
            assert pa.Table.from_batches(batches, batches.schema).equals(first)
            assert len(batches.source_types) == len(COLUMNS)
        assert values(first) == ROWS
        assert [
            pa.types.is_date(first.schema.field(0).type),
            pa.types.is_boolean(first.schema.field(5).type),
        ] == [1, 1]

    def test_a_table_that_is_not_there_is_named(self, shop: Shop) -> None:
        for read in (shop.source.preview, shop.source.batches):
            with pytest.raises(UserError) as caught:
                read("nothere")
            assert caught.value.where

    @pytest.mark.parametrize(
        "name", ["weekly; DROP TABLE weekly", "weekly--", "weekly' OR '1'='1", '"', "", "a.b.c.d.e"]
    )
    def test_a_hostile_name_is_refused(self, shop: Shop, name: str) -> None:
        with pytest.raises(UserError):
            shop.source.batches(name)
        assert shop.source.preview(shop.weekly, 1).num_rows == 1


class DatabaseContract(SourceContract):
    def test_a_query_has_its_values_bound(self, shop: Shop) -> None:
        sql = f"SELECT day, clicks FROM {shop.weekly} WHERE market = :market -- not :this\n AND note <> ':that';"
        with shop.source.batches(Query(sql, {"market": "DE"})) as batches:
            table = pa.Table.from_batches(batches)
        assert [row["day"] for row in values(table)] == DAYS[1::2]
        assert shop.source.preview(Query(sql, {"market": "DE"}), 5).num_rows == 5

    def test_a_hostile_value_stays_a_value(self, shop: Shop) -> None:
        sql = f"SELECT * FROM {shop.weekly} WHERE market = :market"
        for value in ("DE' OR '1'='1", "'; DROP TABLE weekly; --", "%s", "$1", "\\", ":market"):
            with pytest.raises(UserError, match="has columns but no rows"):
                shop.source.batches(Query(sql, {"market": value}))

    def test_every_parameter_needs_its_value_and_every_value_its_parameter(
        self, shop: Shop
    ) -> None:
        sql = f"SELECT * FROM {shop.weekly} WHERE market = :market"
        with pytest.raises(UserError, match="parameter :market has no value"):
            shop.source.batches(Query(sql))
        with pytest.raises(UserError, match="has no parameter :channel"):
            shop.source.batches(Query(sql, {"market": "DE", "channel": "tv"}))

    @pytest.mark.parametrize(
        "sql",
        [
            "DROP TABLE {}",
            "DELETE FROM {}",
            "SELECT 1; DROP TABLE {}",
            "/* SELECT */ UPDATE {} SET clicks = 0",
            "",
        ],
    )
    def test_only_one_select_is_read(self, shop: Shop, sql: str) -> None:
        with pytest.raises(UserError, match=r"is not a SELECT|more than one statement"):
            shop.source.batches(Query(sql.format(shop.weekly)))
        assert shop.source.preview(shop.weekly, 1).num_rows == 1

    def test_a_wrong_query_is_explained(self, shop: Shop) -> None:
        for sql in (
            f"SELECT FROM WHERE {shop.weekly}",
            "SELECT 1 FROM nothere",
            f"SELECT nothere FROM {shop.weekly}",
        ):
            with pytest.raises(UserError) as caught:
                shop.source.batches(Query(sql))
            assert caught.value.fix
            assert shop.source.kind in caught.value.where

    def test_an_empty_table_is_an_error(self, shop: Shop) -> None:
        hollow = shop.weekly.replace("weekly", "hollow").replace("WEEKLY", "HOLLOW")
        for read in (shop.source.preview, shop.source.batches):
            with pytest.raises(UserError, match="has columns but no rows"):
                read(hollow)

    def test_repeated_column_names_are_named(self, shop: Shop) -> None:
        with pytest.raises(InvalidInput, match="2 columns have this name"):
            shop.source.batches(Query(f"SELECT day, clicks, clicks FROM {shop.weekly}"))

    def test_the_order_rows_come_in_does_not_matter(self, shop: Shop) -> None:
        read = []
        for order in ("day", "clicks DESC, day DESC"):
            with shop.source.batches(
                Query(f"SELECT * FROM {shop.weekly} ORDER BY {order}")
            ) as batches:
                read.append(pa.Table.from_batches(batches).combine_chunks())
        assert read[0].equals(read[1])


def _as_csv(path: Path) -> None:
    lines = [";".join(COLUMNS)]
    lines += [
        ";".join("" if v is None else f'"{v}"' if ";" in str(v) else str(v) for v in r.values())
        for r in ROWS
    ]
    path.write_text("\n".join(lines))


class TestCsvFile(SourceContract):
    @pytest.fixture
    def shop(self, tmp_path: Path) -> Shop:
        _as_csv(tmp_path / "weekly.csv")
        return Shop(FileSource(tmp_path / "weekly.csv"), "weekly.csv")


class TestParquetFile(SourceContract):
    @pytest.fixture
    def shop(self, tmp_path: Path) -> Shop:
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "weekly.parquet")
        return Shop(FileSource(tmp_path / "weekly.parquet"), "weekly.parquet")


class TestExcelFile(SourceContract):
    @pytest.fixture
    def shop(self, tmp_path: Path, write_xlsx: Callable[..., Path]) -> Shop:
        rows = [
            list(COLUMNS),
            *([float(v) if isinstance(v, Decimal) else v for v in r.values()] for r in ROWS),
        ]
        return Shop(FileSource(write_xlsx(weekly=rows)), "weekly")


class TestDuckDB(DatabaseContract):
    @pytest.fixture
    def shop(self, tmp_path: Path) -> Shop:
        import duckdb

        with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
            for statement in statements():
                connection.execute(statement)
        return Shop(DuckDBSource(tmp_path / "shop.duckdb"), "main.weekly")


class TestPostgres(DatabaseContract):
    kind = "postgres"

    @pytest.fixture(scope="class")
    @classmethod
    def shop(cls, postgres: Any) -> Iterator[Shop]:
        with psycopg.connect(
            host="127.0.0.1",
            port=postgres.port,
            dbname="postgres",
            user="admin",
            password="admin",
            autocommit=True,
        ) as connection:
            schema = f"contract_{cls.kind}"
            for statement in (
                f"CREATE SCHEMA {schema}",
                *statements(f"{schema}.", "DOUBLE PRECISION"),
            ):
                connection.execute(statement)
            source = PostgresSource(
                "127.0.0.1",
                "postgres",
                "admin",
                "admin",
                postgres.port,
                schema,
                sslmode="disable",
                kind=cls.kind,
            )
            yield Shop(source, f"{schema}.weekly")


class TestRedshift(TestPostgres):
    """Redshift's way of reading, against PostgreSQL, whose protocol it speaks."""

    kind = "redshift"


class TestSnowflake(DatabaseContract):
    @pytest.fixture(scope="class")
    @classmethod
    def shop(cls, snowflake: Any) -> Shop:
        with (
            snowflake.connect(database="CONTRACT", schema="MART") as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements(float_type="FLOAT"):
                cursor.execute(statement)
        source = SnowflakeSource(
            "MYORG-SHOP", "ANA", "READER", database="CONTRACT", schema="MART", private_key=snowflake.key,
            host="127.0.0.1", port=snowflake.port, protocol="http",
        )  # fmt: skip
        return Shop(source, "CONTRACT.MART.WEEKLY")


class TestBigQuery(DatabaseContract):
    """The real client against a stand-in (see tests/servers/bigquery_stub.py)."""

    @pytest.fixture(scope="class")
    @classmethod
    def shop(cls, bigquery: Any) -> Shop:
        endpoint, database = bigquery
        for statement in ("CREATE SCHEMA mart", *statements("mart.")):
            database.execute(statement)
        return Shop(BigQuerySource("shop", "mart", endpoint=endpoint), "mart.weekly")
