"""Simulation-based calibration of the engine bayes (Talts et al. 2018).

    python -m benchmarks.sbc [--sets 1000] [--seed 1] [--out ranks.npz]

Each data set is drawn from the prior (media share included) and sampled; where the sampler is right,
the rank of a true value among thinned draws is uniform. Prints a Kolmogorov-Smirnov p value per
parameter, and one of all p values together.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.stats import kstest

from mmm.engines.bayes.baseline import Baseline, order_columns, season_columns, trend_columns
from mmm.engines.bayes.calendar import event_columns, week_columns, year_end_events
from mmm.engines.bayes.chains import sample
from mmm.engines.bayes.kernel import Market
from mmm.engines.bayes.model import Medium, market
from mmm.engines.bayes.prior_draws import prior_draws, simulate

WEEKS, CHANNELS = 56, 2
#: Draws that a rank is among.
RANKED = 50
NAMES = ("theta", "rho", "kappa", "k", "ROI")


def baseline() -> Baseline:
    dates = np.datetime64("2022-01-03") + 7 * np.arange(WEEKS)
    columns = week_columns(dates, 7) + event_columns(dates, 7, year_end_events((2022, 2023)))
    columns += trend_columns(WEEKS, float(WEEKS)) + season_columns(dates, 3)
    return order_columns(columns)


def numbers(kpi: np.ndarray, spends: np.ndarray, columns: Baseline) -> Market:
    media = [Medium(spend, WEEKS * 0.5 / CHANNELS) for spend in spends]
    level = float(np.log(0.2 / 0.5))
    return market(kpi, media, columns, 1.0, 16, level)


def ranks_of(seed: int, columns: Baseline, warm_up: int, sweeps: int) -> dict[str, float]:
    """Ranks in (0, 1) of the true values of one data set."""
    rng = np.random.default_rng((seed, 77))
    spends = rng.lognormal(0.0, 0.8, (CHANNELS, WEEKS)) * (rng.random((CHANNELS, WEEKS)) < 0.8)
    blank = numbers(np.ones(WEEKS), spends, columns)
    groups = len(blank.design.power)
    true = prior_draws(blank.priors, blank.tests, groups, 1, rng)
    kpi = simulate(blank, true, 0, rng)
    draws = sample(
        numbers(kpi, spends, columns), seed, chains=2, warm_up=warm_up, sweeps=sweeps,
        every=10, workers=1,
    )  # fmt: skip
    found = {}
    for c in range(CHANNELS):
        for i, name in enumerate(NAMES):
            found[f"{name} {c + 1}"] = _rank(draws.channel[:, :, c, i], true.channel[0, c, i], rng)
    found["sigma"] = _rank(draws.hyper[:, :, 0], true.hyper[0, 0], rng)
    found["mu"] = _rank(draws.pool[:, :, 0], true.pool[0, 0], rng)
    found["t"] = _rank(draws.pool[:, :, 1], true.pool[0, 1], rng)
    return found


def _rank(values: np.ndarray, true: float, rng: np.random.Generator) -> float:
    pooled = values.ravel()
    chosen = pooled[np.linspace(0, len(pooled) - 1, RANKED).round().astype(int)]
    return float((np.sum(chosen < true) + rng.random()) / (RANKED + 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=2000)
    parser.add_argument("--sweeps", type=int, default=8000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    columns, begun, cpu = baseline(), time.perf_counter(), time.process_time()
    found: dict[str, list[float]] = {}
    for number in range(options.sets):
        seed = options.seed * 1_000_000 + number
        for name, rank in ranks_of(seed, columns, options.warm_up, options.sweeps).items():
            found.setdefault(name, []).append(rank)
        if options.out is not None and number % 50 == 49:
            np.savez(options.out, **{name: np.array(ranks) for name, ranks in found.items()})
    report(found)
    print(
        f"{options.sets} data sets in {time.perf_counter() - begun:.0f} s, "
        f"CPU {time.process_time() - cpu:.0f} s"
    )


def report(found: dict[str, list[float]]) -> None:
    p_values = []
    for name, ranks in found.items():
        p_values.append(float(kstest(ranks, "uniform").pvalue))
        inside = np.mean([0.05 <= rank <= 0.95 for rank in ranks])
        print(f"{name:<10} KS p {p_values[-1]:.3f}   inside of 90 %: {inside:.3f}")
    together = kstest(p_values, "uniform").pvalue
    print(f"smallest p {min(p_values):.3f}; all p values together: KS p {together:.3f}")


if __name__ == "__main__":
    main()
