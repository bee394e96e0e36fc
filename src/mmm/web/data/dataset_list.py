"""Stored datasets as a list: what they are, from where, by whom, and what to do with them next."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mmm.data.labels import label_dataset
from mmm.data.references import dataset_name
from mmm.format import count
from mmm.web.data.stored_data import datasets, datasets_changed, next_steps, span_text
from mmm.web.kit.text import moment, plain, show_unreadable
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest

_PER_PAGE = 10
_NOTES = 20
_ARCHIVED = "list-archived"


def finding(found: list[DatasetManifest]) -> str:
    """What there is, in a sentence."""
    if not found:
        return "No data are stored in this workspace yet."
    markets = len({manifest.market for manifest in found})
    return (
        f"{count(len(found), 'dataset')} of {count(markets, 'market')}; "
        f"the newest is {plain(dataset_name(found[0]))}, {count(found[0].rows, 'row')} from {plain(found[0].origin)}."
    )


def dataset_list() -> None:
    """All datasets, newest first, by page and market."""
    stored_ones = datasets()
    if st.session_state.get(_ARCHIVED):
        stored_ones = workspace().datasets(archived=True)
    show_unreadable(stored_ones.unreadable)
    if not stored_ones:
        return
    found: list[DatasetManifest] = stored_ones
    st.subheader("Stored datasets")
    st.toggle("Show archived datasets", key=_ARCHIVED)
    markets = sorted({manifest.market for manifest in found})
    if len(markets) > 1:
        chosen = st.multiselect("Market", markets, placeholder="All", key="list-markets", width=320)
        found = [manifest for manifest in found if not chosen or manifest.market in chosen]
    pages = -(-len(found) // _PER_PAGE)
    number = st.pagination(pages, key="list-page") if pages > 1 else 1
    for manifest in found[(number - 1) * _PER_PAGE : number * _PER_PAGE]:
        _item(manifest)


def _item(manifest: DatasetManifest) -> None:
    with st.container(border=True):
        called = f" · {plain(manifest.name)}" if manifest.name else ""
        away = " · archived" if manifest.archived else ""
        st.markdown(f"**{plain(dataset_name(manifest))}**{called} · {plain(manifest.origin)}{away}")
        if manifest.description:
            st.markdown(plain(manifest.description))
        parts = [count(manifest.rows, "row"), count(len(manifest.columns), "column")]
        covered = span_text(manifest)
        if covered:
            parts.append(covered)
        source = manifest.source + (f" {manifest.connection}" if manifest.connection else "")
        made = f" of {manifest.parent}" if manifest.parent else ""
        parts.append(plain(source + made))
        st.caption(
            f"{' · '.join(parts)} · {moment(manifest.created)} by {plain(manifest.created_by)}"
        )
        next_steps(manifest)
        if current_user().may("dataset.label"):
            _label(manifest)


def _label(manifest: DatasetManifest) -> None:
    """A form for what people call the dataset, and a button that archives it."""
    key = dataset_name(manifest)
    with st.popover("Name and archive", icon=":material/edit:"), border():
        with st.form(f"label-{key}", border=False):
            name = st.text_input("Name", manifest.name, max_chars=100)
            description = st.text_area("Description", manifest.description, max_chars=2_000)
            saves = st.form_submit_button("Save", icon=":material/save:")
        archives = st.button(
            "Restore" if manifest.archived else "Archive",
            icon=":material/unarchive:" if manifest.archived else ":material/archive:",
            key=f"archive-{key}",
            help="An archived dataset is in no list; runs that used it still find it.",
        )
        if saves:
            label_dataset(workspace(), key, current_user(), name=name, description=description)
        if archives:
            label_dataset(workspace(), key, current_user(), archived=not manifest.archived)
        if saves or archives:
            datasets_changed()
            st.rerun()


def stored(manifest: DatasetManifest, what: str = "Stored as") -> None:
    """Say that a dataset is there, what a user should know about its reading, and what comes next."""
    rows = f"{count(manifest.rows, 'row')}, {count(len(manifest.columns), 'column')}"
    st.success(
        f"{what} **{plain(dataset_name(manifest))}**: {rows}.", icon=":material/check_circle:"
    )
    notes_list(manifest.notes)
    next_steps(manifest)


def notes_list(notes: Sequence[str]) -> None:
    """What a user should know about a reading or a preparation; many, as of a thousand markets, are
    folded.
    """
    lines = "\n".join(f"- {plain(note)}" for note in notes[:_NOTES])
    if len(notes) > _NOTES:
        lines += f"\n- and {len(notes) - _NOTES:,} more"
        st.expander(count(len(notes), "note"), icon=":material/info:").markdown(lines)
    elif notes:
        st.markdown(lines)
