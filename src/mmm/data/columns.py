"""Columns of any Arrow type as numbers, times or texts, with the cells that are not what the column
should hold.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.errors import Finding, InvalidInput

_ROWS_SHOWN = 5


@dataclass(frozen=True)
class Numbers:
    """A column as float64, shape (rows,), NaN where it has no finite number. `wrong` are the rows
    of cells that hold something else (`text` whether the column is one of texts).
    """

    values: np.ndarray
    wrong: np.ndarray
    first_wrong: str = ""
    text: bool = False

    @property
    def missing(self) -> np.ndarray:
        """Rows of the empty cells."""
        return np.setdiff1d(np.flatnonzero(np.isnan(self.values)), self.wrong, assume_unique=True)


@dataclass(frozen=True)
class Times:
    """A column as local times, datetime64[us], shape (rows,), NaT where it has none, and the same
    instants in UTC.

    `wrong` are the rows of cells that hold something else than a date.
    """

    local: np.ndarray
    instants: np.ndarray
    wrong: np.ndarray
    first_wrong: str = ""

    @cached_property
    def days(self) -> np.ndarray:
        return self.local.astype("datetime64[D]")

    @property
    def missing(self) -> np.ndarray:
        return np.setdiff1d(np.flatnonzero(np.isnat(self.local)), self.wrong, assume_unique=True)


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column in one piece, without a dictionary."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):  # a column too large for one array of its type
        raise InvalidInput(
            "the table is too large.", [Finding("error", "a column holds more than 2 GB of text.")]
        )
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_number(kind: pa.DataType) -> bool:
    """Whether values of the type are numbers (booleans count as 0 and 1)."""
    if pa.types.is_dictionary(kind):
        return is_number(kind.value_type)
    return (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    )


def is_time(kind: pa.DataType) -> bool:
    return pa.types.is_date(kind) or pa.types.is_timestamp(kind)


def read_numbers(column: pa.ChunkedArray | pa.Array) -> Numbers | None:
    """The column's numbers (Decimals rounded to float64, numbers in texts read); None for a type
    that holds none.
    """
    if is_text(column.type):
        return _numbers_in_texts(column)
    if not is_number(column.type):
        return None
    values = _floats(column)
    endless = np.flatnonzero(np.isinf(values))
    if len(endless):
        first = str(values[endless[0]])
        values = np.where(np.isinf(values), np.nan, values)
        return Numbers(values, endless, first)
    return Numbers(values, endless)


def texts_are_numbers(texts: Sequence[str]) -> bool:
    return all(math.isfinite(_number(text)) for text in texts)


def texts_are_times(texts: Sequence[str]) -> bool:
    return not any(np.isnat(_time(text)) for text in texts)


def read_times(column: pa.ChunkedArray | pa.Array, zone: str | None = None) -> Times | None:
    """The column's times, as the clock shows them in `zone` (None: the column's own zone, or no
    zone at all).

    Texts are read as ISO dates. None for a type that holds no dates. A `zone` for a column without
    one is ignored: such times are taken as the local clock's already.
    """
    if is_text(column.type):
        return _times_in_texts(column)
    if not is_time(column.type):
        return None
    array = whole(column)
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        instants = array.cast(pa.timestamp("us", zone or array.type.tz), safe=False)
        return Times(
            stamps(pc.local_timestamp(instants)), stamps(instants.cast(pa.timestamp("us"))), _none()
        )
    local = stamps(array.cast(pa.timestamp("us"), safe=False))
    return Times(local, local, _none())


def read_texts(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, list[str]]:
    """(code of each row, -1 where empty; the texts the codes stand for, in order of appearance)."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    codes = _filled(encoded.indices.cast(pa.int64()), np.int64, -1)
    texts = ["" if value is None else str(value) for value in encoded.dictionary.to_pylist()]
    return codes, texts


def require_columns(table: pa.Table, names: Sequence[str], where: str) -> None:
    """Raise InvalidInput for repeated column names, for columns the table lacks and for a table
    without rows.
    """
    present = Counter(table.column_names)
    findings = [
        Finding(
            "error",
            "the table has two columns of this name.",
            f"column {name!r}",
            "Rename one of them.",
        )
        for name in dict.fromkeys(names)
        if present[name] > 1
    ]
    for name in names:
        if name not in present:
            near = get_close_matches(name, list(present), n=3, cutoff=0.5)
            fix = (
                f"Did you mean {' or '.join(map(repr, near))}?"
                if near
                else f"It has: {listed(list(present))}."
            )
            findings.append(
                Finding("error", "the table has no such column.", f"column {name!r}", fix)
            )
    if not table.num_rows:
        findings.append(Finding("error", "the table has no rows.", "table", "Load data first."))
    if findings:
        raise InvalidInput(f"{where} does not fit the table:", findings)


