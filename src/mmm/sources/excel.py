"""Excel workbooks: a sheet's table as Arrow batches. The sheet, the header and rows that are no data
are found, said, and can be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetVisibleEnum,
)

from mmm.errors import InvalidInput, NotFound, UserError
from mmm.sources.base import Batches
from mmm.sources.date_parts import Parts, find_parts
from mmm.sources.describe import describe, misfits, notes_of, questions, type_of
from mmm.sources.excel_columns import Cells, as_text, read_cells
from mmm.sources.excel_xml import error_notes, formulas_without_value, sheet_xml
from mmm.sources.header import Header, Merged, find_header
from mmm.sources.left_out import LeftOut, why_no_data
from mmm.sources.names import named, require_names
from mmm.sources.reading import Reading, ReadOptions

_BATCH_ROWS = 65_536
#: Rows above and below the wanted ones that a preview reads, for title lines and totals.
_AROUND = 60
_CELLS_NAMED = 8


@dataclass(frozen=True)
class _Table:
    """A sheet's table: its columns, and what was found about it."""

    columns: tuple[Cells, ...]
    header: Header
    numbers: tuple[int, ...]
    skipped: tuple[str, ...]
    left_out: LeftOut
    notes: tuple[str, ...]
    where: str
    sheet: str


class Workbook:
    """One workbook. Without a sheet in the options the first visible one with a table is read."""

    def __init__(self, path: Path, options: ReadOptions | None = None) -> None:
        self._path, self._options = path, options or ReadOptions()
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
        """Names of the sheets that hold cells, the visible ones first."""
        hidden = self._hidden()
        with_cells = [
            name for name in self._book.sheet_names if self._book.get_sheet_by_name(name).height
        ]
        return sorted(with_cells, key=lambda name: name in hidden)

    def _hidden(self) -> set[str]:
        return {
            sheet.name
            for sheet in self._book.sheets_metadata
            if sheet.visible is not None and sheet.visible != SheetVisibleEnum.Visible
        }

    def _is_table(self, name: str) -> bool:
        """Whether a visible sheet is more than a cover: three rows and two columns at least."""
        sheet = self._book.get_sheet_by_name(name)
        return name not in self._hidden() and sheet.height >= 3 and sheet.width >= 2

    def batches(self, sheet: str | None = None, rows: int | None = None) -> Batches:
        """The sheet's table; `rows` limits how many are read, and then open questions do not stop.

        Raises InvalidInput with the questions where a column can be read in two ways, and for
        formulas whose value was never stored.
        """
        table = self._table(sheet, rows)
        states = [cells.state for cells in table.columns]
        if rows is None:
            asked = questions(states, table.where) + misfits(states, table.where, "row")
            if asked:
                raise InvalidInput(f"{table.where} cannot be read yet:", asked)
        return self._batches(table, rows)

    def reading(self, sheet: str | None = None) -> Reading:
        """How the sheet is read, open questions included."""
        table = self._table(sheet, None)
        return _reading(table, self._others(table.sheet), self._options, _parts(table))

    def _batches(self, table: _Table, rows: int | None) -> Batches:
        kept = [cells for cells in table.columns if _has_values(cells)] or list(table.columns)
        notes = list(table.notes)
        empty = [cells.name for cells in table.columns if not _has_values(cells)]
        if empty and len(kept) < len(table.columns):
            listed = ", ".join(map(repr, empty))
            notes.append(f"Without a value in any row, and left out: {listed}.")
        for cells in kept:
            notes += notes_of(cells.state, "row")
        arrow = pa.table([cells.array() for cells in kept], names=[cells.name for cells in kept])
        types = [cells.source_type() for cells in kept]
        parts = _parts(table)
        if parts is not None:
            notes.append(parts.note)
            days = [day for batch in arrow.to_batches() for day, _ in parts.days(batch)]
            arrow = arrow.add_column(0, parts.name, pa.array(days, pa.date32()))
            types.insert(0, parts.words)
        if rows is not None:
            arrow = arrow.slice(0, rows)
        return Batches(
            arrow.schema,
            lambda: iter(arrow.to_batches(max_chunksize=_BATCH_ROWS)),
            tuple(types),
            tuple(notes),
            reading=_reading(table, self._others(table.sheet), self._options, parts),
        )

    def _table(self, sheet: str | None, rows: int | None) -> _Table:
        sheet = self._chosen(sheet)
        cells = self._book.get_sheet_by_name(sheet)
        first_row, first_column = cells.start or (0, 0)
        lines = cells.to_python(nrows=None if rows is None else rows + _AROUND)
        where = f"{self._path.name}, sheet {sheet!r}"
        header = self._header(cells, lines, where)
        names, name_notes = named(header.names)
        require_names(names, where)
        self._require_columns(names, where)
        body, numbers, left_out = self._body(lines, header, names, first_row)
        if not body:
            raise UserError("has a header but no rows.", where=where)
        content = sheet_xml(self._path, sheet)
        _require_values(content, frozenset(numbers), (first_column, len(names)), where)
        skipped = tuple(
            f"row {first_row + i + 1}: {' '.join(filter(None, _texts(lines[i])))[:80]}"
            for i in header.skipped
        )
        notes = (
            *self._sheet_notes(sheet),
            *_header_notes(header, first_row, skipped),
            *name_notes,
            *error_notes(content, sheet),
            *left_out.notes(),
        )
        columns = read_cells(names, body, numbers, self._options)
        return _Table(
            tuple(columns), header, tuple(numbers), skipped, left_out, notes, where, sheet
        )

    def _header(self, cells: CalamineSheet, lines: Sequence[Sequence[Any]], where: str) -> Header:
        first_row, first_column = cells.start or (0, 0)
        given = self._options.header_row
        return find_header(
            [_texts(line) for line in lines[: 2 * _AROUND]],
            first=None if given is None else given - 1 - first_row,
            count=self._options.header_rows,
            merged=_merged(cells, first_row, first_column),
            where=where,
        )

    def _body(
        self,
        lines: Sequence[Sequence[Any]],
        header: Header,
        names: Sequence[str],
        first_row: int,
    ) -> tuple[list[Sequence[Any]], list[int], LeftOut]:
        """(the rows of data, their numbers in the sheet, what was left out)."""
        body, numbers, left_out = [], [], LeftOut("row")
        for place in range(header.end, len(lines)):
            texts = _texts(lines[place])
            why = why_no_data(texts, names, self._options.keep_totals)
            if why is not None:
                left_out.add(why, first_row + place + 1, " ".join(filter(None, texts)))
                continue
            body.append(lines[place])
            numbers.append(first_row + place + 1)
        return body, numbers, left_out

    def _require_columns(self, names: Sequence[str], where: str) -> None:
        unknown = [name for name in self._options.columns if name not in names]
        if unknown:
            raise UserError(
                f"there is no column {unknown[0]!r}.",
                where=where,
                fix=f"Its columns are: {', '.join(names[:20])}.",
            )

    def _others(self, sheet: str) -> tuple[str, ...]:
        """The other sheets with cells, in words."""
        hidden = self._hidden()
        found = []
        for name in self.sheets():
            if name == sheet:
                continue
            rows = self._book.get_sheet_by_name(name).height
            found.append(f"{name!r} ({rows:,} rows{', hidden' if name in hidden else ''})")
        return tuple(found)

    def _sheet_notes(self, sheet: str) -> list[str]:
        others = self._others(sheet)
        if not others:
            return []
        hidden = " (hidden)" if sheet in self._hidden() else ""
        return [f"Sheet {sheet!r}{hidden} was read; other sheets with cells: {', '.join(others)}."]

    def _chosen(self, sheet: str | None) -> str:
        sheets = self.sheets()
        if not sheets:
            raise UserError("has no sheet with cells in it.", where=self._path.name)
        if sheet is None:
            return next(filter(self._is_table, sheets), sheets[0])
        if sheet not in self._book.sheet_names:
            raise NotFound(
                f"has no sheet {sheet!r}.",
                where=self._path.name,
                fix=f"Its sheets are: {', '.join(sheets)}.",
            )
        if sheet not in sheets:
            raise UserError(f"the sheet {sheet!r} is empty.", where=self._path.name)
        return sheet


