"""`mmm plan --ahead`: the KPI forecast, the flighting table down and up, what is stored."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from mmm.models.flighting import read_table
from mmm.models.plan_of_record import actuals_for, variance_of_actuals, variance_to_plan
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
    assert code == 2
    assert "'television' is no paid channel of the model" in err
    known = tmp_path / "known.csv"
    known.write_text("date,unknown_control\n2030-01-07,5\n")
    code, _, err = here("plan", trained[1], "--ahead", "--no-save", "--known", str(known))
    assert code == 2
    assert "unknown_control" in err


def test_bounds_of_single_periods_hold_in_the_flighting(
    here: Run, trained: tuple[Workspace, str]
) -> None:
    workspace, run_id = trained
    last = max(read_results(workspace, run_id)["fit"]["date"].to_pylist())
    first, dark = last + timedelta(days=7), last + timedelta(days=21)
    options = ("--max", f"all@{dark}=1000", "--low", f"tv_S@{first}:{first + timedelta(days=6)}=3")
    code, _, err = here("plan", run_id, "--no-save", *options)
    assert code == 2
    assert "bounds of single periods need a plan of the periods ahead (--ahead)" in err
    asked = ("plan", run_id, "--no-save", "--json", "--ahead")
    code, out, err = here(*asked, "--free", "all", *options)
    assert code == 0, err
    plan = json.loads(out)
    spent: dict[str, float] = defaultdict(float)
    for row in plan["forecast"]["flighting"]:
        spent[row["date"]] += row["spend"]
        if row["channel"] == "tv_S" and row["date"] == first.isoformat():
            today = next(item for item in plan["channels"] if item["channel"] == "tv_S")
            assert row["spend"] >= 3.0 * today["initial_spend"] * (1 - 1e-6)
    assert spent[dark.isoformat()] <= 1000.0 * (1 + 1e-6)
    assert sum(spent.values()) == pytest.approx(plan["totals"]["spend_total"])
    assert any("2 bounds of single periods hold" in text for text in plan["forecast"]["findings"])
    code, _, err = here(*asked, "--max", f"all@{first}:{last + timedelta(weeks=20)}=1000")
    assert code == 2
    assert "all periods" in err or "own bounds" in err


def _as_if_a_year_ago(workspace: Workspace, plan_id: str) -> str:
    """The stored plan again with its periods 52 weeks earlier, where the run knows what became."""
    plan = saved_plan(workspace, plan_id)
    assert plan.forecast is not None
    year = timedelta(weeks=52)
    kpi = [{**row, "date": row["date"] - year} for row in plan.forecast.kpi]
    flighting = [{**row, "date": row["date"] - year} for row in plan.forecast.flighting]
    earlier = plan.forecast.model_copy(update={"kpi": kpi, "flighting": flighting})
    return workspace.save_plan(plan.model_copy(update={"forecast": earlier}))


def test_a_committed_plan_is_held_against_what_became_of_it(
    here: Run, trained: tuple[Workspace, str], tmp_path: Path
) -> None:
    workspace, run_id = trained
    _, out, _ = here("plan", run_id, "--no-save")
    assert "Plan " not in out.splitlines()[-1]
    _, out, _ = here("plan", run_id)
    code, _, err = here("commit", out.rpartition("Plan ")[2].strip())
    assert code == 2
    assert "is not one of the periods ahead" in err
    _, out, _ = here("plan", run_id, "--ahead", "--range", "last_13")
    coming = out.rpartition("Plan ")[2].strip()
    assert here("commit", coming)[0] == 0
    code, _, err = here("variance", run_id)
    assert code == 2
    assert "Refresh the model with the new periods first." in err
    past = _as_if_a_year_ago(workspace, coming)
    assert here("commit", past)[0] == 0
    table = tmp_path / "variance.csv"
    code, out, err = here("variance", run_id, "--csv", str(table))
    assert code == 0, err
    assert "13 of 13 planned periods" in out
    found = variance_to_plan(workspace, run_id)
    parts = found.found
    assert found.plan_id == past
    explained = parts.by_spend + parts.by_response + parts.by_baseline
    assert abs(parts.planned + explained - parts.actual) <= 1e-9 * abs(parts.actual)
    planned = saved_plan(workspace, past).forecast
    assert planned is not None
    assert parts.planned == pytest.approx(planned.totals.kpi)
    results = read_results(workspace, run_id)
    days = [row["date"] for row in planned.kpi]
    spent: dict[str, float] = defaultdict(float)
    for row in results["media"].to_pylist():
        if row["kind"] == "paid" and row["date"] in days:
            spent[row["channel"]] += row["spend"]
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            assert float(row["spend_delivered"]) == pytest.approx(spent[row["channel"]])


def test_actuals_tell_the_variance_before_any_model_knows_them(
    here: Run, trained: tuple[Workspace, str], tmp_path: Path
) -> None:
    """Two of the plan's weeks, day by day: spends doubled, and a KPI 5 % above the forecast."""
    workspace, run_id = trained
    _, out, _ = here("plan", run_id, "--ahead")
    plan_id = out.rpartition("Plan ")[2].strip()
    plan = saved_plan(workspace, plan_id)
    assert plan.forecast is not None
    channels = [row["channel"] for row in plan.channels]
    kpi = plan.forecast.kpi[:2]
    lines = [",".join(["date", *channels, plan.kpi_name])]
    for row in kpi:
        spends = [item for item in plan.forecast.flighting if item["date"] == row["date"]]
        for day in range(7):
            values = [2.0 * item["spend"] / 7 for item in spends] + [1.05 * row["kpi"] / 7]
            texts = [f"{value!r}" for value in values]
            lines.append(",".join([(row["date"] + timedelta(days=day)).isoformat(), *texts]))
    table = tmp_path / "actuals.csv"
    table.write_text("\n".join(lines))
    written = tmp_path / "variance.csv"
    code, out, err = here(
        "variance", run_id, "--plan", plan_id, "--actuals", str(table), "--csv", str(written)
    )
    assert code == 0, err
    assert "2 of 13 planned periods" in out
    assert "which a model that is brought up to date with these periods tells apart" in out
    with written.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert float(row["spend_delivered"]) == pytest.approx(2.0 * float(row["spend_planned"]))
        assert float(row["by_spend"]) >= 0.0
        assert row["by_response"] == ""
    found = variance_of_actuals(
        workspace, plan_id, actuals_for(workspace, plan_id, read_table(table))
    ).found
    parts = found.planned + found.by_spend + found.by_response + found.by_baseline
    assert abs(parts - found.actual) <= 1e-9 * found.actual
    assert found.actual == pytest.approx(1.05 * sum(row["kpi"] for row in kpi))
    table.write_text("date,tv_S\n2030-01-01,5\n")
    code, _, err = here("variance", run_id, "--plan", plan_id, "--actuals", str(table))
    assert code == 2
    assert "has no column" in err
