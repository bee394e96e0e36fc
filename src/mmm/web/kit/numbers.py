"""How Streamlit's table shows each kind of number, close to the report's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from mmm.format import COLUMNS, Labels, heading

_FORMATS = {
    "effect": "localized",
    "money": "localized",
    "percent": "percent",
    "integer": "%d",
    "number": "%.4f",
}
#: Money has at most two decimals, a ratio four significant digits.
_MONEY, _RATIO = 2, "%.4g"
#: Width of a digit and of a cell's edges in pixels: a narrower column would cut leading digits.
_DIGIT, _EDGES, _NARROWEST, _WIDEST = 8, 34, 90, 260


def show_numbers(table: pa.Table, labels: Labels) -> None:
    """A table of numbers, as wide as its numbers, money with at most two decimals."""
    st.dataframe(
        rounded(table, labels), column_config=number_columns(table, labels), hide_index=True
    )


def rounded(table: pa.Table, labels: Labels) -> pa.Table:
    """The table with money rounded to two decimals."""
    for place, name in enumerate(table.column_names):
        if _is_money(name, labels) and pa.types.is_floating(table.column(name).type):
            table = table.set_column(place, name, pc.round(table[name], _MONEY))
    return table


def _is_money(name: str, labels: Labels) -> bool:
    kind = COLUMNS[name][1]
    return kind in ("effect", "money") or (kind == "efficiency" and not labels.revenue)


def _width(values: pa.ChunkedArray, title: str) -> int:
    """Pixels that the longest number of a column needs with its separators."""
    ends = pc.min_max(values).as_py()
    largest = max((abs(end) for end in ends.values() if end is not None), default=0.0)
    digits = len(f"{largest:,.2f}") + 1
    return min(max(_DIGIT * max(digits, len(title) // 2) + _EDGES, _NARROWEST), _WIDEST)


def number_columns(table: pa.Table, labels: Labels) -> Mapping[str, Any]:
    """Headings and formats of a table of numbers."""
    config: dict[str, Any] = {}
    for name in table.column_names:
        kind, title = COLUMNS[name][1], heading(name, labels)
        number_format = _FORMATS.get(kind)
        if kind == "ratio":
            number_format = _RATIO
        if kind == "efficiency":
            number_format = _RATIO if labels.revenue else "localized"
        if number_format and is_number(table[name].type):
            width = _width(table[name], title)
            config[name] = st.column_config.NumberColumn(title, format=number_format, width=width)
        else:
            config[name] = st.column_config.Column(title)
    return config


def is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
