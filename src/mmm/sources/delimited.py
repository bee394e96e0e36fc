"""CSV and its relatives: every column's kind is decided over the whole file, then the rows stream
as Arrow batches.

The file is read in pieces of whole records, each parsed by Arrow into texts and converted by its
column's kind, several pieces at once. Kinds are guessed from the first rows; when a later value
does not fit, its column gets the next kind that fits all values met so far and the file is read
again from the start, so nothing read under a wrong guess stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from mmm.errors import UserError
from mmm.sources.base import Batches, Spool
from mmm.sources.names import named, require_names
from mmm.sources.parallel import ordered_map
from mmm.sources.records import Layout, Piece, line_of, pieces, read_layout
from mmm.sources.text_types import (
    EMPTY,
    FLOAT,
    FLOAT_COMMA,
    TEXT,
    Kind,
    Misfit,
    convert,
    first_misfit,
    kind_of,
    markers_note,
    point_is_decimal,
    why_text,
)

_GUESS_FROM = 1000


@dataclass
class _Column:
    """What is known of a column. `witnesses` are the texts its kind was chosen by; the rest covers
    one pass.
    """

    name: str
    witnesses: pa.StringArray
    kind: Kind
    #: The value that made the column text after earlier ones were numbers or dates: its line and
    #: text.
    ended: tuple[int, str] | None = None
    #: Why the column is text although all its values could be read as something narrower.
    forced: str = ""
    values: int = 0
    markers: Counter[str] = field(default_factory=Counter)
    decisive: bool = False

    def start_pass(self) -> None:
        self.values, self.markers, self.decisive = 0, Counter(), False


@dataclass(frozen=True)
class _Read:
    """A column of one piece, read as `kind`; `array` is None when some value does not fit."""

    kind: Kind
    texts: pa.StringArray
    array: pa.Array | None
    markers: Counter[str]
    decisive: bool


class DelimitedFile:
    """One delimited text file; separator, decimal mark and encoding are found where they are None."""

    def __init__(
        self,
        path: Path,
        separator: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
    ) -> None:
        if decimal not in (None, ".", ","):
            raise UserError(
                f"the decimal mark {decimal!r} is not known.",
                where=path.name,
                fix="Give '.' or ','.",
            )
        if separator is not None and (
            len(separator) != 1 or not separator.isascii() or separator in '"\r\n'
        ):
            raise UserError(f"the separator {separator!r} is not one character.", where=path.name)
        self._path, self._decimal = path, decimal
        layout = read_layout(path, separator, encoding)
        names, self._name_notes = named(layout.names)
        require_names(names, path.name)
        self.layout: Layout = replace(layout, names=names)

    def head(self, rows: int) -> pa.Table:
        """The first rows, with the kinds that fit these rows."""
        first = next(self._pieces([]), Piece(b"", 1))
        texts = self._texts(first).slice(0, rows)
        kinds = [kind_of(column, self._decimal) for column in texts.columns]
        kinds = [TEXT if kind is EMPTY else kind for kind in kinds]
        arrays = [
            convert(kind, column)[0] for kind, column in zip(kinds, texts.columns, strict=True)
        ]
        return pa.table(arrays, names=list(self.layout.names))

    def batches(self) -> Batches:
        """Read the whole file onto local disk, in as many passes as its columns' kinds need (mostly
        one).
        """
        columns = [_Column(name, pa.nulls(0, pa.string()), EMPTY) for name in self.layout.names]
        while True:
            notes = list(self._name_notes)
            spool = self._pass(columns, notes)
            if spool is None:
                continue
            if self._undecided(columns):
                spool.close()
                continue
            break
        schema = _schema(columns)
        notes += [note for column in columns for note in _notes(column, self._decimal)]
        return Batches(
            schema, spool.read, tuple(c.kind.name for c in columns), tuple(notes), spool.close
        )

    def _pieces(self, notes: list[str]) -> Iterator[Piece]:
        return pieces(self._path, self.layout, notes)

    def _pass(self, columns: list[_Column], notes: list[str]) -> Spool | None:
        """One reading of the file with the columns' kinds; None when a kind changed on the way."""
        for column in columns:
            column.start_pass()
        schema = _schema(columns)
        spool = Spool(schema)
        rows, changed = 0, False
        try:
            for number, (piece, reads) in enumerate(self._parsed(columns, notes)):
                rows += len(reads[0].texts)
                for column, read in zip(columns, reads, strict=True):
                    changed |= self._take(column, read, piece)
                if not changed:
                    spool.write(pa.record_batch([read.array for read in reads], schema=schema))
                elif number == 0:
                    break  # starting again costs little here; later it pays to settle the rest of the file first
            if not rows:
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

    def _parsed(
        self, columns: list[_Column], notes: list[str]
    ) -> Iterator[tuple[Piece, list[_Read]]]:
        point_matters = self.layout.separator != "," and self._decimal is None

        def parse(piece: Piece) -> tuple[Piece, list[_Read]]:
            texts = self._texts(piece)
            return piece, [
                _read(
                    column.kind,
                    texts.column(i),
                    column.decisive,
                    point_matters,
                    self._decimal is not None,
                )
                for i, column in enumerate(columns)
            ]

        return ordered_map(parse, self._pieces(notes))

    def _texts(self, piece: Piece) -> pa.RecordBatch:
        """A piece's cells as texts, empty cells as null. Raises UserError for a row with more or
        fewer fields.
        """
        ragged: list[tuple[int, int]] = []

        def note(row: pyarrow.csv.InvalidRow) -> str:
            ragged.append((row.number, row.actual_columns))
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
        if ragged:
            number, fields = ragged[0]
            raise UserError(
                f"the row has {fields} field{'s' * (fields != 1)}, the header has {len(names)}.",
                where=f"{self._path.name}, line {line_of(piece, number - 1, self.layout)}",
                fix="Give every row as many fields as the header; put values that hold the separator in quotes.",
            )
        return table.combine_chunks().to_batches()[0] if table.num_rows else _no_rows(table.schema)

    def _take(self, column: _Column, read: _Read, piece: Piece) -> bool:
        """Add a piece's column to what is known of it; True when this changed its kind."""
        if read.array is not None and read.kind is column.kind:
            column.values += len(read.array) - read.array.null_count
            column.markers += read.markers
            column.decisive |= read.decisive
            return False
        before = column.kind
        self._settle(column, read.texts, piece)
        return column.kind is not before

    def _settle(self, column: _Column, texts: pa.StringArray, piece: Piece) -> None:
        """Find the kind that fits all witnesses and all these texts."""
        if column.kind is EMPTY:
            column.witnesses = texts.drop_null().slice(0, _GUESS_FROM)
            column.kind = kind_of(column.witnesses, self._decimal)
        while True:
            read = _read(column.kind, texts, True, False, False)
            if read.array is not None:
                return
            position = first_misfit(column.kind, texts)
            guess, proofs = convert(column.kind, column.witnesses)[0], column.witnesses
            column.witnesses = pa.concat_arrays([proofs, texts.slice(position, 1)])
            column.kind = kind_of(column.witnesses, self._decimal)
            if column.kind is TEXT and guess.null_count < len(guess):
                column.ended = (line_of(piece, position, self.layout), texts[position].as_py())

    def _undecided(self, columns: list[_Column]) -> bool:
        """Make columns text whose kind no value of theirs proves; True when there are some."""
        commas = any(column.kind is FLOAT_COMMA and column.decisive for column in columns)
        changed = False
        for column in columns:
            kind = column.kind
            if kind in (TEXT, EMPTY):
                continue
            if (
                not column.values
            ):  # nothing but markers: no number or date says that they stand for missing values
                column.kind, changed = TEXT, True
            elif kind.decisive and self._decimal is None and not column.decisive:
                column.forced = kind.otherwise
            elif kind is FLOAT and commas and not column.decisive and self._decimal is None:
                column.forced = (
                    "a decimal point or a thousands separator; say which by giving the decimal mark"
                )
            if column.forced:
                column.kind, changed = TEXT, True
        return changed


