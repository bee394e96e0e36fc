"""Excel: cells keep their values; a column gets one type for all rows; what cannot be read is
named.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmm.errors import NotFound, UserError
from mmm.sources.files import FileSource

Write = Callable[..., Path]


def read(path: Path, **options: Any) -> tuple[pa.Table, tuple[str, ...]]:
    with FileSource(path, **options).batches() as batches:
        return pa.Table.from_batches(batches, batches.schema), batches.notes


def test_types_of_cells(write_xlsx: Write) -> None:
    day, time = dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 10, 30)
    names = ["date", "time", "whole", "part", "text", "flag", "empty"]
    table, notes = read(
        write_xlsx(
            [names, [day, time, 3, 1.5, "na", True, None], [day, day, None, 2, "x", False, None]]
        )
    )
    assert table.to_pydict() == {
        "date": [day, day],
        "time": [time, dt.datetime(2024, 1, 1)],
        "whole": [3, None],
        "part": [1.5, 2.0],
        "text": ["na", "x"],
        "flag": [True, False],
    }
    assert table.schema.types == [
        *(
            pa.date32(),
            pa.timestamp("us"),
            pa.int64(),
            pa.float64(),
            pa.string(),
            pa.bool_(),
        )
    ]
    assert notes == ("Without a value in any row, and left out: 'empty'.",)


def test_mixed_column_is_text_and_names_the_first_other_row(write_xlsx: Write) -> None:
    table, notes = read(write_xlsx([["tv"], [1], [2.5], ["12 EUR"], [dt.date(2024, 1, 1)]]))
    assert table["tv"].to_pylist() == ["1", "2.5", "12 EUR", "2024-01-01"]
    assert notes == ("Column 'tv' is kept as text: row 4 holds '12 EUR'.",)


def test_null_markers_among_numbers(write_xlsx: Write) -> None:
    table, notes = read(write_xlsx([["tv"], [1], ["NA"], ["#N/A"], ["NA"]]))
    assert table["tv"].to_pylist() == [1, None, None, None]
    assert notes == ("Column 'tv': 3 cells were read as empty (1 x '#N/A', 2 x 'NA').",)


def test_errors_in_cells_are_counted(write_xlsx: Write, excel_error: type[str]) -> None:
    rows = [["tv", "name"], [1, "a"], [excel_error("#DIV/0!"), "b"], [excel_error("#N/A"), "c"]]
    table, notes = read(write_xlsx(first=[[]], second=rows))
    assert table.to_pydict() == {"tv": [1, None, None], "name": ["a", "b", "c"]}
    assert notes == (
        "Sheet 'second': 2 cells hold an error and were read as empty (1 x '#DIV/0!', 1 x '#N/A').",
    )


def test_cells_of_text_are_read_as_those_of_a_text_file(write_xlsx: Write) -> None:
    table, notes = read(
        write_xlsx([["id", "n", "d"], ["00123", "1.5", "2024-01-01"], ["4", "2", "2024-01-02"]])
    )
    assert table.to_pydict() == {
        "id": ["00123", "4"],
        "n": [1.5, 2.0],
        "d": [dt.date(2024, 1, 1), dt.date(2024, 1, 2)],
    }
    assert [note.split(":")[0] for note in notes] == ["Column 'id' is kept as text"]


def test_large_numbers_are_not_made_integers(write_xlsx: Write) -> None:
    assert read(write_xlsx([["n"], [2**53], [1]]))[0].schema.types == [pa.int64()]
    assert read(write_xlsx([["n"], [2**60], [1]]))[0].schema.types == [pa.float64()]


def test_a_cover_sheet_is_passed_over(write_xlsx: Write) -> None:
    path = write_xlsx(
        cover=[["Report"], ["2024"]], data=[["day", "a"], ["2024-01-01", 1], ["2024-01-02", 2]]
    )
    table, notes = read(path)
    assert table.column_names == ["day", "a"]
    assert notes == ("Sheet 'data' was read; other sheets with cells: 'cover' (2 rows).",)


def test_the_first_sheet_with_cells_is_read_unless_one_is_chosen(write_xlsx: Write) -> None:
    path = write_xlsx(notes=[], data=[["a"], [1]], other=[["b"], [2]])
    assert FileSource(path).tables() == ["data", "other"]
    assert read(path)[0].to_pydict() == {"a": [1]}
    assert read(path, sheet="other")[0].to_pydict() == {"b": [2]}
    assert FileSource(path).preview("other").to_pydict() == {"b": [2]}
    with pytest.raises(
        NotFound, match=r"book\.xlsx: has no sheet 'x'\. Its sheets are: data, other\."
    ):
        read(path, sheet="x")
    with pytest.raises(UserError, match="the sheet 'notes' is empty"):
        read(path, sheet="notes")


BAD = {
    "no cells": ([], "book.xlsx: has no sheet with cells in it."),
    "header only": ([["a", "b"]], "book.xlsx, sheet 'Sheet1': has a header but no rows."),
    "repeated name": (
        [["a", "a"], [1, 2]],
        "book.xlsx, sheet 'Sheet1', column 'a': 2 columns have this name (1, 2).",
    ),
    "no name at all": (
        [[None, " "], [1, 2]],
        "book.xlsx, sheet 'Sheet1', column 1: the column has no name.",
    ),
}


@pytest.mark.parametrize(("rows", "message"), BAD.values(), ids=BAD)
def test_bad_sheets_are_named(write_xlsx: Write, rows: list[list[Any]], message: str) -> None:
    with pytest.raises(UserError) as caught:
        read(write_xlsx(rows))
    assert message in str(caught.value)


def test_columns_without_a_name_are_called_by_their_place(write_xlsx: Write) -> None:
    table, notes = read(write_xlsx([["a", None], [1, 2]]))
    assert table.to_pydict() == {"a": [1], "column_2": [2]}
    assert notes == ("Column 2 has no name; it is called 'column_2'.",)


def test_a_damaged_workbook_is_named(write_xlsx: Write) -> None:
    path = write_xlsx([["a"], [1]])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"xl/workbook")
    with pytest.raises(UserError, match=r"book\.xlsx: is no readable Excel workbook"):
        read(path)
