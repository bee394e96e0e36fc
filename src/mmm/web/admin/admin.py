"""Admin: who may do what, connections, limits, versions, and who did what."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import streamlit as st

from mmm import admin
from mmm.access import Role, User
from mmm.format import count
from mmm.runs import wording
from mmm.sources.connections import Connections
from mmm.web.admin.tokens import tokens
from mmm.web.kit.export import csv_of
from mmm.web.kit.tables import table
from mmm.web.kit.text import moment, plain, show_unreadable
from mmm.web.shell.session import current_user, loaded_settings, settings, sign_in, workspace
from mmm.workspace.audit import REFUSED
from mmm.workspace.models import AuditEntry

_DAYS = 7
_SHOWN = 500
_HEADINGS = ("When (UTC)", "Who", "What", "On", "Details")


def _who_may_come_in(user: User) -> None:
    st.subheader("Users and roles")
    people = admin.people(settings(), user)
    if sign_in() is None:
        st.markdown(
            "Nobody signs in: everybody who reaches this address acts as the local user, an admin."
        )
    else:
        st.markdown("Whom the settings name may come in, everybody else is turned away.")
    if people:
        table(
            ("Who", "Role", "Setting"), [(who, str(role), setting) for who, role, setting in people]
        )
    with st.expander("What each role may do"):
        rows = []
        for action, may in admin.allowed_actions(user):
            rows.append((action, *["yes" if may[role] else "no" for role in Role]))
        table(("Action", *(str(role) for role in Role)), rows)
        st.caption("Looking at runs and results is open to everybody who is let in.")


def _connections() -> None:
    st.subheader("Connections")
    connections = Connections.of(settings())
    names = connections.names()
    if not names:
        st.markdown("No connection to a database is saved. The page Connect makes one.")
        return
    st.markdown(
        f"{count(len(names), 'connection')} to read data from. Secrets are never shown, only whether they are set."
    )
    rows = []
    for name in names:
        connection = connections.get(name)
        fields = connection.model_dump(mode="json", exclude={"kind"}, exclude_none=True)
        where = " ".join(f"{field}={value}" for field, value in fields.items())
        rows.append((name, connection.kind, where, ", ".join(connections.secrets_set(name)) or "-"))
    table(("Name", "Kind", "Where and who", "Secrets set"), rows)


def _limits(user: User) -> None:
    st.subheader("Limits")
    upload = (
        "A file to upload may have",
        f"{st.get_option('server.maxUploadSize')} MB",
        "server.maxUploadSize",
        "",
    )
    found = admin.limits(loaded_settings(), user)
    rows = [
        (what, wording.duration(float(seconds)), name, origin)
        for what, seconds, name, origin in found
    ]
    table(("What", "Limit", "Setting", "From"), [*rows, upload])
    with st.expander("All settings"):
        table(("Setting", "Value", "From"), admin.all_settings(loaded_settings(), user))


def _versions(user: User) -> None:
    st.subheader("Versions")
    table(("What", "Version"), admin.versions(user))


def _row(entry: AuditEntry) -> tuple[str, ...]:
    details = json.dumps(entry.details, ensure_ascii=False) if entry.details else ""
    return (
        f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        entry.actor,
        entry.action,
        entry.subject,
        details,
    )


def _chosen_days() -> tuple[date, date]:
    today = datetime.now(UTC).date()
    chosen = st.date_input(
        "Days (UTC)", (today - timedelta(days=_DAYS - 1), today), key="audit-days"
    )
    days = chosen if isinstance(chosen, tuple) else (chosen,)
    return (days[0], days[-1]) if days else (today, today)


def _audit(user: User) -> None:
    st.subheader("Audit log")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first, last = _chosen_days()
        entries = admin.audit_log(workspace(), user, first, last)
        who = st.multiselect(
            "Who", sorted({entry.actor for entry in entries}), placeholder="Everybody"
        )
        what = st.multiselect(
            "What", sorted({entry.action for entry in entries}), placeholder="Everything"
        )
    found = [
        entry
        for entry in entries
        if (not who or entry.actor in who) and (not what or entry.action in what)
    ]
    refused = sum(entry.action.endswith(REFUSED) for entry in found)
    note = f", {refused} of them refused" if refused else ""
    shown = f" The newest {_SHOWN} are shown; the file has them all." if len(found) > _SHOWN else ""
    entries_found = "1 entry" if len(found) == 1 else f"{len(found):,} entries"
    show_unreadable(entries.unreadable)
    st.markdown(f"{entries_found} from {first} to {last}{note}.{shown}")
    rows = [_row(entry) for entry in found]
    table(_HEADINGS, rows[:_SHOWN])
    st.download_button(
        "Download as CSV",
        lambda: csv_of(_HEADINGS, rows),
        file_name=f"audit-{first}-{last}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


st.title("Admin")
acting = current_user()
acting.require("settings.read")
st.markdown(
    f"You act as **{plain(acting.id)}**, {acting.role}. Roles, limits and sign-in come from the server's settings; "
    f"they are read when it starts. It is {moment(datetime.now(UTC))}."
)
_who_may_come_in(acting)
_audit(acting)
tokens(acting)
_connections()
_limits(acting)
_versions(acting)
