"""Idempotency keys: the same request under the same key is carried out once, and answered alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from mmm.api.problems import UnderWay
from mmm.errors import UserError
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now
from mmm.workspace.once import Asked

_LONGEST = 200


def only_once(
    workspace: Workspace,
    who: str,
    what: str,
    key: str,
    sent: bytes,
    do: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """The answer of `do`, or the one it gave when `who` asked for `what` under this key before.

    UserError where something else was sent under the key, UnderWay while it is carried out.
    """
    if not key.isascii() or not key.isprintable() or len(key) > _LONGEST:
        fix = f"Use at most {_LONGEST} plain characters."
        raise UserError("cannot be a key.", where="Idempotency-Key", fix=fix)
    digest = hashlib.sha256("\n".join((who, what, key)).encode()).hexdigest()
    asked = Asked(at=utc_now(), sha256=hashlib.sha256(sent).hexdigest())
    before = workspace.begin_once(digest, asked)
    if before is not None:
        return _answer_of(before, asked)
    try:
        answer = do()
    except BaseException:
        workspace.forget_once(digest)
        raise
    workspace.end_once(digest, asked.model_copy(update={"answer": answer}))
    return answer


def _answer_of(before: Asked, now: Asked) -> dict[str, Any]:
    where = "Idempotency-Key"
    if before.sha256 != now.sha256:
        fix = "Use a new key for another request."
        raise UserError("was used for something else.", where=where, fix=fix)
    if before.answer is None:
        fix = "Ask again; where nothing comes of it, look whether it was done and use a new key."
        raise UnderWay("The same request is being carried out.", where=where, fix=fix)
    return before.answer
