"""Excel workbooks: a sheet's cells as one Arrow table. A cell has a type of its own; a column gets
one for all rows.
"""

from __future__ import annotations

import datetime as dt
import html
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from mmm.errors import NotFound, UserError
from mmm.sources.base import Batches
from mmm.sources.names import named, require_names
from mmm.sources.text_types import NULL_MARKERS, TEXT, convert, kind_of, markers_note, why_text

_BATCH_ROWS = 65_536
#: Excel keeps numbers as float64: beyond this an integer is not sure to be the one that was typed.
_EXACT_INTEGER = 2**53
_DATE_KINDS = ("date", "timestamp")


@dataclass(frozen=True)
class _Column:
    array: pa.Array
    source_type: str
    notes: tuple[str, ...] = ()


class Workbook:
    """One workbook; `sheet` None is the first sheet that is not empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._book = CalamineWorkbook.from_path(path)
        except PasswordError:
            raise UserError(
                "is protected by a password.", where=path.name, fix="Save it without one."
            ) from None
        except CalamineError as error:
            raise UserError(
                f"is no readable Excel workbook ({error}).", where=path.name, fix="Save it again."
            ) from None

    def sheets(self) -> list[str]:
        """Names of the sheets that hold cells."""
        return [
            name for name in self._book.sheet_names if self._book.get_sheet_by_name(name).height
        ]

    def batches(self, sheet: str | None = None, rows: int | None = None) -> Batches:
        """The sheet as a table, its first row being the column names; `rows` limits how many are
        read.
        """
        sheet = self._chosen(sheet)
        cells = self._book.get_sheet_by_name(sheet)
        first_row = (cells.start or (0, 0))[0] + 1
        lines = cells.to_python(nrows=None if rows is None else rows + 1)
        where = f"{self._path.name}, sheet {sheet!r}"
        names, name_notes = named([_as_text(value) or "" for value in lines[0]])
        require_names(names, where)
        if len(lines) < 2:
            raise UserError("has a header but no rows.", where=where)
        columns = [
            _column(name, [line[i] if line[i] != "" else None for line in lines[1:]], first_row + 1)
            for i, name in enumerate(names)
        ]
        table = pa.table([column.array for column in columns], names=list(names))
        return Batches(
            table.schema,
            lambda: iter(table.to_batches(max_chunksize=_BATCH_ROWS)),
            tuple(column.source_type for column in columns),
            (
                *name_notes,
                *_error_notes(self._path, sheet),
                *(note for column in columns for note in column.notes),
            ),
        )

    def _chosen(self, sheet: str | None) -> str:
        sheets = self.sheets()
        if not sheets:
            raise UserError("has no sheet with cells in it.", where=self._path.name)
        if sheet is None:
            return sheets[0]
        if sheet not in self._book.sheet_names:
            raise NotFound(
                f"has no sheet {sheet!r}.",
                where=self._path.name,
                fix=f"Its sheets are: {', '.join(sheets)}.",
            )
        if sheet not in sheets:
            raise UserError(f"the sheet {sheet!r} is empty.", where=self._path.name)
        return sheet


def _column(name: str, values: list[Any], first_row: int) -> _Column:
    """One array for a column's cells; `first_row` is the sheet's row (from 1) of the first value."""
    markers: Counter[str] = Counter()
    types = {type(value) for value in values if value is not None}
    if str in types and len(types) > 1:
        rest = [
            value
            for value in values
            if isinstance(value, str) and value.strip().lower() not in NULL_MARKERS
        ]
        if not rest:
            markers = Counter(value for value in values if isinstance(value, str))
            values = [None if isinstance(value, str) else value for value in values]
            types.discard(str)
    array, source_type, why = _array(values, types, first_row)
    notes = [f"Column {name!r} is kept as text: {why}."] if why else []
    if markers:
        notes.append(markers_note(name, markers))
    return _Column(array, source_type, tuple(notes))


def _array(values: list[Any], types: set[type], first_row: int) -> tuple[pa.Array, str, str]:
    """The array, the name of the cells' type, and why it is text when it is text against
    appearance.
    """
    if not types:
        return pa.nulls(len(values)), "empty", ""
    if types == {str}:
        return _texts(values)
    if types == {bool}:
        return pa.array(values, pa.bool_()), "true/false", ""
    if types <= {int, float}:
        return _numbers(values), "number", ""
    if types == {dt.date}:
        return pa.array(values, pa.date32()), "date", ""
    if types <= {dt.date, dt.datetime}:
        stamps = [_at_midnight(value) for value in values]
        return pa.array(stamps, pa.timestamp("us")), "timestamp", ""
    if types == {dt.time}:
        return pa.array(values, pa.time64("us")), "time", ""
    if types == {dt.timedelta}:
        return pa.array(values, pa.duration("us")), "duration", ""
    row, value = _first_other(values, first_row)
    return (
        pa.array([_as_text(v) for v in values], pa.string()),
        "mixed",
        f"row {row} holds {value!r}",
    )


def _at_midnight(value: Any) -> Any:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return value


def _numbers(values: list[Any]) -> pa.Array:
    """Integers when all numbers are whole: Excel itself knows no difference."""
    numbers = [value for value in values if value is not None]
    if all(
        float(n).is_integer() and abs(n) <= _EXACT_INTEGER and str(float(n)) != "-0.0"
        for n in numbers
    ):
        return pa.array([None if value is None else int(value) for value in values], pa.int64())
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _texts(values: list[Any]) -> tuple[pa.Array, str, str]:
    """Cells of text stay text, since somebody made them so; only a whole column of dates is read as
    dates.
    """
    texts = pa.array(values, pa.string())
    kind = kind_of(texts)
    if kind.name in _DATE_KINDS:
        array, _ = convert(kind, texts)
        if array.null_count == texts.null_count:
            return array, f"text, {kind.name}", ""
    numbers = kind.type in (pa.int64(), pa.float64()) and convert(kind, texts)[0].null_count < len(
        texts
    )
    why = (
        "its numbers are text cells; turn them into numbers in Excel if they are meant to be"
        if numbers
        else ""
    )
    return texts, TEXT.name, why or why_text(texts)


def _first_other(values: Sequence[Any], first_row: int) -> tuple[int, str]:
    """The first cell of another type than the column's most frequent one: its row and its text."""
    usual = Counter(type(value) for value in values if value is not None).most_common(1)[0][0]
    place = next(
        i for i, value in enumerate(values) if value is not None and type(value) is not usual
    )
    return first_row + place, str(_as_text(values[place]))


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_INTEGER:
        return str(int(value))
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def _error_notes(path: Path, sheet: str) -> list[str]:
    """Cells that hold an error (#N/A, #DIV/0!) come from the reader like empty ones; the sheet's
    XML tells them apart.

    Only workbooks that are zip archives of XML (.xlsx, .xlsm) can tell.
    """
    if not zipfile.is_zipfile(path):
        return []
    with zipfile.ZipFile(path) as archive:
        member = _sheet_member(archive, sheet)
        content = archive.read(member) if member in archive.namelist() else b""
    if b't="e"' not in content:
        return []
    errors = Counter(
        re.findall(rb'<(?:\w+:)?c\s[^>]*\bt="e"[^>]*>.*?<(?:\w+:)?v>([^<]*)<', content, re.DOTALL)
    )
    found = ", ".join(f"{count} x {error.decode()!r}" for error, count in sorted(errors.items()))
    return [
        f"Sheet {sheet!r}: {errors.total()} cells hold an error and were read as empty ({found})."
    ]


def _sheet_member(archive: zipfile.ZipFile, sheet: str) -> str:
    """The archive's member that holds a sheet; empty for a workbook that is not XML."""
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return ""
    targets = {
        tag["Id"]: tag["Target"]
        for tag in _tags(archive.read("xl/_rels/workbook.xml.rels"), "Relationship")
    }
    for tag in _tags(archive.read("xl/workbook.xml"), "sheet"):
        if tag.get("name") == sheet:
            link = next((value for key, value in tag.items() if key.endswith(":id")), "")
            target = targets.get(link, "")
            return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return ""


def _tags(content: bytes, name: str) -> list[dict[str, str]]:
    """Attributes of all elements of a name."""
    found = re.findall(rf"<(?:\w+:)?{name}\s([^>]*)>", content.decode("utf-8", errors="replace"))
    return [
        {k: html.unescape(v) for k, v in re.findall(r'([\w:]+)="([^"]*)"', text)} for text in found
    ]
