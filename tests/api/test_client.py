"""The Python client: the same methods by a server and in this process, with the same numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import mmm
from mmm.access import NotAllowed, Role
from mmm.client import Client, connect
from mmm.errors import InvalidInput, NotFound, UserError
from mmm.results import read_results
from mmm.results.model_summary import labels_of
from mmm.results.views import view
from mmm.services import operations
from mmm.sources import sample
from mmm.workspace.tokens import Scope

QUICK = {"trials": 1, "iterations": 60, "min_candidates": 20, "bootstrap": 100}
DOC = Path(__file__).parents[2] / "docs" / "python-client.md"


@pytest.fixture(params=["server", "local"])
def client(here: Any, request: pytest.FixtureRequest) -> Client:
    if request.param == "server":
        return mmm.connect(here.url, here.token())
    return mmm.connect()


def test_tables_views_and_charts_are_the_products(client: Client, asking: Any) -> None:
    results = read_results(asking.services.runs.workspace, asking.run_id)
    model, labels = results.summary["model"]["id"], labels_of(results.summary)
    run = client.run(asking.run_id)
    for name in ("channels", "contributions", "fit"):
        assert run.table(name).arrow.equals(results[name])
    assert len(run.table("fit").pandas()) == results["fit"].num_rows
    for key in run.views():
        if key not in ("side_by_side", "overlaid_curves"):
            numbers = view(key).numbers(results, model, labels)
            told = run.view(key).numbers.arrow
            assert told.to_pylist() == numbers.to_pylist()
            assert told.schema.types == numbers.schema.types
    chart = run.plot("waterfall").to_dict(validate=False)
    drawn = view("waterfall").chart(view("waterfall").numbers(results, model, labels), labels)
    assert chart["layer"] == drawn.to_dict(validate=False)["layer"]


def test_the_rest_of_a_run_comes_alike_by_both_ways(here: Any) -> None:
    server, local = connect(here.url, here.token()), connect()
    one, other = server.run(here.run_id), local.run(here.run_id)
    assert one.status() == other.status()
    assert one.summary() == other.summary()
    assert one.answer() == other.answer()
    assert one.channels() == other.channels()
    assert one.bridge() == other.bridge()
    assert one.events() == other.events()
    assert one.log() == other.log()
    asked = {"budget": 1_000_000.0, "period": "last_13"}
    first, second = one.plan(**asked)["plan"], other.plan(**asked)["plan"]
    assert first.pop("created_by") != second.pop("created_by")
    assert first == second
    assert one.report().startswith(b"<!")


def test_errors_are_the_same_by_both_ways(client: Client, asking: Any) -> None:
    with pytest.raises(NotFound, match="no run's id starts with 'zzz'"):
        client.run("zzz")
    with pytest.raises(NotFound, match="is not certified"):
        client.run(asking.run_id).certificate()
    with pytest.raises(InvalidInput) as wrong:
        client.run(asking.run_id).plan(budget=-1.0)
    assert [finding.where for finding in wrong.value.findings] == ["budget"]
    with pytest.raises(UserError, match="is no table"):
        client.upload(3, "DE")


def test_a_token_that_may_only_read_starts_nothing(asking: Any) -> None:
    reading = connect(asking.url, asking.token(Role.VIEWER, (Scope.READ,)))
    with pytest.raises(NotAllowed):
        reading.submit({}, dataset="sample/latest")
    with pytest.raises(NotAllowed):
        reading.upload(pd.DataFrame({"x": [1]}), "DE")


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://mmm.example.com"])
def test_no_token_goes_to_an_address_that_is_none_or_is_not_encrypted(url: str) -> None:
    with pytest.raises(UserError):
        connect(url, "mmm_x")


def test_from_a_data_frame_to_a_plan(here: Any) -> None:
    """The code of docs/python-client.md, as it stands there."""
    blocks = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    frame = pd.read_csv(sample.PATH)
    known: dict[str, Any] = {"frame": frame, "URL": here.url, "TOKEN": here.token()}
    for block in blocks:
        exec(compile(block, "python-client.md", "exec"), known)  # noqa: S102
    run, plan = known["run"], known["plan"]
    assert run.status()["state"] == "succeeded"
    assert isinstance(known["channels"], pd.DataFrame)
    assert isinstance(known["arrow"], pa.Table)
    assert plan["plan"]["run_id"] == run.run_id
    assert sum(row["spend"] for row in plan["plan"]["channels"]) > 0


def test_every_operation_can_be_called_by_the_client(here: Any) -> None:
    local = connect()
    for name in operations():
        if name in ("list_runs", "list_datasets", "list_tokens", "list_plans", "list_mappings"):
            assert isinstance(local.call(name), dict)
    assert {"market", "name"} <= set(operations()["upload_dataset"].asked.model_fields)
