"""A plan by period as a file, down and up: CSV or Excel."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.errors import UserError
from mmm.results.tables_out import write_csv

_NEEDED = ("date", "channel", "spend")
_SHEET = "Flighting"
_WIDTH = 16


def write_flighting(table: pa.Table, file: Path) -> None:
    """Write the table by the file's ending, .csv or .xlsx; whole or not at all."""
    if file.suffix.lower() != ".xlsx":
        write_csv(table, file)
        return
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(workbook_of(table))
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(f"cannot be written: {error.strerror or error}.", where=str(file)) from None


def workbook_of(table: pa.Table) -> bytes:
    """The table as an Excel file of one sheet; texts are written as texts, so that none becomes a
    formula.
    """
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet(_SHEET)
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.set_column(0, len(table.column_names) - 1, _WIDTH)
        for column, name in enumerate(table.column_names):
            sheet.write_string(0, column, name)
            for row, value in enumerate(table[name].to_pylist(), start=1):
                if value is None:
                    continue
                if isinstance(value, str):
                    sheet.write_string(row, column, value)
                elif isinstance(value, float | int):
                    sheet.write_number(row, column, value)
                else:
                    sheet.write_datetime(row, column, value, day)
    return out.getvalue()


@dataclass(frozen=True)
class Flighting:
    """A flighting that was given: a plan request's `fields`, in which the spends are set and not
    sought, and the `shares` (P, H) of each channel's money by period.
    """

    fields: dict[str, Any]
    shares: np.ndarray


def read_flighting(file: Path, channels: tuple[str, ...]) -> Flighting:
    """`flighting_of` the table in a file."""
    return flighting_of(read_table(file), channels, str(file))


def read_table(file: Path) -> pa.Table:
    """A small table from a file of any kind that is read."""
    from mmm.sources.guarded import GuardedFile

    with GuardedFile(file).batches() as batches:
        return pa.Table.from_batches(list(batches.read()), batches.schema)


def known_of(table: pa.Table, where: str) -> dict[str, list[float]]:
    """Columns of control variables ahead, one value a period; dates are left out. UserError for a
    column that holds something else than numbers.
    """
    found = {}
    for field in table.schema:
        if pa.types.is_temporal(field.type) or field.name == "date":
            continue
        try:
            found[field.name] = [float(value) for value in table[field.name].to_pylist()]
        except (TypeError, ValueError):
            raise UserError(
                f"the column {field.name!r} does not hold a number in every row.", where=where
            ) from None
    return found


def flighting_of(table: pa.Table, channels: tuple[str, ...], where: str) -> Flighting:
    """From a table of `date`, `channel` and `spend`. UserError for one that is no such table."""
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing:
        raise UserError(
            f"has no column {', '.join(missing)}.",
            where=where,
            fix="Download a plan's flighting table and change its column spend.",
        )
    days = sorted(set(table["date"].to_pylist()))
    spend = np.zeros((len(channels), len(days)))
    for row in table.select(_NEEDED).to_pylist():
        if row["channel"] not in channels:
            raise UserError(
                f"{row['channel']!r} is no paid channel of the model.",
                where=where,
                fix=f"The paid channels are {', '.join(channels)}.",
            )
        place = channels.index(row["channel"]), days.index(row["date"])
        spend[place] += _amount(row["spend"], where)
    sums = spend.sum(axis=1)
    if not sums.sum():
        raise UserError("holds no spend.", where=where)
    means = (sums / len(days)).tolist()
    fields = {
        "goal": "max_response",
        "budget_per_period": math.fsum(means),
        "periods": len(days),
        "hold": "none",
        "limits": {
            name: {"least": mean, "most": mean} for name, mean in zip(channels, means, strict=True)
        },
    }
    below = np.where(sums > 0, sums, 1.0)[:, None]
    even = np.full_like(spend, 1.0 / len(days))
    return Flighting(fields, np.where(sums[:, None] > 0, spend / below, even))


def _amount(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UserError(f"{value!r} is not an amount.", where=where) from None
    if not np.isfinite(number) or number < 0:
        raise UserError(f"{value!r} is not an amount.", where=where, fix="Give 0 or more.")
    return number
