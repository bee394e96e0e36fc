"""Series over time as small panels under each other, each with its own scale, how to read it and
its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.format import count
from mmm.results import charts
from mmm.web.kit.dark import as_page
from mmm.web.kit.tables import columns_of, download
from mmm.web.kit.text import plain

_WIDTH, _HEIGHT = 760, 84
#: More points than this per panel only slow the browser down.
_MOST_POINTS = 4000


def series_chart(key: str, panels: Mapping[str, pa.Table], alt: str, how_to_read: str) -> None:
    """Draw one panel per entry: its heading, and a table of `date` and one column of numbers."""
    rows = []
    for heading, table in panels.items():
        dates, values = table.columns
        for day, value in zip(dates.to_pylist(), values.to_pylist(), strict=True):
            known = None if value != value else value
            rows.append({"panel": heading, "date": day.isoformat(), "value": known})
    if len(rows) > _MOST_POINTS * len(panels):
        st.info(
            f"{len(rows):,} points are too many to draw; prepare the data by week or month first."
        )
    else:
        spec = _spec(rows, list(panels))
        st.vega_lite_chart(spec=as_page(spec), theme=None, width="content", key=key, alt=alt)
        st.caption(f"**How to read it.** {plain(how_to_read)}")
    headings = ("Series", "Date", "Value")
    numbers = [(row["panel"], row["date"], row["value"]) for row in rows]
    with st.expander(f"Numbers ({count(len(numbers), 'row')})"):
        st.dataframe(columns_of(headings, numbers), hide_index=True)
        download("Download as CSV", headings, numbers, f"{key}.csv")


def _spec(rows: list[dict[str, Any]], order: list[str]) -> dict[str, Any]:
    """Vega-Lite in the report's colours; names of panels are data, which Vega draws as they are."""
    axis = {
        "labelColor": charts.MUTED,
        "gridColor": "#e7ebef",
        "domainColor": "#c3ccd4",
        "tickColor": "#c3ccd4",
    }
    times = {"format": "%-d %b %Y", "tickCount": 7, "labelOverlap": True}
    return {
        "data": {"values": rows},
        "facet": {
            "row": {
                "field": "panel",
                "type": "nominal",
                "sort": order,
                "title": None,
                "header": {
                    "labelOrient": "top",
                    "labelAnchor": "start",
                    "labelColor": charts.INK,
                    "labelLimit": 600,
                },
            }
        },
        "spec": {
            "width": _WIDTH,
            "height": _HEIGHT,
            "mark": {
                "type": "line",
                "aria": False,
                "color": charts.BLUE,
                "strokeWidth": 1.4,
                "interpolate": "step-after",
            },
            "encoding": {
                "x": {
                    "field": "date",
                    "type": "temporal",
                    "title": None,
                    "scale": {"type": "utc"},
                    "axis": axis | times,
                },
                "y": {
                    "field": "value",
                    "type": "quantitative",
                    "title": None,
                    "axis": axis | {"format": ".3~s", "tickCount": 3},
                },
            },
        },
        "resolve": {"scale": {"y": "independent"}},
        "spacing": 14,
        "background": "#ffffff",
        "padding": {"left": 4, "top": 4, "bottom": 4, "right": 28},
        "config": {"aria": False, "view": {"stroke": None}},
    }
