"""Map columns: a role for every column, proposed with a reason, edited with checks, saved in
versions.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.data.mapping import Mapping
from mmm.data.references import dataset_name, find_mapping
from mmm.data.roles import (
    Roles,
    changes,
    check_roles,
    mapping_of,
    roles_of_mapping,
    roles_of_proposal,
)
from mmm.data.saved_mappings import SavedMapping, difference, load_mapping, save_mapping
from mmm.errors import Finding
from mmm.format import count
from mmm.web.data.role_editor import RoleEditor, kpi_kind, role_rows
from mmm.web.data.steps import Step, go_to, stepper
from mmm.web.data.stored_data import (
    chosen_dataset,
    facts_of,
    findings_list,
    mapping_box,
    next_steps,
    proposal_of,
)
from mmm.web.kit.text import moment, plain
from mmm.web.shell import links
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest


def _finding(roles: Roles, findings: Sequence[Finding]) -> None:
    """How far the mapping is, and what it still lacks."""
    errors = [finding for finding in findings if finding.level == "error"]
    used = sum(item.role != "unused" for item in roles.columns)
    state = (
        f"{used} of {count(len(roles.columns), 'column')} {'has' if used == 1 else 'have'} a role"
    )
    if not errors:
        below = f"; {count(len(findings), 'warning')} below" if findings else ""
        st.markdown(f"{state}, nothing is missing{below}.")
        return
    st.markdown(f"{state}; {count(len(errors), 'thing')} to put right before it can be saved:")
    lines = []
    for finding in errors:
        where = f"{finding.where!r}: " if finding.where else ""
        lines.append(f"- {plain(where + finding.what)}")
    st.error("\n".join(lines), icon=":material/error:")


def _changed(before: Mapping | None, now: Mapping, base: str | None) -> None:
    if before is None:
        return
    lines = changes(before, now)
    if lines:
        name = base or "the proposal"
        with st.expander(
            f"{count(len(lines), 'change')} against {plain(name)}", icon=":material/difference:"
        ):
            st.markdown("\n".join(f"- {plain(line)}" for line in lines))


def _save(
    editor: RoleEditor, manifest: DatasetManifest, mapping: Mapping | None, base: str | None
) -> None:
    st.subheader("Save")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        usual = base.partition("@")[0] if base else manifest.market
        name = st.text_input(
            "Name", usual, key=f"{editor.draft}-name", help="A known name gets a new version."
        )
        goes_on = st.button(
            "Save and check the data",
            type="primary",
            icon=":material/arrow_forward:",
            disabled=mapping is None,
        )
        saves = st.button("Save the mapping", icon=":material/save:", disabled=mapping is None)
        if st.button(
            "Start again", icon=":material/undo:", help="Forget what has been changed here."
        ):
            editor.forget()
            st.rerun()
    if mapping is None:
        st.caption(
            "What you have done is kept as a draft; it can be saved when nothing is missing."
        )
    elif saves or goes_on:
        version = save_mapping(workspace(), name.strip(), mapping, manifest, current_user())
        editor.forget()
        called = f"{name.strip()}@{version}"
        if goes_on:
            go_to(Step.CHECK, manifest, called)
        st.query_params["mapping"] = st.session_state["mapping-saved"] = called
        st.rerun()


def _history(manifest: DatasetManifest, base: str | None) -> None:
    names = workspace().mapping_names()
    if not names:
        return
    st.subheader("Saved mappings")
    of = base.partition("@")[0] if base else names[0]
    name = st.selectbox(
        "Name", names, names.index(of) if of in names else 0, key=f"history-of-{of}", width=320
    )
    versions = sorted(workspace().mapping_versions(name), reverse=True)
    saved = {version: load_mapping(workspace(), name, version) for version in versions}
    for version, item in saved.items():
        when = f" · {moment(item.saved)}" if item.saved else ""
        called = f"{name}@{version}"
        links.link(
            links.MAP,
            called,
            icon=":material/history:",
            dataset=dataset_name(manifest),
            mapping=called,
        )
        st.caption(
            f"by {plain(item.saved_by)} for {plain(item.dataset)}{when}. {_since(saved, version)}"
        )


def _since(saved: dict[int, SavedMapping], version: int) -> str:
    """What a version does otherwise than the one before it."""
    if version - 1 not in saved:
        return "The first version."
    lines = changes(saved[version - 1].mapping, saved[version].mapping)
    return plain(" ".join(lines)) if lines else "The same as the version before."


def _page(manifest: DatasetManifest, steps: DeltaGenerator) -> None:
    base = mapping_box("Begin from", "The proposal, by names and content")
    with steps:
        stepper(Step.MAP, manifest, base)
    saved = find_mapping(workspace(), base)[1] if base else None
    facts, proposal = facts_of(manifest), proposal_of(manifest)
    names = [item.name for item in facts]
    begin = roles_of_proposal(proposal) if saved is None else roles_of_mapping(saved.mapping, names)
    editor = RoleEditor.of("mapping", "mapping.save", manifest, base)
    roles = editor.roles(begin)
    findings = check_roles(roles, facts)
    wrong = any(finding.level == "error" for finding in findings)
    mapping = None if wrong else mapping_of(roles)
    with (
        st.container()
    ):  # what comes and goes here does not move the fields below out of their place
        if name := st.session_state.pop("mapping-saved", None):
            st.success(f"Saved as **{plain(name)}**.", icon=":material/check_circle:")
            next_steps(manifest, name)
        elif roles != begin:
            st.info(
                "You have changes that are not saved. They are kept as your draft.",
                icon=":material/edit_note:",
            )
        if saved is not None:
            findings_list(difference(saved, manifest).findings())
        _finding(roles, findings)
        if mapping is not None:
            _changed(saved.mapping if saved else proposal.mapping, mapping, base)
    kpi_kind(editor, roles)
    role_rows(editor, roles, facts, proposal, findings)
    if editor.may_edit:
        with border():
            _save(editor, manifest, mapping, base)
    else:
        st.caption(f"Your role, {current_user().role}, may look at mappings and save none.")
    _history(manifest, base)


st.title("Map columns")
steps = st.container()
st.markdown(
    "Which column plays which role: the KPI to explain, what was spent and seen, what else moves the KPI. "
    "Amounts stay in the units of the data; the experiment names their currency."
)
chosen = chosen_dataset()
if chosen is not None:
    _page(chosen, steps)
