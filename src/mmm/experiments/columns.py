"""A table's columns as dates, numbers and levels, with a finding for every cell that is not what
its role needs.

Rows are counted from 1, without the header.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.data import columns
from mmm.data.columns import rows_text
from mmm.errors import Finding, InvalidInput

_FILL_IN = "Fill it in; write 0 only where it was 0."
#: What a column of another type holds, in words.
_KINDS = (
    (pa.types.is_date, "dates"),
    (pa.types.is_timestamp, "points in time"),
    (pa.types.is_time, "times of day"),
    (pa.types.is_duration, "durations"),
    (pa.types.is_boolean, "true or false"),
    (pa.types.is_floating, "decimal numbers"),
    (pa.types.is_decimal, "decimal numbers"),
)


@dataclass
class Checks:
    """Findings so far; a refusal begins with `refused`, or `refused_setup` where more than the data
    is wrong.
    """

    refused: str
    refused_setup: str
    findings: list[Finding] = field(default_factory=list)

    def error(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("error", what, where, fix))

    def warn(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("warning", what, where, fix))

    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == "error"]

    def refusal(self) -> InvalidInput:
        """All errors found so far as one."""
        of_data = all(error.where.startswith(("column ", "table")) for error in self.errors())
        return InvalidInput(self.refused if of_data else self.refused_setup, self.errors())

    def stop(self) -> None:
        """Raise the refusal if there is an error."""
        if self.errors():
            raise self.refusal()


def column_text(name: str) -> str:
    return f"column {name!r}"


def read_dates(checks: Checks, table: pa.Table, name: str) -> np.ndarray | None:
    """Days, shape (T,), datetime64[D], in the table's order; None when a cell holds none."""
    column = columns.whole(table[name])
    # Whole numbers such as 20241231 are dates without dashes.
    text = pa.types.is_integer(column.type) or pa.types.is_null(column.type)
    times = columns.read_times(_without_blanks(column.cast(pa.string()) if text else column))
    if times is None:
        checks.error(
            f"holds {_kind(column.type)}, not dates.",
            column_text(name),
            "Map another column as the date.",
        )
        return None
    if len(times.missing):
        checks.error(
            f"no date in {rows_text(times.missing)}.",
            column_text(name),
            "Fill in the date or drop the row.",
        )
    if len(times.wrong):
        what = f"{rows_text(times.wrong)} cannot be read as a date, first {times.first_wrong}."
        checks.error(what, column_text(name), "Write dates as 2024-12-31.")
    return None if np.isnat(times.local).any() else times.days


def read_numbers(checks: Checks, table: pa.Table, name: str) -> np.ndarray | None:
    """A column as float64, shape (T,), in the table's order; None when a cell is no finite number."""
    column = _without_blanks(columns.whole(table[name]))
    found = columns.read_numbers(
        column.cast(pa.float64()) if pa.types.is_null(column.type) else column
    )
    if found is None:
        checks.error(
            f"holds {_kind(column.type)}, not numbers.", column_text(name), "Map another column."
        )
        return None
    empty = _nulls(column)
    wrong, correct = "an infinite value", "Correct it at its source."
    if columns.is_text(column.type):
        wrong = f"no finite number (first {found.first_wrong})"
        correct = (
            "Correct the cell, give the decimal mark when reading the file, or map another column."
        )
    for rows, what, fix in (
        (found.wrong, wrong, correct),
        (empty, "no value", _FILL_IN),
        (np.setdiff1d(found.missing, empty), "NaN", _FILL_IN),
    ):
        if len(rows):
            checks.error(f"{what} in {rows_text(rows)}.", column_text(name), fix)
    return None if np.isnan(found.values).any() else found.values


def read_levels(checks: Checks, table: pa.Table, name: str) -> np.ndarray | None:
    """A factor's levels as text, shape (T,), in the table's order; empty cells are a level, with a
    warning.
    """
    column = columns.whole(table[name])
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        checks.error(
            f"holds {_kind(column.type)}, not levels.", column_text(name), "Map another column."
        )
        return None
    empty = _nulls(column)
    if 0 < len(empty) < len(column):
        what = f"no value in {rows_text(empty)}; empty cells count as a level of their own."
        checks.warn(what, column_text(name))
    return np.array(
        ["(empty)" if text is None else text for text in column.cast(pa.string()).to_pylist()],
        object,
    )


def _nulls(column: pa.Array) -> np.ndarray:
    """Rows of the empty cells; through Python, as Arrow's way to numpy imports pandas, two seconds
    for nothing.
    """
    return np.array(pc.indices_nonzero(column.is_null()).to_pylist(), np.int64)


def _without_blanks(column: pa.Array) -> pa.Array:
    """Texts of nothing but blanks as empty cells."""
    if not columns.is_text(column.type):
        return column
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)


def _kind(kind: pa.DataType) -> str:
    return next((word for test, word in _KINDS if test(kind)), f"values of type {kind}")
