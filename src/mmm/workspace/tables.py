"""Arrow tables to and from Parquet in memory."""

from __future__ import annotations

from collections.abc import Sequence

import obstore
import pyarrow as pa
import pyarrow.parquet as pq


def read_parquet(buffer: obstore.Bytes, columns: Sequence[str] | None = None) -> pa.Table:
    """Decode a whole Parquet object; `columns` chooses some, in the given order."""
    return pq.read_table(pa.BufferReader(pa.py_buffer(buffer)), columns=None if columns is None else list(columns))


def write_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
