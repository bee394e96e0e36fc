"""The whole way in one browser session, signed in at a real provider; refresh, another browser, two
people at once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from axe import violations_in_both_schemes
from mmm.access import Role, User
from mmm.workspace.models import RunState
from web_servers import SECONDS, browser_context, settled, sign_in, signed_in_app

PEOPLE = [
    {"sub": "ann", "name": "Ann Admin", "email": "ann@example.com", "email_verified": True},
    {"sub": "bob", "name": "Bob Analyst", "email": "bob@example.com", "email_verified": True},
    {"sub": "eve", "name": "Eve Else", "email": "eve@elsewhere.org", "email_verified": True},
]
FORMULA, MARKUP = '=HYPERLINK("http://evil.example")', "<img src=x onerror=alert(1)>_text"
WEEKS = 104


def weekly_csv() -> str:
    """Two years whose header holds markup and whose text cells hold formulas, in Windows' encoding."""
    lines = []
    for i in range(WEEKS):
        day, tv, search = (
            dt.date(2022, 1, 3) + dt.timedelta(weeks=i),
            (i * 7) % 23,
            5 + (i * 5) % 17,
        )
        formula = FORMULA.replace('"', '""')
        lines.append(
            f'{day};{9000 + 40 * tv + 90 * search + 13 * (i % 9)};{tv * 10};{search * 10};"{formula}"'
        )
    return "\n".join([f"week;revenue;tv_spend;search_spend;{MARKUP} Größe", *lines, ""])


@pytest.fixture(scope="module")
def kept(kept: Any) -> Any:
    """The module's workspace; one of its runs was submitted by an address, which Markdown makes a
    link.
    """
    bob = User("Bob", "bob@example.com", Role.ANALYST)
    kept.service.cancel(kept.service.submit(kept.experiment("Bob's"), bob), bob)
    return kept


@pytest.fixture(scope="module")
def server(kept: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = {
        "MMM_WORKSPACE": str(kept.folder),
        "MMM_CRASH_AFTER_SECONDS": "3600",
        "AUTH_ADMINS": "ann@example.com",
        "AUTH_ANALYSTS": "bob@example.com",
    }
    with signed_in_app(tmp_path_factory.mktemp("servers"), PEOPLE, **settings) as address:
        yield address


@pytest.fixture
def somebody(browser: Any, server: str) -> Iterator[Callable[[], Page]]:
    """somebody(): a tab of a browser of its own, in which nobody has signed in."""
    contexts: list[Any] = []

    def tab() -> Page:
        contexts.append(browser_context(browser, server))
        page: Page = contexts[-1].new_page()
        page.on("dialog", lambda dialog: pytest.fail(f"a script of the data ran: {dialog.message}"))
        return page

    yield tab
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def admin(browser: Any, server: str) -> Iterator[Page]:
    """A tab in which an admin is signed in."""
    context = browser_context(browser, server)
    page = context.new_page()
    sign_in(page, "ann")
    expect(page.get_by_text("Ann Admin")).to_be_visible()
    yield page
    context.close()


def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_role("textbox", name=label, exact=True)
    field.fill(text)
    field.press("Enter")
    settled(page)


def next_page(page: Page, link: str) -> None:
    """Go on by the last link of this name in the page itself, and find its heading there."""
    page.get_by_test_id("stMain").get_by_role("link", name=link).last.click()
    expect(page.get_by_role("heading", name=re.compile(link)).first).to_be_visible()
    settled(page)


def test_from_a_hostile_file_to_a_decision_in_one_session(
    somebody: Callable[[], Page], kept: Any
) -> None:
    page = somebody()
    sign_in(page, "bob", "/connect")
    expect(page.get_by_role("heading", name="Connect data")).to_be_visible(timeout=60 * SECONDS)
    file = {"name": "shop.csv", "mimeType": "text/csv", "buffer": weekly_csv().encode("cp1252")}
    page.locator("input[type=file]").first.set_input_files([file])
    expect(page.get_by_text("shop.csv is a delimited text file")).to_be_visible()
    fill(page, "Market", "AT")
    page.get_by_role("button", name="Store as dataset").click()
    expect(page.get_by_text("Stored as AT/")).to_be_visible()
    expect(page.get_by_text("it was read as Windows-1252")).to_be_visible()

    page.get_by_test_id("stMain").get_by_role("link", name="Map columns").first.click()
    expect(page.get_by_text("4 of 5 columns have a role, nothing is missing.")).to_be_visible()
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    fill(page, "Name", "austria")
    page.get_by_role("button", name="Save the mapping").click()
    expect(page.get_by_text("Saved as austria@1.")).to_be_visible()
    next_page(page, "Data quality")
    expect(page.get_by_text(re.compile("These data can be modelled")).first).to_be_visible()
    next_page(page, "Prepare")
    expect(page.get_by_text(f"{WEEKS} rows become {WEEKS} weeks")).to_be_visible()
    next_page(page, "Experiment")

    expect(page.get_by_text("Ready to start").first).to_be_visible()
    fill(page, "Name", "Austria, weekly")
    page.get_by_role("radio", name="fast").click()
    settled(page)
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="Austria, weekly")).to_be_visible()
    page.get_by_role("button", name="Look at the results").click(timeout=300 * SECONDS)
    expect(page.get_by_text("Which channels are certain?")).to_be_visible(timeout=90 * SECONDS)
    results = page.url
    next_page(page, "Plan a budget")
    expect(page.get_by_text(re.compile("over 104 weeks")).first).to_be_visible(timeout=90 * SECONDS)
    assert page.locator("img[src='x']").count() == 0

    run = next(status for status in kept.service.runs() if status.name == "Austria, weekly")
    assert (run.state, run.submitted_by) == (RunState.SUCCEEDED, "bob@example.com")

    # The address alone is enough, after a refresh and in another person's browser.
    other = somebody()
    sign_in(other, "ann", results.partition("localhost")[2].partition("/")[2].join(("/", "")))
    expect(other.get_by_role("heading", name="Austria, weekly")).to_be_visible()
    other.reload()
    expect(other.get_by_text("Which channels are certain?")).to_be_visible(timeout=90 * SECONDS)


