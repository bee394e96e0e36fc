"""Any table as one small Parquet file: the narrowest types that keep every value, and a profile of
every column.

Two passes over the batches: the first finds what each column holds, the second stores it. Memory
does not grow with the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mmm.data.content_hash import ContentHash
from mmm.sources.base import Batches
from mmm.sources.parallel import WORKERS, ordered_map
from mmm.workspace import ColumnProfile

#: Distinct values are counted up to here; more are reported as unknown.
DISTINCT_CAP = 10_000
#: A dictionary pays when a value comes this often on average.
_DICTIONARY_REPEATS = 2
_GROUP_ROWS = 262_144
_GROUP_CELLS = 8_000_000
_INT_TYPES = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_NO_RANGE = (pa.types.is_binary, pa.types.is_boolean, pa.types.is_duration)
_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


@dataclass(frozen=True)
class Optimised:
    """A finished Parquet file. `bytes` is its size, `content_hash` does not depend on how it is
    stored.
    """

    path: Path
    rows: int
    bytes: int
    content_hash: str
    columns: tuple[ColumnProfile, ...]


def optimise(batches: Batches, path: Path) -> Optimised:
    """Write all batches to one Parquet file (zstd) at `path`. Raises UserError where the source is
    damaged.
    """
    columns = [_Column(field.name, _plain(field.type)) for field in batches.schema]
    rows = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        # Reading goes on in its own thread while the columns of the batch before are looked at.
        for batch in ordered_map(_same, batches, workers=1):
            rows += batch.num_rows
            for _ in pool.map(_Column.look, columns, batch.columns):
                pass
    schema = pa.schema([(column.name, column.stored_type(rows)) for column in columns])
    content = ContentHash(schema)

    def store(batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [
            column.store(array, field.type)
            for column, array, field in zip(columns, batch.columns, schema, strict=True)
        ]
        stored = pa.record_batch(arrays, schema=schema)
        content.update(stored)
        return stored

    size = min(_GROUP_ROWS, max(1024, _GROUP_CELLS // max(1, len(columns))))
    repeating = [column.name for column in columns if column.repeats(rows)]
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeating) as writer:
        for group in _grouped(ordered_map(store, batches, workers=1), size):
            writer.write_table(group, row_group_size=size)
    profiles = tuple(
        column.profile(source_type, field.type)
        for column, source_type, field in zip(columns, batches.source_types, schema, strict=True)
    )
    return Optimised(path, rows, path.stat().st_size, content.hexdigest(), profiles)


def _same(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch


def _grouped(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of `rows` each, but for the last: a row group is as large however the
    rows came.
    """
    waiting: list[pa.RecordBatch] = []
    have = 0
    for batch in batches:
        while have + batch.num_rows >= rows:
            taken = rows - have
            yield pa.Table.from_batches([*waiting, batch.slice(0, taken)]).unify_dictionaries()
            batch, waiting, have = batch.slice(taken), [], 0
        if batch.num_rows:
            waiting.append(batch)
            have += batch.num_rows
    if waiting:
        yield pa.Table.from_batches(waiting).unify_dictionaries()


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type a column is worked on in: dictionaries and Arrow's other text layouts as plain text."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if (
        pa.types.is_large_binary(kind)
        or pa.types.is_binary_view(kind)
        or pa.types.is_fixed_size_binary(kind)
    ):
        return pa.binary()
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_timestamp(kind) and kind.unit == "s":
        return pa.timestamp("ms", kind.tz)  # Parquet has no seconds
    return kind


