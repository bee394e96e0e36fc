"""Errors as application/problem+json (RFC 9457): what happened, which input, what to do."""

from __future__ import annotations

import logging
import secrets
from dataclasses import asdict
from http import HTTPStatus

from pydantic import Field
from starlette.responses import JSONResponse

from mmm.access import NotAllowed
from mmm.errors import AlreadyExists, InvalidInput, NotFound, UserError
from mmm.runs.events import TransitionRefused
from mmm.services.limits import TooOften
from mmm.services.once import UnderWay
from mmm.services.operation import Fields
from mmm.services.tokens import NotAuthenticated
from mmm.workspace.objects import StoreError
from mmm.workspace.stored import Unreadable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class TooMuch(UserError):
    """More was sent than may be."""


class NotSupported(UserError):
    """What was sent is of a kind that is not taken here."""


class ProblemFinding(Fields):
    """One thing that is wrong in what was sent."""

    level: str
    what: str
    where: str = ""
    fix: str = ""
    check: str = ""


class ProblemDocument(Fields):
    """An error. `findings` has all that is wrong where there are several things."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    what: str
    where: str = ""
    fix: str = ""
    findings: list[ProblemFinding] = Field(default_factory=list)


#: The first that an error is of decides.
_STATUS: tuple[tuple[type[UserError], HTTPStatus], ...] = (
    (NotAuthenticated, HTTPStatus.UNAUTHORIZED),
    (NotAllowed, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (AlreadyExists, HTTPStatus.CONFLICT),
    (UnderWay, HTTPStatus.CONFLICT),
    (TransitionRefused, HTTPStatus.CONFLICT),
    (TooMuch, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (NotSupported, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (TooOften, HTTPStatus.TOO_MANY_REQUESTS),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (Unreadable, HTTPStatus.INTERNAL_SERVER_ERROR),
)
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Bearer realm="mmm-app"'},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "60"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
}


def status_of(error: UserError) -> HTTPStatus:
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.UNPROCESSABLE_ENTITY


def problem(error: UserError) -> JSONResponse:
    """An error that a person can act on, as an answer."""
    status = status_of(error)
    findings = error.findings if isinstance(error, InvalidInput) else ()
    document = ProblemDocument(
        title=status.phrase,
        status=status.value,
        detail=str(error),
        what=error.what,
        where=error.where,
        fix=error.fix,
        findings=[ProblemFinding(**asdict(finding)) for finding in findings],
    )
    return _answer(document, status)


def defect(error: Exception) -> JSONResponse:
    """A defect of ours: its trace goes to the log under an id, and only the id to whoever asked."""
    log_id = secrets.token_hex(4)
    log.error("unexpected %s (%s)", type(error).__name__, log_id, exc_info=error)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    what, fix = "Something unexpected went wrong.", f"Ask an administrator to look for {log_id}."
    document = ProblemDocument(
        title=status.phrase, status=status.value, detail=f"{what} {fix}", what=what, fix=fix
    )
    return _answer(document, status)


def plain_problem(status: HTTPStatus, what: str, headers: dict[str, str]) -> JSONResponse:
    """An error of the address or method that was asked for."""
    document = ProblemDocument(title=status.phrase, status=status.value, detail=what, what=what)
    answer = _answer(document, status)
    answer.headers.update(headers)
    return answer


def _answer(document: ProblemDocument, status: HTTPStatus) -> JSONResponse:
    headers = _HEADERS.get(status)
    return JSONResponse(document.model_dump(), status.value, media_type=MEDIA_TYPE, headers=headers)
