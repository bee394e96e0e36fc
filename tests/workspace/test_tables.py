"""Arrow tables to and from Parquet."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from mmm.workspace.tables import read_parquet, write_parquet


@pytest.mark.parametrize("columns", [None, ["c3", "c0"]])
def test_nothing_holds_the_buffer_once_it_is_read(columns: list[str] | None) -> None:
    """A thread of pyarrow's that lets go of it while the interpreter ends would abort the process."""
    random = np.random.default_rng(1)
    table = pa.table({f"c{i}": random.normal(size=20_000) for i in range(8)})
    data = bytearray(write_parquet(table))
    for _ in range(30):
        assert read_parquet(data, columns).num_rows == 20_000
        data.append(data.pop())  # BufferError while anyone holds it
