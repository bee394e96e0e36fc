"""Search quality: dominated area of (NRMSE, DECOMP.RSSD) against Nevergrad's TwoPointsDE, as Robyn
uses it.

`python -m benchmarks.search_quality [candidates]`: the same number of candidates, the same
evaluation, 10 seeds, two data sets. TwoPointsDE searches Robyn's space (linear lambda) and is told
a reference point of (1, 1), one candidate per round. Area is measured up to (1, 1); more is better.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import numpy as np
from pyarrow import csv

from mmm.engines.adstock_hill.features import build_frame
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.space import build_space
from mmm.engines.base import PaidMedium, Problem, Variable
from mmm.engines.ridge.candidates import evaluate
from mmm.engines.ridge.convergence import dominated_area
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.search import search
from mmm.engines.ridge.settings import RidgeSettings
from mmm.experiments.problem import build_problem
from mmm.runs.sample import sample_experiment
from mmm.simulation.generator import simulate
from mmm.sources import sample

SEEDS = range(10)


def demo() -> Problem:
    return build_problem(sample_experiment("0" * 16), csv.read_csv(sample.PATH))[0]


def simulated() -> Problem:
    """A simulated market of the product's own generator (seed 5)."""
    world = simulate(5)
    rows = len(world.kpi)
    return Problem(
        dates=np.asarray(world.dates, "datetime64[D]"),
        step_days=7,
        kpi_name="revenue",
        kpi=world.kpi,
        kpi_kind="revenue",
        paid=tuple(
            PaidMedium(channel.name, world.spend[channel.name]) for channel in world.channels
        ),
        window=(0, rows - 1),
        context=tuple(Variable(name, values) for name, values in world.controls.items()),
    )


def ours(frame: Frame, settings: RidgeSettings, seed: int, candidates: int) -> np.ndarray:
    design, space = build_design(frame, settings), build_space(frame, settings)
    found: list[np.ndarray] = []

    def losses(points: np.ndarray) -> np.ndarray:
        found.append(evaluate(design, space.candidates(space.values(points))).loss[:, :2].copy())
        return found[-1]

    list(search(space.dimensions, 1, candidates, seed, losses))
    return np.vstack(found)


def two_points_de(frame: Frame, settings: RidgeSettings, seed: int, candidates: int) -> np.ndarray:
    import nevergrad as ng

    design, space = build_design(frame, settings), build_space(frame, settings)
    np.random.seed(seed)  # noqa: NPY002 - the generator Nevergrad draws from
    instrument = ng.p.Array(shape=(space.dimensions,), lower=0, upper=1)
    optimizer = ng.optimizers.registry["TwoPointsDE"](instrument, budget=candidates, num_workers=1)
    optimizer.tell(ng.p.MultiobjectiveReference(), (1.0, 1.0))
    found = np.empty((candidates, 2))
    for i in range(candidates):
        asked = optimizer.ask()
        found[i] = evaluate(design, space.candidates(space.values(asked.value[None, :])), 1).loss[
            0, :2
        ]
        optimizer.tell(asked, tuple(float(min(value, 1e9)) for value in found[i]))
    return found


def main(candidates: int = 2000) -> None:
    warnings.filterwarnings("ignore")
    ways: dict[str, Callable[[Frame, int], np.ndarray]] = {
        "ours": lambda frame, seed: ours(frame, RidgeSettings(), seed, candidates),
        "ours, method robyn": lambda frame, seed: ours(
            frame, RidgeSettings(method="robyn"), seed, candidates
        ),
        "TwoPointsDE": lambda frame, seed: two_points_de(
            frame, RidgeSettings(method="robyn"), seed, candidates
        ),
    }
    print(
        f"## Search quality: dominated area after {candidates:,} candidates, {len(SEEDS)} seeds\n"
    )
    print("| data | way | mean | lowest | highest | better than TwoPointsDE's mean |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, problem in (("demo", demo()), ("simulated", simulated())):
        frame = build_frame(problem, RidgeSettings())
        areas = {
            way: [dominated_area(run(frame, seed)) for seed in SEEDS] for way, run in ways.items()
        }
        reference = np.mean(areas["TwoPointsDE"])
        for way, values in areas.items():
            better = sum(value > reference for value in values)
            figures = f"{np.mean(values):.4f} | {min(values):.4f} | {max(values):.4f}"
            print(f"| {name} | {way} | {figures} | {better} of {len(values)} |")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
