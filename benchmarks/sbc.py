"""Simulation-based calibration of the engine bayes (Talts et al. 2018).

    python -m benchmarks.sbc [--first 0] [--sets 1000] [--out ranks.npz]
    python -m benchmarks.sbc --report ranks.npz [more.npz ...]

Each data set is drawn from the prior (media share included) and sampled; where the sampler is right,
the rank of a true value among thinned draws is uniform. Prints a Kolmogorov-Smirnov p value per
parameter, and one of all p values together. `--out` is written as it goes and taken up again; parts
of the data sets (`--first`) can run apart and be reported together. Every figure depends on the
number of its data set alone.
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
from mmm.engines.bayes.diagnostics import effective
from mmm.engines.bayes.kernel import Market
from mmm.engines.bayes.model import Medium, market
from mmm.engines.bayes.prior_draws import prior_draws, simulate

WEEKS, CHANNELS = 56, 2
#: Draws that a rank is among.
RANKED = 30
NAMES = ("theta", "rho", "kappa", "k", "ROI")
EFFECTIVE = "effective"


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
    """Ranks in (0, 1) of the true values of one data set; and under `EFFECTIVE` the fewest
    effective draws of any of them.
    """
    rng = np.random.default_rng((seed, 77))
    spends = rng.lognormal(0.0, 0.8, (CHANNELS, WEEKS)) * (rng.random((CHANNELS, WEEKS)) < 0.8)
    blank = numbers(np.ones(WEEKS), spends, columns)
    groups = len(blank.design.power)
    true = prior_draws(blank.priors, blank.tests, groups, 1, rng)
    kpi = simulate(blank, true, 0, rng)
    market_of = numbers(kpi, spends, columns)
    draws = sample(market_of, seed, chains=2, warm_up=warm_up, sweeps=sweeps, every=5, workers=1)
    pairs = {
        "sigma": (draws.hyper[:, :, 0], true.hyper[0, 0]),
        "mu": (draws.pool[:, :, 0], true.pool[0, 0]),
        "t": (draws.pool[:, :, 1], true.pool[0, 1]),
    }
    for c in range(CHANNELS):
        for i, name in enumerate(NAMES):
            pairs[f"{name} {c + 1}"] = (draws.channel[:, :, c, i], true.channel[0, c, i])
    found = {name: _rank(values, value, rng) for name, (values, value) in pairs.items()}
    found[EFFECTIVE] = min(effective(values) for values, _ in pairs.values())
    return found


def _rank(values: np.ndarray, true: float, rng: np.random.Generator) -> float:
    pooled = values.ravel()
    chosen = pooled[np.linspace(0, len(pooled) - 1, RANKED).round().astype(int)]
    return float((np.sum(chosen < true) + rng.random()) / (RANKED + 1.0))


Ranks = dict[int, dict[str, float]]


def read(path: Path) -> Ranks:
    """Ranks by number of the data set."""
    with np.load(path) as stored:
        columns = {name: stored[name] for name in stored.files}
    numbers_of = columns.pop("number").astype(int)
    return {
        int(number): {name: float(values[row]) for name, values in columns.items()}
        for row, number in enumerate(numbers_of)
    }


def write(path: Path, found: Ranks) -> None:
    names = next(iter(found.values())).keys()
    columns = {name: np.array([ranks[name] for ranks in found.values()]) for name in names}
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, number=np.array(list(found)), **columns)
    partial.replace(path)


def run(
    first: int, sets: int, warm_up: int, sweeps: int, seed: int = 1, out: Path | None = None
) -> Ranks:
    """Ranks of the data sets `first` to `first + sets - 1`, those that `out` holds taken from it."""
    columns = baseline()
    found = read(out) if out is not None and out.exists() else {}
    for number in range(first, first + sets):
        if number in found:
            continue
        found[number] = ranks_of(seed * 1_000_000 + number, columns, warm_up, sweeps)
        if out is not None and len(found) % 10 == 0:
            write(out, found)
    if out is not None:
        write(out, found)
    return found


def p_values(found: Ranks) -> dict[str, float]:
    """Kolmogorov-Smirnov p value of each parameter's ranks being uniform."""
    names = [name for name in next(iter(found.values())) if name != EFFECTIVE]
    return {
        name: float(kstest([ranks[name] for ranks in found.values()], "uniform").pvalue)
        for name in names
    }


def report(found: Ranks) -> None:
    by_name = p_values(found)
    for name, p in by_name.items():
        inside = np.mean([0.05 <= ranks[name] <= 0.95 for ranks in found.values()])
        print(f"{name:<10} KS p {p:.3f}   inside of 90 %: {inside:.3f}")
    together = kstest(list(by_name.values()), "uniform").pvalue
    print(f"smallest p {min(by_name.values()):.3f}; all p values together: KS p {together:.3f}")
    fewest = np.quantile([ranks[EFFECTIVE] for ranks in found.values()], (0.01, 0.1, 0.5))
    text = ", ".join(f"{value:.0f}" for value in fewest)
    print(f"{len(found)} data sets; fewest effective draws (1 %, 10 %, median of the sets): {text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--warm-up", type=int, default=500)
    parser.add_argument("--sweeps", type=int, default=1500)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--report", type=Path, nargs="+")
    options = parser.parse_args()
    if options.report:
        found: Ranks = {}
        for path in options.report:
            found |= read(path)
        report(found)
        return
    cpu = time.process_time()
    report(
        run(
            options.first,
            options.sets,
            options.warm_up,
            options.sweeps,
            options.seed,
            options.out,
        )
    )
    print(f"CPU {time.process_time() - cpu:.0f} s")


if __name__ == "__main__":
    main()
