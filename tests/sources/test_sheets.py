"""One table on several sheets, and what Excel hides: said, and done when asked."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mmm.errors import NotFound, UserError
from mmm.sources.files import FileSource
from mmm.sources.sheets import split_names

Write = Callable[..., Path]
HEAD = ["week", "sales", "tv spend"]


def weeks(year: int, count: int = 5, head: list[str] = HEAD) -> list[list[Any]]:
    first = dt.date(year, 1, 3)
    days = [first + dt.timedelta(days=7 * i) for i in range(count)]
    return [head, *([day, *range(i, i + len(head) - 1)] for i, day in enumerate(days, start=1))]


def read(path: Path, **options: Any) -> tuple[pa.Table, str]:
    with FileSource(path, **options).batches() as batches:
        return pa.Table.from_batches(batches, batches.schema), "\n".join(batches.notes)


def hide(path: Path, *, rows: tuple[int, ...] = (), columns: str = "", filtered: str = "") -> Path:
    """Hide rows and columns of a workbook's first sheet, as Excel writes it."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    text = files["xl/worksheets/sheet1.xml"].decode()
    for row in rows:
        text = text.replace(f'<row r="{row}">', f'<row r="{row}" spans="1:3" hidden="1">')
    text = text.replace("<sheetData>", f"{columns}<sheetData>")
    text = text.replace("</sheetData>", f"</sheetData>{filtered}")
    files["xl/worksheets/sheet1.xml"] = text.encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_sheets_of_one_table_are_offered_and_appended_when_asked(write_xlsx: Write) -> None:
    later = [["Sales", "week", "radio spend", "TV  spend"]]
    later += [[20 + i, dt.date(2024, 1, 1 + 7 * i), i, 30 + i] for i in range(4)]
    book = write_xlsx(**{"cover": [["x"]], "2023": weeks(2023), "2024": later})

    table, notes = read(book)
    assert table.num_rows == 5
    assert "'2023', '2024' have the same columns; only '2023' was read" in notes
    assert "--sheet '2023,2024'" in notes

    for asked in ("all", "2023, 2024"):
        table, notes = read(book, sheet=asked)
        assert table.column_names == ["week", "sales", "tv spend", "radio spend"]
        assert table["sales"].to_pylist() == [1, 2, 3, 4, 5, 20, 21, 22, 23]
        assert table["tv spend"].to_pylist()[5:] == [30, 31, 32, 33]
        assert table["radio spend"].null_count == 5
        assert "'2023' (5 rows), '2024' (4 rows) were appended" in notes
        assert "Sheet '2023' has no column 'radio spend'" in notes
    assert FileSource(book, sheet="all").reading().sheet == "2023,2024"


def test_dates_on_two_sheets_are_refused_unless_the_sheet_tells_them_apart(
    write_xlsx: Write,
) -> None:
    book = write_xlsx(DE=weeks(2023), AT=weeks(2023))
    with pytest.raises(UserError, match="'DE' and 'AT' hold the same dates: 2023-01-03") as refused:
        read(book, sheet="all")
    assert "--sheet-column" in refused.value.fix

    table, _ = read(book, sheet="DE,AT", sheet_column="market")
    assert table["market"].to_pylist() == ["DE"] * 5 + ["AT"] * 5
    with pytest.raises(UserError, match="there is a column 'Sales ' already"):
        read(book, sheet="all", sheet_column="Sales ")

    own = [[*row, market] for market in ("DE", "AT") for row in weeks(2023)]
    halves = {"a": own[:6], "b": own[6:]}
    for rows in halves.values():
        rows[0][-1] = "market"
    assert read(write_xlsx(**halves), sheet="all")[0].num_rows == 10


def test_a_cell_is_named_with_its_sheet_and_other_tables_are_refused(write_xlsx: Write) -> None:
    odd = weeks(2024)
    odd[3][1] = "five"
    book = write_xlsx(**{"2023": weeks(2023), "2024": odd, "costs": [["a", "b"], [1, 2], [3, 4]]})
    _, notes = read(book, sheet="all")
    assert "'sales' is kept as text: row 4 of sheet '2024' holds 'five'" in notes
    with pytest.raises(UserError, match="'2023' and 'costs' have other columns"):
        read(book, sheet="2023,costs")
    with pytest.raises(NotFound, match="has no sheet '2023,2025'"):
        read(book, sheet="2023,2025")


def test_names_of_sheets_may_hold_commas() -> None:
    sheets = ["DE", "DE, AT", "CH"]
    assert split_names("DE, AT", sheets) == ["DE, AT"]
    assert split_names("CH,DE , DE, AT", sheets) == ["CH", "DE", "DE, AT"]
    assert split_names("DEX", sheets) == []


def test_hidden_rows_and_columns_are_said_and_left_out_when_asked(write_xlsx: Write) -> None:
    columns = '<cols><col min="3" max="3" width="0" hidden="1" customWidth="1"/></cols>'
    filtered = '<autoFilter ref="A1:C6"><filterColumn colId="1"/></autoFilter>'
    book = hide(write_xlsx(weeks(2023)), rows=(3, 4), columns=columns, filtered=filtered)

    table, notes = read(book)
    assert (table.num_rows, table.num_columns) == (5, 3)
    assert "2 rows are hidden in Excel, by a filter, and were read" in notes
    assert "(row 3, 4)" in notes
    assert re.search("Hidden in Excel and read with the others: column 'tv spend'", notes)
    assert len(FileSource(book).reading().hidden) == 2

    table, notes = read(book, skip_hidden=True)
    assert table.column_names == ["week", "sales"]
    assert table["sales"].to_pylist() == [1, 4, 5]
    assert "2 rows hidden in Excel left out: row 3" in notes
    assert "Hidden in Excel and left out: column 'tv spend'." in notes
    text = book.with_suffix(".csv")
    text.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="it has no hidden rows"):
        FileSource(text, skip_hidden=True)
