"""Compile the engine's kernels while an image is built, so that no task spends its first half minute on it.

Runs the sample through every adstock and both methods with few candidates. The caller sets NUMBA_CACHE_DIR, and
NUMBA_CPU_NAME=generic: code that is compiled for the builder's own CPU would be compiled again on another.
"""

from __future__ import annotations

import pyarrow as pa
from pyarrow import csv

from mmm.engines import load_engine
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.sources import sample

_FEW = {"trials": 2, "iterations": 40, "min_candidates": 10, "bootstrap": 100}


def main() -> None:
    table: pa.Table = csv.read_csv(sample.PATH)
    for adstock in ("geometric", "weibull_cdf", "weibull_pdf"):
        for method in ("exact", "robyn"):
            experiment = sample_experiment("0" * 16).model_copy(
                update={"settings": {**_FEW, "adstock": adstock, "method": method}}
            )
            problem, _ = build_problem(experiment, table)
            load_engine(experiment.engine).train(
                problem, experiment.engine_settings(), lambda progress: None
            )


if __name__ == "__main__":
    main()
