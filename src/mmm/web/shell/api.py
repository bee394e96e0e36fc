"""The REST API in the web app's process; made when it is first asked for."""

from __future__ import annotations

import threading

from starlette.concurrency import run_in_threadpool
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from mmm.api import PREFIX
from mmm.settings import Settings


class WhenAsked:
    """ASGI app that is imported and made by its first request: starting the server needs none of
    it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            app = await run_in_threadpool(self._made)
        await app(scope, receive, send)

    def _made(self) -> ASGIApp:
        from mmm.api.app import api_app
        from mmm.services.context import Services

        with self._lock:
            if self._app is None:
                self._app = api_app(Services.open(self._settings))
            return self._app


def api_route(settings: Settings) -> Mount:
    """Where the API lies in the web app."""
    return Mount(PREFIX, app=WhenAsked(settings))
