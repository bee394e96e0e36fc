"""What programs store and start by the API: datasets, mappings, experiments, plans, tests, schedules."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mmm.access import Role
from mmm.models.plans import model_to_plan, parse_request
from mmm.services.plans import PlanBody
from mmm.workspace.tokens import Scope

QUICK = {"trials": 1, "iterations": 60, "min_candidates": 20, "bootstrap": 100}
CSV = {"Content-Type": "text/csv"}


def geo_table() -> bytes:
    """8 geos, 40 days before and 10 of a test that adds 20 % in two of them."""
    rng = np.random.default_rng(2)
    lines = ["location,date,Y"]
    shared = 1.0 + np.cumsum(rng.normal(0.0, 0.02, 50))
    days = np.datetime64("2026-01-01") + np.arange(50)
    for geo in range(8):
        values = 100.0 * (geo + 1) * (shared + rng.normal(0.0, 0.01, 50))
        values[40:] *= 1.2 if geo < 2 else 1.0
        lines += [f"g{geo},{day},{value:.2f}" for day, value in zip(days, values, strict=True)]
    return "\n".join(lines).encode()


def test_a_file_becomes_a_dataset_that_is_checked_and_mapped(asking: Any) -> None:
    workspace = asking.services.runs.workspace
    stored = workspace.dataset("sample", asking.dataset)
    known = asking("/datasets/sample/latest").json
    assert known["dataset_id"] == stored.dataset_id
    assert [item["dataset_id"] for item in asking("/datasets?market=sample").json["datasets"]] == [
        stored.dataset_id
    ]
    proposed = asking("/datasets/sample/latest/proposal").json
    assert proposed["mapping"]["kpi"] == "revenue"
    saved = asking("/mappings/by%20api", method="POST", body={"dataset": "sample/latest"}).json
    assert saved == {"name": "by api", "version": 1}
    assert asking("/mappings/by%20api").json["mapping"] == proposed["mapping"]
    quality = asking("/datasets/sample/latest/quality?mapping=by%20api@1").json
    assert quality["light"] == quality["report"]["light"]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [("a.exe", b"MZ", "is no kind of file"), ("a.csv", b"", ""), ("a.xlsx", b"no", "")],
)
def test_a_file_that_is_none_is_refused_and_nothing_stored(
    asking: Any, name: str, data: bytes, what: str
) -> None:
    answer = asking(f"/datasets/other?name={name}", method="POST", body=data, headers=CSV)
    assert answer.status == 422
    assert what in answer.json["what"]
    assert asking("/datasets?market=other").json["datasets"] == []


def test_a_geo_test_in_a_dataset_is_analysed(asking: Any) -> None:
    sent = asking("/datasets/geo?name=geo.csv", method="POST", body=geo_table(), headers=CSV)
    assert sent.status == 200, sent.body
    body = {
        "dataset": "geo/latest", "treated": ["g0", "g1"], "start": "2026-02-10", "end": "2026-02-19",
        "spend": 100.0, "channel": "tv",
    }  # fmt: skip
    answer = asking("/tests/analyse", method="POST", body=body)
    assert answer.status == 200, answer.body
    found = answer.json
    main = found["estimates"][0]
    assert 0.0 < main["low"] <= main["incremental"] <= main["high"]
    assert found["verdict"].startswith("The test raised the KPI")
    assert found["lift_test"]["channels"] == ["tv"]


def experiment(asking: Any, **changes: Any) -> dict[str, Any]:
    found = asking("/runs/latest/experiment").json["experiment"]
    return {**found, "settings": QUICK, **changes}


def test_an_experiment_is_checked_and_estimated_and_nothing_starts(asking: Any) -> None:
    body = {"experiment": experiment(asking)}
    before = asking.services.runs.workspace.run_ids()
    checked = asking("/experiments/validate", method="POST", body=body).json
    assert checked["experiment"]["settings"]["iterations"] == 60
    assert asking("/experiments/estimate", method="POST", body=body).json["seconds"] > 0
    wrong = {"experiment": experiment(asking, engine="none")}
    answer = asking("/experiments/validate", method="POST", body=wrong)
    assert answer.status == 422
    assert any("engine" in finding["where"] for finding in answer.json["findings"])
    both = {"experiment": {}, "template": "x"}
    assert asking("/experiments/validate", method="POST", body=both).status == 422
    assert asking.services.runs.workspace.run_ids() == before


def test_a_run_submitted_twice_under_a_key_is_one_run_that_can_be_cancelled(asking: Any) -> None:
    body = {"experiment": experiment(asking, name="Twice")}
    key = {"Idempotency-Key": "weekly 1"}
    before = asking.services.runs.workspace.run_ids()
    first = asking("/runs", method="POST", body=body, headers=key)
    assert first.status == 200, first.body
    again = asking("/runs", method="POST", body=body, headers=key)
    assert again.json == first.json
    other = asking("/runs", method="POST", body={"experiment": {}}, headers=key)
    assert (other.status, other.json["where"]) == (422, "Idempotency-Key")
    run_id = first.json["run_id"]
    assert [one for one in asking.services.runs.workspace.run_ids() if one not in before] == [
        run_id
    ]
    cancelled = asking(f"/runs/{run_id}/cancel", method="POST")
    if cancelled.status == 200:  # else it was quicker than we
        assert cancelled.json["state"] == "cancelled"
        assert asking(f"/runs/{run_id}/cancel", method="POST").status == 409
    actions = [entry["action"] for entry in asking("/audit").json["entries"]]
    assert "run.submit" in actions
    assert asking.services.runs.status(run_id).submitted_by.startswith(
        "admin read write compute (token "
    )


def test_a_plan_is_that_of_the_service_and_is_kept_when_that_is_asked(asking: Any) -> None:
    run = asking.run_id
    fields = {"period": "last_13", "budget": 1_400_000.0, "high": 1.5}
    chosen = model_to_plan(asking.services.runs.workspace, run)
    plan = chosen.plan(parse_request(fields))
    made = asking(f"/runs/{run}/plan", method="POST", body=fields).json
    assert made["plan"]["channels"] == plan.channels.to_pylist()
    assert made["plan"]["totals"]["response"] == plan.totals.response
    kept = asking(f"/runs/{run}/plans", method="POST", body={**fields, "name": "Spring"}).json
    assert asking(f"/plans/{kept['plan_id']}").json == kept["plan"]
    assert asking("/plans?limit=1").json["plans"] == [kept["plan_id"]]
    ahead = asking(f"/runs/{run}/plan", method="POST", body={"ahead": True}).json["plan"]
    assert ahead["forecast"] is not None
    wrong = asking(f"/runs/{run}/plan", method="POST", body={"budget": -1, "nonsense": 1})
    assert wrong.status == 422
    assert {finding["where"] for finding in wrong.json["findings"]} == {"budget", "nonsense"}
    assert set(PlanBody.model_fields) > {"budget", "ahead", "model"}


def test_the_next_test_and_schedules(asking: Any) -> None:
    found = asking(f"/runs/{asking.run_id}/next-test").json
    assert found["tests"] == sorted(found["tests"], key=lambda one: -one["net"])
    body = {"run": asking.run_id, "cron": "0 6 * * 1", "zone": "Europe/Berlin"}
    made = asking("/schedules/weekly", method="POST", body=body)
    if made.status == 200:
        paused = asking("/schedules/weekly/pause", method="POST", body={"paused": True}).json
        assert paused["paused"] is True
        assert asking("/schedules").json["schedules"] == [paused]
    else:  # a dataset that was made of a file cannot be read again
        assert made.json["what"]


WRITES: dict[str, tuple[str, str, Any]] = {
    "run.submit": ("/runs", "POST", {"experiment": "theirs"}),
    "run.cancel": ("/runs/{run}/cancel", "POST", None),
    "run.retry": ("/runs/{run}/retry", "POST", None),
    "run.study": ("/runs/{run}/certificate", "POST", {"worlds": 5}),
    "dataset.ingest": ("/datasets/de?name=a.csv", "POST", b"date,sales\n2024-01-01,1\n"),
    "mapping.save": ("/mappings/x", "POST", {"dataset": "sample/latest"}),
    "plan.save": ("/runs/{run}/plans", "POST", {}),
    "schedule.save": ("/schedules/x", "POST", {"run": "{run}", "cron": "0 6 * * 1"}),
    "test.save": ("/registry/x/state", "POST", {"state": "running"}),
    "token.revoke": ("/tokens/0a1b2c3d4e5f/revoke", "POST", None),
}


@pytest.mark.parametrize("action", WRITES)
def test_a_viewer_is_refused_whatever_the_tokens_scopes_and_that_is_in_the_audit_log(
    asking: Any, action: str
) -> None:
    workspace = asking.services.runs.workspace
    token = asking.token(Role.ANALYST, (Scope.WRITE, Scope.COMPUTE, Scope.READ))
    key = f"tokens/{token.split('_')[1]}.json"
    stored = json.loads(workspace.objects.get(key))
    workspace.objects.put(key, json.dumps({**stored, "role": "viewer"}).encode())
    path, method, body = WRITES[action]
    if action == "run.submit":
        body = {"experiment": experiment(asking)}
    if action == "schedule.save":
        body = {**body, "run": asking.run_id}
    try:
        answer = asking(path.replace("{run}", asking.run_id), method=method, body=body, token=token)
    finally:
        workspace.objects.put(key, json.dumps(stored).encode())
    assert (answer.status, answer.json["where"]) == (403, "role")
    newest = asking("/audit?limit=3").json["entries"]
    assert f"{action}.refused" in [entry["action"] for entry in newest]


def test_the_registry_of_tests(asking: Any) -> None:
    """A design in time is kept, runs, has a result, and stays with its history."""
    made = asking(f"/runs/{asking.run_id}/time-test?channel=tv_S&periods=12").json
    path, design = "/registry/spring-tv", made["designs"][0]
    assert made["finding"].endswith("is shown in 8 of 10 tests.")
    assert asking(path, method="POST", body={"design": design}).json["state"] == "planned"
    assert asking(f"{path}/state", method="POST", body={"state": "running"}).status == 200
    found = {"lift": 1000.0, "standard_error": 100.0, "spend": 500.0}
    result = {"channels": ["tv_S"], "start": "2019-01-07", "end": "2019-03-03", "found": found}
    assert asking(f"{path}/result", method="POST", body=result).json["state"] == "analysed"
    told = asking(path).json
    assert [one["state"] for one in told["versions"]] == ["planned", "running", "analysed"]
    assert told["error_today"] > 100.0, "it is years old"
    assert told["gate"][0]["check"] == "pre-fit"
    assert asking("/registry").json["tests"]["spring-tv"]["found"]["lift"] == 1000.0
    again = asking(f"{path}/state", method="POST", body={"state": "running"})
    assert (again.status, "cannot become running" in again.json["what"]) == (422, True)
