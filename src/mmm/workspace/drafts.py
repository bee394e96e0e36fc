"""What people have begun and not saved yet: a form's fields, one object per person and form,
written over.
"""

from __future__ import annotations

import json
import logging
from hashlib import sha256
from typing import Any

from mmm.access import User
from mmm.errors import NotFound
from mmm.workspace.names import checked_name
from mmm.workspace.part import Part
from mmm.workspace.stored import Unreadable

log = logging.getLogger(__name__)


class Drafts(Part):
    """drafts/<who>/<name>.json. The last writer wins: a draft belongs to one person."""

    def save_draft(self, by: User, name: str, fields: dict[str, Any]) -> None:
        """Keep a form's fields (what JSON can hold) until they are saved or dropped."""
        self._objects.put(_key(by, name), json.dumps(fields, indent=1, allow_nan=False).encode())

    def draft(self, by: User, name: str) -> dict[str, Any] | None:
        """The fields as they were last kept; None when the person has begun nothing under this
        name.
        """
        try:
            return self._content(_key(by, name), "draft")
        except NotFound:
            return None
        except Unreadable as damage:  # nothing that was saved is in it
            log.warning("a draft is passed over: %s", damage)
            return None

    def draft_names(self, by: User) -> list[str]:
        return [file.removesuffix(".json") for file in self._objects.names(_folder(by))]

    def drop_draft(self, by: User, name: str) -> None:
        """Forget a draft; forgetting a missing one is no error."""
        self._objects.delete(_key(by, name))


def _folder(by: User) -> str:
    """People's ids hold characters that keys do not."""
    return f"drafts/{sha256(by.id.encode()).hexdigest()[:16]}"


def _key(by: User, name: str) -> str:
    return f"{_folder(by)}/{checked_name(name, 'draft')}.json"
