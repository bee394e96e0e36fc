"""Quality: profile, proposal and all checks of a table of 1 million rows x 20 columns.

`python -m benchmarks.quality [rows]` makes a daily table of many markets (date, market, KPI, 6
spends, 6 exposures, 2 organic media, 2 context columns, a factor), stores it as a dataset, and
reports for a fresh process: reading the dataset, profile and proposal, and quality (all checks and
channels), in wall and CPU seconds after imports, and its peak resident memory.
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
import pyarrow.parquet as pq

_DAYS = 1_000


def table(rows: int) -> pa.Table:
    """`rows` rows of 1,000 days by as many markets as that takes; 20 columns."""
    random = np.random.default_rng(20_240_101)
    markets = rows // _DAYS
    size = markets * _DAYS
    days = np.tile(np.datetime64("2021-01-04") + np.arange(_DAYS), markets)
    names = pa.array([f"market {i}" for i in range(markets)])
    columns: dict[str, pa.Array] = {
        "date": pa.array(days),
        "market": names.take(pa.array(np.repeat(np.arange(markets), _DAYS))),
        "revenue": pa.array(np.round(random.gamma(9, 100, size), 2)),
    }
    for i in range(6):
        spend = np.round(random.gamma(2, 50, size) * (random.uniform(size=size) < 0.9), 2)
        columns[f"channel{i}_spend"] = pa.array(spend)
        columns[f"channel{i}_impressions"] = pa.array(
            (spend * random.uniform(80, 120, size)).astype(np.int64)
        )
    columns["newsletter"] = pa.array(random.integers(0, 10_000, size))
    columns["organic_views"] = pa.array(random.integers(0, 100_000, size))
    columns["price"] = pa.array(np.round(random.normal(10, 1, size), 2))
    columns["competitor_sales"] = pa.array(random.normal(500, 50, size))
    columns["event"] = pa.array(["none", "sale", "holiday"]).take(
        pa.array(random.integers(0, 3, size))
    )
    return pa.table(columns)


def measure(workspace_url: str) -> dict[str, float | str]:
    """Run the steps in this process and report each one's wall and CPU seconds."""
    from mmm.data.proposal import propose
    from mmm.data.quality import review
    from mmm.workspace import Workspace

    workspace = Workspace(workspace_url)
    (manifest,) = workspace.datasets()
    found: dict[str, float | str] = {}

    def lap(name: str, since: tuple[float, float]) -> tuple[float, float]:
        now = time.perf_counter(), time.process_time()
        found[f"{name}_wall"], found[f"{name}_cpu"] = now[0] - since[0], now[1] - since[1]
        return now

    start = time.perf_counter(), time.process_time()
    data = workspace.read_dataset(manifest.market, manifest.dataset_id)
    then = lap("read", start)
    proposal = propose(data)
    assert proposal.mapping is not None
    assert proposal.mapping.market == "market"
    then = lap("proposal", then)
    report = review(data, proposal.mapping)
    lap("quality", then)
    lap("total", start)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["unknown"] = sum(result.light.value == "unknown" for result in report.checks)
    return found


def main(rows: int) -> None:
    from mmm.data.ingest import ingest
    from mmm.platforms.local.user import local_user
    from mmm.sources.files import FileSource
    from mmm.workspace import Workspace

    with tempfile.TemporaryDirectory(prefix="mmm-bench-") as folder:
        path, url = Path(folder) / "table.parquet", (Path(folder) / "workspace").as_uri()
        made = table(rows)
        pq.write_table(made, path)
        workspace = Workspace(url)
        ingest(
            FileSource(path), market="bench", origin=path.name, workspace=workspace, by=local_user()
        )
        print(
            f"{made.num_rows:,} rows x {made.num_columns} columns, {made.num_rows // _DAYS:,} markets x {_DAYS:,} days"
        )
        command = [sys.executable, "-m", "benchmarks.quality", "--measure", url]
        found = json.loads(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout
        )
    for step in ("read", "proposal", "quality", "total"):
        print(f"{step:10} {found[f'{step}_wall']:6.2f} s wall {found[f'{step}_cpu']:6.2f} s CPU")
    print(f"peak memory {found['peak_mb']:,.0f} MB, checks that could not run: {found['unknown']}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(sys.argv[2])))
    else:
        main(int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000)
