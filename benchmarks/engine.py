"""Speed and memory of the native engine on the demo data: `python -m benchmarks.engine`.

The whole training task without the report runs in fresh processes (imports, Prophet, search,
Pareto, clusters, tables), with compiled code from the cache and, once, without. Real Robyn's
figures beside ours were recorded from Robyn 3.12.1 on a machine of this kind; they are not run
here.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

_TASK = """
import time; start, cpu = time.perf_counter(), time.process_time()
import json, resource, sys
from pyarrow import csv
from mmm.engines import load_engine
from mmm.engines.ridge.settings import RidgeSettings
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.sources import sample
problem = build_problem(sample_experiment("0" * 16), csv.read_csv(sample.PATH))[0]
stages, begun = {}, {}
def heard(progress):
    now = time.perf_counter()
    begun.setdefault(progress.stage, now)
    stages[progress.stage] = now - begun[progress.stage]
loaded = time.perf_counter() - start
load_engine("ridge").train(problem, RidgeSettings(**json.loads(sys.argv[1])), heard)
print(json.dumps({
    "wall": time.perf_counter() - start, "cpu": time.process_time() - cpu, "load": loaded, **stages,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""

_SEARCH = """
import json, sys, time
import numpy as np
from pyarrow import csv
from mmm.engines.ridge.candidates import evaluate
from mmm.engines.adstock_hill.features import build_frame
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.adstock_hill.space import build_space
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.sources import sample
settings = RidgeSettings(**json.loads(sys.argv[1]))
problem = build_problem(sample_experiment("0" * 16), csv.read_csv(sample.PATH))[0]
frame = build_frame(problem, settings)
design, space = build_design(frame, settings), build_space(frame, settings)
values = space.candidates(space.values(np.random.default_rng(1).random((4000, space.dimensions))))
evaluate(design, values.rows(slice(0, 8)))
out = {}
for cores in (1, 2):
    start, cpu = time.perf_counter(), time.process_time()
    evaluate(design, values, cores)
    out[cores] = [(time.perf_counter() - start) / 4000 * 1e6, (time.process_time() - cpu) / 4000 * 1e6]
print(json.dumps(out))
"""


def _run(code: str, settings: dict[str, Any], **environment: str) -> dict[str, Any]:
    command = [sys.executable, "-c", code, json.dumps(settings)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **environment}
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(repeats: int = 3) -> None:
    _run(_TASK, {"trials": 1, "iterations": 100})
    runs = [_run(_TASK, {}) for _ in range(repeats)]
    print("## Engine: 5 x 2,000 candidates on the demo data, whole task in a fresh process\n")
    print("| | wall s | CPU s | imports and data | features | search | select | tables | peak MB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    names = ("wall", "cpu", "load", "features", "search", "select", "tables", "memory")
    middle = {name: statistics.median(run[name] for run in runs) for name in names}
    print(f"| median of {repeats} | " + " | ".join(f"{middle[name]:.1f}" for name in names) + " |")
    with tempfile.TemporaryDirectory() as empty:
        cold = _run(_TASK, {}, NUMBA_CACHE_DIR=empty)
    print("| nothing compiled yet | " + " | ".join(f"{cold[name]:.1f}" for name in names) + " |\n")
    print("| one candidate | wall us, 1 core | CPU us | wall us, 2 cores |")
    print("| --- | --- | --- | --- |")
    for method in ("exact", "robyn"):
        for adstock in ("geometric", "weibull_pdf"):
            found = _run(_SEARCH, {"method": method, "adstock": adstock})
            print(
                f"| {method}, {adstock} | {found['1'][0]:.0f} | {found['1'][1]:.0f} | {found['2'][0]:.0f} |"
            )


if __name__ == "__main__":
    main()
