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
from mmm.sources.describe import describe, misfits, notes_of, other_years, questions, type_of
from mmm.sources.excel_columns import Cells, as_text, read_cells
from mmm.sources.excel_hidden import Hidden
from mmm.sources.excel_xml import error_notes, formulas_without_value, sheet_xml
from mmm.sources.header import Header, Merged, find_header
from mmm.sources.left_out import LeftOut, Why, why_no_data
from mmm.sources.names import named, require_names
from mmm.sources.reading import Reading, ReadOptions
from mmm.sources.sheets import ALL, SheetRows, alike, append, require_apart, split_names

_BATCH_ROWS = 65_536
#: Rows above and below the wanted ones that a preview reads, for title lines and totals.
_AROUND = 60
_CELLS_NAMED = 8


@dataclass(frozen=True)
class _Sheet:
    """One sheet: where its table lies, its rows, and what was found about it."""

    rows: SheetRows
    header: tuple[int, ...]
    skipped: tuple[str, ...]
    left_out: LeftOut
    hidden: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Table:
    """The table of one sheet or of several: its columns, and what was found about it."""

    columns: tuple[Cells, ...]
    units: tuple[str, ...]
    sheets: tuple[_Sheet, ...]
    sizes: dict[str, int]
    notes: tuple[str, ...]
    where: str

    @property
    def sheet(self) -> str:
        """The names of its sheets."""
        return ",".join(self.sizes)


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
        return self._reading(table, _parts(table))

    def _reading(self, table: _Table, parts: Parts | None) -> Reading:
        others = self._others(list(table.sizes))
        found = _reading(table, others, self._options, parts)
        return found.model_copy(update={"alike_sheets": tuple(self._alike(table.sheets[0].rows))})

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
        if rows is None:
            require_apart(arrow, table.sizes, table.where)
        else:
            arrow = arrow.slice(0, rows)
        return Batches(
            arrow.schema,
            lambda: iter(arrow.to_batches(max_chunksize=_BATCH_ROWS)),
            tuple(types),
            tuple(notes),
            reading=self._reading(table, parts),
        )

    def _table(self, sheet: str | None, rows: int | None) -> _Table:
        names = self._chosen(sheet)
        sheets = [self._sheet(name, rows) for name in names]
        if sheet == ALL or (sheet is None and self._options.sheet == ALL):
            first = sheets[0].rows
            sheets = [found for found in sheets if alike(first.names, found.rows.names)]
        where = self._where([found.rows.sheet for found in sheets])
        table = append([found.rows for found in sheets], self._options.sheet_column, where)
        self._require_columns(table.names, where)
        columns = read_cells(table.names, table.lines, table.numbers, self._options)
        notes = [*self._sheet_notes(sheets), *table.notes]
        for found in sheets:
            said = f"Sheet {found.rows.sheet!r}: " if len(sheets) > 1 else ""
            notes += [f"{said}{note}" for note in found.notes]
        return _Table(tuple(columns), table.units, tuple(sheets), table.sizes, tuple(notes), where)

    def _where(self, sheets: Sequence[str]) -> str:
        word = "sheet" if len(sheets) == 1 else "sheets"
        return f"{self._path.name}, {word} {', '.join(map(repr, sheets))}"

    def _sheet(self, sheet: str, rows: int | None) -> _Sheet:
        """One sheet's rows; `rows` limits how many are read."""
        cells = self._book.get_sheet_by_name(sheet)
        first_row, first_column = cells.start or (0, 0)
        lines = cells.to_python(nrows=None if rows is None else rows + _AROUND)
        where = self._where([sheet])
        header = self._header(cells, lines, where)
        names, name_notes = named(header.names)
        require_names(names, where)
        content = sheet_xml(self._path, sheet)
        hidden = Hidden.of(content, first_column)
        skipped_rows = hidden.rows if self._options.skip_hidden else frozenset()
        body, numbers, left_out = self._body(lines, header, names, first_row, skipped_rows)
        if not body:
            raise UserError("has a header but no rows.", where=where)
        _require_values(content, frozenset(numbers), (first_column, len(names)), where)
        skipped = tuple(
            f"row {first_row + i + 1}: {' '.join(filter(None, _texts(lines[i])))[:80]}"
            for i in header.skipped
        )
        table = SheetRows(sheet, names, header.units, body, numbers)
        said = hidden.words(table)
        if self._options.skip_hidden:
            table, said = hidden.without_columns(table)
        return _Sheet(
            table,
            tuple(first_row + row + 1 for row in header.rows),
            skipped,
            left_out,
            said,
            (
                *_header_notes(header, first_row, skipped),
                *name_notes,
                *error_notes(content, sheet),
                *left_out.notes(),
                *said,
            ),
        )

    def _alike(self, table: SheetRows) -> list[str]:
        """The visible sheets that have this one's columns, in the workbook's order."""
        found = []
        for name in self.sheets():
            if name == table.sheet or (
                self._is_table(name) and alike(table.names, self._names(name))
            ):
                found.append(name)
        return found

    def _names(self, sheet: str) -> tuple[str, ...]:
        """A sheet's column names, by its first rows."""
        cells = self._book.get_sheet_by_name(sheet)
        lines = cells.to_python(nrows=2 * _AROUND)
        return self._header(cells, lines, self._where([sheet])).names

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
        hidden: frozenset[int],
    ) -> tuple[list[Sequence[Any]], list[int], LeftOut]:
        """(the rows of data, their numbers in the sheet, what was left out)."""
        body, numbers, left_out = [], [], LeftOut("row")
        for place in range(header.end, len(lines)):
            texts = _texts(lines[place])
            number = first_row + place + 1
            why = why_no_data(texts, names, self._options.keep_totals)
            if why is None and number in hidden:
                why = Why.HIDDEN
            if why is not None:
                left_out.add(why, number, " ".join(filter(None, texts)))
                continue
            body.append(lines[place])
            numbers.append(number)
        return body, numbers, left_out

    def _require_columns(self, names: Sequence[str], where: str) -> None:
        unknown = [name for name in self._options.columns if name not in names]
        if unknown:
            raise UserError(
                f"there is no column {unknown[0]!r}.",
                where=where,
                fix=f"Its columns are: {', '.join(names[:20])}.",
            )

    def _others(self, sheets: Sequence[str]) -> tuple[str, ...]:
        """The other sheets with cells, in words."""
        hidden = self._hidden()
        found = []
        for name in self.sheets():
            if name in sheets:
                continue
            rows = self._book.get_sheet_by_name(name).height
            found.append(f"{name!r} ({rows:,} rows{', hidden' if name in hidden else ''})")
        return tuple(found)

    def _sheet_notes(self, sheets: Sequence[_Sheet]) -> list[str]:
        read = [found.rows.sheet for found in sheets]
        others = self._others(read)
        if not others:
            return []
        other_sheets = f"other sheets with cells: {', '.join(others)}."
        if len(read) > 1:
            return [f"{other_sheets[0].upper()}{other_sheets[1:]}"]
        hidden = " (hidden)" if read[0] in self._hidden() else ""
        notes = [f"Sheet {read[0]!r}{hidden} was read; {other_sheets}"]
        if self._options.sheet is None:
            offered = other_years(tuple(self._alike(sheets[0].rows)), read[0])
            notes += [offered] if offered else []
        return notes

    def _chosen(self, asked: str | None) -> list[str]:
        sheets = self.sheets()
        if not sheets:
            raise UserError("has no sheet with cells in it.", where=self._path.name)
        if asked is None:
            return [next(filter(self._is_table, sheets), sheets[0])]
        if asked == ALL and ALL not in self._book.sheet_names:
            return [name for name in sheets if self._is_table(name)] or sheets[:1]
        found = split_names(asked, self._book.sheet_names)
        if not found:
            raise NotFound(
                f"has no sheet {asked!r}.",
                where=self._path.name,
                fix=f"Its sheets are: {', '.join(sheets)}.",
            )
        empty = [name for name in found if name not in sheets]
        if empty:
            raise UserError(f"the sheet {empty[0]!r} is empty.", where=self._path.name)
        return found


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
        more = ""
        if len(cells) > _CELLS_NAMED:
            more = f" and {len(cells) - _CELLS_NAMED} more"
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
    columns = []
    for cells, unit in zip(table.columns, table.units, strict=True):
        said = describe(cells.state, unit, "row")
        if cells.others and not cells.mixed and not cells.as_dates:
            said = said.model_copy(update={"type": type_of(cells.array().type), "written": ""})
        columns.append(said)
    if parts is not None:
        columns.insert(0, parts.described())
    first = table.sheets[0]
    left_out = [record for sheet in table.sheets for record in sheet.left_out.records()]
    return Reading(
        sheet=table.sheet,
        other_sheets=others,
        header=first.header,
        skipped=first.skipped,
        left_out=tuple(left_out),
        hidden=tuple(text for sheet in table.sheets for text in sheet.hidden),
        columns=tuple(columns),
        given=options,
    )
