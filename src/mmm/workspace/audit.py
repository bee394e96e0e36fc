"""The audit trail: who did what, when, to which object. Entries are only ever added.

Each entry has a link in a chain of hashes: a link holds the hash of its entry and that of the link
before it. An entry that is changed, taken out or put in later no longer fits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime

from mmm.access import NotAllowed, User
from mmm.errors import AlreadyExists
from mmm.workspace.models import AuditEntry, AuditLink
from mmm.workspace.names import new_id, utc_now
from mmm.workspace.objects import Objects
from mmm.workspace.part import Part
from mmm.workspace.stored import Found, encoded, read_all

REFUSED, FAILED = ".refused", ".failed"
_CHAIN = "audit_chain"


class Audit(Part):
    """audit/<yyyy-mm-dd>/<id>.json, days in UTC; audit_chain/0000000001.json: the links."""

    def __init__(self, objects: Objects) -> None:
        super().__init__(objects)
        self._last_link: tuple[int, str] | None = None

    def permit(self, by: User, action: str, subject: str) -> None:
        """Raise NotAllowed where the person's role does not allow the action; the refusal goes into
        the trail.
        """
        try:
            by.require(action)
        except NotAllowed:
            self.append_audit(by, action + REFUSED, subject, role=by.role)
            raise

    @contextmanager
    def deed(self, by: User, action: str, subject: str, **details: object) -> Iterator[None]:
        """Add the entry, then do the block: nothing is done without one. A deed that fails has a
        second entry that says so.
        """
        self.append_audit(by, action, subject, **details)
        try:
            yield
        except Exception as error:
            self.append_audit(by, action + FAILED, subject, why=str(error)[:500])
            raise

    def append_audit(self, by: User, action: str, subject: str, **details: object) -> None:
        """Add an entry."""
        now = utc_now()
        entry = AuditEntry(at=now, actor=by.id, action=action, subject=subject, details=details)
        self._append(_key(now, new_id(now)), entry)

    def append_audit_once(
        self, actor: str, action: str, subject: str, at: datetime, **details: object
    ) -> None:
        """Add the entry unless it is there: one sign-in is seen by many sessions, and by several
        servers.
        """
        name = hashlib.sha256("\n".join((actor, action, subject)).encode()).hexdigest()[:8]
        entry = AuditEntry(at=at, actor=actor, action=action, subject=subject, details=details)
        with suppress(AlreadyExists):
            self._append(_key(at, f"{at.astimezone(UTC):%Y%m%dT%H%M%S}-{name}"), entry)

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

    def _append(self, key: str, entry: AuditEntry) -> None:
        data = encoded(entry, "audit")
        self._objects.create(key, data)
        self._link(key, digest(data))

    def _link(self, key: str, entry_hash: str) -> None:
        """Add the link of an entry. Whoever creates number n+1 comes after number n."""
        number, before = self._last_link or self._newest_link()
        while True:
            link = AuditLink(number=number + 1, entry=key, entry_sha256=entry_hash, before=before)
            data = encoded(link, "audit_link")
            try:
                self._objects.create(_link_key(link.number), data)
            except AlreadyExists:
                number, before = self._newest_link(number)
                continue
            self._last_link = (link.number, digest(data))
            return

    def _newest_link(self, known: int = 0) -> tuple[int, str]:
        """Number and hash of the last link, looked for from a known number on."""
        step = 1
        while self._objects.exists(_link_key(known + step)):
            step *= 2
        newest, gone = known + step // 2, known + step
        while gone - newest > 1:  # listing thousands of links would take longer
            middle = (newest + gone) // 2
            if self._objects.exists(_link_key(middle)):
                newest = middle
            else:
                gone = middle
        return (newest, digest(self._objects.get(_link_key(newest)))) if newest else (0, "")

    def audit_links(self) -> Iterator[tuple[int, bytes]]:
        """(number, stored bytes) of every link in order."""
        for number in self._numbers(_CHAIN):
            yield number, self._objects.get(_link_key(number))

    def audit_keys(self) -> list[str]:
        """Keys of all entries."""
        return [one.key for one in self._objects.everything("audit") if one.key.endswith(".json")]

    def audit_bytes(self, key: str) -> bytes:
        """An entry as it is stored; NotFound when it is gone."""
        return self._objects.get(key)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _link_key(number: int) -> str:
    return f"audit_chain/{number:010d}.json"


def _key(at: datetime, entry_id: str) -> str:
    return f"audit/{at.astimezone(UTC):%Y-%m-%d}/{entry_id}.json"
