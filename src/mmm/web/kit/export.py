"""Tables as CSV files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from mmm.format import Labels, heading
from mmm.formulas import neutral


def csv_text(table: pa.Table, labels: Labels) -> str:
    """The table with headings, numbers in full."""
    headings = [heading(name, labels) for name in table.column_names]
    return csv_of(headings, (row.values() for row in table.to_pylist()))


def csv_of(headings: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Rows under headings; a text that could be a formula gets an apostrophe in front.

    It begins with a byte order mark: without it Excel takes UTF-8 for another encoding.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in (headings, *rows):
        writer.writerow([neutral(value) for value in row])
    return "\ufeff" + out.getvalue()
