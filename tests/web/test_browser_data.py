"""From a file to a dataset that can be modelled, in a real browser, and whether everybody can use
the pages.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import violations
from mmm.workspace import Workspace
from web_servers import SECONDS, settled, watched_tab, web_app

MONDAY = dt.date(2022, 1, 3)
WEEKS = 60
HOSTILE = '=HYPERLINK("http://evil.example")'


def daily_csv() -> str:
    """Daily rows of 60 weeks with a formula in a text column and markup in a header."""
    lines = []
    for i in range(7 * WEEKS):
        day, on = MONDAY + dt.timedelta(days=i), (i // 7) % 3
        lines.append(
            f"{day};{1000 + 37 * (i % 11)};{on * (20 + i % 13)};{5 + (i * 7) % 17};{HOSTILE if i % 50 else 'x'}"
        )
    return "\n".join(["date;revenue;tv_spend;search_spend;<b>promo</b>_event", *lines, ""])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data") / "workspace"


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """The app, which takes files up to 1 MB."""
    settings = {"MMM_WORKSPACE": str(folder), "STREAMLIT_SERVER_MAX_UPLOAD_SIZE": "1"}
    with web_app(folder.with_name("server.log"), **settings) as address:
        yield address


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Page]:
    with watched_tab(browser, server) as tab:
        yield tab


def accessible(page: Page) -> None:
    settled(page)
    assert violations(page) == []


def choose(page: Page, label: str, option: str) -> None:
    """Take an option of a box by typing, as the keyboard does."""
    box = page.get_by_role("combobox", name=label)
    box.click()
    box.fill(option)
    page.keyboard.press("Enter")


def test_from_a_file_to_a_dataset_that_can_be_modelled(page: Page, folder: Path) -> None:
    page.goto("/connect")
    # The first page of a server imports what the others need.
    expect(page.get_by_text("No data are stored in this workspace yet.")).to_be_visible(
        timeout=60 * SECONDS
    )
    accessible(page)
    file = {"name": "shop.csv", "mimeType": "text/csv", "buffer": daily_csv().encode()}
    page.locator("input[type=file]").first.set_input_files([file])
    expect(page.get_by_text("shop.csv is a delimited text file")).to_be_visible()
    page.get_by_label("Market", exact=True).fill("DE")
    page.get_by_role("button", name="Store as dataset").click()
    expect(page.get_by_text("Stored as DE/")).to_be_visible()
    accessible(page)

    page.get_by_role("link", name="Map columns").nth(1).click()
    expect(page.get_by_role("heading", name="Map columns")).to_be_visible()
    expect(page.get_by_text("5 of 5 columns have a role, nothing is missing.")).to_be_visible()
    accessible(page)
    choose(page, "Role of revenue", "Context")
    expect(page.get_by_text("No column is the KPI").first).to_be_visible()
    page.reload()  # what was begun is a draft
    expect(page.get_by_text("No column is the KPI").first).to_be_visible()
    accessible(page)
    choose(page, "Role of revenue", "KPI")
    expect(page.get_by_text("5 of 5 columns have a role, nothing is missing.")).to_be_visible()
    settled(page)
    page.get_by_label("Name", exact=True).first.fill("weekly")
    page.get_by_role("button", name="Save the mapping").click()
    expect(page.get_by_text("Saved as weekly@1.")).to_be_visible()
    assert "mapping=weekly%401" in page.url
    accessible(page)

    page.get_by_role("link", name="Data quality").nth(1).click()
    expect(page.get_by_role("heading", name="Data quality")).to_be_visible()
    expect(page.get_by_text("What the data can and cannot tell, by channel")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").first.get_by_role("img")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="All checks as CSV").click()
    assert download.value.suggested_filename.startswith("quality-DE-")
    accessible(page)

    page.get_by_role("link", name="Prepare").nth(1).click()
    expect(page.get_by_role("heading", name="Prepare data")).to_be_visible()
    expect(page.get_by_text(f"420 rows become {WEEKS} weeks")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Freeze as dataset").click()
    expect(page.get_by_text("Frozen as DE/")).to_be_visible()

    made = next(item for item in Workspace(folder.as_uri()).datasets("DE") if item.parent)
    assert made.rows == WEEKS
    page.get_by_test_id("stSidebar").get_by_role("link", name="Connect").click()
    expect(page.get_by_text(f"DE/{made.dataset_id}").first).to_be_visible()
    assert page.locator("img[src='x'], b:text('promo')").count() == 0


def test_a_file_above_the_limit_is_refused_in_words(page: Page) -> None:
    page.goto("/connect")
    expect(
        page.get_by_text(
            "A file that turns red has more than 1 MB and was refused: save it as Parquet"
        )
    ).to_be_visible()
    large = {"name": "large.csv", "mimeType": "text/csv", "buffer": b"a,b\n" + b"1,2\n" * 300_000}
    page.locator("input[type=file]").first.set_input_files([large])
    expect(page.get_by_text("File must be 1.0MB or smaller.")).to_be_visible()
    assert page.get_by_role("button", name="Store as dataset").count() == 0


def test_the_pages_fit_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/connect?from=Sample")
    page.get_by_role("button", name="Store the sample").click()
    expect(page.get_by_text("Stored as sample/")).to_be_visible()
    for path in ("connect", "map", "quality", "prepare"):
        page.goto(f"/{path}")
        expect(page.get_by_role("heading").first).to_be_visible()
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
