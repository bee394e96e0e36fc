"""How the native engine's time grows: `python -m benchmarks.scaling [chart.svg]`.

One training without the report per size, in a fresh process with compiled code from the cache:
weekly rows, channels or candidates vary, the rest stays at 156 rows, 6 channels and 10,000
candidates. CPU seconds of all threads, since the machine may be shared; peak memory of the process.
Also the sizes that must run with no special settings (`WIDE`) and a million candidates on the demo
data, with and without lift tests (`python -m benchmarks.scaling million`: these alone).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BASE = {"rows": 156, "channels": 6, "candidates": 10_000, "step": 7}
VARIED = {
    "channels": (2, 6, 10, 20, 30),
    "rows": (104, 156, 312, 624),
    "candidates": (2_500, 10_000, 40_000, 160_000),
}
WIDE = ({"rows": 730, "channels": 20, "step": 1},)
MILLION = tuple({"demo": True, "candidates": 1_000_000, "lift_tests": count} for count in (0, 2))
CHART = Path(__file__).with_name("scaling.svg")

_TASK = """
import json, resource, sys, time
from dataclasses import replace
from datetime import date
import numpy as np
from mmm.engines import load_engine
from mmm.engines.base import LiftTest, PaidMedium, Problem, Variable
from mmm.engines.ridge.settings import RidgeSettings
size = json.loads(sys.argv[1])
if size.get("demo"):
    from pyarrow import csv
    from mmm.experiments.problem import build_problem
    from mmm.runs.sample import sample_experiment
    from mmm.sources import sample
    problem = build_problem(sample_experiment("0" * 16), csv.read_csv(sample.PATH))[0]
    tests = (
        LiftTest(("tv_S",), date(2017, 2, 6), date(2017, 3, 5), 4e5, 8e4, 0.95),
        LiftTest(("facebook_S", "search_S"), date(2018, 3, 5), date(2018, 4, 1), 6e4, 3e4, 0.8, "total"),
    )
    problem = replace(problem, lift_tests=tests[: size["lift_tests"]])
else:
    random, rows = np.random.default_rng(1), size["rows"]
    spends = random.gamma(2.0, 50.0, (size["channels"], rows))
    controls = random.normal(0.0, 1.0, (3, rows))
    kpi = 5000 + 20 * np.sqrt(spends).sum(axis=0) + 50 * controls.sum(axis=0) + random.normal(0, 50, rows)
    problem = Problem(
        dates=np.datetime64("2020-01-06") + size["step"] * np.arange(rows), step_days=size["step"], kpi_name="kpi",
        kpi=kpi, kpi_kind="revenue", paid=tuple(PaidMedium(f"c{i}", x, None, "positive") for i, x in enumerate(spends)),
        context=tuple(Variable(f"x{i}", x) for i, x in enumerate(controls)), window=(0, rows - 1),
    )
settings = RidgeSettings(trials=5, iterations=size["candidates"] // 5)
start, cpu = time.perf_counter(), time.process_time()
load_engine("ridge").train(problem, settings, lambda progress: None)
print(json.dumps({
    "wall": time.perf_counter() - start, "cpu": time.process_time() - cpu,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def measure(size: dict[str, Any]) -> dict[str, Any]:
    """Wall and CPU seconds and peak MB of one training of a size; what it leaves open is as in
    `BASE`.
    """
    size = {**BASE, **size}
    done = subprocess.run(
        [sys.executable, "-c", _TASK, json.dumps(size)], check=True, capture_output=True, text=True
    )  # fmt: skip
    return {**size, **json.loads(done.stdout)}


def _chart(found: dict[str, list[dict[str, Any]]], path: Path) -> None:
    import altair as alt

    def panel(what: str) -> Any:
        points = [{"size": run[what], "CPU seconds": run["cpu"]} for run in found[what]]
        scale = alt.Scale(type="log") if what == "candidates" else alt.Scale(zero=False)
        return (
            alt.Chart(alt.Data(values=points), width=220, height=200)
            .mark_line(point=True, color="#2563eb")
            .encode(
                alt.X("size:Q", title=what, scale=scale, axis=alt.Axis(tickCount=4)),
                alt.Y("CPU seconds:Q", scale=alt.Scale(domainMin=0)),
            )
        )

    alt.hconcat(*(panel(what) for what in found)).save(str(path))


def main(path: Path | None = CHART) -> None:
    measure({"candidates": 500})  # compiles, where nothing is yet
    varied = VARIED if path else {}
    found = {what: [measure({what: size}) for size in sizes] for what, sizes in varied.items()}
    others = [measure(size) for size in (*(WIDE if path else ()), *MILLION)]
    print("## Scaling: one training without the report\n")
    print(
        "| rows | channels | candidates | CPU s | wall s | peak MB |\n| --- | --- | --- | --- | --- | --- |"
    )
    for run in [*(run for runs in found.values() for run in runs), *others]:
        what = (
            ("demo", f"{run['lift_tests']} lift tests")
            if run.get("demo")
            else (f"{run['rows']}", run["channels"])
        )
        days = " days" if run["step"] == 1 else ""
        print(
            f"| {what[0]}{days} | {what[1]} | {run['candidates']:,} | {run['cpu']:.1f} | {run['wall']:.1f} "
            f"| {run['memory']:.0f} |"
        )
    if path:
        _chart(found, path)


if __name__ == "__main__":
    main(*(None if name == "million" else Path(name) for name in sys.argv[1:2]))
