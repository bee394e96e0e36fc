"""Lift tests from a table: one row a test, its columns found by name. What is not in the table stays
open; what a test must have is checked when the experiment is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.data.columns import is_text, read_dates, read_numbers, read_texts, rows_text
from mmm.data.naming import words_of
from mmm.errors import UserError

#: Names of columns, as words that must all be in them; the first that fits a column counts.
_NAMES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "standard_error",
        ("standard error", "std error", "std err", "stderr", "se", "standardfehler"),
    ),
    ("interval_low", ("interval low", "low", "lower", "ci low", "ci lower", "untergrenze")),
    ("interval_high", ("interval high", "high", "upper", "ci high", "ci upper", "obergrenze")),
    ("interval_level", ("interval level", "level", "ci level")),
    ("confidence", ("confidence", "konfidenz")),
    ("channels", ("channel", "channels", "media", "medium", "kanal", "kanäle")),
    ("start", ("start", "start date", "first", "first day", "from", "begin", "von", "beginn")),
    ("end", ("end", "end date", "last", "last day", "to", "until", "bis", "ende")),
    ("spend", ("spend", "spent", "cost", "ausgaben", "kosten")),
    ("lift", ("lift", "effect", "estimate", "incremental", "uplift", "wirkung")),
    ("scope", ("scope",)),
    ("status", ("status",)),
    ("source", ("source", "study", "report", "quelle")),
)
_NEEDED = ("channels", "start", "end", "lift")
_DATES = ("start", "end")
_TEXTS = ("channels", "scope", "status", "source")


def read_lift_tests(table: pa.Table, where: str = "lift tests") -> list[dict[str, Any]]:
    """The table's tests as an experiment holds them, in its order; several channels of one test
    stand with commas, semicolons or plus signs between them. Raises UserError naming columns that
    are missing and rows that cannot be read.
    """
    columns = _columns(table.column_names)
    lacking = [name for name in _NEEDED if name not in columns]
    if lacking:
        fix = "Name columns channel, start, end, lift, spend, and standard_error or low and high."
        raise UserError(f"has no column for {', '.join(lacking)}.", where=where, fix=fix)
    found: list[dict[str, Any]] = [{} for _ in range(table.num_rows)]
    for field, column in columns.items():
        read = _reader(field)
        for test, value in zip(found, read(table[column], f"{where}, {column!r}"), strict=True):
            if value is not None:
                test[field] = value
    for test in found:
        test.setdefault("spend", 0.0)
        test["channels"] = _split(str(test.get("channels", "")))
    return found


def _columns(names: Sequence[str]) -> dict[str, str]:
    """The column of each field, by the names that say it."""
    found: dict[str, str] = {}
    for field, words in _NAMES:
        wanted = [tuple(text.split()) for text in words]
        for name in names:
            if name in found.values():
                continue
            own = words_of(name)
            if any(own == one or (len(one) == 1 and one[0] in own) for one in wanted):
                found.setdefault(field, name)
    return found


def _reader(field: str) -> Callable[[pa.ChunkedArray, str], list[Any]]:
    if field in _DATES:
        return _days
    return _words if field in _TEXTS else _numbers


def _days(column: pa.ChunkedArray, where: str) -> list[Any]:
    times = read_dates(column)
    if times is None or len(times.wrong):
        rows = "" if times is None else f" in {rows_text(times.wrong)}"
        raise UserError(f"holds no dates{rows}.", where=where, fix="Write 2024-12-31.")
    return [None if np.isnat(day) else str(day) for day in times.days]


def _numbers(column: pa.ChunkedArray, where: str) -> list[Any]:
    numbers = read_numbers(column)
    if numbers is None or len(numbers.wrong):
        rows = "" if numbers is None else f" in {rows_text(numbers.wrong)}"
        raise UserError(f"holds no numbers{rows}.", where=where, fix="Correct the cells.")
    return [None if np.isnan(value) else float(value) for value in numbers.values]


def _words(column: pa.ChunkedArray, where: str) -> list[Any]:
    codes, texts = read_texts(column if is_text(column.type) else column.cast(pa.string()))
    return [None if code < 0 else texts[code].strip() for code in codes]


def _split(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;+]", text) if part.strip()]
