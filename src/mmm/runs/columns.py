"""A table's columns as dates, numbers and levels, with a finding for every cell that is not what its role needs.

Rows are counted from 1, without the header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from mmm.errors import Finding, InvalidInput

_ROWS_SHOWN = 5
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
_NUMBERS = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)


@dataclass
class Checks:
    """Findings so far; `refused` is what a refusal begins with."""

    refused: str
    findings: list[Finding] = field(default_factory=list)

    def error(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("error", what, where, fix))

    def warn(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("warning", what, where, fix))

    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == "error"]

    def refusal(self) -> InvalidInput:
        """All errors found so far as one."""
        return InvalidInput(self.refused, self.errors())

    def stop(self) -> None:
        """Raise the refusal if there is an error."""
        if self.errors():
            raise self.refusal()


def rows_text(positions: np.ndarray | Sequence[int]) -> str:
    """ "rows 3, 4 and 7 more" for positions from 0."""
    shown = ", ".join(str(int(i) + 1) for i in positions[:_ROWS_SHOWN])
    more = len(positions) - _ROWS_SHOWN
    return f"row{'s' if len(positions) > 1 else ''} {shown}" + (f" and {more} more" if more > 0 else "")


def column_text(name: str) -> str:
    return f"column {name!r}"


def read_dates(checks: Checks, table: pa.Table, name: str) -> np.ndarray | None:
    """Days, shape (T,), datetime64[D], in the table's order; None when a cell holds none."""
    column = _plain(table[name])
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        missing = np.asarray(column.is_null())
        # Through seconds: nanoseconds end in 2262. What is cut off is the time of day.
        days = np.asarray(column.cast(pa.timestamp("s"), safe=False).to_numpy(zero_copy_only=False), "datetime64[D]")
        wrong: list[int] = []
    elif _is_text(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type):
        texts = [(text or "").strip() for text in column.cast(pa.string()).to_pylist()]
        missing = np.array([not text for text in texts], bool)
        days = np.array([_day(text) for text in texts], "datetime64[D]")
        wrong = [int(i) for i in np.flatnonzero(np.isnat(days) & ~missing)]
    else:
        checks.error(f"holds {_kind(column.type)}, not dates.", column_text(name), "Map another column as the date.")
        return None
    if missing.any():
        checks.error(
            f"no date in {rows_text(np.flatnonzero(missing))}.", column_text(name), "Fill in the date or drop the row."
        )
    if wrong:
        what = f"{rows_text(wrong)} cannot be read as a date, first {column[wrong[0]].as_py()!r}."
        checks.error(what, column_text(name), "Write dates as 2024-12-31.")
    return None if wrong or missing.any() else days


def _day(text: str) -> np.datetime64:
    """The day an ISO text names (with or without dashes, time of day or week), NaT where it names none."""
    try:
        return np.datetime64(datetime.fromisoformat(text).date(), "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def read_numbers(checks: Checks, table: pa.Table, name: str) -> np.ndarray | None:
    """A column as float64, shape (T,), in the table's order; None when a cell is no finite number."""
    column = _plain(table[name])
    wrong = np.zeros(len(column), bool)
    if _is_text(column.type):
        texts = [(text or "").strip() for text in column.to_pylist()]
        numbers = [_number(text) for text in texts]
        empty = np.array([not text for text in texts], bool)
        wrong = np.array([number is None for number in numbers], bool) & ~empty
        values = np.array([np.nan if number is None else number for number in numbers])
    elif any(test(column.type) for test in _NUMBERS):
        empty = np.asarray(column.is_null())
        values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), float)
    else:
        checks.error(f"holds {_kind(column.type)}, not numbers.", column_text(name), "Map another column.")
        return None
    first = repr(column[int(wrong.argmax())].as_py()) if wrong.any() else ""
    text_fix = "Correct the cell, give the decimal mark when reading the file, or map another column."
    for found, what, more, fix in (
        (wrong, "no number", f", first {first}", text_fix),
        (empty, "no value", "", _FILL_IN),
        (np.isnan(values) & ~empty & ~wrong, "NaN", "", _FILL_IN),
        (np.isinf(values), "an infinite value", "", "Correct it at its source."),
    ):
        if found.any():
            checks.error(f"{what} in {rows_text(np.flatnonzero(found))}{more}.", column_text(name), fix)
    return values if np.isfinite(values).all() else None


def _number(text: str) -> float | None:
    """The number a text is; Python's own digit separator makes it none."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def read_levels(checks: Checks, table: pa.Table, name: str) -> np.ndarray | None:
    """A factor's levels as text, shape (T,), in the table's order; empty cells are a level, with a warning."""
    column = _plain(table[name])
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        checks.error(f"holds {_kind(column.type)}, not levels.", column_text(name), "Map another column.")
        return None
    empty = np.asarray(column.is_null())
    if empty.any() and not empty.all():
        what = f"no value in {rows_text(np.flatnonzero(empty))}; empty cells count as a level of their own."
        checks.warn(what, column_text(name))
    return np.array(["(empty)" if text is None else text for text in column.cast(pa.string()).to_pylist()], object)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """One array, its values themselves where it is dictionary-encoded."""
    array = column.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _kind(kind: pa.DataType) -> str:
    return next((word for test, word in _KINDS if test(kind)), f"values of type {kind}")
