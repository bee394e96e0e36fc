"""A hash of a table's content: names, kinds and values, whatever the file, batch size or width it
is stored with.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class ContentHash:
    """Hash record batches one after the other. SHA-256 over every column's name, kind, nulls and
    values.

    Integers count as int64, floats as float64 (all NaN alike, -0.0 apart from 0.0), dictionary
    columns as their text; a different order of columns or rows is a different content.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._rows = 0
        self._columns = [_ColumnHash(field) for field in schema]

    def update(self, batch: pa.RecordBatch) -> None:
        for column, array in zip(self._columns, batch.columns, strict=True):
            column.update(array, self._rows)
        self._rows += batch.num_rows

    def hexdigest(self) -> str:
        total = hashlib.sha256(f"table {len(self._columns)} {self._rows}".encode())
        for column in self._columns:
            total.update(column.digest())
        return total.hexdigest()


class _ColumnHash:
    def __init__(self, field: pa.Field) -> None:
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        self._head = f"{len(field.name.encode())} {field.name} {_kind_name(kind)}".encode()
        self._values, self._nulls, self._lengths = (
            hashlib.sha256(),
            hashlib.sha256(),
            hashlib.sha256(),
        )

    def update(self, array: pa.Array, first_row: int) -> None:
        if array.null_count:
            nulls = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
            self._nulls.update((nulls + first_row).astype("<i8").data)
        kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            self._add_bytes(array)
        elif not pa.types.is_null(kind):
            self._values.update(_fixed(array, kind).data)

    def _add_bytes(self, array: pa.Array) -> None:
        if pa.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        if not len(array):
            return
        empty = b"" if pa.types.is_binary(array.type) else ""
        array = array.fill_null(empty) if array.null_count else array
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
        self._lengths.update(np.diff(bounds).astype("<i4").data)
        if data is not None:
            self._values.update(memoryview(data)[bounds[0] : bounds[-1]])

    def digest(self) -> bytes:
        parts = (self._head, self._nulls.digest(), self._lengths.digest(), self._values.digest())
        return hashlib.sha256(b"".join(parts)).digest()


def _kind_name(kind: pa.DataType) -> str:
    if pa.types.is_uint64(kind):
        return "uint64"  # only stored where int64 is too small
    if pa.types.is_integer(kind):
        return "integer"
    return "float" if pa.types.is_floating(kind) else str(kind)


def _fixed(array: pa.Array, kind: pa.DataType) -> np.ndarray:
    """Values of a fixed width as little-endian numbers, zero where null."""
    if pa.types.is_boolean(kind):
        return array.fill_null(False).cast(pa.uint8()).to_numpy()
    if pa.types.is_floating(kind):
        values = array.cast(pa.float64()).fill_null(0.0).to_numpy().astype("<f8")
        missing = np.isnan(values)
        if missing.any():
            values[missing] = np.nan
        return values
    if pa.types.is_decimal(kind):
        array = array.fill_null(pa.scalar(Decimal(0), kind)) if array.null_count else array
        width = kind.byte_width
        raw = np.frombuffer(array.buffers()[1], np.uint8)
        return raw[array.offset * width : (array.offset + len(array)) * width]
    if pa.types.is_uint64(kind):
        return array.fill_null(0).to_numpy().astype("<u8")
    if not pa.types.is_integer(kind):
        array = array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    return pc.cast(array, pa.int64()).fill_null(0).to_numpy().astype("<i8")
