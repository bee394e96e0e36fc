"""Joining stored datasets on the page Connect: spend, KPI and control variables of two or three files
as one, with what did not match in sight before anything is stored.
"""

from __future__ import annotations

import streamlit as st

from mmm.data.prepare.join import Joined, JoinPart, JoinRecipe, join
from mmm.data.prepare.join_stored import join_datasets, propose_join
from mmm.data.references import dataset_name
from mmm.errors import UserError
from mmm.format import count
from mmm.web.data.dataset_list import notes_list
from mmm.web.data.stored_data import datasets, datasets_changed, label_of, table_of
from mmm.web.kit.tables import preview
from mmm.web.kit.text import error_markdown, plain
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest

_KEEPS = {
    "all": "All dates and markets that any of them has, with empty cells",
    "shared": "Only those that all of them have",
}
_ROWS_SHOWN = 20


def join_form() -> DatasetManifest | None:
    """Choose, look, store; the dataset once it is stored."""
    named = {dataset_name(manifest): manifest for manifest in datasets()}
    if len(named) < 2:
        st.info("A join needs two stored datasets: store a file for each first.")
        return None
    chosen = st.multiselect(
        "Datasets to join",
        list(named),
        format_func=lambda name: label_of(named[name]),
        placeholder="Two or three: spend, KPI, control variables",
        key="join-datasets",
    )
    if len(chosen) < 2:
        return None
    keep = st.radio("Rows that are kept", list(_KEEPS), format_func=_KEEPS.__getitem__)
    proposed = propose_join(workspace(), chosen, keep)
    parts = [_part(part, named[part.dataset]) for part in proposed.parts]
    recipe = proposed.model_copy(update={"parts": tuple(parts)})
    found = _joined(recipe, named)
    if found is None:
        return None
    return _store(recipe, named[chosen[0]].market)


def _part(part: JoinPart, manifest: DatasetManifest) -> JoinPart:
    """One dataset's date and market, as proposed and as they can be chosen."""
    names = [column.name for column in manifest.columns]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        date = st.selectbox(
            f"Date in {plain(part.dataset)}",
            names,
            names.index(part.date),
            key=f"join-date-{part.dataset}",
        )
        market = st.selectbox(
            f"Market in {plain(part.dataset)}",
            names,
            None if part.market is None else names.index(part.market),
            placeholder="none: for all markets",
            key=f"join-market-{part.dataset}",
        )
        prefix = st.text_input(
            f"Prefix of its columns, {plain(part.dataset)}",
            part.prefix,
            key=f"join-prefix-{part.dataset}-{part.prefix}",
        )
        names_said = st.text_input(
            f"Its markets by the others' names, {plain(part.dataset)}",
            placeholder="Germany=DE, Austria=AT",
            key=f"join-same-{part.dataset}",
        )
    said = {"date": date, "market": market, "prefix": prefix, "same": _same(names_said)}
    return part.model_copy(update=said)


def _same(text: str) -> dict[str, str]:
    """The pairs of `Germany=DE, Austria=AT`."""
    pairs = [pair.partition("=") for pair in text.split(",") if "=" in pair]
    return {name.strip(): other.strip() for name, _, other in pairs}


def _joined(recipe: JoinRecipe, named: dict[str, DatasetManifest]) -> Joined | None:
    """The join in sight; None where it is refused, with the reason shown."""
    try:
        found = join(recipe, [table_of(named[part.dataset]) for part in recipe.parts])
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")
        return None
    rows, columns = found.table.num_rows, found.table.num_columns
    if found.notes:
        st.warning("Not everything matched:", icon=":material/join_inner:")
        notes_list(found.notes)
    else:
        st.success("Every date and market is in all of them.", icon=":material/check_circle:")
    st.markdown(f"**{count(rows, 'row')} of {count(columns, 'column')}**")
    preview(found.table.slice(0, _ROWS_SHOWN))
    return found


def _store(recipe: JoinRecipe, usual: str) -> DatasetManifest | None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        market = st.text_input("Market of the joined dataset", usual, key="join-market").strip()
        asked = st.button("Store the join", type="primary", icon=":material/save:")
    if not asked:
        return None
    made = join_datasets(workspace(), market, recipe, current_user())
    datasets_changed()
    return made
