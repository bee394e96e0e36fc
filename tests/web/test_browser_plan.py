"""A plan made in a real browser: budget, bounds, what cannot be met, scenarios side by side, the
file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from axe import violations, violations_in_both_schemes
from mmm.models.flighting import flighting_of, read_table
from mmm.models.plan_of_record import of_record
from mmm.models.plans import saved_plan
from mmm.workspace.models import RunState
from web_servers import SECONDS, sends, settled, watched_tab, web_app

#: The tables' text lies on a canvas; a cell is clicked where it is drawn: rows of 35 points below
#: the heading.
ROW, HEADING = 35, 35


@pytest.fixture(scope="module")
def server(kept: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    with web_app(log, MMM_WORKSPACE=str(kept.folder)) as address:
        yield address


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Any]:
    """A high tab on a server of the stored workspace."""
    with watched_tab(browser, server, viewport={"width": 1360, "height": 1600}) as tab:
        yield tab


def type_into(page: Any, row: int, share: float, text: str) -> None:
    """Type into an empty cell of the table of bounds, at a share of its width."""
    table = page.get_by_test_id("stDataFrame").first
    width = table.bounding_box()["width"]
    table.click(position={"x": width * share, "y": HEADING + ROW * (row + 0.5)})
    page.wait_for_timeout(500)
    page.keyboard.type(text)
    editor = page.locator("#portal textarea, #portal input").first
    expect(editor).to_have_value(text)
    sends(page, lambda: page.keyboard.press("Enter"))


def fill(page: Any, label: str, text: str) -> None:
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")
    settled(page)


def save(page: Any, name: str) -> None:
    fill(page, "Name of the scenario", name)
    page.get_by_role("button", name="Save as scenario").click()
    expect(page.get_by_text(f"Open {name}")).to_be_visible(timeout=60 * SECONDS)
    settled(page)


def test_a_budget_is_planned_and_two_scenarios_compared(page: Any, kept: Any) -> None:
    run_id = kept.of_state(RunState.SUCCEEDED)
    page.goto(f"/plan?run={run_id}")
    expect(page.get_by_text("Response curves")).to_be_visible(timeout=90 * SECONDS)
    settled(page)

    fill(page, "Budget (EUR)", "12000000")
    expect(page.get_by_text("With EUR 12.0M over 157 weeks")).to_be_visible()

    # The first channel's upper bound as a factor: the fourth of six columns.
    type_into(page, 0, 0.58, "1")
    save(page, "capped")
    plan = saved_plan(kept.workspace, kept.workspace.plan_ids()[0])
    assert next(iter(plan.request.limits.values())).high == 1.0
    first = plan.channels[0]
    assert first["spend"] <= first["initial_spend"] * (1 + 1e-9)

    fill(page, "Budget (EUR)", "1")
    expect(page.get_by_text("The nearest reachable budget is")).to_be_visible()
    expect(page.get_by_text("Nothing you have typed is lost.")).to_be_visible()
    assert violations(page) == []

    fill(page, "Budget (EUR)", "14000000")
    save(page, "more money")
    expect(page.get_by_text("has the largest response")).to_be_visible()
    page.get_by_test_id("stVegaLiteChart").last.scroll_into_view_if_needed()
    settled(page)
    assert violations(page) == []

    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV", exact=True).click()
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    newest = saved_plan(kept.workspace, kept.workspace.plan_ids()[0])
    assert [float(row["Planned spend"]) for row in rows] == pytest.approx(
        [row["spend"] for row in newest.channels]
    )
    assert rows[0]["Channel"].startswith("'=cmd|")  # no spreadsheet runs it

    page.get_by_text("Open capped").click()
    expect(page.get_by_label("Budget (EUR)", exact=True)).to_have_value("12000000.00")
    assert f"plan={kept.workspace.plan_ids()[1]}" in page.url
    page.reload()
    expect(page.get_by_text("Saved as capped by")).to_be_visible(timeout=60 * SECONDS)


def test_plan_and_stability_can_be_used_by_everyone(page: Any, kept: Any) -> None:
    run_id = kept.of_state(RunState.SUCCEEDED)
    for address, shown in (
        (f"/plan?run={run_id}", "Saved scenarios"),
        (f"/results?run={run_id}&part=Stability", "Trained again"),
    ):
        page.goto(address)
        expect(page.get_by_text(shown).first).to_be_visible(timeout=90 * SECONDS)
        assert violations_in_both_schemes(page) == [], address


def test_a_forward_plan_is_committed_to_and_held_against_actuals(
    page: Any, kept: Any, tmp_path: Path
) -> None:
    run_id = kept.of_state(RunState.SUCCEEDED)
    page.goto(f"/plan?run={run_id}")
    expect(page.get_by_text("Response curves")).to_be_visible(timeout=90 * SECONDS)
    settled(page)
    page.get_by_role("button", name="Start afresh").click()  # an earlier test's draft
    settled(page)
    page.get_by_text("Plan the weeks after the data").click()
    expect(page.get_by_text("is forecast at").first).to_be_visible(timeout=60 * SECONDS)
    settled(page)
    save(page, "next quarter")
    page.get_by_role("button", name="Commit as plan of record").click()
    expect(page.get_by_text("committed to by")).to_be_visible(timeout=60 * SECONDS)
    settled(page)
    expect(page.get_by_text("Refresh the model with the new periods first.")).to_be_visible()
    plan_id = kept.workspace.plan_ids()[0]
    assert of_record(kept.workspace, run_id).plan_id == plan_id
    plan = saved_plan(kept.workspace, plan_id)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the flighting as Excel").click()
    assert flighting_of(
        read_table(renamed(download.value.path(), tmp_path / "down.xlsx")),
        tuple(row["channel"] for row in plan.channels),
        "down.xlsx",
    ).fields["periods"] == len(plan.forecast.kpi)

    first = plan.forecast.kpi[0]
    spends = [row for row in plan.forecast.flighting if row["date"] == first["date"]]
    actuals = tmp_path / "actuals.csv"
    with actuals.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", *(row["channel"] for row in spends), plan.kpi_name])
        writer.writerow(
            [first["date"], *(row["spend"] for row in spends), first["kpi"] + 1_000_000.0]
        )
    page.locator("input[type=file]").last.set_input_files(actuals)
    expect(page.get_by_text("against the plan's")).to_be_visible(timeout=60 * SECONDS)
    settled(page)
    expect(page.get_by_text("1 of 13 planned periods")).to_be_visible()
    assert violations(page) == []


def renamed(source: Path, target: Path) -> Path:
    """A download under a name with an ending."""
    target.write_bytes(Path(source).read_bytes())
    return target