def _texts(line: Sequence[Any]) -> list[str]:
    return [as_text(value) or "" for value in line]


def _has_values(cells: Cells) -> bool:
    return any(value is not None for value in cells.values)


def _merged(cells: CalamineSheet, first_row: int, first_column: int) -> list[Merged]:
    """Merged cells, counted from the first cell that is used; none where the format tells none."""
    try:
        ranges = cells.merged_cell_ranges or []
    except CalamineError:
        return []
    return [
        (
            (first[0] - first_row, first[1] - first_column),
            (last[0] - first_row, last[1] - first_column),
        )
        for first, last in ranges
    ]


def _header_notes(header: Header, first_row: int, skipped: Sequence[str]) -> list[str]:
    found = []
    rows = " and ".join(str(first_row + row + 1) for row in header.rows)
    if skipped:
        found.append(
            f"The header is row {rows}; what stands above it was left out ({'; '.join(skipped)})."
        )
    if len(header.rows) > 1:
        found.append(f"The header rows {rows} were joined.")
    if header.units:
        found.append("The row below the header holds units; it was left out of the data.")
    return found


def _require_values(
    content: bytes, rows: frozenset[int], columns: tuple[int, int], where: str
) -> None:
    """Raise UserError naming the cells of the table whose formula has no stored value. `rows` are
    the sheet's rows of data, from 1, `columns` the first and how many.
    """
    first, count = columns
    cells = [
        name
        for row, column, name in formulas_without_value(content)
        if row + 1 in rows and first <= column < first + count
    ]
    if cells:
        more = f" and {len(cells) - _CELLS_NAMED} more" if len(cells) > _CELLS_NAMED else ""
        raise UserError(
            f"formulas without a stored value: {', '.join(cells[:_CELLS_NAMED])}{more}.",
            where=where,
            fix="Open the workbook in Excel and save it, so that the values are stored.",
        )


def _parts(table: _Table) -> Parts | None:
    """The columns that make a date, where the sheet has none."""
    arrays = [cells.array() for cells in table.columns]
    arrow = pa.table(arrays, names=[cells.name for cells in table.columns])
    return find_parts(arrow.schema, lambda: iter(arrow.to_batches()), table.where)


def _reading(
    table: _Table, others: tuple[str, ...], options: ReadOptions, parts: Parts | None
) -> Reading:
    units = [*table.header.units, *[""] * (len(table.columns) - len(table.header.units))]
    columns = []
    for cells, unit in zip(table.columns, units, strict=False):
        said = describe(cells.state, unit, "row")
        if cells.others and not cells.mixed and not cells.as_dates:
            said = said.model_copy(update={"type": type_of(cells.array().type), "written": ""})
        columns.append(said)
    if parts is not None:
        columns.insert(0, parts.described())
    first = table.numbers[0] - (table.header.end - table.header.rows[0]) if table.numbers else 1
    return Reading(
        sheet=table.sheet,
        other_sheets=others,
        header=tuple(first + row - table.header.rows[0] for row in table.header.rows),
        skipped=table.skipped,
        left_out=tuple(table.left_out.records()),
        columns=tuple(columns),
        given=options,
    )
