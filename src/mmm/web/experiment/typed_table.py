"""A list of the experiment as a table to type in: rows are added, changed and deleted in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.web.data.uploads import table_of_upload
from mmm.web.experiment.draft import Draft
from mmm.web.shell.border import border

Rows = list[dict[str, Any]]
Read = Callable[[pa.Table, str], Rows]


def rows_of(draft: Draft, path: tuple[str | int, ...]) -> Rows:
    """The objects of a list in the draft; what a file held in their place is left out."""
    given = draft.get(path, [])
    if isinstance(given, list):
        return [item for item in given if isinstance(item, dict)]
    return []


def typed_table(
    draft: Draft, path: tuple[str, ...], schema: pa.Schema, columns: Mapping[str, Any]
) -> None:
    """The list at `path` with a column per field of the schema. Its starting rows stay while its
    widget does: Streamlit keeps the edits apart from them.
    """
    key = draft.key(path)
    kept = f"{key}-rows"
    if kept not in st.session_state or key not in st.session_state:
        st.session_state[kept] = rows_of(draft, path)
    base: Rows = st.session_state[kept]
    shown = []
    for item in base:
        shown.append({field.name: _shown(item.get(field.name), field.type) for field in schema})
    st.data_editor(
        pa.Table.from_pylist(shown, schema=schema),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config=dict(columns),
        on_change=lambda: draft.put(path, edited(base, st.session_state[key]), []),
    )


def rows_of_file(
    draft: Draft, path: tuple[str, ...], title: str, button: str, icon: str, read: Read
) -> None:
    """A file whose rows are added to the list at `path`, but for those that it has. `read` makes rows
    of the file's table and its name.
    """
    rows = rows_of(draft, path)
    file = st.file_uploader(
        title, type=["csv", "tsv", "txt", "xlsx", "xls"], key=draft.key(path, "-file")
    )
    if file is None or not st.button(button, icon=icon):
        return
    with border():
        found = read(table_of_upload(file), file.name)
        draft.put(path, [*rows, *(item for item in found if item not in rows)], [])
        draft.generation += 1
        st.rerun()


def edited(base: Rows, edits: dict[str, Any]) -> Rows:
    """The rows with a table widget's edits: changed cells, added and deleted rows. Rows without
    anything in them, and cells without a value, are left out.
    """
    rows = [dict(item) for item in base]
    for number, cells in edits.get("edited_rows", {}).items():
        rows[int(number)] |= cells
    deleted = set(edits.get("deleted_rows", ()))
    rows = [row for number, row in enumerate(rows) if number not in deleted]
    rows += [dict(cells) for cells in edits.get("added_rows", ())]
    full = []
    for row in rows:
        given = {name: value for name, value in row.items() if value is not None}
        if given:
            full.append(given)
    return full


def _shown(value: Any, kind: pa.DataType) -> Any:
    """A value as a cell of the table; None where it is none of its kind."""
    if pa.types.is_date(kind):
        return _day(value)
    if pa.types.is_floating(kind):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else None
    if pa.types.is_list(kind):
        given = value if isinstance(value, list | tuple) else []
        return [item for item in given if isinstance(item, str)]
    return None if value is None else str(value)


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
