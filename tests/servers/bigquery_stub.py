"""A stand-in for BigQuery's REST interface, for want of an emulator: the real client, answers made
by DuckDB.

It knows what the source uses: run a query with named parameters, page through rows, list datasets
and tables, get a table. SQL is DuckDB's, in backticks. Two tables misbehave: `secret` is refused,
`falling` drops the connection in the middle. It says nothing about BigQuery's own SQL, types it
cannot make, or the Storage Read API.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb

PAGE = 1000
_TYPES = {
    "BIGINT": "INTEGER", "INTEGER": "INTEGER", "HUGEINT": "NUMERIC", "DOUBLE": "FLOAT", "VARCHAR": "STRING",
    "DATE": "DATE", "BOOLEAN": "BOOLEAN", "TIMESTAMP": "DATETIME", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
}  # fmt: skip


class Refused(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


class Project:
    """One project's tables: the schemas of a DuckDB database in memory."""

    def __init__(self) -> None:
        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")
        self.jobs: dict[str, tuple[list[dict[str, str]], list[tuple[Any, ...]]]] = {}
        self.lock = threading.Lock()

    def answer(
        self, sql: str, parameters: dict[str, str]
    ) -> tuple[list[dict[str, str]], list[tuple[Any, ...]]]:
        if "secret" in sql:
            raise Refused(
                403,
                "accessDenied",
                "Access Denied: Table secret: User does not have permission to query",
            )
        plain = re.sub(r"@(\w+)", r"$\1", sql.replace("`", '"').replace('"shop".', ""))
        with self.lock:
            try:
                result = self.database.sql(plain, params=parameters or None)
                rows = result.fetchall()
            except duckdb.CatalogException as error:
                raise Refused(404, "notFound", f"Not found: {error}") from None
            except duckdb.Error as error:
                raise Refused(400, "invalidQuery", str(error)) from None
            kinds = [re.sub(r"DECIMAL\(.*", "NUMERIC", str(kind)) for kind in result.types]
            schema = [
                {"name": name, "type": _TYPES.get(kind, kind), "mode": "NULLABLE"}
                for name, kind in zip(result.columns, kinds, strict=True)
            ]
            return schema, rows

    def tables(self, dataset: str) -> list[str]:
        sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = ? ORDER BY 1"
        with self.lock:
            return [row[0] for row in self.database.execute(sql, [dataset]).fetchall()]


def cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            return value.isoformat()
        return str((value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1))
    return str(value).lower() if isinstance(value, bool) else str(value)


def page(
    schema: list[Any], rows: list[tuple[Any, ...]], start: int, size: int, job: str
) -> dict[str, Any]:
    more = {"pageToken": str(start + size)} if start + size < len(rows) else {}
    return {
        "jobReference": {"projectId": "shop", "jobId": job, "location": "EU"},
        "jobComplete": True,
        "schema": {"fields": schema},
        "totalRows": str(len(rows)),
        "rows": [
            {"f": [{"v": cell(value)} for value in row]} for row in rows[start : start + size]
        ],
        **more,
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    project: Project

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply(lambda path, _: self.query(body) if path[-1] == "queries" else self.insert(body))

    def do_GET(self) -> None:
        self.reply(self.get)

    def query(self, body: dict[str, Any]) -> dict[str, Any]:
        parameters = {
            p["name"]: p["parameterValue"]["value"] for p in body.get("queryParameters", ())
        }
        schema, rows = self.project.answer(body["query"], parameters)
        job = f"job{len(self.project.jobs)}{'falling' if 'falling' in body['query'] else ''}"
        self.project.jobs[job] = schema, rows
        return page(schema, rows, 0, PAGE, job)

    def insert(self, body: dict[str, Any]) -> dict[str, Any]:
        query = body["configuration"]["query"]
        job = self.query(query)["jobReference"]
        return {
            "jobReference": job,
            "configuration": body["configuration"],
            "status": {"state": "DONE"},
            "statistics": {"query": {"statementType": "SELECT"}},
        }

    def get(self, path: list[str], asked: dict[str, list[str]]) -> dict[str, Any]:
        start = int(asked.get("pageToken", asked.get("startIndex", ["0"]))[0])
        if path[-2] == "queries":
            if "falling" in path[-1] and start:
                self.connection.shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError
            size = int(asked.get("maxResults", [PAGE])[0])
            return page(*self.project.jobs[path[-1]], start, min(size, PAGE), path[-1])
        if path[-1] == "datasets":
            found = {"datasetReference": {"projectId": "shop", "datasetId": "mart"}}
            return {"datasets": [{"id": "shop:mart", **found}]}
        if path[-1] == "tables":
            if not self.project.tables(path[-2]) and path[-2] != "empty":
                raise Refused(404, "notFound", f"Not found: Dataset shop:{path[-2]}")
            return {
                "tables": [self.table(path[-2], name) for name in self.project.tables(path[-2])]
            }
        if path[-1] == "data":
            schema, rows = self.project.answer(f'SELECT * FROM "{path[-4]}"."{path[-2]}"', {})
            size = int(asked.get("maxResults", [PAGE])[0])
            return {
                "totalRows": str(len(rows)),
                "rows": page(schema, rows, start, size, "")["rows"],
            }
        schema, _ = self.project.answer(f'SELECT * FROM "{path[-3]}"."{path[-1]}"', {})
        return {**self.table(path[-3], path[-1]), "schema": {"fields": schema}}

    def table(self, dataset: str, name: str) -> dict[str, Any]:
        reference = {"projectId": "shop", "datasetId": dataset, "tableId": name}
        return {
            "kind": "bigquery#table",
            "id": f"shop:{dataset}.{name}",
            "tableReference": reference,
            "type": "TABLE",
        }

    def reply(self, make: Any) -> None:
        address = urlsplit(self.path)
        try:
            status, content = 200, make(address.path.strip("/").split("/"), parse_qs(address.query))
        except Refused as error:
            status, details = error.status, [{"reason": error.reason, "message": str(error)}]
            content = {"error": {"code": error.status, "message": str(error), "errors": details}}
        except ConnectionAbortedError:
            self.close_connection = True
            return
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def bigquery_stub() -> Iterator[tuple[str, Any]]:
    """(endpoint, DuckDB connection to make tables with) while the block runs."""
    project = Project()
    handler = type("ProjectHandler", (Handler,), {"project": project})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", project.database
    finally:
        server.shutdown()
        server.server_close()
