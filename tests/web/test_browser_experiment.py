"""From an experiment begun to two runs compared, in a real browser with real training tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from axe import violations
from mmm.workspace.models import RunState
from web_servers import SECONDS, browser_context, settled, web_app


@pytest.fixture
def server(kept: Any, tmp_path: Path) -> Iterator[str]:
    with web_app(tmp_path / "server.log", MMM_WORKSPACE=str(kept.folder)) as address:
        yield address


def tab(browser: Any, server: str) -> Any:
    """A new profile: nothing of an earlier tab is left but what the server keeps."""
    return browser_context(browser, server).new_page()


def fill(page: Any, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")
    settled(field.page)


def test_an_experiment_is_begun_kept_mended_started_and_compared(
    browser: Any, server: str, kept: Any
) -> None:
    run_id = kept.of_state(RunState.SUCCEEDED)
    page = tab(browser, server)
    page.goto(f"/run?run={run_id}")
    page.get_by_role("link", name="New experiment from this run").click()
    expect(page.get_by_text("Ready to start")).to_be_visible()
    settled(page)
    assert violations(page) == []

    # An invalid value is told at its field; the start is not offered.
    fill(page, "Trials", "0")
    expect(page.get_by_text("must be at least 1; got 0.")).to_be_visible()
    expect(page.get_by_text("1 thing to mend before this can start")).to_be_visible()
    expect(page.get_by_role("button", name="Start the run")).to_be_disabled()

    # A file takes the place of the form, also where it is wrong; wrong things in it are told in the
    # same way.
    content = json.loads(kept.workspace.job_config(run_id))
    content["settings"] |= {"trials": 0, "seed": "many"}
    page.get_by_role("button", name="Upload JSON").click()
    file = {
        "name": "e.json",
        "mimeType": "application/json",
        "buffer": json.dumps(content).encode(),
    }
    page.get_by_test_id("stPopoverBody").locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("2 things to mend before this can start")).to_be_visible()
    expect(page.get_by_text("must be a whole number; got 'many'.")).to_be_visible()
    page.keyboard.press("Escape")
    fill(page, "Seed", "3")
    fill(page, "Name", "From the browser")
    settled(page)
    page.context.close()

    # Another browser at the same address finds it as it was left.
    page = tab(browser, server)
    page.goto(f"/experiment?run={run_id}")
    expect(page.get_by_label("Name", exact=True)).to_have_value("From the browser")
    expect(page.get_by_label("Trials", exact=True)).to_have_value("0")
    expect(page.get_by_text("Your draft, kept")).to_be_visible()
    fill(page, "Trials", "1")
    fill(page, "Seed", "7")
    expect(page.get_by_text("Ready to start")).to_be_visible()

    # The preview follows the ranges.
    expect(page.get_by_text("0% to 80% lasts into the next week")).to_be_visible()
    fill(page, "Carryover (theta): to", "0.5")
    expect(page.get_by_text("0% to 50% lasts into the next week")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").get_by_role("img")).to_have_count(2)

    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="From the browser")).to_be_visible()
    page.get_by_role("button", name="Look at the results").wait_for(timeout=300 * SECONDS)

    # The two runs side by side, by way of the list.
    page.goto("/runs")
    settled(page)
    assert violations(page) == []
    boxes = page.get_by_test_id("stCheckbox")
    expect(boxes).to_have_count(2)
    for number in range(2):
        boxes.nth(number).locator("label").click()
        settled(page)
    page.get_by_role("link", name="Compare the 2 ticked runs").click()
    expect(page.get_by_role("heading", name="ROAS per channel")).to_be_visible()
    expect(
        page.get_by_text(re.compile("The runs agree|Nothing can be said of agreement")).first
    ).to_be_visible()
    settled(page)
    assert violations(page) == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    assert "From the browser" in Path(download.value.path()).read_text(encoding="utf-8-sig")
