"""A chart of the report on a page, in the colours of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pyarrow as pa
import streamlit as st

from mmm.format import Labels
from mmm.results import charts
from mmm.web.kit.dark import as_page

#: Room for labels that stand out of a chart; Streamlit's frame would cut them off.
_PADDING = {"left": 4, "top": 4, "bottom": 4, "right": 28}


def drawn(
    draw: Callable[[pa.Table, Labels], Any], numbers: pa.Table, labels: Labels
) -> dict[str, Any]:
    """A chart of numbers as `show_chart` takes it."""
    with charts.unvalidated():
        found: dict[str, Any] = draw(numbers, labels).to_dict(validate=False)
    return found


def show_chart(
    chart: dict[str, Any],
    key: str,
    alt: str,
    on_select: Literal["ignore"] | Callable[[], None] = "ignore",
) -> None:
    """Draw a Vega-Lite specification; `alt` is for who does not see it. Its state lies under
    `chart-<key>`.
    """
    # Streamlit narrows a chart of one view to the screen; one of several views keeps its width and
    # scrolls.
    width = chart.get("width")
    st.vega_lite_chart(
        spec={**as_page(chart), "padding": _PADDING},
        theme=None,
        width=width if isinstance(width, int) else "content",
        key=f"chart-{key}",
        alt=alt,
        on_select=on_select,
    )
