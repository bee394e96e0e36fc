"""A batch as one job: CPU time of a run in a pool, and what 1,000 markets would take by it.
`python -m benchmarks.batch_job [runs] [engine]`

Real runs of the sample (every one a process that imports, trains, writes results) by one task of two
slots; then tasks of two vCPUs that share 1,000 such runs, by CPU time alone.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.experiments.config import DatasetRef, Experiment, Window
from mmm.runs.batch import planned, submit_batch
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource

ANN = User("ann", role=Role.ANALYST)
MARKETS, VCPUS, SLOTS = 1000, 8, 2


class _Waiting(RunService):
    """Starts nothing by itself: the benchmark does."""

    def start_waiting(self, *, tidy: bool = True) -> list[str]:
        return []


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    engine = sys.argv[2] if len(sys.argv) > 2 else "bayes"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        service = _Waiting.open(Settings(workspace=f"{folder}/workspace"))
        workspace = service.workspace
        source = FileSource(sample.PATH)
        stored = ingest(source, market="DE", origin="sample", workspace=workspace, by=ANN)
        dataset = DatasetRef(market=stored.market, dataset_id=stored.dataset_id)
        start, end = sample.WINDOW
        experiment = Experiment(
            name="sample", dataset=dataset, mapping=sample.sample_mapping(),
            window=Window(start=start, end=end), country=sample.COUNTRY,
            currency=sample.CURRENCY, engine=engine,
        )  # fmt: skip
        content = experiment.model_dump(mode="json")
        variants = {f"seed {number}": {"seed": number} for number in range(runs)}
        batch = submit_batch(service, planned(content, [dataset], variants), ANN)
        begun = time.perf_counter()
        address = workspace.batch_uri(batch.batch_id)
        command = [sys.executable, "-m", "mmm", "work", address, "--slots", str(SLOTS)]
        log = Path(folder) / "log"
        with log.open("wb") as out:
            subprocess.run(command, check=True, stdout=out, stderr=out)
        wall = time.perf_counter() - begun
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = (used.ru_utime + used.ru_stime) / runs
        done = [status for status in service.look_at(batch) if status.state == "succeeded"]
        print(f"{engine}: {len(done)} of {runs} runs succeeded, {wall:.0f} s, {cpu:.1f} CPU s each")
        minutes = MARKETS * cpu / VCPUS / 60
        print(f"{MARKETS} such runs on {VCPUS} vCPUs kept busy: {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