class _Column:
    """One column's facts, gathered batch by batch, and the type they allow."""

    def __init__(self, name: str, kind: pa.DataType) -> None:
        self.name = name
        self._kind = kind
        self._nulls = 0
        self._distinct: pa.Array | None = None if pa.types.is_null(kind) else pa.nulls(0, kind)
        self._minimum: pa.Scalar | None = None
        self._maximum: pa.Scalar | None = None
        self._halves = pa.types.is_float64(kind)  # every value so far is a float32
        self._midnights = pa.types.is_timestamp(kind) and kind.tz is None
        self._micros = True  # no nanoseconds so far

    def look(self, array: pa.Array) -> None:
        """Take in one batch of the column."""
        array = _cast(array, self._kind)
        self._nulls += array.null_count
        if array.null_count == len(array):
            return
        self._count_distinct(array)
        if not any(test(self._kind) for test in _NO_RANGE):
            self._widen_range(array)
        if self._halves:
            self._halves = _fits_float32(array)
        if pa.types.is_timestamp(self._kind):
            self._look_at_times(array)

    def _count_distinct(self, array: pa.Array) -> None:
        if self._distinct is not None:
            known = pc.unique(pa.concat_arrays([self._distinct, pc.unique(array.drop_null())]))
            self._distinct = known if len(known) <= DISTINCT_CAP else None

    def _widen_range(self, array: pa.Array) -> None:
        found = pc.min_max(array)
        low, high = found["min"], found["max"]
        if self._minimum is None or pc.less(low, self._minimum).as_py():
            self._minimum = low
        if self._maximum is None or pc.greater(high, self._maximum).as_py():
            self._maximum = high

    def _look_at_times(self, array: pa.Array) -> None:
        values = array.drop_null().view(pa.int64()).to_numpy()
        if self._midnights:
            self._midnights = not (values % _PER_DAY[self._kind.unit]).any()
        if self._micros and self._kind.unit == "ns":
            self._micros = not (values % 1000).any()

    def stored_type(self, rows: int) -> pa.DataType:
        """The narrowest type that holds every value looked at."""
        kind = self._kind
        # Databases give whole numbers (NUMBER(38, 0), the sum of a bigint) as decimals without a
        # fraction.
        whole = pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0)
        if self._minimum is not None and whole:
            low, high = self._minimum.as_py(), self._maximum.as_py()  # type: ignore[union-attr]
            fitting = (
                t
                for t in _INT_TYPES
                if -(2 ** (t.bit_width - 1)) <= low and high < 2 ** (t.bit_width - 1)
            )
            return next(fitting, kind)
        if pa.types.is_timestamp(kind):
            return self._stored_time()
        if self._halves and self._nulls < rows:
            return pa.float32()
        if pa.types.is_string(kind) and self.repeats(rows):
            return pa.dictionary(pa.int32(), pa.string())
        return kind

    def _stored_time(self) -> pa.DataType:
        if self._minimum is None:
            return pa.timestamp("us", self._kind.tz)
        if self._midnights:
            return pa.date32()
        if self._kind.unit == "ns":
            return pa.timestamp("us" if self._micros else "ns", self._kind.tz)
        finer = pa.timestamp("us", self._kind.tz)
        try:
            self._minimum.cast(finer), self._maximum.cast(finer)  # type: ignore[union-attr]
        except pa.ArrowInvalid:
            return self._kind  # milliseconds beyond the years that microseconds reach
        return finer

    def repeats(self, rows: int) -> bool:
        """Whether the values come again often enough for a dictionary."""
        return (
            self._distinct is not None
            and len(self._distinct) * _DICTIONARY_REPEATS <= rows - self._nulls
        )

    def store(self, array: pa.Array, kind: pa.DataType) -> pa.Array:
        """A batch of the column as the stored type; a value that would change raises (a defect,
        never expected).
        """
        array = _cast(array, self._kind)
        if pa.types.is_dictionary(kind):
            return array.dictionary_encode()
        # Arrow calls every rounding to float32 safe; `look` has found that there is none to do.
        return array if array.type == kind else pc.cast(array, kind)

    def profile(self, source_type: str, kind: pa.DataType) -> ColumnProfile:
        distinct = (
            0
            if pa.types.is_null(self._kind)
            else None
            if self._distinct is None
            else len(self._distinct)
        )
        return ColumnProfile(
            name=self.name,
            source_type=source_type,
            stored_type=str(kind),
            nulls=self._nulls,
            distinct=distinct,
            minimum=_as_text(self._minimum, kind),
            maximum=_as_text(self._maximum, kind),
        )


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    return array if array.type == kind else pc.cast(array, kind)


def _fits_float32(array: pa.Array) -> bool:
    values = array.drop_null().to_numpy()
    with np.errstate(over="ignore", under="ignore"):
        return bool(((values.astype(np.float32) == values) | np.isnan(values)).all())


def _as_text(value: pa.Scalar | None, kind: pa.DataType) -> str | None:
    if value is None:
        return None
    if pa.types.is_date(kind):
        value = value.cast(kind)
    return str(value.cast(pa.string()))