def _read(
    kind: Kind, texts: pa.StringArray, decisive: bool, point_matters: bool, mark_given: bool
) -> _Read:
    try:
        array, markers = convert(kind, texts)
    except Misfit:
        return _Read(kind, texts, None, Counter(), False)
    if not decisive and not mark_given and kind.decisive is not None:
        decisive = kind.decisive(texts, array)
    elif not decisive and point_matters and kind is FLOAT:
        decisive = point_is_decimal(texts, array)
    return _Read(kind, texts, array, markers, decisive)


def _schema(columns: Iterable[_Column]) -> pa.Schema:
    return pa.schema([(column.name, column.kind.type) for column in columns])


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.record_batch([pa.nulls(0, field.type) for field in schema], schema=schema)


def _notes(column: _Column, decimal: str | None) -> Iterator[str]:
    name = f"Column {column.name!r}"
    if column.kind is TEXT:
        if column.forced:
            yield f"{name} is kept as text: {column.forced}."
        elif column.ended:
            yield f"{name} is kept as text: line {column.ended[0]} holds {column.ended[1]!r}."
        elif reason := why_text(column.witnesses, decimal):
            yield f"{name} is kept as text: {reason}."
    if column.markers:
        yield markers_note(column.name, column.markers)
    if column.kind is FLOAT_COMMA or column.kind.name.startswith("date "):
        yield f"{name} was read as {column.kind.name}."
    if column.kind.name == "timestamp with zone":
        yield f"{name}: times with a zone were converted to UTC."
