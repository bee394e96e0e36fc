"""Looks at many runs: what they ask of the store, and how long they take, on a local folder and with
15 ms added to each request, as a bucket would. `python -m benchmarks.scale [runs of the batch]`
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.counted_store import count_requests
from benchmarks.run_list import PER_PAGE, RUNS, store_runs
from mmm.runs.batch_board import begin
from mmm.runs.events import History
from mmm.runs.search import RunFilter
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.settings import Settings
from mmm.workspace.concurrent import concurrently
from mmm.workspace.models import BatchDocument, BatchMember, RunState
from mmm.workspace.names import new_id, new_ids, utc_now

BATCH, ADDED_SECONDS = 1000, 0.015
Look = Callable[[RunService], Sequence[RunStatus]]


def store_batch(service: RunService, runs: int) -> BatchDocument:
    """A batch whose runs wait."""
    members = tuple(
        BatchMember(run_id=run_id, label=f"market {number}", market="DE", dataset_id="0" * 16)
        for number, run_id in enumerate(new_ids(runs))
    )
    # Of another platform, so that looking at it starts nothing.
    batch = BatchDocument(
        batch_id=new_id(), name="all markets", at=utc_now(), actor="ann", engine="ridge",
        platform="aws", members=members, marked=True,
    )  # fmt: skip
    service.workspace.save_batch(batch)
    begin(service.workspace, batch)
    return batch


def move(service: RunService, run_ids: Sequence[str], states: Sequence[RunState]) -> None:
    def move_one(run_id: str) -> None:
        history = History(service.workspace, run_id)
        for state in states:
            history.add(state, "task")

    concurrently(move_one, run_ids)


def measure(name: str, url: str, look: Look, *, kept: str, seconds: float) -> None:
    """Print one line: a look by a service that has `kept` this folder's cache."""
    os.environ["XDG_CACHE_HOME"] = kept
    service = RunService.open(Settings(workspace=url))
    asked = count_requests(service.workspace, seconds)
    begun = time.perf_counter()
    found = look(service)
    took = time.perf_counter() - begun
    print(f"| {name} | {len(found):,} | {asked.requests:,} | {took:.2f} |", flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache, url = str(Path(folder) / "cache"), (Path(folder) / "workspace").as_uri()
        os.environ["XDG_CACHE_HOME"] = cache
        service = RunService.open(Settings(workspace=url))
        runs = int(sys.argv[1]) if len(sys.argv) > 1 else BATCH
        store_runs(service, RUNS)
        batch = store_batch(service, runs)
        run_ids = [member.run_id for member in batch.members]
        failed = RunFilter(states=frozenset({"failed"}), text="germany")
        ways: dict[str, Look] = {
            "list, one page": lambda one: one.runs(limit=PER_PAGE),
            "list, filtered": lambda one: one.find(failed),
        }
        boards: dict[str, Look] = {"batch": lambda one: one.look_at(batch)}

        def table(title: str, looks: dict[str, Look]) -> None:
            for seconds in (0.0, ADDED_SECONDS):
                for place, kept in (
                    ("new machine", f"{folder}/new {title} {seconds}"),
                    ("again", cache),
                ):
                    for name, look in looks.items():
                        added = f"{1000 * seconds:.0f} ms added"
                        measure(
                            f"{name}, {title}, {place}, {added}",
                            url,
                            look,
                            kept=kept,
                            seconds=seconds,
                        )

        print("| look | runs | requests | s |\n| --- | --- | --- | --- |")
        table("all wait", boards)
        move(
            service, run_ids[: runs // 2], (RunState.STARTING, RunState.RUNNING, RunState.SUCCEEDED)
        )
        move(service, run_ids[runs // 2 : runs // 2 + 4], (RunState.STARTING,))
        service._board.statuses(batch, service.status, tidy=True)
        table("half have ended, 4 go on", boards)
        service.find(failed)  # the cache of this machine is filled
        table("10,000 runs and more", ways)


if __name__ == "__main__":
    main()
