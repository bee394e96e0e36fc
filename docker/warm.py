"""Compile the engines' kernels ahead: while an image is built, so that no task spends its first minutes
on it; and before the tests (`make kernels`), so that no two of their workers compile the same.

Runs the sample through the engines that are compiled, with few candidates and draws. An image's build
sets NUMBA_CACHE_DIR, and NUMBA_CPU_NAME to the kinds of CPU that `cpu_name.sh` knows: code that is compiled
for the builder's own CPU would be compiled again on another.

A function that compiled code alone calls is optimised as ever, linked into its callers and not made
machine code of its own: nobody would run that, and it is a third of the work.

Usage: python docker/warm.py [nation|panel|ridge ...], all of them where none is named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from numba.core import caching, codegen
from pyarrow import csv

from mmm.engines import load_engine
from mmm.engines.base import Problem
from mmm.experiments.config import Experiment
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.sources import sample

_FEW_CANDIDATES = {"trials": 2, "iterations": 40, "min_candidates": 10, "bootstrap": 100}
_FEW_DRAWS = {"warm_up": 20, "sweeps": 20, "longest": 1, "draws": 40}
_GEO, _SIZES = "geo", {"north": 0.5, "south": 0.3, "west": 0.2}
PARTS = ("panel", "nation", "ridge")


def experiments(part: str) -> Iterator[Experiment]:
    """The sample for `bayes` as a nation or as a panel, or for `ridge` with every adstock and both
    methods.
    """
    dataset_id = "0" * 16
    if part == "ridge":
        for adstock in ("geometric", "weibull_cdf", "weibull_pdf"):
            for method in ("exact", "robyn"):
                settings = {**_FEW_CANDIDATES, "adstock": adstock, "method": method}
                yield sample_experiment(dataset_id, "ridge").model_copy(
                    update={"settings": settings}
                )
        return
    nation = sample_experiment(dataset_id, "bayes").model_copy(update={"settings": _FEW_DRAWS})
    if part == "nation":
        yield nation
    else:
        mapping = nation.mapping.model_copy(update={"geo": _GEO})
        yield nation.model_copy(update={"mapping": mapping})


def with_a_frequency(problem: Problem) -> Problem:
    """The problem with a frequency beside every exposure: what models it is compiled, too."""
    paid = []
    for medium in problem.paid:
        frequency = None if medium.exposure is None else np.full(problem.rows, 2.0)
        paid.append(replace(medium, frequency=frequency))
    return replace(problem, paid=tuple(paid))


def by_geo(table: pa.Table) -> pa.Table:
    """The sample's rows once for each geo, numbers by its size and with noise of its own."""
    rng = np.random.default_rng(1)
    parts = []
    for geo, size in _SIZES.items():
        part = table.append_column(_GEO, pa.array([geo] * table.num_rows))
        for index, field in enumerate(table.schema):
            if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
                values = table[field.name].to_numpy().astype(float)
                scaled = values * size * rng.uniform(0.9, 1.1, len(values))
                part = part.set_column(index, field.name, pa.array(scaled))
        parts.append(part)
    return pa.concat_tables(parts)


def link_inner_functions_only() -> None:
    """From now on numba makes machine code of what Python calls, and keeps that alone on disk.

    What it makes of an entry is the same to the bit: its callees come to it as the same optimised
    IR. A process that compiles another entry later compiles the callees again. For this process
    alone: it changes numba's own classes (0.68).
    """
    library, engine = codegen.JITCodeLibrary, codegen.JITCPUCodegen
    finalize, save = library._finalize_final_module, caching.Cache._save_overload
    set_environment = engine.set_env

    def finalize_entry(self: Any) -> None:
        from_disk = self._disable_inspection
        if from_disk or _has_entry(self):
            finalize(self)
            return
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def set_environment_of_entry(self: Any, name: str, environment: Any) -> None:
        if self._engine.get_global_value_address(name):
            set_environment(self, name, environment)

    def save_entry(self: Any, signature: Any, compiled: Any) -> None:
        if _has_entry(compiled.library):
            save(self, signature, compiled)

    library._finalize_final_module = finalize_entry
    engine.set_env = set_environment_of_entry
    caching.Cache._save_overload = save_entry


def _has_entry(library: Any) -> bool:
    """Whether Python can call into a code library: numba names such wrappers `cpython`."""
    functions = library._final_module.functions
    return any(
        function.name.startswith("_ZN7cpython") and not function.is_declaration
        for function in functions
    )


def main(parts: list[str]) -> None:
    link_inner_functions_only()
    nation: pa.Table = csv.read_csv(sample.PATH)
    for part in parts or PARTS:
        for experiment in experiments(part):
            table = by_geo(nation) if part == "panel" else nation
            problem, _ = build_problem(experiment, table)
            if part == "nation":
                problem = with_a_frequency(problem)
            load_engine(experiment.engine).train(
                problem, experiment.engine_settings(), lambda progress: None
            )


if __name__ == "__main__":
    main(sys.argv[1:])
