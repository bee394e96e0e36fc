"""Tables on a page: texts as they are, and a download that a spreadsheet may open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.errors import UserError
from mmm.format import count
from mmm.web.kit.export import csv_of

#: A browser draws no more columns than this at a bearable speed.
_MOST_COLUMNS = 100


def table(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Texts as they are: a table reads no Markdown."""
    st.dataframe(columns_of(headings, rows), hide_index=True, width="stretch")


def columns_of(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """The rows' cells under their headings, as a data frame wants them."""
    columns = {}
    for place, heading in enumerate(headings):
        columns[heading] = [row[place] for row in rows]
    return columns


def download(
    label: str, headings: Sequence[str], rows: Sequence[Sequence[Any]], file_name: str
) -> None:
    """The rows as CSV."""
    st.download_button(
        label,
        lambda: csv_of(headings, rows),
        file_name=file_name,
        mime="text/csv",
        icon=":material/download:",
        key=f"csv-{file_name}",
        on_click="ignore",
    )


def preview(found: pa.Table) -> None:
    """A table's first rows as they are."""
    shown = found.select(list(range(min(found.num_columns, _MOST_COLUMNS))))
    st.dataframe(shown, hide_index=True, width="stretch")
    hidden = found.num_columns - shown.num_columns
    more = f" {count(hidden, 'more column')} not shown." if hidden else ""
    st.caption(
        f"The first {count(found.num_rows, 'row')} of {count(found.num_columns, 'column')}.{more}"
    )


def file_name_of(*parts: str, ending: str) -> str:
    """A file name made of names that may hold anything."""
    joined = "-".join(parts)
    letters = [letter if letter.isalnum() or letter in "-_." else "-" for letter in joined]
    return "".join(letters)[:120] + ending


def parsed_names(text: str, what: str) -> list[str]:
    """Names with commas between them, each once; UserError when there is none."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UserError(f"name the {what}.", where=what, fix="For example DE, or several: DE, FR.")
    return names
