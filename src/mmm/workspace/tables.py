"""Arrow tables to and from Parquet in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import obstore
import pyarrow as pa
import pyarrow.parquet as pq

from mmm.errors import NotFound
from mmm.workspace.stored import Unreadable


def read_parquet(
    buffer: obstore.Bytes, columns: Sequence[str] | None = None, where: str = ""
) -> pa.Table:
    """Decode a whole Parquet object; `columns` chooses some, in the given order. NotFound for an
    unknown column, Unreadable for what is no Parquet or a part of one.
    """
    try:
        return _read(buffer, columns)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise Unreadable(f"is damaged: {reason}.", where=where) from error


def _read(buffer: obstore.Bytes, columns: Sequence[str] | None) -> pa.Table:
    # Not pq.read_table: it imports pyarrow.dataset and with it pandas, two seconds for nothing. No
    # threads: one of pyarrow's may hold the buffer after the read, and letting go of it needs the
    # interpreter. Where that is ending by then, the process aborts ("terminate called without an
    # active exception", apache/arrow#34314).
    with pq.ParquetFile(pa.BufferReader(pa.py_buffer(buffer))) as file:
        if columns is None:
            return file.read(use_threads=False)
        unknown = [name for name in columns if name not in file.schema_arrow.names]
        if unknown:
            known = ", ".join(file.schema_arrow.names)
            raise NotFound(
                f"there is no column {', '.join(map(repr, unknown))}.", fix=f"There are: {known}."
            )
        return file.read(columns=list(columns), use_threads=False).select(list(columns))


_CURRENCY = b"currency"


def with_currencies(table: pa.Table, currencies: Mapping[str, str]) -> pa.Table:
    """The table with the ISO 4217 code of each column of money in its field's metadata."""
    if not currencies:
        return table
    fields = []
    for field in table.schema:
        code = currencies.get(field.name)
        own = dict(field.metadata or {})
        fields.append(field if code is None else field.with_metadata(own | {_CURRENCY: code}))
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields, table.schema.metadata))


def currencies_of(table: pa.Table) -> dict[str, str]:
    """The currency of each column that `with_currencies` gave one."""
    found = {}
    for field in table.schema:
        code = (field.metadata or {}).get(_CURRENCY)
        if code is not None:
            found[field.name] = code.decode()
    return found


def write_parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
