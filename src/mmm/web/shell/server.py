"""The server around the pages: secrets for sign-in, security headers, the way back to the page that
was asked for.

Health checks go to /_stcore/health, which answers `ok` without sign-in.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from functools import partial
from http.cookies import SimpleCookie
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import numpy as np
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmm.access import User
from mmm.errors import UserError
from mmm.logs import log_to_stderr
from mmm.platforms.local.user import local_user
from mmm.runs.dispatch import start_in_background
from mmm.settings import LOOPBACK, Settings, load_settings
from mmm.web.shell.api import api_route
from mmm.web.shell.health import LIVE, READY, Health, Readiness
from mmm.web.shell.identity import claims_of
from mmm.web.shell.metrics import Counted, RequestCount, serve
from mmm.web.shell.policy import content_policy, permissions_policy
from mmm.web.shell.session import person_of, workspace
from mmm.web.shell.sign_in import CALLBACK, SignIn, sign_in_of
from mmm.web.shell.uploads import ROUTE, Limits, StreamlitShelf, UploadGuard

SCRIPT = Path(__file__).with_name("script.py")

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": content_policy(),
    "Permissions-Policy": permissions_policy(),
    "X-Frame-Options": "DENY",
}
#: Behind a load balancer. It keeps connections to this server open for longer than the server does,
#: and a request on one that is just being closed would be lost (502); the browser's own connection
#: to the balancer stays.
_HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000", "Connection": "close"}
_LOGIN = "/auth/login"
#: Nobody needs the server's numbers from outside.
_CLOSED = ("/_stcore/metrics", "/_stcore/st-metrics")
#: Streamlit's own interface for agents would act without our tokens and roles, were it switched on.
_AGENTS = "/_stcore/agent"
#: What the pages of results, plans and experiments import only when they are opened or compute.
_WHEN_OPENED = (
    "pyarrow.compute",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "altair",
    "mmm.web.results.parts",
    "mmm.web.results.certificate",
    "mmm.web.results.stability_study",
    "mmm.web.plan.form",
    "mmm.web.plan.outcome",
    "scipy.optimize",
    "mmm.engines.adstock_hill.drawn_effects",
    "mmm.engines.adstock_hill.preview",
)
#: A load balancer asks by address; the answers say no more than "ok" or "not ready".
_HEALTH = ("/_stcore/health", LIVE, READY)
_COLLECT_SECONDS = 10.0
_FOREIGN_HOST = "This server does not answer under this name. Set MMM_PUBLIC_URL to its address."
_RETURN_TO = "_mmm_return_to"
_RETURN_WITHIN_SECONDS = 900


def app_options() -> dict[str, Any]:
    """What `st.App` needs beside the script. Where settings are wrong, the pages show nothing else."""
    logging.getLogger("uvicorn.access").addFilter(_without_query)
    Thread(target=_warm_up, name="warm-up", daemon=True).start()
    try:
        settings = load_settings().settings
        hosts = allowed_hosts(settings)
        sign_in = sign_in_of(settings)
    except UserError:
        closed = [Middleware(Border, sign_in=None), Middleware(NoUploads)]
        return {"secrets": {}, "middleware": closed}
    log_to_stderr(settings.log_format, settings.log_level)
    readiness, count, shelf = Readiness(_touch_store), RequestCount(), StreamlitShelf()
    if settings.metrics_port is not None:
        serve(settings.metrics_port, count, partial(_gauges, readiness, shelf))
    start_in_background(settings)
    limits = Limits(settings.upload_person_mb, settings.upload_total_mb)
    guard = Middleware(UploadGuard, person=_asker(sign_in), limits=limits, shelf=shelf)
    return {
        "secrets": sign_in.for_streamlit() if sign_in else {},
        "routes": [api_route(settings)],
        "middleware": [
            Middleware(Counted, count=count),
            Middleware(Border, sign_in=sign_in, hosts=hosts),
            Middleware(Health, readiness=readiness),
            guard,
        ],
    }


def _touch_store() -> list[str]:
    """Ask the workspace's store for a listing; UserError where it does not answer."""
    return workspace().objects.names("branding")


def _gauges(readiness: Readiness, shelf: StreamlitShelf) -> dict[str, float]:
    from streamlit.runtime import exists, get_instance

    if not exists():
        return {}
    return {
        "mmm_sessions": float(len(get_instance()._session_mgr.list_active_sessions())),
        "mmm_upload_bytes": float(sum(shelf.held().values())),
        "mmm_ready": float(readiness.ready),
    }


def _asker(sign_in: SignIn | None) -> Callable[[Scope], User]:
    """Who sends a request; SignInNeeded or Refused where it is nobody who may use the app."""

    def asker(scope: Scope) -> User:
        if sign_in is None:
            return local_user()
        return person_of(claims_of(scope, sign_in))

    return asker


