"""What was asked for under a key of the asker's, so that asking again does not do it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from mmm.errors import AlreadyExists
from mmm.workspace.part import Part


class Asked(BaseModel):
    """One request. `answer` is null while it is being carried out; `sha256` is that of what was
    sent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: datetime
    sha256: str
    answer: dict[str, Any] | None = None


class Once(Part):
    """asked/<digest of who, what and their key>.json."""

    def begin_once(self, digest: str, asked: Asked) -> Asked | None:
        """None where it is the first time, and it is to be carried out; else what is known of it."""
        try:
            self._create(_key(digest), asked, "asked")
        except AlreadyExists:
            return self._read(_key(digest), Asked, "asked")
        return None

    def end_once(self, digest: str, asked: Asked) -> None:
        """Keep the answer."""
        self._put(_key(digest), asked, "asked")

    def forget_once(self, digest: str) -> None:
        """It was refused: the same key may be used again."""
        self._objects.delete(_key(digest))


def _key(digest: str) -> str:
    return f"asked/{digest}.json"
