"""The event calendar: own holidays, school holidays, promotions, paydays, outages; typed in a table,
or taken from a file.
"""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from mmm.experiments.submission import events_of
from mmm.web.data.uploads import table_of_upload
from mmm.web.experiment.draft import Draft
from mmm.web.experiment.fields import Form
from mmm.web.experiment.typed_table import Rows, rows_of, typed_table
from mmm.web.shell.border import border

_PATH = ("events",)
_SCHEMA = pa.schema([("name", pa.string()), ("start", pa.date32()), ("end", pa.date32())])


def events_part(form: Form) -> None:
    """A row per event; each takes effect on its days as a holiday does."""
    draft = form.draft
    events = rows_of(draft, _PATH)
    title = f"Own events and holidays ({len(events)})" if events else "Own events and holidays"
    with st.expander(title, expanded=bool(events)):  # its title changes while one types
        st.markdown(
            "What moves the KPI on certain days as a holiday does: school holidays, paydays, a fair, "
            "an outage. Events of one name share one effect."
        )
        typed_table(
            draft,
            _PATH,
            _SCHEMA,
            {
                "name": st.column_config.TextColumn("Event"),
                "start": st.column_config.DateColumn("First day", format="YYYY-MM-DD"),
                "end": st.column_config.DateColumn("Last day, if another", format="YYYY-MM-DD"),
            },
        )
        form.tell("events")
        _file(draft, events)


def _file(draft: Draft, events: Rows) -> None:
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
