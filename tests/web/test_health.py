"""Liveness, readiness, metrics, lines of the log."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from mmm.errors import UserError
from mmm.logs import acting_user, formatter
from mmm.web.shell.health import Health, Readiness
from mmm.web.shell.metrics import Counted, RequestCount, page, serve
from servers import free_port


def test_a_server_without_its_store_lives_and_is_not_ready() -> None:
    now, asked, broken = [0.0], [0], [False]

    def touch() -> None:
        asked[0] += 1
        if broken[0]:
            raise UserError("the store failed: key AKIA123.")

    readiness = Readiness(touch, lambda: now[0])
    client = TestClient(Starlette(middleware=[Middleware(Health, readiness=readiness)]))
    assert client.get("/health/ready").text == "ok"
    broken[0] = True
    assert client.get("/health/ready").status_code == 200  # not asked again so soon
    now[0] = 5.0
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.text, asked[0]) == (503, "not ready", 2)
    assert client.get("/health/live").text == "ok"


def test_metrics_are_served_on_their_own_port() -> None:
    count, port = RequestCount(), free_port()
    client = TestClient(Starlette(middleware=[Middleware(Counted, count=count)]))
    client.get("/nothing")
    server = serve(port, count, lambda: {"mmm_sessions": 3.0})
    assert server is not None
    assert serve(port, count, dict) is None
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    assert 'mmm_http_requests_total{status="404"} 1' in lines
    assert "mmm_sessions 3" in lines
    assert "# TYPE process_cpu_seconds_total counter" in lines
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5)
    server.shutdown()
    server.server_close()
    assert "mmm_ready 0" not in page(count, dict)


def test_lines_as_json_hold_the_run_the_person_and_the_trace() -> None:
    record = logging.LogRecord("mmm.x", logging.INFO, "", 1, "read %d\nrows", (3,), None)
    token = acting_user.set("ann@example.com")
    line = json.loads(formatter("json", "run-1").format(record))
    acting_user.reset(token)
    assert (line["message"], line["run"], line["user"]) == (
        "read 3\nrows",
        "run-1",
        "ann@example.com",
    )
    assert "trace" not in line
    try:
        raise ValueError("bad")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    text = formatter("json").format(record)
    assert "\n" not in text
    assert "ValueError: bad" in json.loads(text)["trace"]
