"""Listing 10,000 runs: at first, when the endings are kept, one page, and filtered. `python -m
benchmarks.run_list`
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from mmm.runs.search import RunFilter
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.settings import Settings
from mmm.workspace.models import RunEvent, RunState
from mmm.workspace.names import new_id, utc_now

RUNS, PER_PAGE = 10_000, 20
STAGES = ("data", "features", "search", "select", "tables", "report")


def store_runs(service: RunService, runs: int) -> None:
    """Runs that ended, a minute apart; every seventh failed."""
    now = utc_now()
    details = {"name": "Germany, weekly", "market": "DE", "dataset_id": "0" * 16, "engine": "ridge"}
    end = {"seconds": dict.fromkeys(STAGES, 1.0), "memory_peak_bytes": 300_000_000}
    for number in range(runs):
        at = now - timedelta(minutes=number)
        run_id = new_id(at)
        first = RunEvent(
            number=1, state=RunState.QUEUED, at=at, attempt=1, actor="ann", details=details
        )
        state = RunState.SUCCEEDED if number % 7 else RunState.FAILED
        last = RunEvent(
            number=2, state=state, at=at, attempt=1, actor="task", stages=STAGES, details=end
        )
        service.workspace.append_event(run_id, first)
        service.workspace.append_event(run_id, last)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        service = RunService.open(Settings(workspace=str(Path(folder) / "workspace")))
        store_runs(service, RUNS)
        failed = RunFilter(states=frozenset({"failed"}), text="germany")
        ways: dict[str, Callable[[], list[RunStatus]]] = {
            "all, at first": service.runs,
            "all, again": service.runs,
            "one page": lambda: service.runs(limit=PER_PAGE),
            "filtered": lambda: service.find(failed),
        }
        for name, look in ways.items():
            begun = time.perf_counter()
            service.start_waiting()  # as the page Runs does
            found = look()
            print(f"{name:<14} {len(found):>6,} runs {time.perf_counter() - begun:6.2f} s")


if __name__ == "__main__":
    main()
