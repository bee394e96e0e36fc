"""The API as an ASGI app: who asks, how much, what for; then one operation, and its answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mmm.access import NotAllowed
from mmm.api import PREFIX
from mmm.api.openapi import document
from mmm.api.problems import (
    NotSupported,
    defect,
    plain_problem,
    problem,
)
from mmm.api.room import Room, Space
from mmm.errors import UserError
from mmm.logs import acting_user
from mmm.plain_json import read_json
from mmm.services import operations
from mmm.services.context import Services
from mmm.services.limits import Rate
from mmm.services.once import call_once
from mmm.services.operation import File, Method, Operation, Upload
from mmm.services.tokens import NotAuthenticated, acting, holder
from mmm.workspace.tokens import StoredToken

KEY = "idempotency-key"
_JSON_BYTES = 4 << 20
_MEGABYTE = 1 << 20
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
Endpoint = Callable[[Request], Awaitable[Response]]


class Api:
    """All operations on one workspace."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rate = Rate(services.settings.api_per_minute)
        # Who has a valid token is never refused for others that ask from the same address in vain.
        self._vain = Rate(services.settings.api_per_minute)
        self._room = Room(services.settings.upload_total_mb * _MEGABYTE)
        self._document = document(operations().values(), PREFIX)

    def routes(self) -> list[Route]:
        """Addresses below the prefix."""
        found = [Route("/openapi.json", self._openapi, methods=["GET"])]
        for operation in operations().values():
            methods = [operation.method.value]
            found.append(Route(operation.path, self._endpoint(operation), methods=methods))
        return found

    def _openapi(self, request: Request) -> Response:
        """The description; it tells nothing of the workspace, so that it needs no token."""
        return _tagged(request, JSONResponse(self._document))

    def _endpoint(self, operation: Operation) -> Endpoint:
        async def answer(request: Request) -> Response:
            try:
                # Who asks is known before the first byte of a body is read.
                token = await run_in_threadpool(self._admitted, request, operation)
                with self._room.space() as space:
                    sent = await self._body(request, operation, space)
                    return await run_in_threadpool(self._carry_out, request, operation, token, sent)
            except ClientDisconnect:
                return Response(status_code=HTTPStatus.BAD_REQUEST)
            except UserError as error:
                return problem(error)
            except Exception as error:  # the border: whoever asks gets an id, the log the trace
                return defect(error)

        return answer

    def _admitted(self, request: Request, operation: Operation) -> StoredToken:
        """The token that is sent, where it may ask for this."""
        address = request.client.host if request.client else ""
        try:
            token = holder(self._services.runs.workspace, _bearer(request))
        except NotAuthenticated:
            self._vain.take(address)
            raise
        self._rate.take(token.token_id)
        if operation.effect not in token.scopes:
            raise NotAllowed(
                f"The token has not the scope {operation.effect}.",
                where="scope",
                fix="An administrator issues one that has.",
            )
        return token

    async def _body(self, request: Request, operation: Operation, space: Space) -> bytes:
        most = _JSON_BYTES
        if operation.body is Upload:
            most = self._services.settings.upload_person_mb * _MEGABYTE
        elif operation.body is not None and not _is_json(request):
            fix = "Send application/json."
            raise NotSupported("is not taken here.", where="Content-Type", fix=fix)
        parts = []
        async for part in request.stream():
            space.take(len(part), most)
            parts.append(part)
        return b"".join(parts)

    def _carry_out(
        self, request: Request, operation: Operation, token: StoredToken, sent: bytes
    ) -> Response:
        user = acting(token)
        context = self._services.by(user)
        name = acting_user.set(user.id)
        try:
            fields = _fields(request)
            body = _content(operation, sent)
            key = request.headers.get(KEY)
            if not operation.once or key is None:
                return _answer(request, operation, operation.call(context, fields, body))
            found = call_once(context, operation, fields, body, key)
            return JSONResponse(found, headers=_HEADERS)
        finally:
            acting_user.reset(name)


def _bearer(request: Request) -> str:
    """The token of the one Authorization header; NotAuthenticated where there is none."""
    given = request.headers.getlist("authorization")
    scheme, _, text = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not text:
        fix = "Send the header Authorization: Bearer with a token."
        raise NotAuthenticated("A token is needed.", where="Authorization", fix=fix)
    return text.strip(" ")


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _fields(request: Request) -> dict[str, Any]:
    """The fields of path and query by name; UserError for one that is there twice."""
    fields: dict[str, Any] = dict(request.path_params)
    for name, value in request.query_params.multi_items():
        if name in fields:
            raise UserError("is given twice.", where=name, fix="Give it once.")
        fields[name] = value
    return fields


def _content(operation: Operation, sent: bytes) -> Any:
    if operation.body is Upload:
        return sent
    if operation.body is None:
        return None
    content = read_json(sent or b"{}", where="the body")
    if not isinstance(content, dict):
        raise UserError("is no object of JSON.", where="the body", fix="Send fields by name.")
    try:
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:  # half a character, or a number that is none
        what = "has a number or a character that cannot be stored."
        raise UserError(what, where="the body", fix="Send plain numbers and texts.") from None
    return content


def _answer(request: Request, operation: Operation, answer: BaseModel | File) -> Response:
    if isinstance(answer, File):
        name = {"Content-Disposition": f'attachment; filename="{answer.name}"'}
        made = Response(answer.data, media_type=answer.media_type, headers=name)
    else:
        # A number that is none becomes null here; `model_dump` would leave it as it is.
        made = Response(answer.model_dump_json(), media_type="application/json")
    if operation.method is Method.GET:
        return _tagged(request, made)
    made.headers.update(_HEADERS)
    return made


def _tagged(request: Request, answer: Response) -> Response:
    """The answer with its ETag, or 304 where whoever asks has it already."""
    tag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    known = [item.strip() for item in request.headers.get("if-none-match", "").split(",")]
    headers = _HEADERS | {"ETag": tag}
    if tag in known or f"W/{tag}" in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    answer.headers.update(headers)
    return answer


async def refused(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: an unknown address, a wrong method."""
    status, headers = HTTPStatus.NOT_FOUND, {}
    if isinstance(error, HTTPException):
        status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    what = "There is no such address." if status is HTTPStatus.NOT_FOUND else f"{status.phrase}."
    return plain_problem(status, what, headers)


def api_app(services: Services) -> Starlette:
    """The API alone, at the root of its app; mount it at `PREFIX`."""
    return Starlette(routes=Api(services).routes(), exception_handlers={HTTPException: refused})
