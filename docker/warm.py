"""Compile the engines' kernels while an image is built, so that no task spends its first half minute on it.

Runs the sample through the engines that are compiled, with few candidates and draws. The caller sets NUMBA_CACHE_DIR,
and NUMBA_CPU_NAME=generic: code that is compiled for the builder's own CPU would be compiled again on another.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import csv

from mmm.engines import load_engine
from mmm.experiments.config import Experiment
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.sources import sample

_FEW_CANDIDATES = {"trials": 2, "iterations": 40, "min_candidates": 10, "bootstrap": 100}
_FEW_DRAWS = {"warm_up": 20, "sweeps": 20, "longest": 1, "draws": 40}


def experiments() -> Iterator[Experiment]:
    """The sample for `bayes`, and for `ridge` with every adstock and both methods."""
    yield sample_experiment("0" * 16, "bayes").model_copy(update={"settings": _FEW_DRAWS})
    for adstock in ("geometric", "weibull_cdf", "weibull_pdf"):
        for method in ("exact", "robyn"):
            settings = {**_FEW_CANDIDATES, "adstock": adstock, "method": method}
            yield sample_experiment("0" * 16, "ridge").model_copy(update={"settings": settings})


def main() -> None:
    table: pa.Table = csv.read_csv(sample.PATH)
    for experiment in experiments():
        problem, _ = build_problem(experiment, table)
        load_engine(experiment.engine).train(
            problem, experiment.engine_settings(), lambda progress: None
        )


if __name__ == "__main__":
    main()
