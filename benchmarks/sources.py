"""Databases to Parquet: Snowflake's emulator and PostgreSQL, beside DuckDB's own COPY of the same
rows.

`python -m benchmarks.sources [rows] [ways]` (10 million rows unless told otherwise) starts each
server on loopback, fills a table of 20 columns in it, and ingests the table into a fresh local
workspace in a process of its own, which reports wall and CPU seconds and its peak resident memory;
servers are not counted. DuckDB copies its own table.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmm.data.ingest import ingest
from mmm.platforms.local.user import local_user
from mmm.sources.base import Source
from mmm.workspace import Workspace

_SERVERS = Path(__file__).parents[1] / "tests" / "servers"
#: One row per integer i, in the words of each database: 6 integer, 8 float, 2 date and 4 text
#: columns.
_DATE = {
    "snowflake": "DATEADD('day', {days}, '2015-01-01'::DATE)::DATE",
    "postgres": "DATE '2015-01-01' + ({days})::INT",
    "duckdb": "DATE '2015-01-01' + ({days})::INT",
}
_FROM = {
    "snowflake": "(SELECT SEQ4() AS i FROM TABLE(GENERATOR(ROWCOUNT => {rows})))",
    "postgres": "generate_series(0, {rows}::BIGINT - 1) AS t(i)",
    "duckdb": "range({rows}) AS t(i)",
}


def select(kind: str, rows: int) -> str:
    """The SELECT that makes the table."""
    columns = [f"(i * 7919) % {10 ** (k + 2)} AS clicks_{k}" for k in range(6)]
    columns += [
        f"((i * 104729) % 1000003) / {8 * (k + 1)}.0::{_float(kind)} AS spend_{k}" for k in range(6)
    ]
    columns += [f"SQRT(i + {k})::{_float(kind)} AS index_{k}" for k in range(2)]
    columns += [f"{_DATE[kind].format(days=f'i % {days}')} AS date_{days}" for days in (3000, 700)]
    columns += [
        f"'{name} ' || (i % {levels}) AS {name}"
        for name, levels in (("channel", 12), ("campaign", 4000))
    ]
    columns += ["'region ' || (i % 80) AS region", "'order-' || i AS order_id"]
    return f"SELECT {', '.join(columns)} FROM {_FROM[kind].format(rows=rows)}"


def _float(kind: str) -> str:
    return {"snowflake": "FLOAT", "postgres": "DOUBLE PRECISION", "duckdb": "DOUBLE"}[kind]


@contextmanager
def filled(kind: str, rows: int, folder: Path) -> Iterator[dict[str, Any]]:
    """A running database that holds the table `big`; what a process needs to find it."""
    sys.path.insert(0, str(_SERVERS))
    import servers

    if kind == "snowflake":
        users = {"ANA": {"password": "p", "roles": ["READER"]}}
        with servers.snowflake_server(users, folder / "snowflake.log") as port:
            found = {"port": port}
            with _snowflake(found)._connection() as connection:
                connection.cursor().execute(f"CREATE TABLE big AS {select(kind, rows)}")
            yield found
    elif kind == "postgres":
        import psycopg

        with servers.postgres_server() as server:
            where = {"host": "127.0.0.1", "port": server.port, "dbname": "postgres"}
            with psycopg.connect(**where, user="admin", password="admin") as connection:  # noqa: S106
                connection.execute(f"CREATE TABLE big AS {select(kind, rows)}")
            yield {"port": server.port}
    else:
        import duckdb

        with duckdb.connect(str(folder / "big.duckdb")) as connection:
            connection.execute(f"CREATE TABLE big AS {select('duckdb', rows)}")
        yield {"path": str(folder / "big.duckdb")}


def _snowflake(found: dict[str, Any]) -> Any:
    from mmm.sources.snowflake import SnowflakeSource

    return SnowflakeSource(
        "MYORG-SHOP", "ANA", database="BENCH", schema="MART", password="p", host="127.0.0.1", protocol="http", **found  # noqa: S106
    )  # fmt: skip


def _source(way: str, found: dict[str, Any]) -> Source:
    from mmm.sources.duckdb import DuckDBSource
    from mmm.sources.postgres import PostgresSource

    if way == "snowflake":
        source: Source = _snowflake(found)
        return source
    if way == "postgres":
        return PostgresSource("127.0.0.1", "postgres", "admin", "admin", sslmode="disable", **found)
    return DuckDBSource(Path(found["path"]))


def _copy(found: dict[str, Any], folder: Path) -> int:
    import duckdb

    target = folder / "copied.parquet"
    with duckdb.connect(found["path"], read_only=True) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"COPY big TO '{target}' (FORMAT parquet)")
    return target.stat().st_size


def measure(way: str, found: dict[str, Any], folder: Path) -> dict[str, float]:
    """Run one way in this process and report it."""
    start, cpu = time.perf_counter(), time.process_time()
    if way == "DuckDB COPY":
        size = _copy(found, folder)
    else:
        workspace = Workspace((folder / f"workspace-{way}").as_uri())
        made = ingest(
            _source(way, found), market="bench", origin=way, workspace=workspace, by=local_user(),
            table_or_query="big",
        )  # fmt: skip
        size = made.bytes
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bytes": size,
    }


def main(rows: int, ways: list[str]) -> None:
    print(f"{rows:,} rows x 20 columns")
    for way in ways:
        with tempfile.TemporaryDirectory(prefix="mmm-bench-") as name:
            with filled("duckdb" if way == "DuckDB COPY" else way, rows, Path(name)) as found:
                command = [
                    sys.executable,
                    "-m",
                    "benchmarks.sources",
                    "--measure",
                    way,
                    json.dumps(found),
                    name,
                ]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            told = json.loads(done.stdout)
        print(
            f"{way:12} {told['seconds']:7.1f} s wall {told['cpu']:7.1f} s CPU {rows / told['seconds']:11,.0f} rows/s"
            f" {told['peak_mb']:7,.0f} MB peak {told['bytes'] / 1e6:8,.1f} MB Parquet",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], json.loads(sys.argv[3]), Path(sys.argv[4]))))
    else:
        count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 10_000_000
        main(count, sys.argv[2:] or ["snowflake", "postgres", "duckdb", "DuckDB COPY"])
