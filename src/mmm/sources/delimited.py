"""CSV and its relatives: every column's kind is decided over the whole file, then the rows stream
as Arrow batches.

The file is read in pieces of whole records, each parsed by Arrow into texts and converted by its
column's kind, several pieces at once. Kinds are guessed from the first rows; when a later value
does not fit, its column gets the next kind that fits all values met so far and the file is read
again from the start, so nothing read under a wrong guess stays. What a whole pass shows of texts
that can be read in two ways is decided by `mmm.sources.evidence`; then the file is read once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from mmm.errors import InvalidInput, UserError
from mmm.sources.base import Batches, Spool
from mmm.sources.column_state import Column, Read, kinds_for, read_as
from mmm.sources.date_parts import Parts, find_parts
from mmm.sources.describe import describe, misfits, notes_of, questions
from mmm.sources.evidence import decide
from mmm.sources.left_out import LeftOut, Why, cells_of, suspicious, why_no_data
from mmm.sources.names import named, require_names
from mmm.sources.parallel import ordered_map
from mmm.sources.reading import Reading, ReadOptions
from mmm.sources.records import (
    WINDOWS_NOTE,
    Layout,
    Piece,
    fields_of,
    line_of,
    pieces,
    read_layout,
    record_lines,
)
from mmm.sources.text_types import EMPTY, TEXT, kind_of


@dataclass(frozen=True)
class _Parsed:
    """A piece: its columns, each row's number among the piece's records, and what was left out."""

    piece: Piece
    reads: list[Read]
    records: np.ndarray
    dropped: list[tuple[int, Why, str]]


class DelimitedFile:
    """One delimited text file; separator, decimal mark, encoding, header and formats are found
    where the options leave them out.
    """

    def __init__(self, path: Path, options: ReadOptions | None = None) -> None:
        options = options or ReadOptions()
        _check_options(path, options)
        self._path, self._options = path, options
        layout = read_layout(path, options)
        names, self._name_notes = named(layout.names)
        require_names(names, path.name)
        unknown = [name for name in options.columns if name not in names]
        if unknown:
            raise UserError(
                f"there is no column {unknown[0]!r}.",
                where=path.name,
                fix=f"Its columns are: {', '.join(names[:20])}.",
            )
        self.layout: Layout = replace(layout, names=names)

    def head(self, rows: int) -> pa.Table:
        """The first rows, with the kinds that fit these rows."""
        parsed = next(self._parsed(self._columns(), []), None)
        names = list(self.layout.names)
        if parsed is None:
            return pa.table([pa.nulls(0, pa.string()) for _ in names], names=names)
        columns = self._columns()
        arrays = []
        for column, read in zip(columns, parsed.reads, strict=True):
            column.witnesses = read.texts.slice(0, rows)
            column.kind = kind_of(column.witnesses, column.kinds, column.missing)
            shown = read_as(column, column.witnesses)
            arrays.append(shown.array if column.kind is not EMPTY else column.witnesses)
        return pa.table(arrays, names=names)

    def batches(self) -> Batches:
        """Read the whole file onto local disk, in as many passes as its columns' kinds need (mostly
        one or two). Raises InvalidInput with the questions where a column can be read in two ways.
        """
        columns, spool, notes, left_out = self._settled()
        open_questions = questions(columns, self._path.name)
        open_questions += misfits(columns, self._path.name, "line")
        if open_questions:
            spool.close()
            raise InvalidInput(f"{self._path.name} cannot be read yet:", open_questions)
        return self._finished(columns, spool, notes, left_out)

    def reading(self) -> Reading:
        """How the whole file is read, open questions included."""
        columns, spool, notes, left_out = self._settled()
        parts = find_parts(_schema(columns), spool.read, self._path.name)
        spool.close()
        return self._reading(columns, left_out, parts, notes)

    def _settled(self) -> tuple[list[Column], Spool, list[str], LeftOut]:
        columns = self._columns()
        while True:
            notes, left_out = [*self._name_notes, *self.layout.notes], LeftOut("line")
            spool = self._pass(columns, notes, left_out)
            if spool is None:
                continue
            if not decide(columns, self.layout.separator, self._options.zone):
                return columns, spool, notes, left_out
            spool.close()

    def _columns(self) -> list[Column]:
        options = self._options
        missing = tuple(text.strip().lower() for text in options.missing)
        return [
            Column(
                name,
                kinds_for(options.columns.get(name), options.decimal),
                options.columns.get(name),
                missing,
            )
            for name in self.layout.names
        ]

    def _finished(
        self, columns: list[Column], spool: Spool, notes: list[str], left_out: LeftOut
    ) -> Batches:
        """The batches without empty columns, with a date made of parts where there is one."""
        schema = _schema(columns)
        try:
            parts = find_parts(schema, spool.read, self._path.name)
        except BaseException:
            spool.close()
            raise
        empty = [column.name for column in columns if column.kind is EMPTY]
        kept = [column for column in columns if column.kind is not EMPTY] or columns
        if len(kept) < len(columns):
            notes.append(_empty_note(empty))
        notes += left_out.notes()
        for column in kept:
            notes += notes_of(column, "line")
        if parts is not None:
            notes.append(parts.note)
        names = [column.name for column in kept]
        shown = pa.schema([schema.field(name) for name in names])
        types = [column.kind.name for column in kept]
        if parts is not None:
            shown = parts.schema(shown)
            types.insert(0, parts.words)

        def read() -> Iterator[pa.RecordBatch]:
            for batch in spool.read():
                picked = batch.select(names)
                yield parts.add(batch, picked, shown) if parts else picked

        reading = self._reading(columns, left_out, parts, notes)
        return Batches(shown, read, tuple(types), tuple(notes), spool.close, reading)

    def _reading(
        self, columns: list[Column], left_out: LeftOut, parts: Parts | None, notes: list[str]
    ) -> Reading:
        layout = self.layout
        found = "windows-1252" if WINDOWS_NOTE in notes else "utf-8"
        units = [*layout.units, *[""] * (len(columns) - len(layout.units))]
        described = [
            describe(column, unit, "line") for column, unit in zip(columns, units, strict=True)
        ]
        if parts is not None:
            described.insert(0, parts.described())
        return Reading(
            encoding=layout.encoding or found,
            separator=layout.separator,
            header=layout.header_rows,
            skipped=layout.skipped,
            left_out=tuple(left_out.records()),
            columns=tuple(described),
            given=self._options,
        )

    def _pass(self, columns: list[Column], notes: list[str], left_out: LeftOut) -> Spool | None:
        """One reading of the file with the columns' kinds; None when a kind changed on the way."""
        for column in columns:
            column.start_pass()
        schema = _schema(columns)
        spool = Spool(schema)
        rows, changed = 0, False
        try:
            for number, parsed in enumerate(self._parsed(columns, notes)):
                rows += len(parsed.records)
                lines = _Lines(parsed, self.layout)
                for record, why, text in parsed.dropped:
                    left_out.add(why, lines.of_records[record], text)
                for column, read in zip(columns, parsed.reads, strict=True):
                    changed |= column.take(read, lines)
                if not changed:
                    arrays = [read.array for read in parsed.reads]
                    spool.write(pa.record_batch(arrays, schema=schema))
                elif number == 0:
                    break  # starting again costs little here; later it pays to settle the rest of the file first
            if not rows and not changed:
                raise UserError(
                    "has a header but no rows.",
                    where=self._path.name,
                    fix="Export the table again.",
                )
            if changed:
                spool.close()
                return None
            spool.finish()
        except BaseException:
            spool.close()
            raise
        return spool

    def _parsed(self, columns: list[Column], notes: list[str]) -> Iterator[_Parsed]:
        def parse(piece: Piece) -> _Parsed:
            texts, records, dropped = self._texts(piece)
            reads = [read_as(column, texts.column(i)) for i, column in enumerate(columns)]
            loose = [
                i
                for i, read in enumerate(reads)
                if read.array is None or read.kind in (TEXT, EMPTY)
            ]
            odd = suspicious(texts, loose)
            out = []
            for row in odd.tolist():
                cells = cells_of(texts, row)
                why = why_no_data(cells, self.layout.names, self._options.keep_totals)
                if why is not None:
                    out.append(row)
                    dropped.append((int(records[row]), why, " ".join(filter(None, cells))))
            if out:
                kept = np.ones(texts.num_rows, bool)
                kept[out] = False
                texts, records = texts.filter(pa.array(kept)), records[kept]
                reads = [read_as(column, texts.column(i)) for i, column in enumerate(columns)]
            return _Parsed(piece, reads, records, sorted(dropped, key=lambda item: item[0]))

        return ordered_map(parse, pieces(self._path, self.layout, notes))

    def _texts(self, piece: Piece) -> tuple[pa.RecordBatch, np.ndarray, list[tuple[int, Why, str]]]:
        """A piece's cells as texts, empty cells as null, with the records' numbers and the short
        rows that are notes. Raises UserError for another row with more or fewer fields.
        """
        ragged: list[tuple[int, int, str]] = []

        def note(row: pyarrow.csv.InvalidRow) -> str:
            ragged.append((row.number, row.actual_columns, row.text))
            return "skip"

        names = self.layout.names
        table = pyarrow.csv.read_csv(
            pa.py_buffer(piece.data or b"\n"),
            pyarrow.csv.ReadOptions(
                use_threads=False, column_names=names, block_size=len(piece.data) + 1
            ),
            pyarrow.csv.ParseOptions(
                delimiter=self.layout.separator,
                newlines_in_values=True,
                ignore_empty_lines=len(names) > 1,
                invalid_row_handler=note,
            ),
            pyarrow.csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        dropped = [self._short_row(piece, *row) for row in ragged]
        texts = table.combine_chunks().to_batches()[0] if table.num_rows else None
        if texts is None:
            texts = _no_rows(table.schema)
        records = np.arange(texts.num_rows + len(dropped))
        return texts, np.delete(records, [record for record, _, _ in dropped]), dropped

    def _short_row(self, piece: Piece, number: int, fields: int, text: str) -> tuple[int, Why, str]:
        names = self.layout.names
        if fields < len(names):
            cells = fields_of(text, self.layout.separator)
            why = why_no_data(cells, names, self._options.keep_totals)
            if why is not None:
                return number - 1, why, " ".join(cells)
        raise UserError(
            f"the row has {fields} field{'s' * (fields != 1)}, the header has {len(names)}.",
            where=f"{self._path.name}, line {line_of(piece, number - 1, self.layout)}",
            fix="Give every row as many fields as the header; put values that hold the separator in quotes.",
        )


@dataclass
class _Lines:
    """From a row of a parsed piece to the file's line; counted when it is first asked for."""

    parsed: _Parsed
    layout: Layout

    @cached_property
    def of_records(self) -> list[int]:
        return record_lines(self.parsed.piece, self.layout)

    def __call__(self, row: int) -> int:
        return self.of_records[int(self.parsed.records[row])]


def _check_options(path: Path, options: ReadOptions) -> None:
    separator = options.separator
    if options.decimal not in (None, ".", ","):
        raise UserError(
            f"the decimal mark {options.decimal!r} is not known.",
            where=path.name,
            fix="Give '.' or ','.",
        )
    if separator is not None and (
        len(separator) != 1 or not separator.isascii() or separator in '"\r\n'
    ):
        raise UserError(f"the separator {separator!r} is not one character.", where=path.name)


def _empty_note(names: list[str]) -> str:
    if len(names) == 1:
        return f"Column {names[0]!r} has no value in any row and was left out."
    return f"{len(names)} columns have no value in any row and were left out: {', '.join(names)}."


def _schema(columns: Iterable[Column]) -> pa.Schema:
    return pa.schema([(column.name, column.kind.type) for column in columns])


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([pa.nulls(0, field.type) for field in schema], schema=schema)