def without_blanks(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column in one piece, texts of nothing but blanks as empty cells."""
    array = whole(column)
    if not is_text(array.type):
        return array
    return pc.if_else(pc.equal(pc.utf8_trim_whitespace(array), ""), None, array)


def read_dates(column: pa.ChunkedArray | pa.Array) -> Times | None:
    """As `read_times`, with whole numbers such as 20241231 as dates without dashes and blanks as
    empty cells.
    """
    array = whole(column)
    if pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        array = array.cast(pa.string())
    return read_times(without_blanks(array))


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


def kind_text(kind: pa.DataType) -> str:
    """What a column of this type holds, in words."""
    return next((word for test, word in _KINDS if test(kind)), f"values of type {kind}")


def rows_text(positions: np.ndarray | Sequence[int]) -> str:
    """Row numbers from 1, the first few."""
    shown = ", ".join(f"{int(i) + 1}" for i in positions[:_ROWS_SHOWN])
    more = len(positions) - _ROWS_SHOWN
    return f"row{'s' if len(positions) > 1 else ''} {shown}" + (
        f" and {more:,} more" if more > 0 else ""
    )


def counted(count: int, word: str) -> str:
    """ "1 period", "2 periods"."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names in a sentence, the first few of many."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"


def _none() -> np.ndarray:
    return np.array([], np.int64)


def stamps(array: pa.Array) -> np.ndarray:
    """Timestamps in microseconds without a zone as datetime64[us], NaT where null."""
    return _filled(array, np.dtype("datetime64[us]"), np.datetime64("NaT"))


def _floats(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Any numbers as float64, NaN where null: one pass over each chunk."""
    values, at = np.empty(len(column)), 0
    for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
        if pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_decode()
        if pa.types.is_boolean(chunk.type):
            chunk = chunk.cast(pa.uint8())
        elif pa.types.is_decimal(chunk.type):
            chunk = chunk.cast(pa.float64(), safe=False)
        values[at : at + len(chunk)] = _filled(chunk, chunk.type.to_pandas_dtype(), np.nan)
        at += len(chunk)
    return values


def _filled(array: pa.Array, kind: Any, empty: Any) -> np.ndarray:
    """Values of a fixed width, `empty` where null. Arrow's own way imports pandas, two seconds for
    nothing.
    """
    if not len(array):
        return np.array([], kind)
    values = np.frombuffer(
        array.buffers()[1], kind, len(array), array.offset * np.dtype(kind).itemsize
    )
    if not array.null_count:
        return values
    return np.where(array.is_valid().cast(pa.uint8()).to_numpy().view(bool), values, empty)


def _numbers_in_texts(column: pa.ChunkedArray | pa.Array) -> Numbers:
    codes, texts = read_texts(column)
    values = np.array(
        [_number(text) for text in texts] + [np.nan]
    )  # the last one stands for empty cells
    odd = np.append(~np.isfinite(values[:-1]), False)
    values[odd] = np.nan
    wrong = np.flatnonzero(odd[codes])
    first_wrong = repr(texts[codes[wrong[0]]]) if len(wrong) else ""
    return Numbers(values[codes], wrong, first_wrong, text=True)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _times_in_texts(column: pa.ChunkedArray | pa.Array) -> Times:
    codes, texts = read_texts(column)
    times = np.array([_time(text) for text in texts] + [np.datetime64("NaT")], "datetime64[us]")
    odd = np.append(np.isnat(times[:-1]), False)
    wrong = np.flatnonzero(odd[codes])
    local = times[codes]
    return Times(local, local, wrong, repr(texts[codes[wrong[0]]]) if len(wrong) else "")


def _time(text: str) -> np.datetime64:
    """An ISO date or time without a zone; NaT for anything else."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        return np.datetime64("NaT")
    return np.datetime64("NaT") if found.tzinfo else np.datetime64(found, "us")
