"""Tables as CSV files on disk, harmless for spreadsheets, never half written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from mmm.errors import UserError
from mmm.formulas import neutral_table


def write_csv(table: pa.Table, file: Path) -> None:
    """Write the table; UserError where the file cannot be written."""
    from pyarrow import csv as writer

    part = file.with_name(f".{file.name}.part")  # nobody reads half a file
    try:
        writer.write_csv(neutral_table(table), part)
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"cannot be written: {error.strerror or error}.", where=str(file)) from None
