"""`mmm plan --ahead`: the KPI forecast, the flighting table down and up, what is stored."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm.models.plans import saved_plan
from mmm.results import read_results
from mmm.workspace import Workspace

Run = Callable[..., tuple[int, str, str]]


def test_a_forward_plan_goes_down_as_a_table_and_up_again(
    here: Run, trained: tuple[Workspace, str], tmp_path: Path
) -> None:
    workspace, run_id = trained
    code, out, err = here("plan", run_id, "--ahead", "--csv", str(tmp_path / "flighting.csv"))
    assert code == 0, err
    plan_id = out.rpartition("Plan ")[2].strip()
    plan = saved_plan(workspace, plan_id)
    forecast = plan.forecast
    assert forecast is not None
    assert plan.request.period == "last_52"
    last = max(read_results(workspace, run_id)["fit"]["date"].to_pylist())
    assert len(forecast.kpi) == 13
    assert (forecast.kpi[0]["date"] - last).days == 7
    for row in forecast.kpi:
        assert row["kpi"] == pytest.approx(row["baseline"] + row["media"])
        assert row["kpi_low"] < row["kpi"] < row["kpi_high"]
    assert forecast.totals.kpi == pytest.approx(sum(row["kpi"] for row in forecast.kpi))
    assert forecast.totals.media == pytest.approx(plan.totals.response_total)
    spent: dict[str, float] = defaultdict(float)
    for row in forecast.flighting:
        spent[row["channel"]] += row["spend"]
    for row in plan.channels:
        assert spent[row["channel"]] == pytest.approx(row["spend_total"])

    with (tmp_path / "flighting.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 13 * len(plan.channels)
    for row in rows:
        row["spend"] = str(2.0 * float(row["spend"]))
    with (tmp_path / "changed.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    book = str(tmp_path / "again.xlsx")
    code, out, err = here(
        "plan", run_id, "--flighting", str(tmp_path / "changed.csv"), "--csv", book, "--json"
    )
    assert code == 0, err
    doubled = json.loads(out)
    for before, after in zip(plan.channels, doubled["channels"], strict=True):
        assert after["spend_total"] == pytest.approx(2 * before["spend_total"], rel=1e-6)
    code, out, err = here("plan", run_id, "--flighting", book, "--json", "--no-save")
    assert code == 0, err
    from_workbook = json.loads(out)["forecast"]["flighting"]
    for first, second in zip(doubled["forecast"]["flighting"], from_workbook, strict=True):
        assert first["date"] == second["date"]
        assert second["spend"] == pytest.approx(first["spend"], rel=1e-6, abs=1e-6)


def test_what_is_wrong_with_a_flighting_table_is_said(
    here: Run, trained: tuple[Workspace, str], tmp_path: Path
) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("date,channel,spend\n2030-01-07,television,5\n2030-01-14,television,5\n")
    code, _, err = here("plan", trained[1], "--flighting", str(table))
    assert code == 1
    assert "'television' is no paid channel of the model" in err
    known = tmp_path / "known.csv"
    known.write_text("date,unknown_control\n2030-01-07,5\n")
    code, _, err = here("plan", trained[1], "--ahead", "--no-save", "--known", str(known))
    assert code == 1
    assert "unknown_control" in err
