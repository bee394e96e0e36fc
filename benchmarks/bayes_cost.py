"""What a fit of `bayes` costs: `python -m benchmarks.bayes_cost`.

Each size is trained with default settings in a process of its own, as `make demo` does: the sample's
table, three years of weeks, five years of days and a panel of 50 geos. Imports and the making of the
table are left out of the seconds; the first fit of a process pays for reading the compiled code.
`--size` runs one of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

_TASK = """
import json, resource, sys, time
from benchmarks.bayes_cost import SIZES, experiment, table
from mmm.engines import load_engine
from mmm.engines.training import train
from mmm.experiments.problem import build_problem
size = SIZES[sys.argv[1]]
asked = experiment(size)
problem, _ = build_problem(asked, table(size))
engine = load_engine(asked.engine)
began, cpu = time.perf_counter(), time.process_time()
train(engine, problem, asked.engine_settings(), lambda progress: None)
print(json.dumps({
    "wall": time.perf_counter() - began, "cpu": time.process_time() - cpu,
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


@dataclass(frozen=True)
class Size:
    """One table: `every` days lie between two of its periods."""

    periods: int
    channels: int
    every: int = 7
    geos: int = 1


SIZES = {
    "156 weeks, 6 channels": Size(156, 6),
    "156 weeks, 20 channels": Size(156, 20),
    "5 years of days, 20 channels": Size(1826, 20, every=1),
    "50 geos, 156 weeks, 12 channels": Size(156, 12, geos=50),
}


def table(size: Size) -> Any:
    """Spends with pauses, effects with carryover and saturation, a season and noise."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(1)
    start = np.datetime64("2020-01-06")
    dates = start + size.every * np.arange(size.periods)
    year = 365.25 / size.every
    season = 0.15 * np.cos(2 * np.pi * np.arange(size.periods) / year)
    populations = rng.lognormal(13.0, 0.8, size.geos)
    parts = []
    for geo in range(size.geos):
        scale = populations[geo] / 1e6
        columns = {"date": dates}
        kpi = 1e5 * scale * (1.0 + season + 0.04 * rng.standard_normal(size.periods))
        for c in range(size.channels):
            spend = 1e3 * scale * rng.lognormal(0.0, 0.8, size.periods)
            spend *= rng.random(size.periods) < 0.8
            carried = np.convolve(spend, 0.5 ** np.arange(9))[: size.periods]
            kpi += 6e3 * scale * carried / (carried + 2e3 * scale)
            columns[f"channel{c + 1}_spend"] = spend.round(2)
        columns["revenue"] = kpi.round(2)
        if size.geos > 1:
            columns["geo"] = np.repeat(f"G{geo + 1:02d}", size.periods)
            columns["population"] = np.repeat(populations[geo].round(), size.periods)
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def experiment(size: Size) -> Any:
    """The default engine with its default settings."""
    from mmm.data.mapping import Mapping, PaidColumns
    from mmm.experiments.config import DatasetRef, Experiment

    panel = {"geo": "geo", "population": "population"} if size.geos > 1 else {}
    paid = tuple(PaidColumns(spend=f"channel{c + 1}_spend") for c in range(size.channels))
    return Experiment(
        name="cost",
        dataset=DatasetRef(market="simulated", dataset_id="0" * 16),
        mapping=Mapping(date="date", kpi="revenue", paid=paid, **panel),
        country="US",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(SIZES))
    options = parser.parse_args()
    print("| table | CPU s | wall s | peak MB |")
    print("| --- | --- | --- | --- |")
    for name in [options.size] if options.size else SIZES:
        done = subprocess.run(
            [sys.executable, "-c", _TASK, name], stdout=subprocess.PIPE, text=True, check=True
        )
        found = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {name} | {found['cpu']:.1f} | {found['wall']:.1f} | {found['memory']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
