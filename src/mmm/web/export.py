"""Tables as CSV files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa

from mmm.results.format import Labels, heading

#: A spreadsheet takes a text that begins with one of these for a formula and runs it.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(table: pa.Table, labels: Labels) -> str:
    """The table with headings, numbers in full; a text that could be a formula gets an apostrophe in front.

    It begins with a byte order mark: without it Excel takes UTF-8 for another encoding.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([_neutral(heading(name, labels)) for name in table.column_names])
    for row in table.to_pylist():
        writer.writerow([_neutral(value) for value in row.values()])
    return "\ufeff" + out.getvalue()


def _neutral(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
