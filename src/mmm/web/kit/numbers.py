"""How Streamlit's table shows each kind of number, close to the report's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.format import COLUMNS, Labels, heading

_FORMATS = {
    "effect": "localized",
    "money": "localized",
    "percent": "percent",
    "efficiency": "%.2f",
    "integer": "%d",
    "number": "%.4f",
}


def number_columns(table: pa.Table, labels: Labels) -> Mapping[str, Any]:
    """Headings and formats of a table of numbers."""
    config: dict[str, Any] = {}
    for name in table.column_names:
        number_format = _FORMATS.get(COLUMNS[name][1])
        title = heading(name, labels)
        if number_format:
            config[name] = st.column_config.NumberColumn(title, format=number_format)
        else:
            config[name] = st.column_config.Column(title)
    return config
