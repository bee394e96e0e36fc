"""Files as a source: CSV and its relatives, Parquet, Excel. The content says what a file is; its
name must agree.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from mmm.errors import NotFound, UserError
from mmm.sources.base import Batches, ConnectionTest, Query
from mmm.sources.delimited import DelimitedFile
from mmm.sources.describe import type_of
from mmm.sources.excel import Workbook
from mmm.sources.names import named, require_names
from mmm.sources.reading import ColumnReading, Reading, ReadOptions
from mmm.sources.sum_rows import without_sum_rows
from mmm.sources.week_ends import by_first_day

_EXTENSIONS = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".tab"), "csv"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls"), "excel"),
}
_KIND_NAMES = {
    "csv": "a delimited text file (CSV)",
    "parquet": "a Parquet file",
    "excel": "an Excel workbook",
}
#: The first bytes of files that are often taken for a table.
_MAGIC = {
    b"PAR1": "parquet",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "excel",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"Rar!": "a RAR archive",
    b"ARROW1": "an Arrow file",
    b"SQLite format 3": "an SQLite database",
    b"{\\rtf": "an RTF document",
}
_BATCH_ROWS = 65_536


class FileSource:
    """One file. What the options (ReadOptions' fields) leave out is found."""

    def __init__(self, path: Path | str, **options: Any) -> None:
        self.path = Path(path)
        self.kind = file_kind(self.path)
        self.options = read_options(options, self.path.name)
        self._refuse_options_of_other_kinds()

    def test(self) -> ConnectionTest:
        """Open the file and read its first rows."""
        start = time.perf_counter()
        shown = self.preview()
        seconds = time.perf_counter() - start
        return ConnectionTest(
            seconds,
            shown.num_rows,
            self.readable(),
        )

    def readable(self) -> str:
        """What a person is told about a file that could be read."""
        return f"{self.path.name} is {_KIND_NAMES[self.kind]} and can be read."

    def tables(self) -> list[str]:
        """Sheets with cells for a workbook, else the file's own name."""
        if self.kind == "excel":
            return Workbook(self.path).sheets()
        return [self.path.name]

    def preview(self, table_or_query: str | Query | None = None, rows: int = 50) -> pa.Table:
        """The first rows; the types of a text file's columns are those that fit the rows shown."""
        if self.kind == "excel":
            return pa.Table.from_batches(
                Workbook(self.path, self.options).batches(self._chosen_sheet(table_or_query), rows)
            )
        self._require_own_name(table_or_query)
        if self.kind == "csv":
            return self._delimited().head(rows)
        with _parquet(self.path) as batches:
            first = next(iter(batches), None)
            return pa.Table.from_batches([] if first is None else [first], batches.schema).slice(
                0, rows
            )

    def batches(self, table_or_query: str | Query | None = None) -> Batches:
        """The whole table. A CSV file's column types are decided over all its rows before the first
        batch comes.
        """
        if self.kind == "excel":
            sheet = self._chosen_sheet(table_or_query)
            return self._data_only(Workbook(self.path, self.options).batches(sheet))
        self._require_own_name(table_or_query)
        if self.kind == "parquet":
            return _parquet(self.path)
        return self._data_only(self._delimited().batches())

    def _data_only(self, batches: Batches) -> Batches:
        """Without totals that no word names, unless totals are kept; weeks by their first day."""
        kept = batches if self.options.keep_totals else without_sum_rows(batches)
        return by_first_day(kept, self.options)

    def _delimited(self) -> DelimitedFile:
        return DelimitedFile(self.path, self.options)

    def reading(self) -> Reading:
        """How the whole file is read, questions that are still open included."""
        if self.kind == "csv":
            return self._delimited().reading()
        if self.kind == "excel":
            return Workbook(self.path, self.options).reading(self.options.sheet)
        with _parquet(self.path) as batches:
            columns = [
                ColumnReading(column=field.name, type=type_of(field.type))
                for field in batches.schema
            ]
        return Reading(columns=tuple(columns), given=self.options)

    def _refuse_options_of_other_kinds(self) -> None:
        options = self.options
        for option, value, kind in (
            ("separator", options.separator, "csv"),
            ("encoding", options.encoding, "csv"),
            ("sheet", options.sheet or options.sheet_column, "excel"),
            ("hidden rows that a file could tell", options.skip_hidden or None, "excel"),
        ):
            if value is not None and self.kind != kind:
                what = f"is {_KIND_NAMES[self.kind]}; it has no {option}."
                raise UserError(what, where=self.path.name, fix="Leave the option out.")
        if self.kind == "parquet" and options.decimal is not None:
            what = "is a Parquet file; it has no decimal mark."
            raise UserError(what, where=self.path.name, fix="Leave the option out.")
        written = (options.header_row, options.header_rows, options.zone)
        if self.kind == "parquet" and (any(written) or options.columns or options.missing):
            what = "is a Parquet file; its columns have types of their own."
            raise UserError(what, where=self.path.name, fix="Leave the option out.")

    def _chosen_sheet(self, table: str | Query | None) -> str | None:
        if isinstance(table, Query):
            raise UserError("a file takes no query.", where=self.path.name, fix="Name a sheet.")
        return self.options.sheet if table is None else table

    def _require_own_name(self, table: str | Query | None) -> None:
        if isinstance(table, Query):
            raise UserError("a file takes no query.", where=self.path.name)
        if table not in (None, self.path.name):
            raise NotFound(f"holds one table only, there is no {table!r}.", where=self.path.name)


def read_options(options: Mapping[str, Any], where: str) -> ReadOptions:
    """Options as a person gave them. Raises UserError for a value that is none."""
    try:
        return ReadOptions.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])).replace("_", " ")
        raise UserError(f"the option {field}: {first['msg']}.", where=where) from None


