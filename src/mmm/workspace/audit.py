"""The audit trail: who did what, when, to which object. Entries are only ever added."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, date, datetime

from mmm.access import NotAllowed, User
from mmm.errors import AlreadyExists
from mmm.workspace.models import AuditEntry
from mmm.workspace.names import new_id, utc_now
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, read_all

REFUSED = ".refused"


class Audit(Part):
    """audit/<yyyy-mm-dd>/<id>.json, days in UTC."""

    def permit(self, by: User, action: str, subject: str) -> None:
        """Raise NotAllowed where the person's role does not allow the action; the refusal goes into
        the trail.
        """
        try:
            by.require(action)
        except NotAllowed:
            self.append_audit(by, action + REFUSED, subject, role=by.role)
            raise

    def append_audit(self, by: User, action: str, subject: str, **details: object) -> None:
        """Add an entry."""
        now = utc_now()
        entry = AuditEntry(at=now, actor=by.id, action=action, subject=subject, details=details)
        self._create(_key(now, new_id(now)), entry, "audit")

    def append_audit_once(
        self, actor: str, action: str, subject: str, at: datetime, **details: object
    ) -> None:
        """Add the entry unless it is there: one sign-in is seen by many sessions, and by several
        servers.
        """
        name = hashlib.sha256("\n".join((actor, action, subject)).encode()).hexdigest()[:8]
        entry = AuditEntry(at=at, actor=actor, action=action, subject=subject, details=details)
        with suppress(AlreadyExists):
            self._create(_key(at, f"{at.astimezone(UTC):%Y%m%dT%H%M%S}-{name}"), entry, "audit")

    def audit_days(self) -> list[date]:
        """Days that have entries, oldest first."""
        days = []
        for name in self._objects.folders("audit"):
            with suppress(ValueError):  # a folder that is not ours
                days.append(date.fromisoformat(name))
        return days

    def audit(self, day: date) -> Found[AuditEntry]:
        """Entries of one day (UTC), oldest first, and those that cannot be read."""
        folder = f"audit/{day:%Y-%m-%d}"
        keys = [f"{folder}/{name}" for name in self._objects.names(folder)]
        entries, damaged = read_all(keys, lambda key: self._read(key, AuditEntry, "audit"))
        entries.sort(key=lambda entry: entry.at)  # a name tells only the second of a sign-in
        return Found(entries, damaged)


def _key(at: datetime, entry_id: str) -> str:
    return f"audit/{at.astimezone(UTC):%Y-%m-%d}/{entry_id}.json"
