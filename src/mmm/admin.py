"""What administrators look at: who may come in, limits, versions, the audit trail. Each function
asks who acts.
"""

from __future__ import annotations

import platform
from datetime import date
from importlib import metadata

import mmm
from mmm.access import LOWEST_ROLE, Role, User
from mmm.engines import ENGINES, load_engine
from mmm.runs.provenance import LIBRARIES, commit
from mmm.settings import LoadedSettings, Settings
from mmm.workspace import Workspace
from mmm.workspace.models import AuditEntry
from mmm.workspace.stored import Found, Unreadable

#: The settings that bound what the platform does.
LIMITS = {
    "AUTH_SESSION_SECONDS": "A sign-in lasts",
    "MMM_TASK_TIMEOUT_SECONDS": "A run may take",
    "MMM_START_TIMEOUT_SECONDS": "A task has to start within",
    "MMM_CRASH_AFTER_SECONDS": "A silent task is given up after",
    "MMM_HEARTBEAT_SECONDS": "A task gives a sign of life every",
}


def people(settings: Settings, by: User) -> list[tuple[str, Role, str]]:
    """(who, role, by which setting) of everybody the settings let in. A person has the first role
    that names them.
    """
    by.require("settings.read")
    lists = (
        ("AUTH_ADMINS", settings.auth_admins, Role.ADMIN),
        ("AUTH_ANALYSTS", settings.auth_analysts, Role.ANALYST),
        ("AUTH_ALLOWED_EMAILS", settings.auth_allowed_emails, settings.auth_default_role),
        (
            "AUTH_ALLOWED_DOMAINS",
            tuple(f"anyone @{domain}" for domain in settings.auth_allowed_domains),
            settings.auth_default_role,
        ),
    )
    found: dict[str, tuple[str, Role, str]] = {}
    for name, members, role in lists:
        for member in members:
            found.setdefault(member, (member, role, name))
    return list(found.values())


def allowed_actions(by: User) -> list[tuple[str, dict[Role, bool]]]:
    """Every action, and whether each role may do it."""
    by.require("settings.read")
    found = []
    for action in LOWEST_ROLE:
        found.append((action, {role: User("", role=role).may(action) for role in Role}))
    return found


def limits(loaded: LoadedSettings, by: User) -> list[tuple[str, str, str, str]]:
    """(what, seconds, setting, origin)."""
    by.require("settings.read")
    lines = {name: (value, origin) for name, value, origin in loaded.lines()}
    return [(what, lines[name][0], name, lines[name][1]) for name, what in LIMITS.items()]


def all_settings(loaded: LoadedSettings, by: User) -> list[tuple[str, str, str]]:
    """(name, value, origin) of every setting; secrets are masked."""
    by.require("settings.read")
    return loaded.lines()


def versions(by: User) -> list[tuple[str, str]]:
    """(what, version): the app, its engines, and what takes part in the numbers."""
    by.require("settings.read")
    engines = [(f"engine {name}", load_engine(name).version) for name in ENGINES]
    libraries = [(name, metadata.version(name)) for name in (*LIBRARIES, "streamlit", "authlib")]
    app = [
        ("mmm-app", mmm.__version__),
        ("commit", commit() or "not known"),
        ("Python", platform.python_version()),
    ]
    return [*app, *engines, *libraries]


def audit_log(workspace: Workspace, by: User, first: date, last: date) -> Found[AuditEntry]:
    """The audit trail's entries from day `first` to day `last` (UTC), newest first. Asking in vain
    is an entry.
    """
    workspace.permit(by, "audit.read", f"{first} to {last}")
    days = [day for day in workspace.audit_days() if first <= day <= last]
    entries: list[AuditEntry] = []
    damaged: list[Unreadable] = []
    for day in reversed(days):
        found = workspace.audit(day)
        entries += reversed(found)
        damaged += found.unreadable
    return Found(entries, damaged)
