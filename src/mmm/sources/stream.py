"""A database's answer, which comes once and in pieces, as a table that can be read twice and is
always the same.

The pieces of one answer may differ in type (a driver picks the narrowest for each piece); they get
the type that holds them all. An answer of moderate size is sorted: a database gives the same rows
in any order it likes, and the same rows must be the same dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mmm.errors import UserError
from mmm.sources.base import Batches, Spool

#: Answers up to this size in memory are sorted; larger ones stay in the order they came.
SORTED_BYTES = 100_000_000
_BATCH_ROWS = 65_536
_MOST_DIGITS = 38
_INT64_DIGITS = 19


def spooled(
    batches: Iterable[pa.RecordBatch],
    source_types: Sequence[str],
    *,
    where: str,
    notes: Sequence[str] = (),
    most_sorted: int = SORTED_BYTES,
) -> Batches:
    """Take in all batches; their types are widened to hold every piece. Raises UserError when they
    cannot be.

    Sorts by all columns when the answer takes at most `most_sorted` bytes. The batches' names must
    be unique.
    """
    spool = _WideningSpool(where)
    try:
        for batch in batches:
            spool.write(batch)
        if spool.schema is None or not spool.rows:
            raise UserError(
                "has columns but no rows.",
                where=where,
                fix="Check the table, or the query's conditions.",
            )
        sortable = [i for i, field in enumerate(spool.schema) if _is_sortable(field.type)]
        spool.finish()
        if spool.bytes > most_sorted or not sortable:
            return Batches(spool.schema, spool.read, tuple(source_types), tuple(notes), spool.close)
        ordered = _sorted(pa.Table.from_batches(spool.read(), spool.schema), sortable)
    except BaseException:
        spool.close()
        raise
    spool.close()
    return Batches(
        ordered.schema,
        lambda: iter(ordered.to_batches(_BATCH_ROWS)),
        tuple(source_types),
        tuple(notes),
    )


class _WideningSpool:
    """Batches on disk in stretches of one schema each; they are read as the one schema that holds
    them all.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._stretches: list[Spool] = []
        self._last: pa.Schema | None = None
        self.schema: pa.Schema | None = None
        self.rows = self.bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        if batch.schema != self._last:
            if self.schema is None:
                self.schema = batch.schema
            else:
                self.schema = self._widened(self.schema, batch.schema)
            self._last = batch.schema
            self._end_stretch()
            self._stretches.append(Spool(batch.schema))
        self._stretches[-1].write(batch)
        self.rows += batch.num_rows
        self.bytes += batch.nbytes

    def _end_stretch(self) -> None:
        if self._stretches:
            self._stretches[-1].finish()

    def _widened(self, have: pa.Schema, come: pa.Schema) -> pa.Schema:
        if have.names != come.names:
            raise UserError(
                "its columns changed while it was read.", where=self._where, fix="Read it again."
            )
        fields = []
        for old, new in zip(have, come, strict=True):
            kind = wider(old.type, new.type)
            if kind is None:
                raise UserError(
                    f"some rows have the type {old.type}, some {new.type}.",
                    where=f"{self._where}, column {old.name!r}",
                    fix="Cast the column to one type in a query.",
                )
            fields.append(pa.field(old.name, kind))
        return pa.schema(fields)

    def finish(self) -> None:
        self._end_stretch()

    def read(self) -> Iterator[pa.RecordBatch]:
        schema = self.schema or pa.schema([])
        for stretch in self._stretches:
            for batch in stretch.read():
                columns = [
                    column if column.type == field.type else pc.cast(column, field.type)
                    for column, field in zip(batch.columns, schema, strict=True)
                ]
                yield pa.record_batch(columns, schema=schema)

    def close(self) -> None:
        for stretch in self._stretches:
            stretch.close()


def wider(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The narrowest type that holds every value of both, None when there is none."""
    if a == b or pa.types.is_null(b):
        return a
    if pa.types.is_null(a):
        return b
    if pa.types.is_signed_integer(a) and pa.types.is_signed_integer(b):
        return max(a, b, key=lambda kind: kind.bit_width)
    if pa.types.is_floating(a) and pa.types.is_floating(b):
        return max(a, b, key=lambda kind: kind.bit_width)
    if pa.types.is_decimal(a) or pa.types.is_decimal(b):
        return _wider_decimal(a, b)
    if pa.types.is_timestamp(a) and pa.types.is_timestamp(b) and a.tz == b.tz:
        if {a.unit, b.unit} <= {"s", "ms", "us"}:
            return pa.timestamp("us", a.tz)
        return None
    return None


def _wider_decimal(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    whole, scale = 0, 0
    for kind in (a, b):
        if pa.types.is_decimal(kind):
            whole, scale = max(whole, kind.precision - kind.scale), max(scale, kind.scale)
        elif pa.types.is_signed_integer(kind):
            whole = max(whole, _INT64_DIGITS)
        else:
            return None
    if whole + scale <= _MOST_DIGITS:
        return pa.decimal128(whole + scale, scale)
    return None


def _is_sortable(kind: pa.DataType) -> bool:
    return not (pa.types.is_null(kind) or pa.types.is_nested(kind) or pa.types.is_dictionary(kind))


def _sorted(table: pa.Table, columns: Sequence[int]) -> pa.Table:
    # Numbers for names: Arrow takes a name that starts with a dot or a bracket for a path.
    numbered = table.rename_columns([str(i) for i in range(table.num_columns)])
    return table.take(pc.sort_indices(numbered, sort_keys=[(str(i), "ascending") for i in columns]))
