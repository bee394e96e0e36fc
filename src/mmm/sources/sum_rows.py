"""Rows of totals that no word names: they lack the date, or every text, that other rows have, and
their numbers are the sums of other rows.

A total may stand above or below what it adds up: the whole table, or the rows since the one before
(subtotals). Ratios, averages and people counted once do not add up, so two equal sums are enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.sources.base import Batches
from mmm.sources.left_out import LeftOut, Why

#: A column is one of labels where so many of its cells hold something.
_USUALLY = 0.7
_MOST_CANDIDATES = 5_000
#: Sums of rounded numbers; exports round to the cent.
_RELATIVE, _ABSOLUTE = 1e-6, 0.011
_LEAST_ROWS = 2


@dataclass(frozen=True)
class _Row:
    """A row that may be a total: its number from 0, its numbers, the sums and rows above it."""

    number: int
    values: np.ndarray
    above: np.ndarray
    rows_above: int
    text: str


def without_sum_rows(batches: Batches) -> Batches:
    """The same table without such rows, with a note that quotes them; the rows stay where nothing
    adds up.
    """
    labels = _labels(batches)
    if not labels:
        return batches
    numbers = [f.name for f in batches.schema if _is_number(f.type)]
    rows, total, count = _candidates(batches, labels, numbers)
    out = LeftOut("data row")
    dropped = set()
    for place, row in enumerate(rows):
        why = _why(rows, place, total, count)
        if why is not None:
            dropped.add(row.number)
            out.add(why, row.number + 1, row.text)
    if not dropped or len(dropped) == len(rows) + count:
        return batches

    def read() -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in batches.read():
            here = np.arange(first, first + batch.num_rows)
            first += batch.num_rows
            kept = ~np.isin(here, list(dropped))
            yield batch if kept.all() else batch.filter(pa.array(kept))

    reading = batches.reading
    if reading is not None:
        left_out = (*reading.left_out, *out.records())
        reading = reading.model_copy(update={"left_out": left_out})
    notes = (*batches.notes, *out.notes())
    return replace(batches, read=read, notes=notes, reading=reading)


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_date(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _labels(batches: Batches) -> list[str]:
    """The columns whose empty cells together make a row suspect: a date that few rows lack, else
    all texts that nearly every row has; none where no row lacks them.
    """
    kinds = {f.name: f.type for f in batches.schema}
    dates = [name for name, kind in kinds.items() if _is_date(kind)]
    texts = [name for name, kind in kinds.items() if pa.types.is_string(kind)]
    rows, nulls = 0, dict.fromkeys([*dates, *texts], 0)
    for batch in batches.read():
        rows += batch.num_rows
        for name in nulls:
            nulls[name] += batch.column(name).null_count
    usual = {name for name, missing in nulls.items() if missing <= (1 - _USUALLY) * rows}
    lacked = [name for name in dates if name in usual and nulls[name]]
    if lacked:
        return lacked[:1]
    texts = [name for name in texts if name in usual]
    return texts if texts and all(nulls[name] for name in texts) else []


def _candidates(
    batches: Batches, labels: list[str], numbers: list[str]
) -> tuple[list[_Row], np.ndarray, int]:
    """(rows without any label, the sums of all other rows, how many these are)."""
    found: list[_Row] = []
    sums, count, first = np.zeros(len(numbers)), 0, 0
    for batch in batches.read():
        empty = np.ones(batch.num_rows, bool)
        for name in labels:
            empty &= pc.is_null(batch.column(name)).to_numpy(zero_copy_only=False)
        values = _values(batch, numbers)
        running = np.cumsum(np.where(empty[:, None], 0.0, np.nan_to_num(values)), axis=0)
        others = np.cumsum(~empty)
        for row in np.flatnonzero(empty)[: _MOST_CANDIDATES - len(found)]:
            cells = [column[int(row)].as_py() for column in batch.columns]
            text = " ".join(str(cell) for cell in cells if cell is not None)
            above = sums + running[row]
            at = _Row(first + int(row), values[row], above, count + int(others[row]), text)
            found.append(at)
        if batch.num_rows:
            sums, count = sums + running[-1], count + int(others[-1])
        first += batch.num_rows
    return found, sums, count


def _values(batch: pa.RecordBatch, numbers: list[str]) -> np.ndarray:
    """(rows, columns) as float64, NaN where empty."""
    if not numbers:
        return np.zeros((batch.num_rows, 0))
    columns = [pc.cast(batch.column(name), pa.float64(), safe=False) for name in numbers]
    return np.stack([column.to_numpy(zero_copy_only=False) for column in columns], axis=1)


def _why(rows: list[_Row], place: int, total: np.ndarray, count: int) -> Why | None:
    """Why a row is no data: it holds nothing, or the sums of the table or of its neighbours."""
    row = rows[place]
    if not row.text:
        return Why.BLANK
    before = rows[place - 1] if place else None
    after = rows[place + 1] if place + 1 < len(rows) else None
    start, rows_start = (before.above, before.rows_above) if before else (0.0 * total, 0)
    end, rows_end = (after.above, after.rows_above) if after else (total, count)
    whole = [(total, count), (row.above, row.rows_above)]
    parts = [
        (row.above - start, row.rows_above - rows_start),
        (end - row.above, rows_end - row.rows_above),
    ]
    if any(_adds_up(row.values, sums, size, alone=True) for sums, size in whole):
        return Why.TOTAL
    if any(_adds_up(row.values, sums, size, alone=False) for sums, size in parts):
        return Why.TOTAL
    return None


def _adds_up(values: np.ndarray, sums: np.ndarray, rows: int, *, alone: bool) -> bool:
    """Whether a row's numbers are sums of so many rows; `alone`: of the table's only number, too."""
    if rows < _LEAST_ROWS:
        return False
    known = ~np.isnan(values) & (sums != 0)
    equal = known & np.isclose(values, sums, rtol=_RELATIVE, atol=_ABSOLUTE)
    if known.sum() == 1:
        return alone and bool(equal.any())
    return bool(equal.sum() >= 2)
