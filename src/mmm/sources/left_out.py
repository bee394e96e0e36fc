"""Rows of a table that are no data: blank ones, totals, notes below the table, the header again.

A row of totals is one with a total's word in it and no date (those without a word:
`mmm.sources.sum_rows`). A note is a text, or a year, alone in its row: it holds no value of any column. Both are left out with a word, and totals can be kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.sources.cells import MAYBE_TOTAL, is_date, is_total
from mmm.sources.column_state import Line
from mmm.sources.written_numbers import is_number

_NAMED = 5
#: A year alone in its row is the heading of what follows.
_YEAR = re.compile(r"(?:19|20)\d{2}")


class Why(StrEnum):
    BLANK = "blank"
    TOTAL = "total"
    NOTE = "note"
    HIDDEN = "hidden"
    HEADER = "header repeated"


@dataclass
class LeftOut:
    """Rows left out of one reading: how many of each kind, and the first few with line and text."""

    word: str = "line"
    counts: dict[Why, int] = field(default_factory=dict)
    first: dict[Why, list[tuple[Line, str]]] = field(default_factory=dict)

    def add(self, why: Why, line: Line, text: str) -> None:
        self.counts[why] = self.counts.get(why, 0) + 1
        known = self.first.setdefault(why, [])
        if len(known) < _NAMED:
            known.append((line, " ".join(text.split())[:60]))

    def notes(self) -> list[str]:
        """A sentence for each kind of rows."""
        found = []
        for why, count in self.counts.items():
            rows = "1 row" if count == 1 else f"{count:,} rows"
            places = [
                f"{self.word} {line}" + (f" {text!r}" if why is not Why.BLANK else "")
                for line, text in self.first[why]
            ]
            more = ", ..." if count > len(places) else ""
            found.append(f"{_SAID[why].format(rows=rows)} left out: {', '.join(places)}{more}.")
        return found

    def records(self) -> list[dict[str, object]]:
        """The same as data, for the stored reading."""
        records: list[dict[str, object]] = []
        for why, count in self.counts.items():
            first = [list(place) for place in self.first[why]]
            records.append({"why": str(why), "rows": count, "first": first})
        return records


_SAID = {
    Why.BLANK: "{rows} without any value",
    Why.TOTAL: "{rows} of totals",
    Why.NOTE: "{rows} with a note only",
    Why.HIDDEN: "{rows} hidden in Excel",
    Why.HEADER: "{rows} that repeat the header",
}


def why_no_data(cells: Sequence[str], names: Sequence[str], keep_totals: bool) -> Why | None:
    """Why a row is no row of data; None where it is one. Cells are texts, "" where empty."""
    here = [cell.strip() for cell in cells if cell and cell.strip()]
    if not here:
        return Why.BLANK if len(names) > 1 else None
    if any(is_date(cell) and not is_number(cell) for cell in here):
        return None
    if any(is_total(cell) for cell in here if not is_number(cell)):
        return None if keep_totals else Why.TOTAL
    heading = _YEAR.fullmatch(here[0]) or not is_number(here[0])
    if len(here) == 1 and len(names) > 2 and heading:
        return Why.NOTE
    given = [name.strip() for name in names]
    same = sum(cell.strip() == name for cell, name in zip(cells, given, strict=False) if cell)
    return Why.HEADER if len(here) > 1 and same == len(here) else None


def suspicious(texts: pa.RecordBatch, loose: Sequence[int]) -> np.ndarray:
    """Row numbers that may be no data. `loose` are the columns that hold other texts than numbers
    and dates, so that only these are searched for labels.
    """
    rows = texts.num_rows
    found = _nearly_empty(texts)
    for i in loose:
        encoded = texts.column(i).dictionary_encode()
        name = texts.schema.names[i]
        words = encoded.dictionary
        maybe = pc.match_substring_regex(words, MAYBE_TOTAL).fill_null(False).to_pylist()
        labels = [
            text is not None and ((total and is_total(text)) or text.strip() == name.strip())
            for text, total in zip(words.to_pylist(), maybe, strict=True)
        ]
        if any(labels):
            of_row = pa.array([*labels, False]).take(
                encoded.indices.fill_null(len(labels)).cast(pa.int32())
            )
            found |= of_row.to_numpy(zero_copy_only=False)
    chosen = np.flatnonzero(found)
    return chosen if len(chosen) * 2 <= max(rows, 6) else chosen[:0]


def _nearly_empty(texts: pa.RecordBatch) -> np.ndarray:
    """Rows with one value at most."""
    rows, width = texts.num_rows, texts.num_columns
    with_gaps = [column for column in texts.columns if column.null_count]
    if len(with_gaps) < width - 1 or width < 2:
        return np.zeros(rows, bool)
    filled = np.full(rows, width - len(with_gaps))
    for column in with_gaps:
        filled += pc.is_valid(column).to_numpy(zero_copy_only=False)
    return filled <= 1


def cells_of(texts: pa.RecordBatch, row: int) -> list[str]:
    return [column[row].as_py() or "" for column in texts.columns]
