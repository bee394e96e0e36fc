"""`mmm connect` and `mmm ingest --connection`, over the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command with a secret store of its own."""
    monkeypatch.setenv("MMM_SECRETS_DIR", str(tmp_path / "secrets"))
    return run


@pytest.fixture
def add(run: Run, snowflake: Any, tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    """Save the connection `shop`, with its key from a file."""
    with (
        snowflake.connect(database="CLI", schema="MART") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("create or replace table weekly (day date, market varchar, spend float)")
        cursor.execute(
            "insert into weekly values ('2024-01-01', 'DE', 1.5), ('2024-01-01', 'FR', 2.5)"
        )
    (tmp_path / "rsa_key.p8").write_text(snowflake.encrypted_key)
    (tmp_path / "passphrase.txt").write_text("open\n")
    (tmp_path / "query.sql").write_text("SELECT day, spend FROM weekly WHERE market = :market")
    where = ("--host", "127.0.0.1", "--port", snowflake.port, "--protocol", "http")

    def call(*others: object) -> tuple[int, str, str]:
        return run(
            "connect", "add", "shop", "--kind", "snowflake", "--account", "MYORG-SHOP", "--user", "ANA", "--role",
            "READER", "--database", "CLI", "--schema", "MART", *where, "--private-key-file", "rsa_key.p8",
            "--passphrase-file", "passphrase.txt", *others,
        )  # fmt: skip

    return call


def test_a_connection_is_added_listed_tested_and_removed(
    run: Run, add: Run, snowflake: Any
) -> None:
    assert add() == (0, "shop saved. Try it with: mmm connect test shop\n", "")
    assert "there is a connection 'shop' already" in add()[2]
    code, out, _ = run("connect", "list")
    assert code == 0
    assert out.splitlines()[1].split()[:4] == ["shop", "snowflake", "private_key,", "passphrase"]
    assert "account=MYORG-SHOP user=ANA role=READER database=CLI schema=MART" in out
    assert snowflake.key[40:80] not in out
    code, out, _ = run("connect", "test", "shop")
    assert code == 0
    assert "1 tables; 2 rows of CLI.MART.WEEKLY read." in out
    assert run("connect", "tables", "shop") == (0, "CLI.MART.WEEKLY\n", "")
    assert "SET RSA_PUBLIC_KEY" in run("connect", "grants", "shop")[1]
    assert run("connect", "remove", "shop")[0] == 0
    assert "there is no connection 'shop'" in run("connect", "test", "shop")[2]


def test_markets_become_datasets_with_a_result_each(run: Run, add: Run) -> None:
    add()
    code, out, err = run(
        "ingest", "--connection", "shop", "--query-file", "query.sql", "--markets", "DE,XX,FR"
    )
    assert code == 1
    assert [line.split("\t")[0] for line in out.splitlines()] == ["DE", "FR"]
    assert err.splitlines() == [
        "DE: 1 rows, 2 columns, stored",
        "XX: snowflake query: has columns but no rows. Check the table, or the query's conditions.",
        "FR: 1 rows, 2 columns, stored",
    ]
    code, again, err = run(
        "ingest",
        "--connection",
        "shop",
        "--query-file",
        "query.sql",
        "--market",
        "DE",
        "--param",
        "market=DE",
    )
    assert (code, again.strip()) == (0, out.splitlines()[0].split("\t")[1])
    assert err == "DE: 1 rows, 2 columns, unchanged, was stored before\n"
    assert len(run("datasets")[1].splitlines()) == 3
    code, out, err = run("ingest", "--connection", "shop", "--table", "weekly", "--market", "all")
    assert (code, err) == (0, "all: 2 rows, 3 columns, stored\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "ingest: name the market."),
        (("--market", "DE"), "ingest: name a file, or a --connection"),
        (("--market", "DE", "--connection", "shop"), "ingest: name one table or one query."),
        (
            ("--market", "DE", "--connection", "shop", "--table", "t", "--query-file", "q"),
            "ingest: name one table",
        ),
        (
            ("--market", "DE", "--connection", "shop", "--table", "t", "--param", "a=1"),
            "ingest: a table takes no",
        ),
        (
            ("--market", "DE", "--connection", "none", "--table", "t"),
            "connection: there is no connection 'none'.",
        ),
        (
            ("x.csv", "--market", "DE", "--connection", "shop"),
            "ingest: a file and its options go without",
        ),
        (("x.csv", "--market", "DE", "--table", "t"), "ingest: name a file, or a --connection"),
        (
            ("--market", "DE", "--connection", "shop", "--query-file", "none.sql"),
            "none.sql: cannot be read",
        ),
        (("--market", "DE", "--markets", "DE", "x.csv"), "ingest: name the market."),
    ],
)
def test_options_that_do_not_go_together(run: Run, options: tuple[str, ...], message: str) -> None:
    code, out, err = run("ingest", *options)
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {message}")


def test_a_table_is_added_up_where_it_lies(run: Run, tmp_path: Path) -> None:
    """The SQL is shown first; the dataset is the recipe's."""
    import duckdb

    file, recipe = tmp_path / "big.duckdb", tmp_path / "r.json"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE TABLE ads AS SELECT DATE '2024-01-01' + CAST(i % 28 AS INTEGER) AS day, "
            "i * 1.0 AS revenue, 2.0 AS tv FROM range(2800) t(i)"
        )
    rules = [{"column": name, "aggregate": "sum"} for name in ("revenue", "tv")]
    recipe.write_text(json.dumps({"date": "day", "period": "week", "columns": rules}))
    code, _, error = run("connect", "add", "big", "--kind", "duckdb", "--path", str(file))
    assert code == 0, error
    asked = ("ingest", "--connection", "big", "--table", "ads", "--market", "DE")
    asked = (*asked, "--recipe", str(recipe))
    code, shown, error = run(*asked, "--show-sql")
    assert (code, shown.splitlines()[0]) == (0, 'SELECT "day",'), error
    assert "DE " not in run("datasets")[1]
    code, made, error = run(*asked)
    assert code == 0, error
    assert "28 rows came by day and market" in error
    code, listed, _ = run("datasets")
    newest = listed.splitlines()[1].split()
    assert (f"DE/{newest[1]}", newest[2]) == (made.strip(), "4")
