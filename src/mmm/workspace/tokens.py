"""Tokens of programs, kept as hashes: whoever reads the workspace cannot act with them."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from mmm.access import Role
from mmm.errors import AlreadyExists, NotFound
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, read_all


class Scope(StrEnum):
    """What a token may ask for: look, store, start compute. Each alone."""

    READ = "read"
    WRITE = "write"
    COMPUTE = "compute"


class StoredToken(BaseModel):
    """A token without its secret. `sha256` is that of the whole text a program sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_id: str
    name: str
    sha256: str
    role: Role
    scopes: tuple[Scope, ...]
    created: datetime
    created_by: str
    expires: datetime


class Revoked(BaseModel):
    """Who ended a token, and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: datetime
    actor: str


class Tokens(Part):
    """tokens/<token_id>.json, and revoked_tokens/<token_id>.json, each created once."""

    def save_token(self, token: StoredToken) -> None:
        self._create(_key(token.token_id), token, "token")

    def token(self, token_id: str) -> StoredToken | None:
        """The token of an id that is known to be hexadecimal; None where there is none."""
        try:
            return self._read(_key(token_id), StoredToken, "token")
        except NotFound:
            return None

    def tokens(self) -> Found[StoredToken]:
        """All tokens, the newest first, also those that have ended."""
        keys = [f"tokens/{name}" for name in self._objects.names("tokens")]
        found, damaged = read_all(keys, lambda key: self._read(key, StoredToken, "token"))
        found.sort(key=lambda token: token.created, reverse=True)
        return Found(found, damaged)

    def revoke_token(self, token_id: str, actor: str, at: datetime) -> None:
        """End a token; ending it again changes nothing."""
        with suppress(AlreadyExists):
            self._create(_revoked_key(token_id), Revoked(at=at, actor=actor), "token_revoked")

    def is_token_revoked(self, token_id: str) -> bool:
        """What is there counts, not what is in it."""
        return self._objects.exists(_revoked_key(token_id))


def _key(token_id: str) -> str:
    return f"tokens/{token_id}.json"


def _revoked_key(token_id: str) -> str:
    return f"revoked_tokens/{token_id}.json"
