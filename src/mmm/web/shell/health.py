"""Whether the server lives, and whether it can do its work: two questions, two answers.

/health/live says only that the process answers: whoever restarts it asks this. /health/ready looks
into the store: whoever sends people here asks this. Both are open and say no more than that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mmm.errors import UserError

log = logging.getLogger(__name__)

LIVE, READY = "/health/live", "/health/ready"
#: Anybody may ask: the store is asked no more often than this.
_KEPT_SECONDS = 5.0


class Readiness:
    """Asks the store, at most every few seconds. `touch` raises UserError where it does not answer."""

    def __init__(
        self, touch: Callable[[], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._touch, self._clock = touch, clock
        self._lock = threading.Lock()
        self._looked: float | None = None
        self.ready = False

    def look(self) -> bool:
        with self._lock:
            now = self._clock()
            if self._looked is None or now - self._looked >= _KEPT_SECONDS:
                self.ready = self._answers()
                self._looked = now
            return self.ready

    def _answers(self) -> bool:
        try:
            self._touch()
        except UserError as error:
            log.warning("not ready: %s", error)
            return False
        return True


class Health:
    """ASGI middleware that answers the two questions."""

    def __init__(self, app: ASGIApp, readiness: Readiness) -> None:
        self._app, self._readiness = app, readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        app = self._app
        if scope["type"] == "http" and path.endswith(LIVE):
            app = PlainTextResponse("ok")
        elif scope["type"] == "http" and path.endswith(READY):
            ready = await run_in_threadpool(self._readiness.look)
            app = PlainTextResponse("ok") if ready else PlainTextResponse("not ready", 503)
        await app(scope, receive, send)
