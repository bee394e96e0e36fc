"""Choosing, comparing and handing on a run's results, in a real browser on a real server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from axe import violations, violations_in_both_schemes
from mmm.results.store import read_results
from mmm.web.results.drawing import PARTS
from mmm.workspace.models import RunState
from web_servers import SECONDS, settled, watched_tab, web_app

SVG_LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 40"><rect width="120" height="40"/></svg>'


@pytest.fixture(scope="module")
def server(kept: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("server") / "server.log"
    with web_app(log, MMM_WORKSPACE=str(kept.folder)) as address:
        yield address


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Any]:
    """A tab on the app with the workspace `kept`."""
    with watched_tab(browser, server) as tab:
        yield tab


def _downloaded(page: Any, label: str) -> Path:
    with page.expect_download(timeout=180 * SECONDS) as download:
        page.get_by_role("button", name=label).click()
    return Path(download.value.path())


def _pick_another(page: Any, shown: str) -> str:
    """Click on a kept model's point in the Pareto plot, another one than the model shown; its id."""
    points = (
        page.get_by_test_id("stVegaLiteChart")
        .first.locator("g.mark-symbol.role-mark")
        .first.locator("path")
    )
    expect(points.first).to_be_visible()
    settled(page)
    tooltip = page.locator("#vg-tooltip-element")
    for point in points.all():
        point.hover(force=True)  # points may lie on each other: whichever is on top
        expect(tooltip).to_contain_text("DECOMP.RSSD")
        found = re.search(r"Model\W+(\w+)", tooltip.inner_text())
        assert found is not None
        if found.group(1) != shown:
            point.click(force=True)
            page.wait_for_url(re.compile(f"model={found.group(1)}"))
            return found.group(1)
    pytest.fail("every point is the model that is shown")


def test_a_model_is_picked_pinned_compared_and_reported(
    page: Any, browser: Any, kept: Any, tmp_path: Path
) -> None:
    run_id = kept.of_state(RunState.SUCCEEDED)
    recommended = read_results(kept.workspace, run_id).summary["model"]["id"]
    page.goto(f"/results?run={run_id}&part={quote('Choose model')}")
    expect(page.get_by_role("heading", name="Candidates and the choice")).to_be_visible()
    model_id = _pick_another(page, recommended)
    expect(page.get_by_text(f"Model {model_id}.", exact=True)).to_be_visible()

    page.get_by_label("Note on the model shown").fill("For the board")
    page.get_by_role("button", name="Pin this model").click()
    expect(page.get_by_text("For the board")).to_be_visible()
    expect(page.get_by_role("heading", name="Models side by side")).to_be_visible()

    page.reload()  # the address holds run, model and part
    expect(page.get_by_text(f"Model {model_id}.", exact=True)).to_be_visible()
    expect(page.get_by_text("For the board")).to_be_visible()

    page.get_by_role("radio", name="Report").click()
    page.get_by_role("textbox", name="Title").fill("Spring review")
    page.get_by_role("textbox", name="Title").press("Enter")
    page.locator("input[type=file]").set_input_files(
        {"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": SVG_LOGO}
    )
    expect(page.get_by_role("img", name="The logo")).to_be_visible()
    settled(page)
    pdf = PdfReader(_downloaded(page, "Report (PDF)"))
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Spring review"
    assert f"model {model_id}" in pdf.pages[0].extract_text()

    html = tmp_path / "report.html"
    html.write_bytes(_downloaded(page, "Report (HTML)").read_bytes())
    context = browser.new_context()
    context.set_offline(True)
    offline = context.new_page()
    requests: list[str] = []
    offline.on("request", lambda request: requests.append(request.url))
    offline.goto(html.as_uri())
    expect(offline.get_by_role("heading", name="Spring review")).to_be_visible()
    expect(offline.get_by_alt_text("Logo")).to_be_visible()
    expect(offline.get_by_role("img").nth(5)).to_be_visible()
    assert [url for url in requests if not url.startswith("data:")] == [html.as_uri()]
    assert violations(offline) == []
    context.close()


def test_every_part_can_be_used_by_everybody(page: Any, kept: Any) -> None:
    run_id = kept.of_state(RunState.SUCCEEDED)
    found: list[str] = []
    for part in [part for part in PARTS if part != "Calibration"]:  # the run had no lift tests
        page.goto(f"/results?run={run_id}&part={quote(part)}")
        expect(page.get_by_role("radio", name=part)).to_be_checked()
        found += [f"{part}, {text}" for text in violations_in_both_schemes(page)]
    assert found == []
