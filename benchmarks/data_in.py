"""Data in: a large CSV file to optimised Parquet, beside DuckDB's own COPY of the same file.

`python -m benchmarks.data_in [rows]` writes a CSV file of 20 columns (10 million rows unless told
otherwise) into a temporary folder, ingests it into a fresh local workspace in a process of its own,
then lets DuckDB copy it to Parquet in another. Each process reports wall and CPU seconds and its
peak resident memory.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

_CHUNK = 500_000


def write_csv(path: Path, rows: int) -> None:
    """6 integer, 8 float (6 rounded, 2 with all their digits), 2 date and 4 text columns, some
    cells empty.
    """
    random = np.random.default_rng(20_240_101)
    writer = None
    for start in range(0, rows, _CHUNK):
        batch = _rows(random, start, min(_CHUNK, rows - start))
        writer = writer or pyarrow.csv.CSVWriter(path, batch.schema)
        writer.write_batch(batch)
    assert writer is not None
    writer.close()


def _rows(random: np.random.Generator, start: int, rows: int) -> pa.RecordBatch:
    columns: dict[str, pa.Array] = {}
    for i in range(6):
        gaps = random.random(rows) < (0.05 if i == 0 else 0)
        columns[f"clicks_{i}"] = pa.array(random.integers(0, 10 ** (i + 2), rows), mask=gaps)
    for i in range(6):
        columns[f"spend_{i}"] = pa.array(np.round(random.gamma(2, 100 * (i + 1), rows), 2 + i % 3))
    for i in range(2):
        columns[f"index_{i}"] = pa.array(random.normal(size=rows))
    for i in range(2):
        days = np.datetime64("2015-01-01") + random.integers(0, 3000, rows)
        columns[f"date_{i}"] = pa.array(days.astype("datetime64[D]"))
    for name, levels in (("channel", 12), ("region", 80), ("campaign", 4000)):
        names = pa.array([f"{name} {i}" for i in range(levels)])
        columns[name] = names.take(pa.array(random.integers(0, levels, rows)))
    numbers = pa.array(np.arange(start, start + rows)).cast(pa.string())
    columns["order"] = pc.binary_join_element_wise("order", numbers, "-")
    return pa.RecordBatch.from_pydict(columns)


def _ingest(path: Path, folder: Path) -> int:
    from mmm.data.ingest import ingest
    from mmm.platforms.local.user import local_user
    from mmm.sources.files import FileSource
    from mmm.workspace import Workspace

    workspace = Workspace((folder / "workspace").as_uri())
    manifest = ingest(
        FileSource(path), market="bench", origin=path.name, workspace=workspace, by=local_user()
    )
    return manifest.bytes


def _duckdb(path: Path, folder: Path) -> int:
    import duckdb

    target = folder / "duckdb.parquet"
    duckdb.sql("SET enable_progress_bar = false")
    duckdb.sql(f"COPY (SELECT * FROM read_csv('{path}')) TO '{target}' (FORMAT parquet)")
    return target.stat().st_size


_WAYS = {"mmm": _ingest, "DuckDB COPY": _duckdb}


def measure(way: str, path: Path, folder: Path) -> dict[str, float]:
    """Run one way in this process and report it."""
    start, cpu = time.perf_counter(), time.process_time()
    size = _WAYS[way](path, folder)
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bytes": size,
    }


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory(prefix="mmm-bench-") as name:
        folder = Path(name)
        path = folder / "table.csv"
        write_csv(path, rows)
        print(f"{rows:,} rows x 20 columns, CSV of {path.stat().st_size / 1e6:,.0f} MB")
        for way in _WAYS:
            command = [
                sys.executable,
                "-m",
                "benchmarks.data_in",
                "--measure",
                way,
                str(path),
                name,
            ]
            found = json.loads(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout
            )
            speed = rows / found["seconds"]
            print(
                f"{way:12} {found['seconds']:7.1f} s wall {found['cpu']:7.1f} s CPU {speed:11,.0f} rows/s"
                f" {found['peak_mb']:7,.0f} MB peak {found['bytes'] / 1e6:8,.1f} MB Parquet"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))))
    else:
        main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 10_000_000)
