"""How well ROI and best frequency of channels with reach and frequency are found, on simulated markets.

    python -m benchmarks.frequency [MARKETS]      # figures in benchmarks/README.md

Three years of weeks, two channels with reach and frequency and three by their spend. ROIs, carryover,
each frequency's curve (half of the effect at 1 to 5 exposures, exponent 1.2 to 4), season, trend and
noise are drawn anew for every market; frequencies vary by a quarter or a half from week to week. The
truth is never drawn from the engine's priors.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np

from mmm.engines import load_engine
from mmm.engines.base import PaidMedium, Problem
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.training import train

_WEEKS, _BEFORE = 156, 12
_PAIRED, _PLAIN = 2, 3


@dataclass(frozen=True)
class Simulated:
    problem: Problem
    roi: dict[str, float]
    best: dict[str, float]


def simulated(seed: int) -> Simulated:
    """A market with known ROIs over the window and known best frequencies."""
    rng = np.random.default_rng([7, seed])
    rows = _WEEKS + _BEFORE
    week = np.arange(rows)
    kpi = 1000.0 * (1.0 + 0.1 * np.sin(2.0 * np.pi * week / 52.0 + rng.uniform(0.0, 6.0)))
    kpi += np.cumsum(rng.normal(0.0, 3.0, rows)) + rng.normal(0.0, 25.0, rows)
    paid, rois, bests = [], {}, {}
    for number in range(_PAIRED + _PLAIN):
        name, roi = f"channel {number}", float(rng.uniform(0.5, 4.0))
        volume = rng.lognormal(0.0, 0.6, rows) * (1.0 + 0.3 * np.sin(week / 8.0 + number))
        frequency = None
        if number < _PAIRED:
            spread, middle = (0.25, 0.5)[number], rng.uniform(1.5, 6.0)
            frequency = np.maximum(middle * rng.lognormal(0.0, spread, rows), 1.0)
            kappa, k = float(rng.uniform(1.0, 5.0)), float(rng.uniform(1.2, 4.0))
            spend, acting = volume * frequency, volume * frequency**k / (frequency**k + kappa**k)
            bests[name] = max(kappa * (k - 1.0) ** (1.0 / k), 1.0)
        else:
            spend, acting = volume, volume / (volume + rng.uniform(1.0, 3.0))
        retained = float(rng.uniform(0.1, 0.7))
        carried = np.convolve(acting, (1.0 - retained) * retained ** np.arange(20.0))[:rows]
        money = spend * 1000.0 * rng.uniform(0.02, 0.08) / spend.mean()
        kpi += roi * money[_BEFORE:].sum() * carried / carried[_BEFORE:].sum()
        reach = None if frequency is None else volume * 1e4
        paid.append(PaidMedium(name, money, reach, f"{name} reach", frequency=frequency))
        rois[name] = roi
    problem = Problem(
        dates=np.datetime64("2021-01-04") + 7 * week,
        step_days=7,
        kpi_name="sales",
        kpi=kpi,
        kpi_kind="revenue",
        paid=tuple(paid),
        window=(_BEFORE, rows - 1),
    )
    return Simulated(problem, rois, bests)


def main(markets: int) -> None:
    started = time.process_time()
    errors: dict[bool, list[float]] = {True: [], False: []}
    held: dict[bool, list[bool]] = {True: [], False: []}
    best_held, best_error, sure = [], [], []
    engine = load_engine("bayes")
    for seed in range(markets):
        case = simulated(seed)
        settings = BayesSettings(holdout=None)
        tables = train(engine, case.problem, settings, lambda progress: None).tables
        for row in tables["channels"].to_pylist():
            truth, paired = case.roi[row["channel"]], row["channel"] in case.best
            errors[paired].append(abs(row["roi"] / truth - 1.0))
            held[paired].append(row["roi_low"] <= truth <= row["roi_high"])
        for row in tables["frequency_points"].to_pylist():
            truth = case.best[row["channel"]]
            low, high = row["optimal_frequency_low"], row["optimal_frequency_high"]
            best_held.append(low <= truth <= high)
            best_error.append(abs(row["optimal_frequency"] / truth - 1.0))
            if high < row["mean_frequency"]:
                sure.append(truth < row["mean_frequency"])
            elif low > row["mean_frequency"]:
                sure.append(truth > row["mean_frequency"])
    for paired, word in ((True, "reach and frequency"), (False, "spend")):
        print(
            f"{word}: ROI error {np.mean(errors[paired]):.1%} (median {np.median(errors[paired]):.1%}), "
            f"{np.mean(held[paired]):.0%} of {len(held[paired])} intervals hold"
        )
    print(
        f"best frequency: error {np.mean(best_error):.1%} (median {np.median(best_error):.1%}), "
        f"{np.mean(best_held):.0%} of {len(best_held)} intervals hold; said to be too often or too "
        f"seldom {len(sure)} times, rightly {sum(sure)} times"
    )
    print(f"{(time.process_time() - started) / markets:.1f} CPU s a market")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
