"""What whoever runs the platform does with a whole workspace: look for damage, copy, keep, verify.

Each function asks who acts and leaves an entry in the audit trail before it changes anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmm.access import User
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.audit_check import AuditReport, verify
from mmm.workspace.backup import Copied, back_up, restore
from mmm.workspace.doctor import Doctor, Problem
from mmm.workspace.names import utc_now
from mmm.workspace.objects import Objects, open_store
from mmm.workspace.retention import Outdated, Retention


@dataclass(frozen=True)
class Examined:
    """What is wrong, and the keys that were put aside."""

    problems: tuple[Problem, ...]
    moved: tuple[str, ...]


def examine(workspace: Workspace, by: User, *, repair: bool = False) -> Examined:
    """Look through the workspace; with `repair` put aside what can be."""
    workspace.permit(by, "workspace.examine", workspace.url)
    doctor = Doctor(workspace, workspace.objects, utc_now())
    problems = doctor.problems()
    if not repair or not any(problem.aside for problem in problems):
        return Examined(tuple(problems), ())
    aside = sum(len(problem.aside) for problem in problems)
    with workspace.deed(by, "workspace.repair", workspace.url, objects=aside):
        moved = doctor.repair(problems)
    return Examined(tuple(problems), tuple(moved))


def back_up_to(workspace: Workspace, url: str, settings: Settings, by: User) -> Copied:
    """Copy the workspace to another folder or bucket."""
    workspace.permit(by, "workspace.backup", url)
    target = Objects(open_store(url, settings), url)
    with workspace.deed(by, "workspace.backup", url):
        return back_up(workspace.objects, target, workspace.url, utc_now())


def restore_from(workspace: Workspace, url: str, settings: Settings, by: User) -> Copied:
    """Copy a backup into the workspace, which must be empty. The entry comes afterwards: before,
    it would be in the way.
    """
    by.require("workspace.restore")
    source = Objects(open_store(url, settings, create=False), url)
    copied = restore(source, workspace.objects)
    workspace.append_audit(by, "workspace.restore", url, objects=copied.files)
    return copied


def retain(
    workspace: Workspace, days: dict[str, int], by: User, *, apply: bool = False
) -> list[Outdated]:
    """What is older than `days` by kind; with `apply` it is deleted."""
    workspace.permit(by, "workspace.retain", workspace.url)
    retention = Retention(workspace, workspace.objects, days, utc_now())
    found = retention.outdated()
    if apply and found:
        what = [f"{one.kind} {one.what}" for one in found]
        with workspace.deed(by, "workspace.retain", workspace.url, removed=what):
            retention.remove(found)
    return found


def verify_audit(workspace: Workspace, by: User, expected: str = "") -> AuditReport:
    """Whether the audit trail is as it was written."""
    workspace.permit(by, "audit.read", "audit_chain")
    return verify(workspace, expected)
