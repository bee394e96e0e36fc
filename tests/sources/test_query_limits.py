"""Queries end: by time, by rows, when a person stops them; and what connections tell of a network."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mmm.access import Role, User
from mmm.errors import UserError
from mmm.platforms.local.secrets import FileSecretStore
from mmm.settings import Settings
from mmm.sources.base import Query
from mmm.sources.connections import Connections, parse_connection
from mmm.sources.deadline import QueryLimits, QueryStopped, Stop, stoppable
from mmm.sources.duckdb import DuckDBSource
from mmm.sources.postgres import PostgresSource
from mmm.workspace import Workspace
from servers import free_port

ANA = User("ana", role=Role.ADMIN)
#: Takes hours.
CROSS_JOIN = "SELECT count(*) AS n FROM numbers a, numbers b, numbers c, numbers d"


@pytest.fixture(params=["duckdb", "postgres"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A database with 10,000 numbers."""
    if request.param == "duckdb":
        path = tmp_path / "numbers.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE numbers AS SELECT range AS i FROM range(10000)")
        return DuckDBSource(path)
    server = request.getfixturevalue("postgres")
    found = PostgresSource(
        "127.0.0.1", "postgres", "admin", "admin", server.port, sslmode="disable"
    )
    import psycopg

    with psycopg.connect(
        host="127.0.0.1", port=server.port, dbname="postgres", user="admin", password="admin"
    ) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS numbers AS SELECT i FROM generate_series(1, 10000) i"
        )
    return found


def test_a_query_without_end_is_stopped_in_time(source: Any) -> None:
    limited = source.with_limits(QueryLimits(seconds=0.5))
    start = time.monotonic()
    for read in (limited.preview, limited.batches):
        with pytest.raises(QueryStopped, match=r"longer than 0\.5 seconds"):
            read(Query(CROSS_JOIN))
    assert time.monotonic() - start < 30
    assert limited.preview("numbers", rows=3).num_rows == 3


def test_an_answer_has_a_limit_of_rows(source: Any) -> None:
    limited = source.with_limits(QueryLimits(rows=9_999))
    with pytest.raises(QueryStopped, match="more than 9,999 rows"):
        limited.batches("numbers")
    with source.with_limits(QueryLimits(rows=10_000)).batches("numbers") as batches:
        assert sum(batch.num_rows for batch in batches) == 10_000


def test_a_person_stops_a_query_from_another_thread(source: Any) -> None:
    stop = Stop()
    timer = threading.Timer(0.3, stop.now)
    timer.start()
    with stoppable(stop), pytest.raises(QueryStopped, match="was stopped"):
        source.preview(Query(CROSS_JOIN))
    with stoppable(stop), pytest.raises(QueryStopped):  # what would begin afterwards, too
        source.preview("numbers")
    assert source.preview("numbers", rows=1).num_rows == 1


def test_a_superuser_is_warned_about(postgres: Any) -> None:
    admin = PostgresSource(
        "127.0.0.1", "postgres", "admin", "admin", postgres.port, "pg_catalog", sslmode="disable"
    )
    assert "is a superuser" in admin._warnings()[0]


@pytest.fixture
def talker() -> Iterator[int]:
    """A port that is open and no database."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(100)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.mark.parametrize("sslmode", ["disable", "require"])
def test_an_open_port_and_a_closed_one_are_told_alike(talker: int, sslmode: str) -> None:
    source = PostgresSource("127.0.0.1", "shop", "ana", "x", sslmode=sslmode)

    def told(port: int) -> str:
        with pytest.raises(UserError) as caught:
            replace(source, port=port).tables()
        return str(caught.value).replace(str(port), "PORT")

    assert told(talker) == told(free_port())


def connections(folder: Path, *hosts: str) -> Connections:
    workspace = Workspace((folder / "workspace").as_uri())
    settings = Settings(source_hosts=",".join(hosts))  # type: ignore[arg-type]
    return Connections(workspace, FileSecretStore(folder / "secrets"), settings)


HOSTS: dict[str, dict[str, Any]] = {
    "db.example.com": {
        "kind": "postgres", "host": "db.example.com", "database": "d", "user": "u",
    },
    "myorg.snowflakecomputing.com": {"kind": "snowflake", "account": "myorg", "user": "u"},
    "bigquery.googleapis.com": {"kind": "bigquery", "project": "p"},
    "own.example.com": {
        "kind": "bigquery", "project": "p", "endpoint": "http://own.example.com:80/x",
    },
}  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_only_allowed_hosts_are_connected_to(tmp_path: Path, host: str) -> None:
    connection = parse_connection(HOSTS[host])
    before: Callable[[], Any] = connections(tmp_path).add
    before("saved", connection, {}, ANA)  # type: ignore[call-arg]
    other = connections(tmp_path, "elsewhere.com", "*.elsewhere.com")
    for act in (
        lambda: other.add("new", connection, {}, ANA),
        lambda: other.open("saved", ANA),
    ):
        with pytest.raises(UserError, match="not one that may be asked"):
            act()
    for allowed in (host, f"*.{host.partition('.')[2]}"):
        connections(tmp_path, allowed).open("saved", ANA)
