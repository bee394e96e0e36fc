"""The REST API on a real server: who may ask, what is answered, and that its numbers are the product's."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from mmm import cli
from mmm.access import Role, User
from mmm.api.problems import TooMuch
from mmm.api.room import Room
from mmm.engines.schemas import SCHEMAS
from mmm.errors import UserError
from mmm.results import read_results
from mmm.results.model_summary import labels_of
from mmm.results.views import OVERLAYS, VIEWS, present_views, view
from mmm.services import operations
from mmm.services.limits import Rate, TooOften
from mmm.services.tables import plain
from mmm.services.tokens import NotAuthenticated, TokenRequest, holder, issue, revoke
from mmm.workspace.names import utc_now
from mmm.workspace.tokens import Scope

ANY = {"run": "latest", "table": "channels", "view": "waterfall", "channel": "tv_S"}
READ = (Scope.READ,)


def filled(path: str) -> str:
    """An address with something in every place."""
    return re.sub(r"{(\w+)}", lambda found: ANY.get(found.group(1), "0a1b2c3d4e5f"), path)


@pytest.mark.parametrize("name", operations())
def test_nobody_reaches_an_operation_without_a_token_that_has_its_scope(
    asking: Any, name: str
) -> None:
    one = operations()[name]
    for token in ("", "mmm_0a1b2c3d4e5f_" + "0" * 64, "x", "mmm_\xe9"):
        answer = asking(filled(one.path), method=one.method.value, token=token, body={})
        assert answer.status == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert "bearer" in answer.headers["www-authenticate"].lower()
    other = tuple(scope for scope in Scope if scope is not one.effect)
    answer = asking(
        filled(one.path), method=one.method.value, token=asking.token(Role.ADMIN, other)
    )
    assert answer.status == 403
    assert answer.json["where"] == "scope"


def test_the_audit_log_and_tokens_are_for_administrators(asking: Any) -> None:
    analyst = asking.token(Role.ANALYST)
    for path in ("/audit", "/tokens"):
        assert asking(path, token=analyst).status == 403
    today = asking("/audit").json
    assert today["total"] > 0
    assert "audit.read.refused" in {entry["action"] for entry in today["entries"]}
    assert asking.token() not in json.dumps(today)


def test_every_number_of_a_view_is_that_of_the_web_app_and_the_report(asking: Any) -> None:
    results = read_results(asking.services.runs.workspace, asking.run_id)
    labels, model = labels_of(results.summary), results.summary["model"]["id"]
    listed = [item["key"] for item in asking("/runs/latest/views").json["views"]]
    assert listed == [one.key for one in (*present_views(results), *OVERLAYS)]
    assert len(listed) > 12
    for key in listed:
        answer = asking(f"/runs/latest/views/{key}").json
        one = view(key)
        numbers = one.numbers(results, (model,) if one in OVERLAYS else model, labels)
        assert [column["name"] for column in answer["numbers"]["columns"]] == numbers.column_names
        rows = [[plain(value) for value in row.values()] for row in numbers.to_pylist()]
        assert answer["numbers"]["rows"] == rows
        assert answer["finding"] == one.finding(numbers, labels)
        assert (answer["run_id"], answer["interval_level"]) == (asking.run_id, 0.9)


def test_every_result_table_comes_as_it_is_stored_by_page_and_as_arrow(asking: Any) -> None:
    results = read_results(asking.services.runs.workspace, asking.run_id)
    listed = asking("/runs/latest/tables").json
    assert [item["name"] for item in listed["tables"]] == list(SCHEMAS)
    for name in SCHEMAS:
        whole = asking(f"/runs/latest/tables/{name}/arrow")
        assert whole.headers["content-type"] == "application/vnd.apache.arrow.stream"
        assert pa.ipc.open_stream(io.BytesIO(whole.body)).read_all().equals(results[name])
    offset: int | None = 0
    rows: list[Any] = []
    while offset is not None:
        page = asking(f"/runs/latest/tables/fit?limit=4000&offset={offset}").json["table"]
        rows += page["rows"]
        offset = page["next_offset"]
    fit = results["fit"]
    assert rows == [[plain(value) for value in row.values()] for row in fit.to_pylist()]


def test_figures_of_channels_are_those_of_the_table_with_unit_interval_and_confidence(
    asking: Any,
) -> None:
    results = read_results(asking.services.runs.workspace, asking.run_id)
    model = results.summary["model"]["id"]
    rows = {
        row["channel"]: row for row in results["channels"].to_pylist() if row["model_id"] == model
    }
    found = asking("/runs/latest/channels").json["channels"]
    assert {item["channel"] for item in found} == {
        n for n, row in rows.items() if row["kind"] == "paid"
    }
    for item in found:
        row = rows[item["channel"]]
        roas, marginal, contribution = item["figures"][:3]
        assert (roas["what"], roas["value"]) == ("ROAS", row["roi"])
        assert (roas["low"], roas["high"]) == (row["roi_low"], row["roi_high"])
        assert marginal["value"] == row["marginal_roi"]
        assert contribution["value"] == row["contribution"]
        for figure in item["figures"]:
            assert figure["unit"]
            assert figure["confidence"] in ("high", "medium", "inconclusive")
            assert (figure["run_id"], figure["model_id"]) == (asking.run_id, model)
        one = asking(f"/runs/latest/channel?channel={item['channel']}").json
        assert one == item


def command(capsys: pytest.CaptureFixture[str], monkeypatch: Any, *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["mmm", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    return capsys.readouterr().out


def test_numbers_are_those_of_the_command_lines_json(
    here: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ranges = ("2017-01-02:2017-03-27", "2018-01-01:2018-03-26")
    printed = command(
        capsys,
        monkeypatch,
        "bridge",
        "latest",
        "--before",
        ranges[0],
        "--after",
        ranges[1],
        "--json",
    )
    answer = here(f"/runs/latest/bridge?before={ranges[0]}&after={ranges[1]}").json
    assert answer["rows"] == json.loads(printed)
    assert len(answer["rows"]) > 5
    printed = command(capsys, monkeypatch, "runs", "--json")
    assert here("/runs").json["runs"] == json.loads(printed)
    printed = command(capsys, monkeypatch, "status", "latest", "--json")
    assert here("/runs/latest").json == json.loads(printed)


def test_the_answer_and_the_report_come_as_the_web_app_has_them(asking: Any) -> None:
    answer = asking("/runs/latest/answer").json
    assert [card["key"] for card in answer["cards"]] == [
        "earned",
        "channels",
        "change",
        "moved",
        "trust",
    ]
    assert answer["light"] in ("green", "amber", "red")
    page = asking("/runs/latest/report")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-disposition"] == f'attachment; filename="{asking.run_id}.html"'
    assert answer["cards"][0]["headline"] in page.body.decode()


def test_an_answer_that_has_not_changed_is_not_sent_again(asking: Any) -> None:
    first = asking("/runs/latest/channels")
    again = asking("/runs/latest/channels", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_runs_come_by_page(asking: Any) -> None:
    workspace = asking.services.runs.workspace
    page = asking("/runs?limit=1").json
    assert [run["run_id"] for run in page["runs"]] == workspace.run_ids()[:1]
    assert asking(f"/runs?before={asking.run_id}").json == {"runs": [], "next": None}
    assert asking("/runs?market=nowhere").json["runs"] == []
    events = asking("/runs/latest/events").json["events"]
    assert events[-1]["state"] == "succeeded"
    later = asking(f"/runs/latest/events?after={events[-2]['number']}").json["events"]
    assert later == events[-1:]
    log = asking("/runs/latest/log").json
    assert log["records"]
    assert asking(f"/runs/latest/log?after={log['next']}").json["records"] == []


@pytest.mark.parametrize(
    ("path", "status", "where"),
    [
        ("/runs/20200101", 404, "run"),
        ("/runs/latest/tables/nothing", 404, "table"),
        ("/runs/latest/views/nothing", 404, "view"),
        ("/runs/latest/views/waterfall?model=nothing", 404, "model"),
        ("/runs/latest/channel?channel=nothing", 404, "channel"),
        ("/runs/latest/certificate", 404, "certificate"),
        ("/runs?limit=0", 422, ""),
        ("/runs?nonsense=1", 422, ""),
        ("/runs?limit=1&limit=2", 422, "limit"),
        ("/runs/latest/bridge?before=2017-01-02:2017-03-27", 422, "before and after"),
        ("/nothing", 404, ""),
    ],
)
def test_an_error_says_what_happened_which_input_and_what_to_do(
    asking: Any, path: str, status: int, where: str
) -> None:
    answer = asking(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status, answer.json["status"], answer.json["where"]) == (status, status, where)
    assert answer.json["what"]


def test_only_json_of_a_certain_size_is_taken(asking: Any) -> None:
    text = asking("/runs", method="POST", body=b"{}", headers={"Content-Type": "text/plain"})
    assert text.status == 415
    large = asking("/runs", method="POST", body=b'{"a":"' + b"x" * (5 << 20) + b'"}')
    assert large.status == 413
    for body in (b"[1]", b"{", b'{"experiment": {"x": NaN}}', b'{"experiment": {"x": "\\ud800"}}'):
        assert asking("/runs", method="POST", body=body).status == 422


def test_health_is_open_and_says_no_more_than_that(asking: Any) -> None:
    for path in ("/health/live", "/health/ready"):
        answer = asking(path, token="", prefix="")
        assert (answer.status, answer.body) == (200, b"ok")


def test_the_document_describes_every_operation_and_needs_no_token(asking: Any) -> None:
    document = asking("/openapi.json", token="").json
    assert document["openapi"] == "3.1.0"
    described = {
        found["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, found in methods.items()
    }
    assert described == {n: (one.method.value, one.path) for n, one in operations().items()}
    assert asking.run_id not in json.dumps(document)


def test_a_token_ends_when_it_is_revoked_and_when_its_time_is_over(
    asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, ann = asking.services.runs.workspace, User("ann", role=Role.ADMIN)
    made = issue(workspace, TokenRequest(name="short", scopes=READ), ann)
    assert asking("/runs", token=made.token).status == 200
    revoke(workspace, made.token_id, ann)
    assert asking("/runs", token=made.token).status == 401
    other = issue(workspace, TokenRequest(name="short", scopes=READ, days=1), ann)
    later = utc_now() + timedelta(days=1)
    monkeypatch.setattr("mmm.services.tokens.utc_now", lambda: later)
    with pytest.raises(NotAuthenticated):
        holder(workspace, other.token)


def test_the_workspace_holds_no_token_and_neither_does_the_log(
    asking: Any, caplog: pytest.LogCaptureFixture
) -> None:
    token = asking.token(Role.VIEWER, READ)
    assert asking("/runs/nothing", token=token).status == 404
    secret = token.rpartition("_")[2].encode()
    for item in asking.services.runs.workspace.objects.everything():
        assert secret not in asking.services.runs.workspace.objects.get(item.key)
    assert secret.decode() not in caplog.text


@pytest.mark.parametrize("scopes", [(Scope.WRITE,), (Scope.READ, Scope.COMPUTE)])
def test_a_token_of_a_viewer_is_for_reading(asking: Any, scopes: tuple[Scope, ...]) -> None:
    request = TokenRequest(name="too much", scopes=scopes)
    with pytest.raises(UserError, match="needs at least the role analyst"):
        issue(asking.services.runs.workspace, request, User("ann", role=Role.ADMIN))


def test_tokens_by_the_command_line(
    here: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = command(capsys, monkeypatch, "token", "create", "nightly", "--days", "2").strip()
    assert here("/runs", token=text).status == 200
    token_id = text.split("_")[1]
    listed = command(capsys, monkeypatch, "token", "list")
    assert token_id in listed
    assert text not in listed
    command(capsys, monkeypatch, "token", "revoke", token_id)
    assert here("/runs", token=text).status == 401
    assert "revoked" in command(capsys, monkeypatch, "token", "list")


def test_a_token_asks_no_more_than_so_often() -> None:
    now = [0.0]
    rate = Rate(60, lambda: now[0])
    for _ in range(60):
        rate.take("one")
    with pytest.raises(TooOften):
        rate.take("one")
    rate.take("another")
    now[0] = 1.0
    rate.take("one")
    with pytest.raises(TooOften):
        rate.take("one")


def test_so_many_bytes_of_all_requests_lie_in_memory_at_once() -> None:
    room = Room(100)
    with room.space() as one, room.space() as other:
        one.take(60, 80)
        with pytest.raises(TooMuch, match="More than 80 bytes"):
            one.take(21, 80)
        with pytest.raises(TooMuch, match="has room for"):
            other.take(41, 80)
        other.take(40, 80)
    with room.space() as again:
        again.take(100, 100)


def test_numbers_that_are_none_are_null() -> None:
    assert plain([math.nan, {"x": math.inf}, 1.5]) == [None, {"x": None}, 1.5]
    assert len({one.key for one in (*VIEWS, *OVERLAYS)}) == len(VIEWS) + len(OVERLAYS)
