"""The event calendar: own holidays, school holidays, promotions, paydays, outages; typed in a table,
or taken from a file.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.experiments.submission import events_of
from mmm.web.data.uploads import table_of_upload
from mmm.web.experiment.draft import Draft
from mmm.web.experiment.fields import Form
from mmm.web.shell.border import border

_PATH = ("events",)
_SCHEMA = pa.schema([("name", pa.string()), ("start", pa.date32()), ("end", pa.date32())])


def events_part(form: Form) -> None:
    """A row per event; each takes effect on its days as a holiday does."""
    draft = form.draft
    events = _events(draft)
    wrong = any(finding.level == "error" for finding in form.found.at("events"))
    title = f"Own events and holidays ({len(events)})" if events else "Own events and holidays"
    with st.expander(title, expanded=wrong):
        st.markdown(
            "What moves the KPI on certain days as a holiday does: school holidays, paydays, a fair, "
            "an outage. Events of one name share one effect."
        )
        _table(draft, events)
        form.tell("events")
        _file(draft, events)


def _events(draft: Draft) -> list[dict[str, Any]]:
    given = draft.get(_PATH, [])
    return [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []


def _table(draft: Draft, events: list[dict[str, Any]]) -> None:
    """A table to type in. Its starting rows stay while its widget does: Streamlit keeps the edits
    apart from them.
    """
    key = draft.key(_PATH)
    kept = f"{key}-rows"
    if kept not in st.session_state or key not in st.session_state:
        st.session_state[kept] = events
    base: list[dict[str, Any]] = st.session_state[kept]
    rows = [
        {**item, "start": _day(item.get("start")), "end": _day(item.get("end"))} for item in base
    ]
    st.data_editor(
        pa.Table.from_pylist(rows, schema=_SCHEMA),
        key=key,
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        column_config={
            "name": st.column_config.TextColumn("Event"),
            "start": st.column_config.DateColumn("First day", format="YYYY-MM-DD"),
            "end": st.column_config.DateColumn("Last day, if another", format="YYYY-MM-DD"),
        },
        on_change=lambda: draft.put(_PATH, edited(base, st.session_state[key]), []),
    )


def edited(base: list[dict[str, Any]], edits: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows with a table widget's edits: changed cells, added and deleted rows. Rows without
    anything in them, and cells without a value, are left out.
    """
    rows = [dict(item) for item in base]
    for number, cells in edits.get("edited_rows", {}).items():
        rows[int(number)] |= cells
    deleted = set(edits.get("deleted_rows", ()))
    rows = [row for number, row in enumerate(rows) if number not in deleted]
    rows += [dict(cells) for cells in edits.get("added_rows", ())]
    full = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return [row for row in full if row]


def _file(draft: Draft, events: list[dict[str, Any]]) -> None:
    file = st.file_uploader(
        "A table of events (CSV or Excel): name, first day, last day",
        type=["csv", "tsv", "txt", "xlsx", "xls"],
        key=draft.key(_PATH, "-file"),
    )
    if file is None or not st.button("Add the events of this file", icon=":material/event:"):
        return
    with border():
        found = events_of(table_of_upload(file), file.name)
        new = [item for item in found if item not in events]
        draft.put(_PATH, [*events, *new], [])
        draft.generation += 1
        st.rerun()


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
