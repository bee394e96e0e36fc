"""A table of one's own holidays, school holidays, paydays or events: a name, a first and perhaps a
last day in each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from mmm.data.columns import Times, is_text, listed, read_dates, read_texts, rows_text
from mmm.data.naming import words_of
from mmm.errors import UserError

_FIRST_WORDS = frozenset(
    ["date", "ds", "day", "start", "first", "from", "begin", "begins", "datum", "beginn", "von"]
)
#: Words of a column that says for whom each row is a holiday.
_PLACE_WORDS = frozenset(
    ["country", "land", "region", "state", "bundesland", "kanton", "market", "province", "geo"]
)
_LAST_WORDS = frozenset(["end", "last", "to", "until", "till", "ende", "bis"])


@dataclass(frozen=True)
class Event:
    """Something on the days from `start` to `end`, both inclusive."""

    name: str
    start: date
    end: date


def read_events(table: pa.Table, where: str = "events") -> tuple[Event, ...]:
    """The table's events by date. Its columns are found by name (date or start, end, name), else by
    what they hold. Raises UserError naming the rows that cannot be read.
    """
    first, last, name = _columns(table, where)
    _require_one_place(table, name, where)
    starts = _days(table, first, where)
    ends = starts if last is None else _days(table, last, where)
    wrong = np.flatnonzero(ends < starts)
    if len(wrong):
        what = f"the end lies before the start in {rows_text(wrong)}."
        raise UserError(what, where=where, fix="Correct the dates.")
    codes, texts = read_texts(table[name])
    if (codes < 0).any():
        what = f"no name in {rows_text(np.flatnonzero(codes < 0))} of column {name!r}."
        raise UserError(what, where=where, fix="Give each row a name.")
    found = [
        Event(" ".join(texts[code].split()), start.item(), end.item())
        for code, start, end in zip(codes, starts, ends, strict=True)
    ]
    return tuple(sorted(found, key=lambda event: (event.start, event.name)))


def _require_one_place(table: pa.Table, name: str, where: str) -> None:
    """UserError for a table of several countries or regions: all would count for each of them."""
    for other in table.column_names:
        if other == name or not set(words_of(other)) & _PLACE_WORDS:
            continue
        column = table[other]
        texts = read_texts(column if is_text(column.type) else column.cast(pa.string()))[1]
        if len(texts) > 1:
            what = f"column {other!r} holds {len(texts)} places, {listed(texts)}: all would count."
            fix = "Keep the rows of one, or leave the column out where all are meant."
            raise UserError(what, where=where, fix=fix)


def _columns(table: pa.Table, where: str) -> tuple[str, str | None, str]:
    """(first day's, last day's, name's column)."""
    dates = [name for name in table.column_names if _holds_dates(table[name])]
    texts = [name for name in table.column_names if is_text(table[name].type) and name not in dates]
    if not dates or not texts:
        what = f"needs a column of dates and one of names; it has: {', '.join(table.column_names)}."
        raise UserError(what, where=where, fix="Write a table such as date,name (and end).")
    last = next((name for name in dates if set(words_of(name)) & _LAST_WORDS), None)
    firsts = [name for name in dates if name != last] or dates
    first = next((name for name in firsts if set(words_of(name)) & _FIRST_WORDS), firsts[0])
    if first == last:
        last = None
    if last is None and len(dates) == 2:
        last = next(name for name in dates if name != first)
    named = ("name", "holiday", "event", "feiertag", "ferien", "label")
    return first, last, next((name for name in texts if name.casefold() in named), texts[0])


def _holds_dates(column: pa.ChunkedArray) -> bool:
    times = read_dates(column)
    return times is not None and not len(times.wrong) and len(times.missing) < len(times.local)


def _days(table: pa.Table, name: str, where: str) -> np.ndarray:
    times = read_dates(table[name])
    assert isinstance(times, Times)  # noqa: S101 - the column was chosen for its dates
    if len(times.missing):
        what = f"no date in {rows_text(times.missing)} of column {name!r}."
        raise UserError(what, where=where, fix="Fill in the date or drop the row.")
    return times.days