def test_a_failed_run_explains_itself(somebody: Callable[[], Page], kept: Any) -> None:
    page = somebody()
    sign_in(page, "bob")
    expect(page.get_by_role("heading", name="What failed, and why")).to_be_visible()
    page.get_by_role("link", name="Look into Wrong column").click()
    expect(page.get_by_role("heading", name="Wrong column")).to_be_visible()
    message = page.get_by_role("alert").first
    expect(message).to_contain_text("This run failed.")
    expect(message).to_contain_text("radio_S")
    assert page.get_by_text("Traceback").count() == 0
    page.get_by_text("Timeline").click()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.get_by_role("link", name="New experiment from this run").click()
    expect(page.get_by_text("to mend before this can start")).to_be_visible()
    expect(page.get_by_text("radio_S").first).to_be_visible()


def test_two_people_at_once_do_not_disturb_each_other(
    somebody: Callable[[], Page], kept: Any
) -> None:
    address = f"/experiment?run={kept.of_state(RunState.FAILED)}"
    ann, bob = somebody(), somebody()
    for page, who in ((ann, "ann"), (bob, "bob")):
        sign_in(page, who, address)
        expect(page.get_by_role("textbox", name="Name", exact=True)).to_be_visible()
        settled(page)
    fill(ann, "Name", "Ann's")
    fill(bob, "Name", "Bob's")
    ann.goto("/runs?market=DE")
    settled(ann)
    bob.goto("/runs")
    expect(bob.get_by_text("runs in this workspace")).to_be_visible()
    expect(ann.get_by_text("of this kind")).to_be_visible()
    for page, name in ((ann, "Ann's"), (bob, "Bob's")):
        page.goto(address)
        expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value(name)
        expect(page.get_by_text("Your draft, kept")).to_be_visible()


#: Address (with {a state} for a run in it) and what stands on the page when it is there.
PAGES = {
    "/": "What failed, and why",
    "/connect": "Stored datasets",
    "/connect?from=Database": "No connection to a database is saved yet.",
    "/map": "What the KPI counts",
    "/quality": "What the data can and cannot tell",
    "/prepare": "Before and after",
    "/experiment": "As a batch over datasets or settings",
    "/runs": "newest first.",
    "/run?run={running}": "Stages",
    "/run?run={failed}": "This run failed.",
    "/run?run={succeeded}": "Look at the results",
    "/results?run={failed}": "This run has no results",
    "/results?run={succeeded}": "Which channels are certain?",
    "/batch": "This address names no batch.",
    "/compare?runs={succeeded}": "Choose 2 to 4 runs",
    "/plan?run={succeeded}": "Saved scenarios",
    "/admin": "Audit log",
}


@pytest.mark.parametrize("address", PAGES)
def test_every_page_can_be_used_by_everybody(admin: Page, kept: Any, address: str) -> None:
    runs = {
        str(state.value): kept.of_state(state) for state in (RunState.FAILED, RunState.SUCCEEDED)
    }
    if "{running}" in address:
        runs["running"] = kept.running()
    page = address.format(**runs)
    assert found_in_both_schemes(admin, page, PAGES[address]) == []


def found_in_both_schemes(page: Page, address: str, shown: str) -> list[str]:
    page.goto(address)
    expect(page.get_by_text(shown).first).to_be_visible(timeout=120 * SECONDS)
    return violations_in_both_schemes(page)


def test_the_pages_of_whoever_is_not_in_can_be_used_by_everybody(
    somebody: Callable[[], Page],
) -> None:
    page = somebody()
    assert found_in_both_schemes(page, "/runs", "Please sign in.") == []
    sign_in(page, "eve")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()
    assert found_in_both_schemes(page, "/runs", "may not use this app") == []
