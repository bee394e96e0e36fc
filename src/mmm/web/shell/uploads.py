"""Uploads only from people who may ingest, and only so many bytes at once.

Streamlit keeps what is uploaded in memory until the session ends, and takes it from every open
session, whether somebody has signed in or not. So each upload is asked for its person before its
first byte is read, and is counted with what lies there already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mmm.access import NotAllowed, User
from mmm.errors import UserError

if TYPE_CHECKING:
    from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

ROUTE = "/_stcore/upload_file/"
ACTION = "dataset.ingest"
_MEGABYTE = 1 << 20


class Shelf(Protocol):
    """Where uploads lie until their session ends."""

    def held(self) -> Mapping[str, int]:
        """Bytes by session."""

    def lives(self, session: str) -> bool:
        """Whether the session is open, or may still be taken up again."""

    def free(self, session: str) -> None:
        """Forget a session's uploads."""

    def kept_seconds(self) -> float:
        """How long a session that lost its connection may still be taken up again."""


@dataclass(frozen=True)
class Limits:
    """Megabytes that may lie in memory, of one person and of all together."""

    person_mb: int
    total_mb: int


@dataclass
class _Ledger:
    """Who has opened which session's uploads, and what is on its way."""

    owners: dict[str, str] = field(default_factory=dict)
    coming: dict[str, int] = field(default_factory=dict)


class UploadGuard:
    """ASGI middleware. `person` names who asks, or raises UserError."""

    def __init__(
        self, app: ASGIApp, person: Callable[[Scope], User], limits: Limits, shelf: Shelf
    ) -> None:
        self._app, self._person, self._limits, self._shelf = app, person, limits, shelf
        self._ledger = _Ledger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            asyncio.get_running_loop().call_later(self._shelf.kept_seconds(), self._sweep)
            return
        if scope["type"] != "http" or ROUTE not in scope["path"] or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        try:
            user = await run_in_threadpool(self._person, scope)
            user.require(ACTION)
        except NotAllowed as refusal:
            await PlainTextResponse(str(refusal), 403)(scope, receive, send)
            return
        except UserError as refusal:
            await PlainTextResponse(str(refusal), 401)(scope, receive, send)
            return
        if scope["method"] == "DELETE":
            await self._app(scope, receive, send)
            return
        await self._upload(user, scope, receive, send)

    async def _upload(self, user: User, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():  # without it nobody knows what is coming
            await PlainTextResponse("Content-Length is needed.", 411)(scope, receive, send)
            return
        session = scope["path"].partition(ROUTE)[2].partition("/")[0]
        self._sweep()
        refusal = self._over(user.id, int(length))
        if refusal:
            await PlainTextResponse(refusal, 413)(scope, receive, send)
            return
        self._ledger.owners[session] = user.id
        self._ledger.coming[user.id] = self._ledger.coming.get(user.id, 0) + int(length)
        try:
            await self._app(scope, receive, send)
        finally:
            self._ledger.coming[user.id] -= int(length)
            if not self._shelf.lives(session):  # it ended while the upload came
                self._shelf.free(session)

    def _sweep(self) -> None:
        """Free what ended sessions have left."""
        for session in list(self._shelf.held()):
            if not self._shelf.lives(session):
                self._shelf.free(session)
        for session in list(self._ledger.owners):
            if not self._shelf.lives(session):
                del self._ledger.owners[session]

    def _over(self, person: str, more: int) -> str:
        """Why so many bytes more are too many; "" where they are not."""
        held, coming = self._shelf.held(), self._ledger.coming
        own = sum(
            size for session, size in held.items() if self._ledger.owners.get(session) == person
        )
        if own + coming.get(person, 0) + more > self._limits.person_mb * _MEGABYTE:
            return (
                f"More than {self._limits.person_mb} MB of yours would be open at once. Store or "
                "remove a file, or close other tabs (MMM_UPLOAD_PERSON_MB)."
            )
        total = sum(held.values()) + sum(coming.values())
        if total + more > self._limits.total_mb * _MEGABYTE:
            return (
                f"More than {self._limits.total_mb} MB of everybody's would be open at once. Try "
                "again later (MMM_UPLOAD_TOTAL_MB)."
            )
        return ""


class StreamlitShelf:
    """The uploads in this server's Streamlit."""

    def held(self) -> Mapping[str, int]:
        files = dict(_uploads().file_storage)
        held = {}
        for name, of in files.items():
            held[name] = sum(len(one.data) for one in list(of.values()))
        return held

    def lives(self, session: str) -> bool:
        from streamlit.runtime import get_instance

        return get_instance()._session_mgr.get_session_info(session) is not None

    def kept_seconds(self) -> float:
        from streamlit import config

        return float(config.get_option("server.disconnectedSessionTTL")) + 1.0

    def free(self, session: str) -> None:
        _uploads().remove_session_files(session)


def _uploads() -> MemoryUploadedFileManager:
    from streamlit.runtime import get_instance

    return cast("MemoryUploadedFileManager", get_instance().uploaded_file_mgr)
