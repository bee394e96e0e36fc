"""Connections on the page Connect, against a real PostgreSQL server: added, tested, previewed,
read, removed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.web.kit.text import plain
from mmm.web.shell import entrance, links, session

Open = Callable[..., AppTest]
PASSWORD = "correct-horse-battery"
DATABASE = {"from": "Database"}


def labelled(widgets: Any, label: str) -> Any:
    return next(found for found in widgets if found.label == label)


def words(app: AppTest) -> str:
    return "\n".join(
        element.value for kind in (app.markdown, app.caption, app.info) for element in kind
    )


@pytest.fixture
def database(postgres: Any, new_name: str) -> str:
    """A database with weekly rows of two markets, and a role that may read them: its name is the
    database's.
    """
    admin = {
        "host": "127.0.0.1",
        "port": postgres.port,
        "user": "admin",
        "password": "admin",
        "autocommit": True,
    }
    with psycopg.connect(dbname="postgres", **admin) as connection:
        connection.execute(f'CREATE DATABASE "{new_name}"')
        connection.execute(f"CREATE ROLE \"{new_name}\" LOGIN PASSWORD '{PASSWORD}'")
    with psycopg.connect(dbname=new_name, **admin) as connection:
        connection.execute(
            "CREATE TABLE weekly AS"
            " SELECT country, DATE '2024-01-01' + 7 * i AS week, 100 + i AS revenue, i AS tv_spend"
            " FROM generate_series(0, 9) AS i, (VALUES ('DE'), ('FR')) AS countries (country)"
        )
        connection.execute("CREATE TABLE notes AS SELECT 'x' AS note")
        connection.execute(f'GRANT SELECT ON weekly, notes TO "{new_name}"')
    return new_name


def fill(
    app: AppTest, database: str, port: int, password: str = PASSWORD, name: str = "shop"
) -> AppTest:
    """Enter a connection and save it."""
    labelled(app.text_input, "Name").set_value(name)
    for label, value in (
        ("Host", "127.0.0.1"),
        ("Port (if needed)", str(port)),
        ("Database", database),
    ):
        labelled(app.text_input, label).set_value(value)
    labelled(app.text_input, "User").set_value(database)
    labelled(app.selectbox, "SSL mode (if needed)").set_value("disable")
    labelled(app.text_input, "Password").set_value(password)
    labelled(app.button, "Save the connection").click().run()
    assert not app.exception
    return app


@pytest.fixture
def shop(open_page: Open, stored: Any, database: str, postgres: Any) -> AppTest:
    """The page after a connection named shop has been added to it."""
    return fill(open_page(links.CONNECT, **DATABASE), database, postgres.port)


def test_a_connection_is_added_and_its_secret_never_comes_back(
    shop: AppTest, stored: Any, open_page: Open
) -> None:
    assert shop.success[0].value.startswith("Saved **shop**")
    assert shop.query_params["connection"] == "shop"
    assert plain("Secrets set: password.") in words(shop)
    for app in (shop, open_page(links.CONNECT, **DATABASE, connection="shop")):
        assert all(PASSWORD not in str(field.value) for field in app.text_input)
        assert PASSWORD not in words(app)
        assert "Password: set. Leave it empty to keep it, unless address or user change." in words(
            app
        )
    files = [path.read_text() for path in stored.folder.rglob("*.json")]
    assert not any(PASSWORD in text for text in files)


def test_the_test_says_seconds_and_rows(shop: AppTest) -> None:
    labelled(shop.button, "Test the connection").click().run()
    (success,) = shop.success
    assert "2 tables" in success.value
    assert success.value.endswith(" s.")
    assert "1 row" in success.value or "20 rows" in success.value


def test_what_fails_says_why_and_what_to_do(
    open_page: Open, stored: Any, database: str, postgres: Any
) -> None:
    app = fill(open_page(links.CONNECT, **DATABASE), database, postgres.port, password="wrong")
    (error,) = app.error  # the tables cannot be listed
    assert plain("password") in error.value
    assert "Add a connection" in [found.label for found in app.expander]
    labelled(app.button, "Test the connection").click().run()
    assert len(app.error) >= 1
    assert not app.success


def test_a_table_is_previewed_and_read(shop: AppTest, stored: Any, open_page: Open) -> None:
    box = labelled(shop.selectbox, "Table, of 2 that may be read")
    assert box.options == ["public.notes", "public.weekly"]
    box.set_value("public.weekly").run()
    assert shop.query_params["table"] == "public.weekly"

    again = open_page(links.CONNECT, **DATABASE, connection="shop", table="public.weekly")
    assert labelled(again.selectbox, "Table, of 2 that may be read").value == "public.weekly"
    labelled(again.toggle, "Show the first rows").set_value(True).run()
    assert again.dataframe[0].value.columns.tolist() == ["country", "week", "revenue", "tv_spend"]
    labelled(again.text_input, "Market").set_value("all")
    labelled(again.button, "Read into a dataset").click().run()
    (manifest,) = stored.workspace.datasets("all")
    assert (manifest.rows, manifest.source, manifest.connection) == (20, "postgres", "shop")
    assert "Stored as **all" in again.success[0].value


def test_a_query_reads_several_markets_at_once(shop: AppTest, stored: Any) -> None:
    labelled(shop.button_group, "What to read").set_value("Query").run()
    sql = "SELECT * FROM weekly WHERE country = :market AND week >= CAST(:since AS DATE)"
    labelled(shop.text_area, "One SELECT").set_value(sql).run()
    labelled(shop.text_input, plain(":since")).set_value("2024-02-01")
    labelled(shop.text_input, "Markets, one dataset each: DE, FR").set_value("DE, FR, XX")
    labelled(shop.button, "Read into a dataset").click().run()
    assert not shop.exception
    assert [found.value.split("**")[1].split("\\/")[0] for found in shop.success] == ["DE", "FR"]
    assert shop.error[0].value.startswith("**XX** ")
    (manifest,) = stored.workspace.datasets("FR")
    assert (manifest.rows, manifest.query) == (5, sql)
    assert manifest.parameters == {"market": "FR", "since": "2024-02-01"}


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("DROP TABLE weekly", "is not a SELECT."),
        ("SELECT 1; DELETE FROM weekly", "holds more than one statement."),
    ],
)
def test_a_query_is_one_select(shop: AppTest, sql: str, message: str) -> None:
    labelled(shop.button_group, "What to read").set_value("Query").run()
    labelled(shop.text_area, "One SELECT").set_value(sql).run()
    assert plain(message) in shop.error[0].value


def test_the_grants_are_there_to_paste(shop: AppTest, database: str) -> None:
    (grants,) = [found.value for found in shop.code if "GRANT" in found.value]
    assert f'GRANT CONNECT ON DATABASE "{database}" TO "{database}";' in grants
    assert PASSWORD not in grants


def test_a_changed_connection_keeps_its_secret_and_a_removed_one_is_gone(
    shop: AppTest, stored: Any, open_page: Open
) -> None:
    app = open_page(links.CONNECT, **DATABASE, connection="shop")
    schemas = [field for field in app.text_input if field.label == "Schema (if needed)"]
    schemas[-1].set_value("public")
    [button for button in app.button if button.label == "Save the connection"][-1].click().run()
    assert not app.exception
    assert '"schema_name": "public"' in stored.workspace.connection("shop")
    labelled(app.button, "Test the connection").click().run()
    assert "2 tables" in app.success[-1].value
    labelled(app.button, "Remove it").click().run()
    assert stored.workspace.connection_names() == []
    assert "No connection to a database is saved yet." in words(app)


@pytest.mark.usefixtures("stored")
def test_a_form_that_is_wrong_names_the_fields_and_loses_nothing(open_page: Open) -> None:
    app = open_page(links.CONNECT, **DATABASE)
    labelled(app.text_input, "Host").set_value("my host")
    labelled(app.text_input, "Database").set_value("shop")
    labelled(app.button, "Save the connection").click().run()
    (error,) = app.error
    assert "host" in error.value
    assert plain("user: is needed.") in error.value
    assert labelled(app.text_input, "Database").value == "shop"


def test_an_analyst_reads_and_does_not_change_connections(
    shop: AppTest, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = User("ana", role=Role.ANALYST)
    monkeypatch.setattr(session, "local_user", lambda: someone)
    monkeypatch.setattr(entrance, "current_user", lambda: someone)
    app = open_page(links.CONNECT, **DATABASE, connection="shop")
    assert labelled(app.selectbox, "Table, of 2 that may be read").value is None
    assert not any(
        found.label.startswith(("Add a connection", "Change or remove")) for found in app.expander
    )
    assert "an administrator adds and changes them" in words(app)


def test_an_unknown_connection_is_a_message(open_page: Open, stored: Any, tmp_path: Path) -> None:
    app = open_page(links.CONNECT, **DATABASE, connection="<b>x")
    assert plain("there is no connection '<b>x'.") in app.error[0].value
