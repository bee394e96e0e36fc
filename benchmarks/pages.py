"""First paint of every page, with 200 runs in the workspace. `python -m benchmarks.pages [visits]`

From the navigation until the page's heading is visible, and until its script has ended, in headless
Chromium; against a page of Streamlit's that holds a title and nothing else. Each visit is a new
tab, so a new session; the browser keeps its cache, as a person's does.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

sys.path.append(str(Path(__file__).parents[1] / "tests" / "servers"))

from benchmarks.run_list import store_runs
from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.runs.events import History
from mmm.runs.sample import MARKET, sample_experiment
from mmm.runs.service import RunService
from mmm.runs.task import run_task
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.web.results.drawing import PARTS
from mmm.web.shell import links
from mmm.workspace.models import RunState
from web_servers import chromium, web_app

RUNS, VISITS = 200, 5
_DONE = "document.querySelector('[data-test-script-state=notRunning]') !== null"


def _trained(service: RunService, settings: Settings) -> str:
    """The sample in full (5 x 2,000 candidates), trained in this process."""
    ann = User("ann", role=Role.ANALYST)
    stored = ingest(
        FileSource(sample.PATH), market=MARKET, origin="sample", workspace=service.workspace, by=ann
    )
    experiment = sample_experiment(stored.dataset_id)
    run_id = service.workspace.create_run(experiment)
    details = {
        "name": experiment.name,
        "market": MARKET,
        "dataset_id": stored.dataset_id,
        "engine": experiment.engine,
    }
    History.begin(service.workspace, run_id, "ann", details=details).add(RunState.STARTING, "ann")
    run_task(service.workspace.run_uri(run_id), settings)
    return run_id


def _addresses(run_id: str) -> dict[str, str]:
    """Every page that `links` names but a batch's, which needs one, and every part of the results."""
    pages = [
        page.stem
        for page in vars(links).values()
        if isinstance(page, Path) and page.suffix == ".py"
    ]
    pages.remove("batch")
    found = {
        page: f"/?run={run_id}" if page == "home" else f"/{page}?run={run_id}" for page in pages
    }
    return found | {
        f"results, {part}": f"/results?{urlencode({'run': run_id, 'part': part})}" for part in PARTS
    }


def _visit(context: Any, address: str) -> tuple[float, float]:
    """Seconds until the heading, and until the script has ended."""
    page = context.new_page()
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator("h1").first.wait_for(timeout=60_000)
    heading = time.perf_counter() - begun
    page.wait_for_function(_DONE, timeout=60_000)
    done = time.perf_counter() - begun
    page.close()
    return heading, done


def main(visits: int) -> None:
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name
        settings = Settings(workspace=str(folder / "workspace"))
        service = RunService.open(settings)
        store_runs(service, RUNS - 1)
        run_id = _trained(service, settings)
        empty = folder / "empty.py"
        empty.write_text("import streamlit as st\n\nst.title('Empty')\n")
        with (
            web_app(folder / "empty.log", script=empty) as nothing,
            web_app(
                folder / "app.log", MMM_WORKSPACE=str(folder / "workspace"), XDG_CACHE_HOME=name
            ) as app,
        ):
            context = browser.new_context(viewport={"width": 1360, "height": 1000})
            pages = {"empty": nothing} | {
                page: app + address for page, address in _addresses(run_id).items()
            }
            first = {page: _visit(context, address)[1] for page, address in pages.items()}
            timed: dict[str, list[tuple[float, float]]] = {page: [] for page in pages}
            for _ in range(
                visits
            ):  # in turn, so that the machine's other work falls on all of them
                for page, address in pages.items():
                    timed[page].append(_visit(context, address))
    print(
        "| page | first visit s | heading s | done s | to the empty page |\n| --- | --- | --- | --- | --- |"
    )
    least = statistics.median(done for _, done in timed["empty"])
    for page, found in timed.items():
        heading, done = (statistics.median(values) for values in zip(*found, strict=True))
        print(f"| {page} | {first[page]:.2f} | {heading:.2f} | {done:.2f} | {done / least:.1f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else VISITS)
