"""The report's charts on a dark page: the same chart with its colours exchanged."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mmm.results import charts

PAGE = "#10171e"  # as in .streamlit/config.toml
_DARK = {
    "#ffffff": PAGE,
    charts.INK: "#e3eaf0",
    charts.MUTED: "#a3b1be",
    charts.BLUE: "#4a9fe0",
    charts.ORANGE: "#f0894a",
    "#e7ebef": "#243039",
    "#c3ccd4": "#3c4a57",
    "#a9c9e2": "#2d5f86",
    "#a8c6dc": "#2f5f80",
    "#5fa4d3": "#3c81b3",
    "#5c6b7a": "#8b98a5",
    "#ccd4db": "#4a5763",
    "#cfe0ee": "#2b4d68",
    "#dbe7f2": "#1d3044",
    "#f4e2cf": "#3d2c1c",
    "#332288": "#7d6fe0",
    "#117733": "#2fa35a",
    "#882255": "#c4568f",
}
_DATA = ("values", "datasets")


def as_page(spec: Any) -> Any:
    """A Vega-Lite specification in the colours of the page that is looked at."""
    return in_dark(spec) if st.context.theme.type == "dark" else spec


def in_dark(spec: Any) -> Any:
    """A copy of a Vega-Lite specification with dark colours; its data are left as they are."""
    if isinstance(spec, dict):
        changed = {}
        for name, part in spec.items():
            is_data = name in _DATA and _is_data(part)
            changed[name] = part if is_data else in_dark(part)
        return changed
    if isinstance(spec, list):
        return [in_dark(part) for part in spec]
    return _DARK.get(spec, spec) if isinstance(spec, str) else spec


def _is_data(part: Any) -> bool:
    """Rows, not the `values` of an axis."""
    return isinstance(part, dict) or (
        isinstance(part, list) and any(isinstance(row, dict) for row in part)
    )
