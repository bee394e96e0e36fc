"""The app in a real browser on a real server with real training tasks.

With PICTURES=1 in the environment the pictures of README and docs are made anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from mmm.platforms.local.user import local_user
from mmm.results.store import read_results
from mmm.workspace.models import RunState
from web_servers import SECONDS, settled, watched_tab, web_app

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "images"


@pytest.fixture(scope="module")
def server(kept: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app on the workspace `kept`; its address."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with web_app(log, MMM_WORKSPACE=str(kept.folder)) as address:
        yield address


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Any]:
    """A tab of headless Chromium that is told of every request to anywhere else."""
    with watched_tab(browser, server) as tab:
        yield tab


def _picture(page: Any, name: str, height: int) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1360, "height": height})
    settled(page)
    page.screenshot(path=PICTURES / name)


def test_from_the_sample_to_the_results(page: Any, kept: Any) -> None:
    page.goto("/")
    page.get_by_role("button", name="Open the sample").click()
    expect(page.get_by_role("heading", name="Sample: Robyn's weekly demo")).to_be_visible()
    expect(page.get_by_role("progressbar").first).to_be_visible()
    sample = page.url

    # The sample is trained in full; the test goes on with a quicker run and stops the sample.
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel this run").click()
    expect(page.get_by_text("This run was cancelled.")).to_be_visible()

    quick = kept.service.submit(kept.experiment("Germany, weekly"), local_user())
    page.goto(f"/run?run={quick}")
    expect(page.get_by_role("heading", name="Germany, weekly")).to_be_visible()
    page.get_by_role("button", name="Look at the results").click(timeout=180 * SECONDS)

    expect(page.get_by_text("Which channels are certain?")).to_be_visible(timeout=90 * SECONDS)
    assert f"run={quick}" in page.url

    page.get_by_text("For the analyst").click()
    page.get_by_role("radio", name="Curves").click()
    expect(page.get_by_test_id("stVegaLiteChart").first.get_by_role("img")).to_be_visible()
    expect(page.get_by_role("heading", name="Response curves")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Response curves")).to_be_visible()

    page.get_by_role("radio", name="Report").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    recommended = read_results(kept.workspace, quick).summary["model"]["id"]
    assert download.value.suggested_filename == f"report-{quick}-{recommended}.html"
    assert Path(download.value.path()).read_text() == read_results(kept.workspace, quick).report

    page.goto("/runs")
    expect(page.get_by_text("4 runs in this workspace")).to_be_visible()
    page.goto(sample)
    expect(page.get_by_text("This run was cancelled.")).to_be_visible()


def test_names_from_the_data_are_text(page: Any, kept: Any) -> None:
    (run_id,) = [status.run_id for status in kept.service.runs() if status.name.startswith("<img")]
    for address in ("/", "/runs", f"/run?run={run_id}", f"/results?run={run_id}"):
        page.goto(address)
        expect(
            page.get_by_test_id("stMain").get_by_text("<img src=x").locator("visible=true").first
        ).to_be_visible()
        settled(page)
        assert page.locator("img[src='x'], a[href^='javascript'], b:text('tv')").count() == 0


@pytest.mark.skipif(
    os.environ.get("PICTURES") != "1",
    reason="makes the pictures of README and docs; set PICTURES=1 to do so",
)
def test_the_pictures_of_readme_and_docs(page: Any, kept: Any) -> None:
    for run_id in kept.workspace.run_ids():
        shutil.rmtree(kept.folder / "runs" / run_id)
    kept.train(kept.experiment("Germany, first try", channel="radio_S"))
    page.goto("/")
    page.get_by_role("button", name="Open the sample").click()
    page.get_by_role("button", name="Look at the results").click(timeout=120 * SECONDS)
    expect(page.get_by_role("heading", name="Contributions over time")).to_be_visible()
    _picture(page, "web-results.png", 1330)
    run_id = kept.of_state(RunState.SUCCEEDED)
    dataset = kept.service.status(run_id).dataset_id
    for address, shown, name, height in (
        (f"/map?dataset=sample/{dataset}", "What the KPI counts", "web-map.png", 900),
        (f"/experiment?run={run_id}", "Saturation", "web-experiment.png", 1330),
        (f"/plan?run={run_id}", "Saved scenarios", "web-plan.png", 1330),
    ):
        page.goto(address)
        expect(page.get_by_text(shown).first).to_be_visible(timeout=180 * SECONDS)
        _picture(page, name, height)
    page.goto("/runs")
    expect(page.get_by_text("2 runs in this workspace")).to_be_visible()
    _picture(page, "web-runs.png", 480)
