"""Texts that a spreadsheet would run as formulas, made harmless before they leave in a table.

A table may be opened with another separator than it was written with, so the start of a field is
every start that comma, semicolon, tab or line break could make. Blanks before the sign do not stop
a formula, and full-width signs count as the plain ones.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_START = re.compile(r"(^|[,;\t\r\n])(\s*)(?=[=+\-@＝＋－＠])")
#: A control character at the start of a cell is skipped by some spreadsheets, and what follows runs.
_CONTROL = ("\t", "\r", "\n")


def neutral(value: Any) -> Any:
    """The value; a text that could be a formula has an apostrophe before each such place."""
    if not isinstance(value, str):
        return value
    found = _START.sub(r"\1\2'", value)
    if found[:1].isspace() and found != value:
        return f"'{found}"  # a cell's own leading blanks may be taken away
    return f"'{found}" if found.startswith(_CONTROL) else found


def neutral_table(table: pa.Table) -> pa.Table:
    """The table with harmless texts and column names."""
    import pyarrow as pa

    for i, field in enumerate(table.schema):
        column = table.column(i)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            # Of millions of rows few texts differ.
            coded = column.combine_chunks().dictionary_encode()
            texts = pa.array([neutral(text) for text in coded.dictionary.to_pylist()], column.type)
            table = table.set_column(i, field.name, texts.take(coded.indices))
    return table.rename_columns([neutral(name) for name in table.column_names])
