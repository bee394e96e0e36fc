"""The guided way with people's own files, in a real browser: so many clicks from the file to a run,
nothing typed, nothing left outside the browser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import violations
from mmm.workspace import Workspace
from web_servers import SECONDS, settled, watched_tab, web_app

FILES = Path(__file__).parent / "files"


@dataclass
class Counted:
    """A tab whose clicks are counted; choosing the file is one."""

    page: Page
    clicks: int = 0

    def upload(self, name: str) -> None:
        self.clicks += 1
        self.page.locator("input[type=file]").first.set_input_files(str(FILES / name))

    def press(self, name: str) -> None:
        self.clicks += 1
        settled(self.page)
        self.page.get_by_test_id("stMain").get_by_role("button", name=name).click()

    def sees(self, text: str) -> None:
        seen = self.page.get_by_text(text).filter(visible=True)
        expect(seen.first).to_be_visible(timeout=120 * SECONDS)

    def at(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", name=heading)).to_be_visible(timeout=120 * SECONDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guided") / "workspace"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    with web_app(folder.with_name("server.log"), MMM_WORKSPACE=str(folder)) as address:
        yield address


@pytest.fixture
def tab(browser: Any, server: str) -> Iterator[Counted]:
    with watched_tab(browser, server) as page:
        page.goto("/connect")
        expect(page.get_by_role("heading", name="Connect data")).to_be_visible(
            timeout=120 * SECONDS
        )
        yield Counted(page)


def accessible(tab: Counted) -> None:
    settled(tab.page)
    assert violations(tab.page) == []


def to_the_model(tab: Counted, file: str, fixes: int) -> None:
    """From the file to an experiment that is ready to start."""
    tab.upload(file)
    tab.press("Store and map columns")
    tab.at("Map columns")
    tab.sees("nothing is missing")
    tab.press("Save and check the data")
    tab.at("Data quality")
    if fixes:
        tab.press(f"Do all {fixes} fixes")
        tab.sees("The checks below are of the data with your fixes")
        tab.press("Next: prepare the data")
        tab.at("Prepare data")
        tab.press("Freeze and set up the model")
    else:
        tab.press("Next: set up the model")
    tab.at("Experiment")
    tab.sees("Ready to start")


def field(tab: Counted, label: str) -> str:
    return tab.page.get_by_label(label, exact=True).input_value()


def test_a_german_retail_file_becomes_a_result_in_eight_clicks(tab: Counted, folder: Path) -> None:
    to_the_model(tab, "1_retail_de.csv", fixes=2)
    accessible(tab)
    assert field(tab, "Currency") == "EUR"
    assert field(tab, "Name").startswith("DE Umsatz netto (€), 3 Jan 2022")
    room = Workspace(folder.as_uri())
    made = next(item for item in room.datasets("DE") if item.parent)
    table = room.read_dataset("DE", made.dataset_id)
    assert table["TV Ausgaben €"].to_pylist()[:4] == [0.0, 0.0, 0.0, 58573.72]
    assert set(table["Aktion"].to_pylist()) >= {"none"}
    tab.press("Start the run")
    expect(tab.page.get_by_role("button", name="Look at the results")).to_be_visible(
        timeout=400 * SECONDS
    )
    tab.press("Look at the results")
    tab.sees("Prospekt/Print €")
    assert tab.clicks <= 8


def test_what_was_read_is_shown_with_the_evidence_and_changed_in_place(tab: Counted) -> None:
    tab.upload("1_retail_de.csv")
    tab.sees("157 rows read.")
    tab.sees("'1.074.543,29' in line 2")
    tab.sees("number · €")
    accessible(tab)
    box = tab.page.get_by_role("combobox", name="Read Preisindex as")
    box.click()
    box.fill("text")
    tab.page.keyboard.press("Enter")
    settled(tab.page)
    tab.page.get_by_role("button", name="Store as dataset").click()
    tab.sees("Stored as DE/")
    shown = tab.page.get_by_text("Column 'Preisindex' was read as")
    expect(shown).to_have_count(0)


def test_a_daily_shop_of_two_markets_is_ready_in_time(tab: Counted, folder: Path) -> None:
    to_the_model(tab, "2_ecom_daily_2markets.csv", fixes=3)
    tab.sees("no column says it; it is what is paid with in DE and AT")
    assert field(tab, "Currency") == "EUR"
    room = Workspace(folder.as_uri())
    made = next(item for item in room.datasets("DE-AT") if item.parent)
    assert made.rows == 104
    assert tab.clicks + len(["Start the run", "Look at the results"]) <= 12


def test_an_agencys_workbook_is_ready_in_time(tab: Counted, folder: Path) -> None:
    to_the_model(tab, "3_agency_merged.xlsx", fixes=0)
    assert field(tab, "Currency") == "EUR"
    (stored,) = Workspace(folder.as_uri()).datasets("3_agency_merged")
    assert stored.rows == 120
    assert tab.clicks + len(["Start the run", "Look at the results"]) <= 10
