"""The two ways to carry out an operation: in this process, or by a server. Both raise the same errors."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from mmm.access import NotAllowed, User
from mmm.errors import Finding, InvalidInput, NotFound, UserError
from mmm.runs.events import TransitionRefused
from mmm.runs.senders import NoRedirect
from mmm.services import operations
from mmm.services.context import Services
from mmm.services.once import call_once, plain_answer
from mmm.services.operation import File, Method, Operation, Upload
from mmm.services.tokens import NotAuthenticated
from mmm.settings import LOOPBACK

_PREFIX = "/api/v1"
_SECONDS = 600.0
_ERRORS: dict[int, type[UserError]] = {
    HTTPStatus.UNAUTHORIZED: NotAuthenticated,
    HTTPStatus.FORBIDDEN: NotAllowed,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: TransitionRefused,
}


class Transport(Protocol):
    """Carries out operations by name."""

    def call(
        self, name: str, fields: Mapping[str, Any], body: Any = None, key: str | None = None
    ) -> Any:
        """The answer as plain values, or bytes where it is a file. `key` is an idempotency key."""


class Local:
    """This process, on the workspace of the settings."""

    def __init__(self, services: Services, user: User) -> None:
        self._services, self._user = services, user

    def call(
        self, name: str, fields: Mapping[str, Any], body: Any = None, key: str | None = None
    ) -> Any:
        if name == "get_run":
            self._services.runs.start_waiting()  # a server does that without being asked
        operation, context = operations()[name], self._services.by(self._user)
        if operation.once and key is not None:
            return call_once(context, operation, fields, body, key)
        answer = operation.call(context, fields, body)
        return answer.data if isinstance(answer, File) else plain_answer(answer)


class Http:
    """A server, by its address and a token."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            fix = "Write it like https://mmm.example.com."
            raise UserError("is no address of a server.", where=url, fix=fix)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            fix = "Use https: without it anybody on the way reads the token."
            raise UserError("is not encrypted.", where=url, fix=fix)
        self._base = url.rstrip("/") + _PREFIX
        self._token = token
        self._opener = urllib.request.build_opener(NoRedirect)

    def call(
        self, name: str, fields: Mapping[str, Any], body: Any = None, key: str | None = None
    ) -> Any:
        operation = operations()[name]
        headers = {"Authorization": f"Bearer {self._token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        data = None
        if operation.body is Upload:
            data, headers["Content-Type"] = bytes(body or b""), "application/octet-stream"
        elif operation.body is not None:
            data, headers["Content-Type"] = _encoded(body), "application/json"
        elif operation.method is Method.POST:
            data = b""
        address = self._base + _address(operation, fields)
        request = urllib.request.Request(  # noqa: S310 - http and https only, see __init__
            address, data=data, headers=headers, method=operation.method.value
        )
        return self._read(operation, request)

    def _read(self, operation: Operation, request: urllib.request.Request) -> Any:
        try:
            with self._opener.open(request, timeout=_SECONDS) as answer:
                read = answer.read()
        except urllib.error.HTTPError as error:
            raise _refusal(error.code, error.read()) from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            fix = "Is the server running, and its address right?"
            raise UserError(f"does not answer: {reason}.", where=self._base, fix=fix) from None
        return read if operation.answer is File else json.loads(read)


def _encoded(body: Any) -> bytes:
    return json.dumps(body or {}, default=str).encode()


def _address(operation: Operation, fields: Mapping[str, Any]) -> str:
    """Path and query of an operation with these fields."""
    left = dict(fields)

    def put(found: re.Match[str]) -> str:
        # A study's id has slashes, which an address cannot hold within a part.
        value = str(left.pop(found.group(1)))
        return quote(value.replace("/", "~") if found.group(1) == "run" else value, safe="")

    path = re.sub(r"{(\w+)}", put, operation.path)
    return f"{path}?{urlencode(left)}" if left else path


def _refusal(status: int, body: bytes) -> UserError:
    """The error that a server's problem document tells."""
    try:
        told = json.loads(body)
        what, where, fix = str(told["what"]), str(told["where"]), str(told["fix"])
        findings = [Finding(**finding) for finding in told.get("findings", ())]
    except (ValueError, KeyError, TypeError):
        return UserError(f"the server answered {status} and said no more.", where="server")
    if findings:
        return InvalidInput(what, findings)
    return _ERRORS.get(status, UserError)(what, where=where, fix=fix)
