"""Editing a mapping: a row per column, checked as it is edited, kept as a draft until it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from mmm.data.profile import ColumnFacts
from mmm.data.proposal import Proposal
from mmm.data.proposed import ColumnProposal
from mmm.data.roles import (
    DEFAULT_SIGNS,
    KPI_KINDS,
    PARTNERED,
    ROLES,
    SIGNS,
    Roles,
    roles_of_fields,
)
from mmm.errors import Finding
from mmm.web.data.column_rows import content_text, rows_shown
from mmm.web.kit.text import plain
from mmm.web.shell.border import border
from mmm.web.shell.form_draft import FormDraft

ROLE_WORDS = {
    "date": "Date",
    "market": "Market",
    "geo": "Geo",
    "population": "Population",
    "kpi": "KPI",
    "spend": "Spend",
    "exposure": "Exposure",
    "frequency": "Frequency (of a reach)",
    "organic": "Organic media",
    "context": "Context",
    "factor": "Factor",
    "unused": "Not used",
}
_SIGN_WORDS = {"unconstrained": "Unconstrained", "positive": "Positive", "negative": "Negative"}
_KPI_WORDS = {"revenue": "Revenue (money): ROAS", "conversion": "Conversions (counts): CPA"}
#: A proposal less sure than this deserves a look.
_SURE = 0.6
_WIDTHS = (4.4, 1.6, 2.0, 1.5)


class RoleEditor(FormDraft):
    """Editing of one dataset's roles."""

    def roles(self, begin: Roles) -> Roles:
        """As edited so far, here or in an earlier session; at first `begin`."""
        if not self.begun:
            fields = self.kept()
            if fields:
                begin = roles_of_fields(fields, [item.column for item in begin.columns])
            self.begin(begin)
        found: Roles = self.state
        return found

    def change(self, roles: Roles) -> None:
        """Take edited roles and keep them as a draft."""
        self.keep(roles, roles.to_fields())


def kpi_kind(editor: RoleEditor, roles: Roles) -> None:
    """What the KPI counts."""
    key = editor.key("kpi-kind")

    def changed() -> None:
        with border():
            editor.change(replace(roles, kpi_kind=st.session_state[key]))

    st.radio(
        "What the KPI counts",
        KPI_KINDS,
        KPI_KINDS.index(roles.kpi_kind),
        _KPI_WORDS.__getitem__,
        key=key,
        on_change=changed,
        horizontal=True,
        disabled=not editor.may_edit,
    )


def role_rows(
    editor: RoleEditor,
    roles: Roles,
    facts: Sequence[ColumnFacts],
    proposal: Proposal,
    findings: Sequence[Finding],
) -> None:
    """The rows, with what is wrong at each."""
    columns = {item.column: item for item in roles.columns}
    unsure = {item.column for item in proposal.columns if item.confidence < _SURE}
    parts = {
        "Wrong or doubtful": {finding.where for finding in findings if finding.where},
        f"Proposed with less than {_SURE:.0%} confidence": unsure,
        "With a role": {name for name, item in columns.items() if item.role != "unused"},
        "Not used": {name for name, item in columns.items() if item.role == "unused"},
    }
    shown = rows_shown(list(columns), editor.draft, parts)
    if editor.may_edit and len(shown) > 1:
        _all_shown(editor, roles, shown)
    by_name = {item.name: item for item in facts}
    proposed = {item.column: item for item in proposal.columns}
    for name in shown:
        _row(editor, roles, name, by_name[name], proposed[name])
        for finding in findings:
            if finding.where == name:
                colour, icon = "orange", "warning"
                if finding.level == "error":
                    colour, icon = "red", "error"
                st.markdown(
                    f":{colour}-badge[:material/{icon}:] {plain(finding.what)} {plain(finding.fix)}"
                )


def _row(
    editor: RoleEditor, roles: Roles, name: str, facts: ColumnFacts, proposed: ColumnProposal
) -> None:
    item = next(item for item in roles.columns if item.column == name)
    about, role, partner, sign = st.columns(_WIDTHS, vertical_alignment="center")
    about.markdown(f"**{plain(name)}** {plain(content_text(facts))}")
    about.caption(
        f"Proposed: {ROLE_WORDS[proposed.role].lower()}, {proposed.confidence:.0%} sure: {plain(proposed.reason)}"
    )

    def changed(field: str, key: str) -> None:
        value = st.session_state[key]
        now = item.as_role(value) if field == "role" else replace(item, **{field: value})
        with border():
            editor.change(roles.with_column(now))

    def select(
        column: st.delta_generator.DeltaGenerator,
        field: str,
        label: str,
        options: list,
        words: dict,
    ) -> None:
        value, key = getattr(item, field), editor.key(f"{field}-{item.role}", name)
        column.selectbox(
            f"{label} of {plain(name)}",
            options,
            options.index(value) if value in options else None,
            lambda option: words.get(option, option),
            key=key,
            on_change=changed,
            args=(field, key),
            label_visibility="collapsed",
            placeholder=label,
            disabled=not editor.may_edit,
        )

    select(role, "role", "Role", list(ROLES), ROLE_WORDS)
    if item.role in PARTNERED:
        select(partner, "partner", "Spend", [spend.column for spend in roles.of("spend")], {})
    if item.role == "spend":
        partners = [other for role in PARTNERED for other in roles.of(role)]
        pairs = [other.column for other in partners if other.partner == name]
        partner.caption(f"with {plain(', '.join(pairs))}" if pairs else "modelled by its spend")
    if item.role in DEFAULT_SIGNS:
        select(sign, "sign", "Sign", list(SIGNS), _SIGN_WORDS)


def _all_shown(editor: RoleEditor, roles: Roles, shown: Sequence[str]) -> None:
    """One role for every column that is shown now."""
    with st.popover(f"Set the role of these {len(shown)}", icon=":material/checklist:"):
        role = st.selectbox(
            "Role", ROLES, len(ROLES) - 1, ROLE_WORDS.__getitem__, key=editor.key("all-roles")
        )
        if st.button("Set it for all of them"):
            for item in roles.columns:
                if item.column in shown:
                    roles = roles.with_column(item.as_role(role))
            editor.change(roles)
            editor.redraw()
            st.rerun()
