"""Sign-in in a real browser against a real provider: who comes in, who does not, and what each may
do.
"""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from mmm.workspace.models import RunState
from web_servers import browser_context, sign_in, signed_in_app

PEOPLE = [
    {"sub": "ann", "name": "Ann Admin", "email": "Ann@example.com", "email_verified": True},
    {"sub": "vic", "name": "Vic <b>Viewer</b>", "email": "vic@example.com", "email_verified": True},
    {"sub": "eve", "email": "eve@elsewhere.org", "email_verified": True},
    {"sub": "una", "email": "una@example.com", "email_verified": False},
]


@pytest.fixture(scope="module")
def kept(kept: Any) -> Any:
    """The module's workspace, with a run under way."""
    kept.running()
    return kept


@pytest.fixture(scope="module")
def server(kept: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app with sign-in."""
    settings = {
        "MMM_WORKSPACE": str(kept.folder),
        "MMM_CRASH_AFTER_SECONDS": "3600",
        "AUTH_ALLOWED_DOMAINS": "example.com",
        "AUTH_ADMINS": "ann@example.com",
    }
    with signed_in_app(tmp_path_factory.mktemp("servers"), PEOPLE, **settings) as address:
        yield address


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Page]:
    """A tab of a browser that nobody has used."""
    context = browser_context(browser, server)
    yield context.new_page()
    context.close()


def audited(kept: Any, actor: str) -> list[str]:
    return [
        entry.action
        for entry in kept.workspace.audit(datetime.now(UTC).date())
        if entry.actor == actor
    ]


def test_the_page_that_was_asked_for_opens_after_signing_in_and_not_after_signing_out(
    page: Page, kept: Any
) -> None:
    run_id = kept.of_state(RunState.FAILED)
    address = f"/run?run={run_id}"
    page.goto(address)
    expect(page.get_by_text("Please sign in.")).to_be_visible()
    assert page.get_by_role("heading", name="Wrong column").count() == 0
    sign_in(page, "ann", address)
    expect(page.get_by_role("heading", name="Wrong column")).to_be_visible()
    assert page.url.endswith(address)
    expect(page.get_by_text("Ann Admin")).to_be_visible()

    page.goto("/runs")  # another tab is signed in as well
    expect(page.get_by_text("3 runs in this workspace")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_text("Please sign in.")).to_be_visible()
    page.goto("/runs")
    expect(page.get_by_text("Please sign in.")).to_be_visible()
    assert audited(kept, "ann@example.com") == ["sign-in", "sign-out"]


@pytest.mark.parametrize(
    ("who", "email", "why"),
    [
        ("eve", "eve@elsewhere.org", "eve@elsewhere.org may not use this app."),
        ("una", "una@example.com", "The address una@example.com is not verified."),
    ],
)
def test_strangers_are_turned_away(page: Page, kept: Any, who: str, email: str, why: str) -> None:
    sign_in(page, who, "/runs")
    expect(page.get_by_role("heading", name="Not allowed")).to_be_visible()
    expect(page.get_by_text(why)).to_be_visible()
    assert page.get_by_text("runs in this workspace").count() == 0
    assert audited(kept, email) == ["sign-in.refused"]


def test_whoever_denies_at_the_provider_is_asked_again(page: Page) -> None:
    page.goto("/runs")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Deny").click()
    expect(page.get_by_text("Please sign in.")).to_be_visible()


def test_a_changed_cookie_signs_nobody_in(page: Page) -> None:
    sign_in(page, "vic")
    expect(page.get_by_role("heading", name="Marketing mix models")).to_be_visible()
    expect(page.get_by_text("Vic <b>Viewer</b>")).to_be_visible()
    (cookie,) = [found for found in page.context.cookies() if found["name"] == "_streamlit_user"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    middle = len(cookie["value"]) // 2
    other = "A" if cookie["value"][middle] != "A" else "B"
    cookie["value"] = cookie["value"][:middle] + other + cookie["value"][middle + 1 :]
    page.context.add_cookies([cookie])
    page.reload()
    expect(page.get_by_text("Please sign in.")).to_be_visible()


@pytest.mark.parametrize(
    "address",
    ["/?is_logged_in=true&email=ann@example.com", "/admin?user=ann&role=admin&embed=true"],
)
def test_no_address_opens_the_app_without_signing_in(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page.get_by_text("Please sign in.")).to_be_visible()
    assert page.get_by_role("heading", name="Admin").count() == 0


def test_a_viewer_looks_and_starts_nothing(page: Page, kept: Any) -> None:
    run_id = kept.of_state(RunState.RUNNING)
    sign_in(page, "vic", f"/run?run={run_id}")
    expect(page.get_by_role("heading", name="Under way")).to_be_visible()
    expect(page.get_by_role("progressbar").first).to_be_visible()
    assert page.get_by_role("button", name="Cancel").count() == 0
    assert page.get_by_role("link", name="Admin").count() == 0
    page.goto("/")
    expect(
        page.get_by_text("Your role, viewer, may look at everything and start nothing.")
    ).to_be_visible()
    assert page.get_by_role("button", name="Open the sample").count() == 0
    page.goto("/admin")
    expect(page.get_by_text("settings.read needs the role admin")).to_be_visible()
    assert page.get_by_text("Audit log").count() == 0


def test_an_admin_sees_who_did_what_and_takes_it_along(page: Page) -> None:
    sign_in(page, "ann", "/admin")
    expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    text = Path(download.value.path()).read_text()
    assert text.startswith("\ufeffWhen (UTC),Who,What,On,Details")
    assert ",ann@example.com,sign-in,mmm-app," in text


def test_every_answer_carries_the_headers_and_the_servers_numbers_are_closed(server: str) -> None:
    for path in ("/", "/runs", "/_stcore/health"):
        with urllib.request.urlopen(server + path) as answer:  # noqa: S310
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "same-origin"
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{server}/_stcore/metrics")  # noqa: S310


def test_uploads_are_taken_from_nobody_who_may_not_ingest(page: Page, server: str) -> None:
    def upload() -> tuple[int, str]:
        address = f"{server}/_stcore/upload_file/session/file"
        answer = page.request.put(address, data=b"a,b\n1,2\n")
        return answer.status, answer.text()

    assert upload() == (401, "Please sign in.")
    sign_in(page, "vic")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    status, told = upload()
    assert status == 403
    assert "needs the role analyst" in told
    page.get_by_role("button", name="Sign out").click()
    # The browser is on its way to the provider: another address at once would break that off.
    expect(page.get_by_role("heading", name="End Session")).to_be_visible()
    sign_in(page, "ann")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    status, told = upload()  # Streamlit's own refusal: there is no such session
    assert status in (400, 403)
    assert "role" not in told


def test_a_cookie_is_worth_nothing_after_its_person_has_signed_out(
    page: Page, browser: Any, server: str
) -> None:
    sign_in(page, "ann")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    cookies = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="End Session")).to_be_visible()  # the provider's
    thief = browser.new_context(base_url=server)
    thief.add_cookies(cookies)
    tab = thief.new_page()
    tab.goto("/")
    expect(tab.get_by_text("You have signed out")).to_be_visible()
    thief.close()
