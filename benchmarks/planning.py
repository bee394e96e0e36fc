"""How long a plan takes once its model is read: what a user waits for when a slider moves.

`python -m benchmarks.planning`: random models of 5, 10 and 20 channels, three years of weeks, up to
half of the curves S-shaped; the band is that of 100 more such models.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.media import MediaModel, Medium
from mmm.engines.adstock_hill.response import steady_curves
from mmm.engines.response import ResponseModel
from mmm.format import Labels
from mmm.planning.allocation import allocate
from mmm.planning.history import History
from mmm.planning.plan import Plan
from mmm.planning.request import PlanRequest
from mmm.planning.sides import PlannedWith

WEEKS, MODELS, KEPT, REPEATS = 157, 12, 100, 5
REQUESTS = {
    "budget": PlanRequest(),
    "budget, wide bounds": PlanRequest(low=0.0, high=5.0),
    "budget, two sums bounded": PlanRequest(
        limits={"c0+c1": {"high": 1.1}, "c2+c3+c4": {"low": 0.9}}
    ),
    "target": PlanRequest(goal="target"),
}


def random_model(channels: int, seed: int) -> MediaModel:
    rng = np.random.default_rng(seed)
    media = []
    for i in range(channels):
        spend = (
            rng.lognormal(9.0, 1.0) * rng.gamma(1.0, 1.0, WEEKS) * (rng.uniform(size=WEEKS) < 0.8)
        )
        curve = Curve(
            "geometric",
            rng.uniform(0.0, 0.7),
            0.0,
            rng.uniform(0.5, 3.0) if i % 2 else rng.uniform(0.5, 1.0),
            float(rng.uniform(0.3, 1.0) * spend.max()),
            float(rng.lognormal(11.0, 1.0)),
        )
        media.append(Medium(f"c{i}", "paid", spend, spend, curve))
    dates = np.datetime64("2021-01-04") + 7 * np.arange(WEEKS)
    return MediaModel("1_1", dates, np.arange(WEEKS), tuple(media))


def planned(model: MediaModel, request: PlanRequest, labels: Labels, kept: ResponseModel) -> Plan:
    """A plan with one model, measured on `kept`, whose responses are made already."""
    channels = tuple(medium.name for medium in model.paid)
    spend = np.array([medium.money() for medium in model.paid])
    history = History(model.dates, model.window, channels, spend)
    own = steady_curves([model])
    made = PlannedWith("1_1", lambda rows, carryover: own, lambda rows, carryover: kept)
    return allocate(history, made, request, labels)


def cpu_ms(work: Callable[[], object]) -> float:
    """The quickest of some repeats: CPU time of this process, all threads."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000.0 * min(times)


def main() -> None:
    labels = Labels("revenue", "revenue", "EUR")
    print("## Planning: CPU ms of one plan, a model in memory\n")
    print("| channels | question | median of models | slowest |")
    print("| --- | --- | --- | --- |")
    for channels in (5, 10, 20):
        drawn = [random_model(channels, seed) for seed in range(MODELS, MODELS + KEPT)]
        kept = steady_curves(drawn)
        models = [random_model(channels, seed) for seed in range(MODELS)]
        for name, request in REQUESTS.items():
            times = [
                cpu_ms(lambda m=model, r=request, k=kept: planned(m, r, labels, k))
                for model in models
            ]
            print(f"| {channels} | {name} | {statistics.median(times):.0f} | {max(times):.0f} |")


if __name__ == "__main__":
    main()
