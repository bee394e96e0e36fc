"""`make bench`: the benchmarks one after the other, each in a process of its own, as tables in
Markdown.

Tables of a million rows here; the README's figures for ten million are made by naming the size:
`python -m benchmarks.data_in 10000000`, `python -m benchmarks.sources 10000000`.
"""

from __future__ import annotations

import subprocess
import sys

RUNS = (
    ("engine",),
    ("search_quality",),
    ("scaling",),
    ("planning",),
    ("run_list",),
    ("scale",),
    ("load",),
    ("pages",),
    ("data_in", "1000000"),
    ("quality",),
    ("sources", "1000000"),
)

if __name__ == "__main__":
    failed = [
        name
        for name, *size in RUNS
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *size]).returncode
    ]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
