"""The web app on a real server, a real login provider, and a real browser to meet them with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
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
            command, cwd=ROOT, env=inherited | settings, stdout=output, stderr=subprocess.STDOUT
        )
    address = f"http://localhost:{port}"
    try:
        for _ in range(150):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health") as answer:  # noqa: S310
                    assert answer.read() == b"ok"
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(10)
    assert "Traceback" not in log.read_text()


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
        process.wait(10)


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

    sync_api.expect.set_options(timeout=20 * SECONDS)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@contextmanager
def watched_tab(browser: Any, server: str) -> Iterator[Any]:
    """A tab on a server that tells of scripts that the data smuggle in, and of requests to anywhere
    else.
    """
    tab = browser.new_page(
        viewport={"width": 1360, "height": 1000}, color_scheme="light", base_url=server
    )
    tab.set_default_timeout(20 * SECONDS)
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
    assert outside == []
    assert blocked == []


def settled(page: Any) -> None:
    """Wait until the script's run has ended and everything is drawn."""
    page.locator("[data-test-script-state=notRunning]").first.wait_for(state="attached")
    page.wait_for_timeout(600)
