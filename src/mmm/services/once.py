"""Idempotency keys: the same request under the same key is carried out once, and answered alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from mmm.errors import UserError
from mmm.services.context import Context
from mmm.services.operation import File, Operation
from mmm.workspace.names import utc_now
from mmm.workspace.once import Asked

_LONGEST = 200


class UnderWay(UserError):
    """The same was asked for under the same key, and is being carried out."""


def call_once(
    context: Context, operation: Operation, fields: Mapping[str, Any], body: Any, key: str
) -> dict[str, Any]:
    """The answer of an operation as plain values, or the one it gave when the same asker called it
    under this key before.

    UserError where something else was sent under the key, UnderWay while it is carried out.
    """
    workspace = context.workspace
    what = f"{operation.name} {json.dumps(dict(fields), sort_keys=True, default=str)}"
    if isinstance(body, bytes):
        sent = body
    else:
        sent = json.dumps(body, sort_keys=True, default=str).encode()
    if not key.isascii() or not key.isprintable() or len(key) > _LONGEST:
        fix = f"Use at most {_LONGEST} plain characters."
        raise UserError("cannot be a key.", where="Idempotency-Key", fix=fix)
    digest = hashlib.sha256("\n".join((context.user.id, what, key)).encode()).hexdigest()
    asked = Asked(at=utc_now(), sha256=hashlib.sha256(sent).hexdigest())
    before = workspace.begin_once(digest, asked)
    if before is not None:
        return _answer_of(before, asked)
    try:
        answer = plain_answer(operation.call(context, fields, body))
    except BaseException:
        workspace.forget_once(digest)
        raise
    workspace.end_once(digest, asked.model_copy(update={"answer": answer}))
    return answer


def plain_answer(answer: BaseModel | File) -> dict[str, Any]:
    """An answer as JSON has it; numbers that are none are null."""
    if isinstance(answer, File):
        raise TypeError("a file has no plain values")
    found: dict[str, Any] = json.loads(answer.model_dump_json())
    return found


def _answer_of(before: Asked, now: Asked) -> dict[str, Any]:
    where = "Idempotency-Key"
    if before.sha256 != now.sha256:
        fix = "Use a new key for another request."
        raise UserError("was used for something else.", where=where, fix=fix)
    if before.answer is None:
        fix = "Ask again; where nothing comes of it, look whether it was done and use a new key."
        raise UnderWay("The same request is being carried out.", where=where, fix=fix)
    return before.answer
