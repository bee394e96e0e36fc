"""What a warehouse adds up equals what is prepared here, on every database."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mmm.data.long_form import Pivot
from mmm.data.prepare import prepare
from mmm.data.prepare.pushdown import pushdown, table_rows
from mmm.data.prepare.pushdown_checks import (
    _require_none_repeated,
    repeats_query,
    require_addable,
)
from mmm.data.prepare.recipe import Recipe
from mmm.errors import UserError
from mmm.sources.bigquery import BigQuerySource
from mmm.sources.database import DatabaseSource
from mmm.sources.duckdb import DuckDBSource
from mmm.sources.postgres import PostgresSource
from mmm.sources.snowflake import SnowflakeSource
from mmm.sources.sql import Dialect, Placeholder

_RANDOM = random.Random(5)
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=i) for i in range(75)]
#: One row per day, market and campaign: the level that ad reports have.
ROWS = [
    {
        "DAY": day,
        "GEO": geo,
        "EVENT": "sale" if day.day == 5 else "none",
        "TV": round(_RANDOM.uniform(0, 500), 2),
        "REVENUE": round(_RANDOM.uniform(1000, 9000), 2),
        "PRICE": round(_RANDOM.uniform(9, 11), 2),
    }
    for day in DAYS
    for geo in ("DE", "FR", "IT")
    for _ in range(3)
]


#: A long table: the revenue of a day on every row, and amounts of two currencies.
LONG_ROWS = [
    {"DAY": day, "CHANNEL": channel, "MONEY": money, "COST": cost, "REVENUE": 1000.0 + day.day}
    for day in DAYS[:10]
    for channel, money, cost in (("tv", "EUR", 10.0 + day.day), ("radio", "USD", 2.0))
]


#: One market by several names, on the same days; the revenue differs within a day's channel.
ODD_ROWS = [
    {"DAY": day, "GEO": geo, "CHANNEL": channel, "COST": cost + day.day, "REVENUE": cost * 7}
    for day in DAYS[:14]
    for geo in ("DE", "De", "de ", "Germany", "FR")
    for channel, cost in (("tv", 10.25), ("tv", 3.5), ("radio", 2.0))
]


def statements(table: str, float_type: str) -> list[str]:
    texts = ["DATE", "VARCHAR(10)", "VARCHAR(10)"]
    return [
        *_filled(table, ROWS, [*texts, float_type, float_type, float_type]),
        *_filled(f"{table}_LONG", LONG_ROWS, [*texts, float_type, float_type]),
        *_filled(f"{table}_ODD", ODD_ROWS, [*texts, float_type, float_type]),
        *_filled(f"{table}_GAPS", ODD_ROWS[:30], [*texts, float_type, float_type]),
        f'UPDATE {table}_GAPS SET "GEO" = NULL WHERE "CHANNEL" = \'radio\' AND "GEO" = \'FR\'',
        f'UPDATE {table}_GAPS SET "DAY" = NULL WHERE "GEO" = \'De\'',
    ]


def _filled(table: str, rows: list[dict[str, Any]], kinds: list[str]) -> list[str]:
    names = list(rows[0])
    quoted = ", ".join(f'"{name}"' for name in names)
    defined = ", ".join(f'"{name}" {kind}' for name, kind in zip(names, kinds, strict=True))
    values = ", ".join(
        "(" + ", ".join(_literal(value) for value in row.values()) + ")" for row in rows
    )
    return [
        f"CREATE TABLE {table} ({defined})",
        f"INSERT INTO {table} ({quoted}) VALUES {values}",
    ]


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, float) else f"'{value}'"


def recipe(**changes: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "date": "DAY",
            "period": "week",
            "market": {"column": "GEO", "join": "combine", "keep": ["DE", "FR"]},
            "start": "2024-01-08",
            "end": "2024-03-03",
            "flags": [{"name": "sale", "column": "EVENT", "values": ["sale"]}],
            "columns": [
                {"column": "REVENUE", "aggregate": "sum"},
                {"column": "TV", "aggregate": "sum"},
                {"column": "PRICE", "aggregate": "mean", "across": "mean"},
                {"column": "sale", "aggregate": "max"},
            ],
        }
        | changes
    )


def long_recipe(columns: list[str], market: dict[str, Any] | None) -> Recipe:
    rules = [{"column": name, "aggregate": "sum"} for name in columns]
    return Recipe.model_validate(
        {"date": "DAY", "period": "week", "market": market, "columns": rules}
    )


def locally(asked: Recipe) -> dict[str | None, pa.Table]:
    """The same by hand: rows added up by day and market in Arrow, then prepared."""
    table = pa.Table.from_pylist(ROWS)
    daily = table.group_by(["DAY", "GEO", "EVENT"], use_threads=False).aggregate(
        [("TV", "sum"), ("REVENUE", "sum"), ("PRICE", "mean")]
    )
    daily = daily.rename_columns(["DAY", "GEO", "EVENT", "TV", "REVENUE", "PRICE"])
    return {item.market: item.table for item in prepare(daily, asked)}


class PushdownContract:
    """A further database is a further class at the end."""

    table: str

    @pytest.fixture
    def source(self) -> DatabaseSource:
        raise NotImplementedError

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"period": "month", "start": None, "end": None},
            {"period": "day"},
            {"market": {"column": "GEO", "join": "split"}},
        ],
        ids=["weeks", "months", "days", "each market"],
    )
    def test_it_equals_the_local_preparation_to_the_cent(
        self, source: DatabaseSource, changes: dict[str, Any]
    ) -> None:
        asked = recipe(**changes)
        pushed = pushdown(asked, source.dialect.parse(self.table), source.dialect)
        with source.batches(pushed.query) as batches:
            answer = pa.Table.from_batches(batches, batches.schema)
        assert answer.num_rows <= len(DAYS) * 3  # a third of the rows
        found = {item.market: item.table for item in prepare(answer, pushed.rest)}
        expected = locally(asked)
        assert found.keys() == expected.keys()
        for market, table in expected.items():
            assert found[market].column_names == table.column_names
            assert found[market]["DAY"].equals(table["DAY"])
            for name in table.column_names[1:]:
                gap = pc.max(pc.abs(pc.subtract(found[market][name], table[name]))).as_py()
                assert gap < 0.005, name

    def test_what_may_be_added_up_is_not_refused(self, source: DatabaseSource) -> None:
        require_addable(
            source, pushdown(recipe(), source.dialect.parse(self.table), source.dialect)
        )

    @pytest.mark.parametrize(
        ("columns", "market", "message"),
        [
            (["COST"], None, "would be added up are in 'EUR', 'USD'"),
            (["REVENUE"], {"column": "MONEY", "keep": ["EUR", "USD"]}, "'EUR', 'USD'"),
            (["COST"], {"column": "MONEY", "join": "split"}, None),
        ],
    )
    def test_two_currencies_are_not_added_up(
        self,
        source: DatabaseSource,
        columns: list[str],
        market: dict[str, Any] | None,
        message: str | None,
    ) -> None:
        asked = long_recipe(columns, market)
        pushed = pushdown(asked, source.dialect.parse(f"{self.table}_LONG"), source.dialect)
        if message is None:
            require_addable(source, pushed)
            return
        with pytest.raises(UserError, match=message):
            require_addable(source, pushed)

    def test_a_value_that_stands_on_every_row_of_a_day_is_not_added_up(
        self, source: DatabaseSource
    ) -> None:
        table = source.dialect.parse(f"{self.table}_LONG")
        euros = {"column": "CHANNEL", "keep": ["tv", "radio"], "join": "split"}
        split = pushdown(long_recipe(["COST", "REVENUE"], euros), table, source.dialect)
        answer = source.preview(repeats_query(split, source.dialect) or "", 1)
        assert (
            int(answer.column(0)[0].as_py() or 0) == 0
        )  # one row a day and market: nothing can repeat
        joined = pushdown(long_recipe(["COST", "REVENUE"], None), table, source.dialect)
        found = source.preview(repeats_query(joined, source.dialect) or "", 1).to_pylist()[0]
        groups, most, *values = found.values()
        assert (int(groups), int(most)) == (10, 2)
        cost, revenue = values[:4], values[4:]
        assert [int(cost[0]), int(cost[1])] == [10, 0]
        assert [int(revenue[0]), int(revenue[1])] == [10, 10]
        with pytest.raises(UserError, match="up to 2 times") as raised:
            _require_none_repeated(
                source.preview(repeats_query(joined, source.dialect) or ""), joined.recipe
            )
        assert raised.value.where == "column 'REVENUE'"

    @pytest.mark.parametrize("join", ["combine", "split"])
    def test_a_market_by_several_names_is_one(self, source: DatabaseSource, join: str) -> None:
        rules = [{"column": "COST", "aggregate": "sum"}, {"column": "REVENUE", "aggregate": "mean"}]
        rule = {"column": "GEO", "join": join, "keep": ["de"], "same": {"germany": "DE"}}
        asked = recipe(market=rule, columns=rules, flags=[], start=None, end="2024-01-14")
        pushed = pushdown(asked, source.dialect.parse(f"{self.table}_ODD"), source.dialect)
        require_addable(source, pushed)
        with source.batches(pushed.query) as batches:
            answer = pa.Table.from_batches(batches, batches.schema)
        assert answer.num_rows == 14
        (found,) = prepare(answer, pushed.rest)
        of_one = [row for row in ODD_ROWS if row["GEO"] != "FR"]
        for week, cost in enumerate(found.table["COST"].to_pylist()):
            days = DAYS[week * 7 : week * 7 + 7]
            assert cost == pytest.approx(sum(r["COST"] for r in of_one if r["DAY"] in days))
        mean = sum(row["REVENUE"] for row in of_one) / len(of_one)
        assert found.table["REVENUE"].to_pylist() == pytest.approx([mean, mean])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"market": {"column": "GEO", "keep": ["FR"]}}, "no market in"),
            ({"market": None, "start": "2024-01-01"}, "no date in"),
        ],
    )
    def test_rows_without_a_market_or_a_date_are_refused_as_here(
        self, source: DatabaseSource, changes: dict[str, Any], message: str
    ) -> None:
        rules = [{"column": "COST", "aggregate": "sum"}]
        asked = recipe(columns=rules, flags=[], end=None, **{"start": None, **changes})
        pushed = pushdown(asked, source.dialect.parse(f"{self.table}_GAPS"), source.dialect)
        with source.batches(pushed.query) as batches:
            answer = pa.Table.from_batches(batches, batches.schema)
        with pytest.raises(UserError) as refused:
            prepare(answer, pushed.rest)
        assert message in str(refused.value)

    def test_what_repeats_in_a_long_table_must_be_the_same(self, source: DatabaseSource) -> None:
        pivot = {"key": "CHANNEL", "values": ["COST"], "repeated": ["REVENUE"], "market": "GEO"}
        market = {"column": "GEO", "keep": ["FR"]}
        asked = long_recipe(["REVENUE", "tv_COST"], market).model_copy(
            update={"pivot": Pivot.model_validate(pivot)}
        )
        pushed = pushdown(asked, source.dialect.parse(f"{self.table}_ODD"), source.dialect)
        with pytest.raises(UserError, match="not the same on all rows of a date, on 14 dates"):
            require_addable(source, pushed)

    def test_rows_are_counted_where_they_lie(self, source: DatabaseSource) -> None:
        assert table_rows(source, self.table) == len(ROWS)


class TestDuckDB(PushdownContract):
    table = "main.ads"

    @pytest.fixture
    def source(self, tmp_path: Path) -> DatabaseSource:
        import duckdb

        with duckdb.connect(str(tmp_path / "ads.duckdb")) as connection:
            for statement in statements("ads", "DOUBLE"):
                connection.execute(statement)
        return DuckDBSource(tmp_path / "ads.duckdb")


class TestPostgres(PushdownContract):
    table = "pushdown.ads"

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, postgres: Any) -> DatabaseSource:
        with psycopg.connect(
            host="127.0.0.1",
            port=postgres.port,
            dbname="postgres",
            user="admin",
            password="admin",
            autocommit=True,
        ) as connection:
            connection.execute("CREATE SCHEMA pushdown")
            for statement in statements(cls.table, "DOUBLE PRECISION"):
                connection.execute(statement)
        return PostgresSource(
            "127.0.0.1", "postgres", "admin", "admin", postgres.port, "pushdown", sslmode="disable"
        )


class TestSnowflake(PushdownContract):
    table = "PUSHDOWN.MART.ADS"

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls, snowflake: Any) -> DatabaseSource:
        with (
            snowflake.connect(database="PUSHDOWN", schema="MART") as connection,
            connection.cursor() as cursor,
        ):
            for statement in statements("ADS", "FLOAT"):
                cursor.execute(statement)
        return SnowflakeSource(
            "MYORG-SHOP", "ANA", "READER", database="PUSHDOWN", schema="MART",
            private_key=snowflake.key, host="127.0.0.1", port=snowflake.port, protocol="http",
        )  # fmt: skip


DIALECT = Dialect(Placeholder.NUMBER)


def test_names_are_quoted_and_values_bound() -> None:
    odd = recipe(
        market={"column": 'g"eo', "keep": ["x'; DROP TABLE ads"], "join": "combine"},
        columns=[{"column": 'tv"; --', "aggregate": "sum"}],
        flags=[],
        start=None,
        end=None,
    )
    query = pushdown(odd, ("main", "ads"), DIALECT).query
    assert query.parameters == {"market_1": "x'; drop table ads"}
    assert query.sql == (
        'SELECT "DAY",\n'
        '       MIN("g""eo") AS "g""eo",\n'
        '       SUM("tv""; --") AS "tv""; --"\n'
        "FROM (\n"
        'SELECT CAST("DAY" AS DATE) AS "DAY", CAST("g""eo" AS VARCHAR) AS "g""eo", '
        'LOWER(TRIM(CAST("g""eo" AS VARCHAR))) AS "market_key", "tv""; --"\n'
        'FROM "main"."ads"\n'
        'WHERE (LOWER(TRIM(CAST("g""eo" AS VARCHAR))) IN (:market_1) '
        'OR LOWER(TRIM(CAST("g""eo" AS VARCHAR))) IS NULL '
        'OR LOWER(TRIM(CAST("g""eo" AS VARCHAR))) = \'\')\n'
        ") AS of_recipe\n"
        'GROUP BY "DAY", "market_key"\n'
        'ORDER BY "DAY", "market_key"'
    )


def test_bigquery_has_its_own_name_for_texts() -> None:
    query = pushdown(recipe(), ("shop", "ads"), BigQuerySource.dialect).query
    assert "CAST(`GEO` AS STRING)" in query.sql
    assert "VARCHAR" not in query.sql


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("VARCHAR", "'31.12.2024'", r"1 rows hold texts such as '31.12.2024'"),
        ("INTEGER", "20241231", "holds int32, not dates"),
        ("TIMESTAMPTZ", "'2024-12-31 23:30:00+00'", "times with a zone"),
    ],
)
def test_days_that_a_database_may_read_differently_are_refused(
    tmp_path: Path, kind: str, value: str, message: str
) -> None:
    import duckdb

    with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
        connection.execute(f'CREATE TABLE ads ("DAY" {kind}, "TV" DOUBLE)')
        connection.execute(f"INSERT INTO ads VALUES ({value}, 1.0)")
    source = DuckDBSource(tmp_path / "d.duckdb")
    rules = [{"column": "TV", "aggregate": "sum"}]
    asked = recipe(market=None, flags=[], columns=rules)
    with pytest.raises(UserError, match=message):
        require_addable(source, pushdown(asked, ("ads",), source.dialect))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"zone": "Europe/Berlin"}, "times are not moved to another zone"),
        (
            {"columns": [{"column": "TV", "aggregate": "last"}], "flags": []},
            "'last' needs the rows in their order",
        ),
    ],
)
def test_what_a_warehouse_cannot_do_is_said(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        pushdown(recipe(**changes), ("ads",), DIALECT)
