"""What reading one foreign file may take, and what is refused before a cell is read.

A few bytes can claim any size: a workbook's reader allocates the whole rectangle between the first
and the last cell, and a Parquet file's columns repeat one value millions of times.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from mmm.errors import UserError

if TYPE_CHECKING:
    from mmm.settings import Settings

_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml$")
_CELL = re.compile(rb"<(?:\w+:)?c\b[^>]*?\br=\"([A-Z]{1,3})([0-9]{1,7})\"")
_CHUNK = 1 << 20
#: No reference to a cell is longer; so much of a chunk is looked at again with the next one.
_OVERLAP = 256
#: A rectangle from this size on must be filled to this share: a cell far out makes the rest empty.
_SPARSE_FROM = 2_000_000
_SPARSE_SHARE = 0.02
#: Unpacked XML of one sheet.
_SHEET_BYTES = 2 << 30
#: A workbook's cells are held in memory at once, unlike those of other files.
_WORKBOOK_CELLS = 20_000_000


@dataclass(frozen=True)
class ReadLimits:
    """`memory_mb` and `seconds` hold for the process that reads, the rest for the table."""

    memory_mb: int = 1024
    seconds: float = 900.0
    rows: int = 50_000_000
    cells: int = 1_000_000_000

    @classmethod
    def of(cls, settings: Settings) -> ReadLimits:
        return cls(
            settings.read_memory_mb, settings.read_seconds, settings.read_rows, settings.read_cells
        )


@dataclass
class _Extent:
    """The rectangle of a sheet's cells, rows and columns from 1, and how many cells are written."""

    top: int = 1 << 20
    left: int = 1 << 14
    bottom: int = 0
    right: int = 0
    cells: int = 0
    last: str = ""

    @property
    def size(self) -> int:
        return max(0, self.bottom - self.top + 1) * max(0, self.right - self.left + 1)

    def add(self, letters: bytes, digits: bytes) -> None:
        row, column = int(digits), _column_number(letters)
        if row > self.bottom or column > self.right:
            self.last = f"{letters.decode()}{row}"
        self.top, self.bottom = min(self.top, row), max(self.bottom, row)
        self.left, self.right = min(self.left, column), max(self.right, column)
        self.cells += 1


def judge(path: Path, kind: str, limits: ReadLimits) -> None:
    """Raise UserError for a file that claims more than the limits, by what it says of itself.

    Only workbooks in XML (.xlsx, .xlsm) and Parquet files say it; the others are held by the limits
    of the process that reads them.
    """
    if kind == "parquet":
        _judge_parquet(path, limits)
    elif kind == "excel" and zipfile.is_zipfile(path):
        _judge_workbook(path, limits)


def require_size(rows: int, columns: int, where: str, limits: ReadLimits) -> None:
    """Raise UserError for a table of more rows or cells than may be read."""
    if rows > limits.rows:
        raise UserError(
            f"has {rows:,} rows; {limits.rows:,} may be read.",
            where=where,
            fix="Aggregate it first (per day or week), or raise MMM_READ_ROWS.",
        )
    if rows * columns > limits.cells:
        raise UserError(
            f"has {rows:,} x {columns:,} cells; {limits.cells:,} may be read.",
            where=where,
            fix="Keep the columns that are needed, or raise MMM_READ_CELLS.",
        )


def _judge_parquet(path: Path, limits: ReadLimits) -> None:
    try:
        about = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError):
        return  # told by who reads it
    require_size(about.num_rows, about.num_columns, path.name, limits)


def _judge_workbook(path: Path, limits: ReadLimits) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if _SHEET.match(entry.filename):
                    _judge_sheet(path, archive, entry, limits)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError):
        return  # told by who reads it


def _judge_sheet(
    path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: ReadLimits
) -> None:
    where = f"{path.name}, {Path(entry.filename).stem}"
    if entry.file_size > _SHEET_BYTES:
        raise UserError(
            f"the sheet takes {entry.file_size:,} bytes unpacked; {_SHEET_BYTES:,} may be read.",
            where=where,
            fix="Save the table as CSV or Parquet.",
        )
    extent = _Extent()
    for letters, digits in _references(archive, entry):
        extent.add(letters, digits)
    if extent.size > _SPARSE_FROM and extent.cells < _SPARSE_SHARE * extent.size:
        raise UserError(
            f"a cell lies far away from the table ({extent.last}): {extent.cells:,} cells are "
            f"spread over {extent.size:,}.",
            where=where,
            fix=f"Delete the rows and columns around {extent.last}, or save the table as CSV.",
        )
    require_size(extent.bottom, extent.right - extent.left + 1, where, limits)
    if extent.size > _WORKBOOK_CELLS:
        raise UserError(
            f"the sheet has {extent.size:,} cells; {_WORKBOOK_CELLS:,} may be read.",
            where=where,
            fix="Save the table as CSV or Parquet, which are read in pieces.",
        )


def _references(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[tuple[bytes, bytes]]:
    """(column's letters, row) of each written cell; the XML is never held as a whole."""
    rest = b""
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK):
            data = rest + chunk
            end = 0
            for found in _CELL.finditer(data):
                yield found[1], found[2]
                end = found.end()
            rest = data[max(end, len(data) - _OVERLAP) :]


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
