"""Weeks named by their last day: said in a note, and dated by their first day where a person asks.

A date stands for the period that it begins; holidays and months are counted from it. Nothing in a
column of last days shows it but its name or its words.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.sources.base import Batches
from mmm.sources.reading import As, ReadOptions
from mmm.sources.written_dates import plain

_NAMED = re.compile(
    r"\b(?:week|wk|w)[\s./-]+(?:end|ending|ended|e|to)\b|\bweekending\b|\bw/e\b|\bwoche (?:bis|endet)\b"
)
_WEEK = pa.scalar(dt.timedelta(days=6), pa.duration("s"))


def by_first_day(batches: Batches, options: ReadOptions) -> Batches:
    """Date the weeks of columns said to hold last days by their first day; note columns that seem
    to.
    """
    asked = [name for name, said in options.columns.items() if said is As.WEEK_ENDING]
    notes = [*batches.notes]
    for field in batches.schema:
        if field.name in asked:
            notes.append(
                f"Column {field.name!r}: each week is dated by its first day, 6 days before."
            )
        elif field.name not in options.columns and _is_last_day(batches, field):
            notes.append(
                f"Column {field.name!r} seems to name each week's last day; a date stands for the "
                f'days that follow it. --column "{field.name}={As.WEEK_ENDING}" dates each week by '
                "its first day."
            )
    if not asked:
        return replace(batches, notes=tuple(notes))
    places = [batches.schema.get_field_index(name) for name in asked]

    def read() -> Iterator[pa.RecordBatch]:
        for batch in batches.read():
            columns = batch.columns
            for place in places:
                kind = columns[place].type
                moved = pc.subtract(columns[place].cast(pa.timestamp("s")), _WEEK)
                columns[place] = moved.cast(kind)
            yield pa.record_batch(columns, schema=batch.schema)

    return replace(batches, read=read, notes=tuple(notes))


def _is_last_day(batches: Batches, field: pa.Field) -> bool:
    """Whether a column's name or its words say so, and its days are all the same weekday."""
    if not (pa.types.is_date(field.type) or pa.types.is_timestamp(field.type)):
        return False
    reading = batches.reading
    said = reading.column(field.name) if reading is not None else None
    written = said.written if said is not None else ""
    name = re.sub(r"[_\s]+", " ", plain(field.name))
    if not (_NAMED.search(name) or written.startswith("week ending")):
        return False
    for batch in batches.read():
        days = batch.column(field.name).drop_null().cast(pa.date32()).to_numpy(zero_copy_only=False)
        if len(np.unique(days.astype("datetime64[D]").astype(int) % 7)) > 1:
            return False
    return True
