"""The web app on a real server, a real login provider, and a real browser to meet them with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from left_out import unavailable
from mmm.settings import NAMES
from servers import free_port, wait_for

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
SECONDS = 1000.0
_START_SECONDS = 180
APP = ROOT / "app" / "streamlit_app.py"
CLIENT_SECRET, COOKIE_SECRET = "client-secret-of-the-tests", "cookie-secret-of-the-tests-0123456789"
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def web_app(
    log: Path, port: int | None = None, script: Path = APP, **settings: str
) -> Iterator[str]:
    """The app (or another script) as `make web` starts it, with these settings and no others; its
    address.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in NAMES and not name.startswith("MMM_")
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=inherited | {"MMM_DRAW_REPORTS": "false"} | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://localhost:{port}"
    try:
        until = time.monotonic() + _START_SECONDS
        while not _healthy(address):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(60)
    assert "Traceback" not in log.read_text()


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health") as answer:  # noqa: S310
            return bool(answer.read() == b"ok")
    except OSError:
        return False


@contextmanager
def login_provider(log: Path, users: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """An OpenID Connect provider that offers one button per user, by its `sub`; its address."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    for user in users:
        command += ["--user-claims", json.dumps(user)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(port, process)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def signed_in_app(
    folder: Path, users: Sequence[Mapping[str, Any]], **settings: str
) -> Iterator[str]:
    """The app behind a login provider that knows these users; what it logs holds nothing that signs
    anyone in.
    """
    port, log = free_port(), folder / "app.log"
    with login_provider(folder / "provider.log", users) as provider:
        given = {
            "MMM_SECRETS_DIR": str(folder / "secrets"),
            "MMM_PUBLIC_URL": f"http://localhost:{port}",
            "AUTH_CLIENT_ID": "mmm",
            "AUTH_CLIENT_SECRET": CLIENT_SECRET,
            "AUTH_COOKIE_SECRET": COOKIE_SECRET,
            "AUTH_SERVER_METADATA_URL": f"{provider}/.well-known/openid-configuration",
        }
        with web_app(log, port, **given, **settings) as address:
            yield address
    text = log.read_text()
    assert "Starting" in text or "URL" in text
    for secret in ("code=", "state=", CLIENT_SECRET, COOKIE_SECRET):
        assert secret not in text


def sign_in(page: Any, who: str, address: str = "/") -> None:
    """Open a page, be asked to sign in, and take one of the provider's users."""
    page.goto(address)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Authenticate predefined users").wait_for()
    page.get_by_role("button", name=who, exact=True).click()


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium."""
    if CHROMIUM is None:
        unavailable(
            "No Chromium: install it or set CHROMIUM to a browser's path.",
            "Chromium",
            "chromium fonts-dejavu-core",
        )
    from playwright import sync_api

    sync_api.expect.set_options(timeout=60 * SECONDS)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        yield browser
        browser.close()


#: Told by every page: when something was last sent to the server, when it last answered, when the
#: page last changed.
_LISTEN = """(() => {
  const talk = window.talkOfTests = {asked: 0, told: 0, changed: Date.now()}, known = new WeakSet();
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (!known.has(this)) {
      known.add(this);
      this.addEventListener('message', () => { talk.told = Date.now(); });
    }
    talk.asked = Date.now();
    return send.call(this, data);
  };
  new MutationObserver(() => { talk.changed = Date.now(); }).observe(
    document, {subtree: true, childList: true, attributes: true, characterData: true});
})()"""
_QUIET_MILLISECONDS = 500
_STILL = f"""() => {{
  const app = document.querySelector('[data-test-script-state]'), talk = window.talkOfTests;
  const last = Math.max(talk.told, talk.changed);
  return app !== null && app.dataset.testScriptState === 'notRunning'
    && talk.told > 0 && talk.told >= talk.asked && Date.now() - last > {_QUIET_MILLISECONDS};
}}"""
_ASKED = "() => window.talkOfTests.asked"


def browser_context(browser: Any, server: str, seconds: float = 60, **options: Any) -> Any:
    """A profile of its own on a server; its pages can be waited for with `settled`. Who asks for it
    gets pages without motion: drawing it costs as much as the server's work.
    """
    given = {
        "viewport": {"width": 1360, "height": 1000},
        "color_scheme": "light",
        "reduced_motion": "reduce",
    }
    context = browser.new_context(**given | options, base_url=server)
    context.set_default_timeout(seconds * SECONDS)
    context.add_init_script(_LISTEN)
    return context


@contextmanager
def watched_tab(browser: Any, server: str, **options: Any) -> Iterator[Any]:
    """A tab on a server that tells of scripts that the data smuggle in, and of requests to anywhere
    else.
    """
    context = browser_context(browser, server, **options)
    tab = context.new_page()
    outside: list[str] = []
    tab.on(
        "request",
        lambda asked: asked.url.startswith((server, "data:", "blob:")) or outside.append(asked.url),
    )
    tab.on("dialog", lambda dialog: pytest.fail(f"a script of the data ran: {dialog.message}"))
    blocked: list[str] = []
    tab.on(
        "console",
        lambda told: "Content Security Policy" not in told.text or blocked.append(told.text),
    )
    yield tab
    context.close()
    assert outside == []
    assert blocked == []


def settled(page: Any) -> None:
    """Wait until the server has answered what it was asked, its script's run has ended, and
    everything is drawn: nothing has come and nothing has changed for a moment.
    """
    wait_for_page(page, lambda: page.evaluate(_STILL))


def sends(page: Any, act: Callable[[], object]) -> None:
    """Do something that the page tells its server, maybe a moment later, and wait for the answer."""
    before = page.evaluate(_ASKED)
    act()
    wait_for_page(page, lambda: page.evaluate(_ASKED) > before)
    settled(page)


def wait_for_page(page: Any, done: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"{page.url} is not done:\n{page.inner_text('body')}"
        page.wait_for_timeout(100)
