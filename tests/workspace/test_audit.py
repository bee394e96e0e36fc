"""The audit trail: refusals are in it, and one sign-in is one entry however many see it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.admin import allowed_actions, audit_log, people, versions
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now

ANN, VIC = User("Ann", "ann@example.com", Role.ADMIN), User("Vic", "vic@example.com", Role.VIEWER)


@pytest.fixture
def workspace() -> Workspace:
    return Workspace("memory://")


def test_a_refusal_is_an_entry(workspace: Workspace) -> None:
    workspace.permit(ANN, "run.cancel", "run-1")
    with pytest.raises(NotAllowed):
        workspace.permit(VIC, "run.cancel", "run-1")
    (entry,) = workspace.audit(utc_now().date())
    assert (entry.actor, entry.action, entry.subject) == (
        "vic@example.com",
        "run.cancel.refused",
        "run-1",
    )
    assert entry.details == {"role": "viewer"}


def test_the_same_moment_of_signing_in_is_one_entry(workspace: Workspace) -> None:
    at = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    for actor in ("ann@example.com", "ann@example.com", "bob@example.com"):
        workspace.append_audit_once(actor, "sign-in", "mmm-app", at, role="admin")
    assert sorted(entry.actor for entry in workspace.audit(date(2026, 3, 1))) == [
        "ann@example.com",
        "bob@example.com",
    ]
    workspace.append_audit_once("ann@example.com", "sign-in", "mmm-app", at.replace(second=58))
    assert len(workspace.audit(date(2026, 3, 1))) == 3
    assert workspace.audit_days() == [date(2026, 3, 1)]


def test_the_log_is_read_by_days_newest_first_and_by_admins_only(workspace: Workspace) -> None:
    days = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 2, 3)]
    for at in days:
        workspace.append_audit_once("ann@example.com", "sign-in", f"server {at.day}", at)
    found = audit_log(workspace, ANN, date(2026, 3, 1), date(2026, 3, 2))
    assert [entry.subject for entry in found] == ["server 2", "server 1"]
    with pytest.raises(NotAllowed):
        audit_log(workspace, VIC, date(2026, 3, 1), date(2026, 3, 2))
    assert [entry.action for entry in workspace.audit(utc_now().date())] == ["audit.read.refused"]
    for look in (
        lambda: people(Settings(), VIC),
        lambda: allowed_actions(VIC),
        lambda: versions(VIC),
    ):
        with pytest.raises(NotAllowed):
            look()


def test_a_person_is_listed_once_with_the_first_role_that_names_them() -> None:
    settings = Settings(
        auth_admins="Ann@example.com",
        auth_analysts="bob@example.com, ann@example.com",
        auth_allowed_domains="example.com",
        auth_default_role="viewer",
    )
    assert people(settings, ANN) == [
        ("ann@example.com", "admin", "AUTH_ADMINS"),
        ("bob@example.com", "analyst", "AUTH_ANALYSTS"),
        ("anyone @example.com", "viewer", "AUTH_ALLOWED_DOMAINS"),
    ]