class NoUploads:
    """Around a server whose settings are wrong: nobody is known, nobody uploads."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        closed = scope["type"] == "http" and ROUTE in scope["path"]
        app = PlainTextResponse("The server's settings are wrong.", 503) if closed else self._app
        await app(scope, receive, send)


def _warm_up() -> None:
    """Import what results and plans need before anybody asks: it takes seconds once, and nothing
    afterwards. Then collect garbage beside the clicks, for as long as the server lives.
    """
    for module in _WHEN_OPENED:
        import_module(module)
    _load_kernels()
    # What is there now stays: it need not be looked through for garbage again and again. Streamlit
    # would collect after every click (`runner.postScriptGC`); it is done here instead.
    gc.collect()
    gc.freeze()
    while True:
        time.sleep(_COLLECT_SECONDS)
        gc.collect()


def _load_kernels() -> None:
    """Have Numba read the compiled adstock: its first call takes a second, or many where nobody has
    compiled it on this machine.
    """
    from mmm.engines.adstock_hill.transforms import adstock

    for kind, first, second in (("geometric", 0.5, 0.0), ("delayed", 0.5, 1.0)):
        adstock(np.ones(3), kind, first, second)


class Border:
    """Around every answer of the server."""

    def __init__(
        self, app: ASGIApp, sign_in: SignIn | None, hosts: frozenset[str] | None = None
    ) -> None:
        self._app, self._hosts = app, hosts
        self._https = sign_in is not None and sign_in.https
        self._headers = _HEADERS | (_HTTPS_ONLY if self._https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        known = self._hosts is None or is_known_host(scope, self._hosts)
        if scope["type"] != "http":
            if known or scope["type"] != "websocket":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._finish(scope, MutableHeaders(scope=message))
            await send(message)

        closed = scope["path"].endswith(_CLOSED) or _AGENTS in scope["path"]
        app = PlainTextResponse("not found", 404) if closed else self._app
        if not known:
            app = PlainTextResponse(_FOREIGN_HOST, 421)
        await app(scope, receive, send_with_headers)

    def _finish(self, scope: Scope, answer: MutableHeaders) -> None:
        asked = Headers(scope=scope)
        for name, value in self._headers.items():
            answer[name] = value
        if scope["path"].endswith(_LOGIN):
            # The provider's way back leads to the home page; the page that was asked for waits in a
            # cookie.
            answer.append("Set-Cookie", _return_cookie(page_of(asked), _RETURN_WITHIN_SECONDS))
        elif scope["path"].endswith(CALLBACK) and _RETURN_TO in (
            cookies := SimpleCookie(asked.get("cookie", ""))
        ):
            page = safe_page(unquote(cookies[_RETURN_TO].value))
            if page and answer.get("location"):
                answer["Location"] = page
            answer.append("Set-Cookie", _return_cookie("", 0))
        if self._https:
            _secure_cookies(answer)


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """Names under which the server answers. A page of a foreign name that resolves to this machine
    (DNS rebinding) would act with the rights of whoever looks at it.
    """
    urls = (settings.public_url, settings.auth_redirect_uri)
    return LOOPBACK | {urlsplit(url).hostname or "" for url in urls if url} - {""}


def is_known_host(scope: Scope, hosts: frozenset[str]) -> bool:
    """Whether a request names one of these hosts; health checks need not."""
    if scope["type"] == "http" and scope["path"].endswith(_HEALTH):
        return True
    named = Headers(scope=scope).getlist("host")
    try:
        return len(named) == 1 and (urlsplit(f"//{named[0]}").hostname or "") in hosts
    except ValueError:
        return False


def page_of(asked: Headers) -> str:
    """Path and query of the page a request came from, when it is one of this server's."""
    came_from = urlsplit(asked.get("referer", ""))
    if came_from.netloc != asked.get("host"):
        return ""
    query = f"?{came_from.query}" if came_from.query else ""
    return safe_page(came_from.path + query)


def safe_page(page: str) -> str:
    """The path when it stays on this server, else "": browsers read //host and /\\host as other
    servers.
    """
    plain = page.isascii() and page.isprintable() and " " not in page
    own = page.startswith("/") and page[1:2] not in ("/", "\\")
    if plain and own and len(page) < 2000:
        return page
    return ""


def _return_cookie(page: str, seconds: int) -> str:
    value = quote(page, safe="")
    return f"{_RETURN_TO}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"


def _secure_cookies(answer: MutableHeaders) -> None:
    """Streamlit leaves `Secure` out for the sake of unencrypted local addresses, which this is not."""
    cookies = answer.getlist("set-cookie")
    if cookies:
        del answer["set-cookie"]
        for cookie in cookies:
            answer.append(
                "set-cookie", cookie if "; secure" in cookie.lower() else f"{cookie}; Secure"
            )


def _path(part: object) -> object:
    """A part of an access line; the page asked for without its query."""
    if isinstance(part, str) and part.startswith("/"):
        return part.partition("?")[0]
    return part


def _without_query(record: logging.LogRecord) -> bool:
    """Access lines without queries: the provider's way back carries the code that signs someone in."""
    if isinstance(record.args, tuple):
        record.args = tuple(_path(part) for part in record.args)
    return True
