"""Tables as plain values: columns with their types, rows, and where the next ones begin."""

from __future__ import annotations

import io
import math
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from mmm.services.operation import Fields, File

ARROW = "application/vnd.apache.arrow.stream"
#: Rows of a page, and the most that may be asked for.
ROWS, MOST_ROWS = 1000, 10_000

Limit = Annotated[int, Field(ge=1, le=MOST_ROWS, description="Rows of a page.")]
Offset = Annotated[int, Field(ge=0, le=2**53, description="Rows before the page.")]


class Column(Fields):
    """A column's name and its Arrow type."""

    name: str
    type: str


class Table(Fields):
    """A page of a table. Numbers are as they are stored; what is not known is null. `next_offset` is
    null on the last page.
    """

    columns: list[Column]
    rows: list[list[Any]]
    total_rows: int
    next_offset: int | None = None


def as_table(table: pa.Table, offset: int = 0, limit: int | None = None) -> Table:
    """Rows of a table as plain values; all of them without a limit."""
    page = table.slice(offset, limit)
    names = [_values(page.column(place)) for place in range(page.num_columns)]
    end = offset + page.num_rows
    return Table(
        columns=[Column(name=field.name, type=str(field.type)) for field in table.schema],
        rows=[list(row) for row in zip(*names, strict=True)],
        total_rows=table.num_rows,
        next_offset=end if end < table.num_rows else None,
    )


def as_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The whole table, a row each as names and plain values."""
    rows = []
    for row in table.to_pylist():
        rows.append({name: plain(value) for name, value in row.items()})
    return rows


def plain(value: Any) -> Any:
    """A cell as JSON has it: dates as ISO text, numbers that are none as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return str(value)


def arrow_file(table: pa.Table, name: str) -> File:
    """The whole table as a stream of Arrow."""
    packed = io.BytesIO()
    with pa.ipc.new_stream(packed, table.schema) as writer:
        writer.write_table(table)
    return File(packed.getvalue(), ARROW, f"{name}.arrow")


def _values(column: pa.ChunkedArray) -> list[Any]:
    return [plain(value) for value in column.to_pylist()]
