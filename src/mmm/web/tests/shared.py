"""What the parts of the area share: a stored history to choose, columns to name, a chart with how to read
it, the numbers behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from mmm.data.references import dataset_name
from mmm.results import charts
from mmm.testing.panel import Columns
from mmm.web.kit.chart import show_chart
from mmm.web.kit.tables import download, table
from mmm.web.kit.text import plain
from mmm.web.shell import links
from mmm.web.shell.session import workspace
from mmm.workspace import DatasetManifest

_NOTHING = "not in the data"
_LOCATIONS = ("location", "geo", "region", "city", "market", "dma", "state")
_DATES = ("date", "day", "week", "time", "ds")
_KPIS = ("y", "kpi", "revenue", "sales", "conversions")


def chosen_history(key: str) -> tuple[DatasetManifest, Columns] | None:
    """A stored dataset and its columns; None where none is stored, which the page says."""
    found: list[DatasetManifest] = list(workspace().datasets())
    if not found:
        st.markdown("A test needs a history with a row for every geo and date; none is stored yet.")
        links.link(links.CONNECT, "Bring in data", icon=":material/upload:")
        return None
    manifest = st.selectbox(
        "History: a row for every geo and date",
        found,
        format_func=lambda one: f"{dataset_name(one)} · {one.origin}",
        key=f"{key}-dataset",
    )
    names = [column.name for column in manifest.columns]
    with st.container(horizontal=True):
        location = _column("Geo", names, _LOCATIONS, f"{key}-location")
        date = _column("Date", names, _DATES, f"{key}-date")
        kpi = _column("KPI", names, _KPIS, f"{key}-kpi")
        spend = st.selectbox("Spend of the channel", [_NOTHING, *names], key=f"{key}-spend")
    return manifest, Columns(location, date, kpi, None if spend == _NOTHING else spend)


def _column(label: str, names: list[str], like: tuple[str, ...], key: str) -> str:
    lowered = [name.casefold() for name in names]
    first = next((lowered.index(word) for word in like if word in lowered), 0)
    chosen: str = st.selectbox(label, names, first, key=key)
    return chosen


def draw(chart: Any, key: str, title: str, reading: str) -> None:
    """A chart under its title, and how to read it."""
    st.subheader(title, anchor=key)
    show_chart(chart, key, title)
    st.caption(f"**How to read it.** {plain(reading)}")


def spec(make: Any, *given: Any) -> dict[str, Any]:
    """A chart as it is drawn."""
    with charts.unvalidated():
        found: dict[str, Any] = make(*given).to_dict(validate=False)
    return found


def numbers(headings: Sequence[str], rows: list[tuple[str, ...]], what: str, file: str) -> None:
    """The numbers behind a chart, `what` their rows are, and the same to download."""
    with st.expander(f"Numbers ({len(rows)} {what})", expanded=True):
        table(headings, rows)
        download("Download as CSV", headings, rows, file)


def names_of(text: str) -> tuple[str, ...]:
    """Names with commas between."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