def file_kind(path: Path) -> str:
    """ "csv", "parquet" or "excel", by the content. Raises UserError when the name's ending says
    otherwise.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        raise NotFound("there is no such file.", where=str(path)) from None
    except (IsADirectoryError, PermissionError) as error:
        raise UserError(f"cannot be read ({error.strerror}).", where=str(path)) from None
    if not head:
        raise UserError(
            "the file is empty (0 bytes).", where=path.name, fix="Export the table again."
        )
    found = _content(path, head)
    named = _EXTENSIONS.get(path.suffix.lower())
    if named is None:
        endings = ", ".join(_EXTENSIONS)
        raise UserError(
            f"files ending in {path.suffix!r} are not read.",
            where=path.name,
            fix=f"Use one of {endings}.",
        )
    if found != named:
        fix = "Export the table as CSV."
        if found in _KIND_NAMES:
            fix = f"Give it the ending of {_KIND_NAMES[found]}."
        raise UserError(
            f"is {_KIND_NAMES.get(found, found)}, not {_KIND_NAMES[named]} as its name says.",
            where=path.name,
            fix=fix,
        )
    return found


def _content(path: Path, head: bytes) -> str:
    """The kind of a file, or in words what else it is."""
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return kind
    if head.startswith(b"PK"):
        return "excel" if _is_workbook(path) else "a zip archive"
    start = head.decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body", "<table")):
        return "an HTML page"
    if start.startswith("<?xml"):
        return "an XML document"
    if start.startswith(("{", "[{")):
        return "a JSON document"
    return "csv"


def _is_workbook(path: Path) -> bool:
    # Names in a zip archive are plain bytes in its directory, which lies at its end.
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 20)))
        return b"xl/workbook" in file.read()


def _parquet(path: Path) -> Batches:
    try:
        schema = pq.read_schema(path).remove_metadata()
    except (pa.ArrowInvalid, OSError) as error:
        raise _damaged(path, error) from None
    names, notes = named(schema.names)
    require_names(names, path.name)
    schema = pa.schema([field.with_name(name) for field, name in zip(schema, names, strict=True)])
    for field in schema:
        if pa.types.is_nested(field.type):
            raise UserError(
                f"the column holds nested values ({field.type}).",
                where=f"{path.name}, column {field.name!r}",
                fix="Give one plain column per value.",
            )
    if not pq.read_metadata(path).num_rows:
        raise UserError("has columns but no rows.", where=path.name)

    def read() -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    yield pa.record_batch(batch.columns, schema=schema)
        except (pa.ArrowInvalid, OSError) as error:
            raise _damaged(path, error) from None

    return Batches(schema, read, tuple(str(field.type) for field in schema), notes)


def _damaged(path: Path, error: Exception) -> UserError:
    reason = str(error).splitlines()[0]
    return UserError(
        f"is a damaged Parquet file ({reason}).", where=path.name, fix="Write it again."
    )
