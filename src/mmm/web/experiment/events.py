"""The event calendar: own holidays, school holidays, promotions, paydays, outages; typed in a table,
or taken from a file.
"""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from mmm.experiments.submission import events_of
from mmm.web.experiment.fields import Form
from mmm.web.experiment.typed_table import rows_of, rows_of_file, typed_table

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
        rows_of_file(
            draft,
            _PATH,
            "A table of events (CSV or Excel): name, first day, last day",
            "Add the events of this file",
            ":material/event:",
            events_of,
        )
