"""CPU of a run's own files beside its training. `python -m benchmarks.files [trials [iterations]]`

The sample with the engine ridge: training, report, a one-pager of every cluster's best model as PDF,
and `export --all`; CPU seconds of this process with its threads, one after the other in it, imports
included where they are first needed. Nothing else should be running.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.models.artifacts import export_run
from mmm.results import draw_report, read_results
from mmm.runs.events import History
from mmm.runs.sample import MARKET, sample_experiment
from mmm.runs.task import run_task
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace
from mmm.workspace.models import RunState


def _begun(workspace: Workspace, trials: int, iterations: int) -> str:
    """A run of the sample that is to be trained."""
    ann = User("ann", role=Role.ANALYST)
    stored = ingest(
        FileSource(sample.PATH), market=MARKET, origin="sample", workspace=workspace, by=ann
    )
    settings = {"trials": trials, "iterations": iterations}
    experiment = sample_experiment(stored.dataset_id).model_copy(
        update={"engine": "ridge", "settings": settings}
    )
    run_id = workspace.create_run(experiment)
    details = {
        "name": experiment.name,
        "market": MARKET,
        "dataset_id": stored.dataset_id,
        "engine": experiment.engine,
    }
    History.begin(workspace, run_id, "ann", details=details).add(RunState.STARTING, "ann")
    return run_id


def _timed(name: str, work: Callable[[], object]) -> float:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    spent = time.process_time() - cpu
    print(f"| {name} | {spent:.1f} | {time.perf_counter() - wall:.1f} |", flush=True)
    return spent


def _pages(workspace: Workspace, run_id: str) -> None:
    from mmm.results.onepager import onepager, rendered

    results = read_results(workspace, run_id)
    models = results["models"]
    for name in models.filter(models["cluster_best"])["model_id"].to_pylist():
        rendered(onepager(results, results.summary, name), "pdf", name)


def main(trials: int = 5, iterations: int = 2000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(workspace=str(Path(folder) / "workspace"))
        workspace = Workspace.open(settings)
        run_id = _begun(workspace, trials, iterations)
        print("| step | CPU s | wall s |\n|---|---|---|")
        _timed("training with its report", lambda: run_task(workspace.run_uri(run_id), settings))
        own = _timed("report", lambda: draw_report(read_results(workspace, run_id)))
        own += _timed("one-pagers", lambda: _pages(workspace, run_id))
        own += _timed(
            "export --all",
            lambda: export_run(workspace, run_id, Path(folder) / "out", everything=True),
        )
        print(f"| own files | {own:.1f} | |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
