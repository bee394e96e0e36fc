"""Sign-ins that their person has ended: a copy of the cookie is worth nothing from then on."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from mmm.errors import AlreadyExists
from mmm.workspace.part import Part


class SignOut(BaseModel):
    """Whose sign-in was ended when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: datetime
    actor: str


class SignOuts(Part):
    """sign_outs/<digest of a sign-in>.json, created once. What is there counts, not what is in it."""

    def save_sign_out(self, sign_in: str, actor: str, at: datetime) -> None:
        """End a sign-in, known by a digest of its identity; ending it again changes nothing."""
        with suppress(AlreadyExists):
            self._create(_key(sign_in), SignOut(at=at, actor=actor), "sign_out")

    def has_signed_out(self, sign_in: str) -> bool:
        return self._objects.exists(_key(sign_in))


def _key(sign_in: str) -> str:
    return f"sign_outs/{sign_in}.json"
