"""Uploads: from whom, how many bytes, and that nothing of an ended session stays."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Scope

from mmm.access import Role, User
from mmm.web.shell.sign_in import SignInNeeded
from mmm.web.shell.uploads import ROUTE, Limits, UploadGuard

MB = 1 << 20


class Kept:
    """What lies in memory, as Streamlit keeps it."""

    def __init__(self) -> None:
        self.files: dict[str, int] = {}
        self.open = {"a", "b", "c"}

    def held(self) -> Mapping[str, int]:
        return self.files

    def lives(self, session: str) -> bool:
        return session in self.open

    def free(self, session: str) -> None:
        self.files.pop(session, None)

    def kept_seconds(self) -> float:
        return 0.0


def person(scope: Scope) -> User:
    name = dict(scope["headers"]).get(b"who", b"").decode()
    if not name:
        raise SignInNeeded("Please sign in.")
    return User(name, role=Role.VIEWER if name == "vic" else Role.ANALYST)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def client(kept: Kept) -> TestClient:
    async def store(request: Request) -> PlainTextResponse:
        session = request.path_params["session"]
        kept.files[session] = kept.files.get(session, 0) + len(await request.body())
        if request.headers.get("closes"):
            kept.open.discard(session)
        return PlainTextResponse("", 204)

    guard = Middleware(UploadGuard, person=person, limits=Limits(3, 5), shelf=kept)
    route = Route(ROUTE + "{session}/{file}", store, methods=["PUT", "DELETE"])
    return TestClient(Starlette(routes=[route], middleware=[guard]))


def put(client: TestClient, who: str, session: str, size: int, **headers: str) -> int:
    named = headers | ({"who": who} if who else {})
    answer = client.put(f"{ROUTE}{session}/f", content=bytes(size), headers=named)
    return int(answer.status_code)


def test_only_who_is_signed_in_and_may_ingest_uploads(client: TestClient, kept: Kept) -> None:
    assert put(client, "", "a", 10) == 401
    assert put(client, "vic", "a", 10) == 403
    assert client.delete(f"{ROUTE}a/f").status_code == 401
    assert kept.files == {}
    assert put(client, "ann", "a", 10) == 204


def test_a_person_has_a_limit_over_all_sessions_and_all_have_one_together(
    client: TestClient, kept: Kept
) -> None:
    assert put(client, "ann", "a", 2 * MB) == 204
    assert put(client, "ann", "b", 2 * MB) == 413
    assert put(client, "ann", "b", MB) == 204
    assert put(client, "bob", "c", 2 * MB + 1) == 413
    assert put(client, "bob", "c", 2 * MB) == 204
    assert sum(kept.files.values()) == 5 * MB
    kept.free("a")
    assert put(client, "ann", "a", MB) == 204


def test_without_a_length_nothing_is_read(client: TestClient, kept: Kept) -> None:
    answer = client.put(f"{ROUTE}a/f", content=iter([b"x" * 10]), headers={"who": "ann"})
    assert (answer.status_code, kept.files) == (411, {})


def test_what_ended_sessions_left_is_freed(client: TestClient, kept: Kept) -> None:
    assert put(client, "ann", "a", 2 * MB) == 204
    kept.open.discard("a")
    assert put(client, "ann", "b", 2 * MB) == 204
    assert kept.files == {"b": 2 * MB}
    assert put(client, "ann", "b", MB, closes="yes") == 204  # the session ended meanwhile
    assert kept.files == {}
