"""Stored datasets as a list: what they are, from where, by whom, and what to do with them next."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mmm.data.references import dataset_name
from mmm.format import count
from mmm.web.data.stored_data import datasets, next_steps, span_text
from mmm.web.kit.text import moment, plain, show_unreadable
from mmm.workspace import DatasetManifest

_PER_PAGE = 10
_NOTES = 20


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
    show_unreadable(stored_ones.unreadable)
    if not stored_ones:
        return
    found: list[DatasetManifest] = stored_ones
    st.subheader("Stored datasets")
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
        st.markdown(f"**{plain(dataset_name(manifest))}** · {plain(manifest.origin)}")
        size = [count(manifest.rows, "row"), count(len(manifest.columns), "column")]
        covered = span_text(manifest)
        source = manifest.source + (f" {manifest.connection}" if manifest.connection else "")
        made = f" of {manifest.parent}" if manifest.parent else ""
        parts = [*size, *([covered] if covered else []), plain(source + made)]
        st.caption(
            f"{' · '.join(parts)} · {moment(manifest.created)} by {plain(manifest.created_by)}"
        )
        next_steps(manifest)


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
