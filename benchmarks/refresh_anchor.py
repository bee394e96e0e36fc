"""How heavy the anchor of a refresh should be: what a refresh moves, and whether it moves towards
the truth.

For each weight of the distance to the previous model against the fit: the mean absolute change of
the channels' ROI and the largest one (as a share of the old ROI, weighted by spend), channels that
fell to no effect, and on simulated data the ROI error before and after. `python -m
benchmarks.refresh_anchor [cases per difficulty]`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmm.engines import load_engine
from mmm.engines.base import EngineResult, PreviousModel, Problem
from mmm.engines.ridge.refresh import moved_window
from mmm.engines.ridge.settings import RidgeSettings
from mmm.experiments.problem import build_problem
from mmm.recovery.folder import CaseOptions, read_case
from mmm.results.summary import of_model
from mmm.runs.sample import sample_experiment
from mmm.scoring.estimates import estimates
from mmm.scoring.score import ChannelTruth, score
from mmm.simulation.export import write_world
from mmm.simulation.generator import simulate
from mmm.sources import sample
from mmm.sources.files import FileSource

STEPS = 13
WEIGHTS = ((1.0, 1.0), (1.0, 2.0), (1.0, 4.0), (1.0, 10.0), (0.0, 1.0))
FIRST = {"trials": 3, "iterations": 1500}
AGAIN = {"trials": 3, "iterations": 1000}

Case = tuple[str, Problem, Sequence[ChannelTruth]]


def cases(count: int) -> Iterator[Case]:
    import pyarrow as pa

    with FileSource(sample.PATH).batches() as batches:
        table = pa.Table.from_batches(list(batches.read()), batches.schema)
    problem, _ = build_problem(sample_experiment("0" * 16), table)
    yield "demo", problem, ()
    with tempfile.TemporaryDirectory() as work:
        for difficulty, start in (("easy", 1), ("standard", 11)):
            for seed in range(start, start + count):
                folder = Path(work) / f"{difficulty}{seed}"
                write_world(simulate(seed, difficulty), folder)
                case = read_case(folder, CaseOptions(country="US"))
                problem, _ = build_problem(
                    case.experiment.model_copy(update={"lift_tests": ()}), case.table
                )
                yield case.name, problem, case.truths


def previous_of(result: EngineResult, steps: int) -> PreviousModel:
    chosen = {
        name: of_model(result.tables[name], result.recommended)
        for name in ("channels", "parameters")
    }
    sums = of_model(result.tables["contributions"], result.recommended)
    effects = sums.group_by("component").aggregate([("effect", "sum")]).to_pylist()
    return PreviousModel(
        model_id=result.recommended,
        steps=steps,
        parameters={
            (row["variable"], row["parameter"]): row["value"]
            for row in chosen["parameters"].to_pylist()
        },
        effects={row["component"]: row["effect_sum"] for row in effects},
        spend={
            row["channel"]: row["spend"]
            for row in chosen["channels"].to_pylist()
            if row["kind"] == "paid"
        },
    )


def row(name: str, problem: Problem, truths: Sequence[ChannelTruth]) -> Iterator[str]:
    first, last = problem.window
    engine = load_engine("ridge")
    start = replace(problem, window=(first, last - STEPS))
    before = engine.train(start, RidgeSettings.model_validate(FIRST), lambda progress: None)
    names = {medium.name: medium.name.removesuffix("_spend") for medium in problem.paid}
    old = {item.name: item for item in estimates(before.tables, before.recommended, names)}
    new_window = moved_window(start.window, STEPS)
    for weights in WEIGHTS:
        settings = RidgeSettings.model_validate({**AGAIN, "objective_weights": (*weights, 1.0)})
        refreshed = replace(problem, window=new_window, previous=previous_of(before, STEPS))
        after = engine.train(refreshed, settings, lambda progress: None)
        new = {item.name: item for item in estimates(after.tables, after.recommended, names)}
        spend = np.array([item.effect / item.roi if item.roi else 0.0 for item in new.values()])
        moved = np.array(
            [
                abs(new[key].roi - old[key].roi) / old[key].roi if old[key].roi else np.nan
                for key in new
            ]
        )
        lost = sum(old[key].roi > 0 and new[key].roi < 0.05 * old[key].roi for key in new)
        weight = np.where(np.isfinite(moved), spend, 0.0)
        errors = [
            score(truths, list(item.values())).roi_error if truths else np.nan
            for item in (old, new)
        ]
        model = of_model(after.tables["models"], after.recommended).to_pylist()[0]
        yield (
            f"| {name} | {weights[0]:g} : {weights[1]:g} | {np.nansum(weight * moved) / weight.sum():.3f} "
            f"| {np.nanmax(moved):.2f} | {lost} | {model['nrmse']:.4f} | {model['decomp_rssd']:.4f} "
            f"| {errors[0]:.3f} | {errors[1]:.3f} |"
        )


if __name__ == "__main__":
    print(
        "| case | fit : distance | ROI moved | largest | lost | NRMSE | distance | error before | error after |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, problem, truths in cases(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        for line in row(name, problem, truths):
            print(line, flush=True)
