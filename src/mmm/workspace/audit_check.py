"""Whether the audit trail is as it was written: every link, every entry, nothing between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmm.errors import NotFound
from mmm.workspace.audit import digest
from mmm.workspace.models import AuditLink
from mmm.workspace.stored import Unreadable, read_model

if TYPE_CHECKING:
    from mmm.workspace import Workspace


@dataclass(frozen=True)
class AuditReport:
    """`head` is the last link's hash: noted outside of the workspace, it also tells whether the end
    of the chain was cut off. `before` are entries from before there was a chain.
    """

    entries: int
    head: str
    before: int
    findings: tuple[str, ...]

    def sentence(self) -> str:
        if self.findings:
            return f"The audit trail was changed: {len(self.findings)} findings."
        old = f", {self.before} more from before there was a chain" if self.before else ""
        return f"The audit trail is whole: {self.entries} entries in a chain{old}."


def verify(workspace: Workspace, expected: str = "") -> AuditReport:
    """Follow the chain. `expected` is an earlier report's head, which must be on the way."""
    findings: list[str] = []
    linked: dict[str, int] = {}
    heads: set[str] = set()
    before, last = "", 0
    for number, data in workspace.audit_links():
        if number != last + 1:
            findings.append(f"the links {last + 1} to {number - 1} are missing")
        last = number
        try:
            link = read_model(AuditLink, data, "audit_link", f"link {number}")
        except Unreadable as damage:
            findings.append(str(damage))
            before = digest(data)
            linked[f"(link {number})"] = number
            continue
        if link.number != number or link.before != before:
            findings.append(f"link {number} does not follow the one before it")
        findings += _entry_findings(workspace, link)
        linked[link.entry] = number
        before = digest(data)
        heads.add(before)
    keys = workspace.audit_keys()
    first = min((key for key in linked if key.startswith("audit/")), default="")
    loose = [key for key in keys if key not in linked]
    old = [key for key in loose if not first or key < first]
    findings += [
        f"{key} is in no link: written later, or its link was lost"
        for key in loose
        if key not in old
    ]
    if expected and expected not in heads:
        findings.append("the chain does not hold the head that was noted: its end was cut off")
    return AuditReport(len(heads), before, len(old), tuple(findings))


def _entry_findings(workspace: Workspace, link: AuditLink) -> list[str]:
    try:
        entry = workspace.audit_bytes(link.entry)
    except NotFound:
        return [f"{link.entry} is gone"]
    if digest(entry) != link.entry_sha256:
        return [f"{link.entry} was changed"]
    return []
