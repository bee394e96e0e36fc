"""Whether a sign-in has been ended, asked for with every click and looked up every few seconds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mmm.web.shell.sign_in import signed_in_at
from mmm.workspace import Workspace

#: How long another server may go on with a sign-in that was ended here.
LOOK_SECONDS = 10.0
_MOST_KEPT = 10_000


def digest_of(claims: Mapping[str, Any]) -> str:
    """What a sign-in is known by: the person's id at the provider, and the moment."""
    who = str(claims.get("sub") or claims.get("email"))
    told = f"{claims.get('iss', '')}\n{who}\n{signed_in_at(claims).isoformat()}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


class EndedSignIns:
    """Of one server. What was ended through it counts at once."""

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspace, self._clock = workspace, clock
        self._ended: set[str] = set()
        self._looked: dict[str, float] = {}

    def end(self, claims: Mapping[str, Any], actor: str, at: datetime) -> None:
        """End the sign-in, here and on all servers of the workspace."""
        sign_in = digest_of(claims)
        self._workspace.save_sign_out(sign_in, actor, at)
        self._ended.add(sign_in)

    def ended(self, claims: Mapping[str, Any]) -> bool:
        sign_in, now = digest_of(claims), self._clock()
        if sign_in in self._ended:
            return True
        if now - self._looked.get(sign_in, -LOOK_SECONDS) < LOOK_SECONDS:
            return False
        if self._workspace.has_signed_out(sign_in):
            self._ended.add(sign_in)
            return True
        if len(self._looked) >= _MOST_KEPT:
            self._looked.clear()
        self._looked[sign_in] = now
        return False
