"""How often the intervals of geo tests hold the truth, on simulated tests.

    python -m benchmarks.geo_tests [TESTS]      # 500: 40 CPU seconds; figures in docs/testing.md

20 geos of sizes over two orders of magnitude, 60 days before and 14 of the test; a trend and two slow
factors that geos share to different degrees, weekdays, noise with an autocorrelation of 0.3; two to four
treated geos; true effects of 0 (every fourth test) to 8 % of the KPI.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from mmm.testing.analysis import Analysis, analyse
from mmm.testing.panel import GeoTest

_GEOS, _BEFORE, _DAYS = 20, 60, 14


def simulated_kpi(rng: np.random.Generator, geos: int, days: int) -> np.ndarray:
    """KPI (days, geos) of geos of sizes over two orders of magnitude, without a test."""
    level = np.exp(rng.normal(7.0, 1.0, geos))
    factors = np.cumsum(rng.normal(0.0, 0.01, (days, 2)), axis=0)
    weekday = 0.1 * np.sin(2.0 * np.pi * np.arange(days) / 7.0)
    loadings = rng.uniform(0.5, 1.5, (2, geos))
    noise = rng.normal(0.0, 0.04, (days, geos))
    for day in range(1, days):
        noise[day] += 0.3 * noise[day - 1]
    share = 1.0 + factors @ loadings + weekday[:, None] * rng.uniform(0.7, 1.3, geos) + noise
    return np.asarray(level * share)


def simulated(seed: int) -> tuple[GeoTest, float]:
    """A test and its true mean effect per treated geo and day."""
    rng = np.random.default_rng(seed)
    days = _BEFORE + _DAYS
    kpi = simulated_kpi(rng, _GEOS, days)
    treated = np.zeros(_GEOS, dtype=bool)
    treated[rng.choice(_GEOS, rng.integers(2, 5), replace=False)] = True
    lift = 0.0 if seed % 4 == 0 else rng.uniform(0.0, 0.08)
    added = lift * kpi[_BEFORE:, treated]
    kpi[_BEFORE:, treated] += added
    names = tuple(f"geo {number}" for number in range(_GEOS))
    dates = np.datetime64("2026-01-01") + np.arange(days)
    nothing = np.zeros(_GEOS, dtype=bool)
    test = GeoTest(names, dates, kpi, treated, nothing, _BEFORE, days - 1)
    return test, float(added.mean(axis=1).mean())


def main(tests: int = 500) -> None:
    started = time.process_time()
    held: dict[str, list[bool]] = {}
    false: dict[str, list[bool]] = {}
    errors: dict[str, list[float]] = {}
    refused = 0
    for seed in range(tests):
        test, truth = simulated(seed)
        found: Analysis = analyse(test)
        refused += not found.pre_fit.passes
        size = float(test.treated.sum()) * _DAYS
        for one in found.estimates:
            held.setdefault(one.method, []).append(one.low <= truth * size <= one.high)
            errors.setdefault(one.method, []).append(one.incremental / size - truth)
            if truth == 0.0:
                false.setdefault(one.method, []).append(not one.low <= 0.0 <= one.high)
    seconds = (time.process_time() - started) / tests
    print(f"{tests} tests, {seconds:.2f} CPU s each; {refused} fail the pre-period gate")
    print("| method | 90 % intervals that hold the truth | false positives | RMSE |")
    print("|---|---|---|---|")
    for name, found_in in held.items():
        root = float(np.sqrt(np.mean(np.square(errors[name]))))
        print(f"| {name} | {np.mean(found_in):.1%} | {np.mean(false[name]):.1%} | {root:.1f} |")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
