"""Whether tests make the advised budget better with the trained engine, on simulated markets.

    python -m benchmarks.tests_pay_trained [MARKETS] [FIRST_SEED]      # figures in docs/testing.md

Markets of `mmm simulate` (standard, 104 weeks, 5 channels, no lift tests), the engine `bayes` with short
chains. Three ways of choosing hold two tests one after the other as `mmm recover --with-tests` does: go
dark in a quarter of the market for four weeks, standard error 1 % of the tested geos' KPI, the result taken in
proportion to spend. After each the engine is trained with the result. Regret is the true response that the
budget advised within 30 % of each channel's spend loses beside the best one. The same test has the same
error in all ways.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmm.planning.history import History
from mmm.recovery.folder import CaseOptions, read_case
from mmm.recovery.loop import Choose, by_net, with_tests
from mmm.recovery.recover import recover
from mmm.simulation.export import write_world
from mmm.simulation.generator import simulate
from mmm.testing.next_test import TestValue

_SETTINGS = {"chains": 2, "warm_up": 200, "sweeps": 300, "longest": 1, "draws": 200}
_TESTS, _PRECISION = 2, 0.01


def _largest(tests: list[TestValue], history: History) -> TestValue | None:
    spend = dict(zip(history.channels, history.spend.sum(axis=1), strict=True))
    return max(tests, key=lambda test: spend[test.channel], default=None)


def _random(seed: int) -> Choose:
    rng = np.random.default_rng([4, seed])

    def chosen(tests: list[TestValue], history: History) -> TestValue | None:
        ordered = sorted(tests, key=lambda test: test.channel)
        return ordered[int(rng.integers(len(ordered)))] if ordered else None

    return chosen


def measured(seed: int) -> dict[str, tuple[float, float]]:
    """(ROI error, regret) without a test and after two tests, by the way they were chosen."""
    with tempfile.TemporaryDirectory() as folder:
        world = simulate(seed, "standard", weeks=104, channels=5, lift_tests=0)
        path = Path(folder) / f"market{seed}"
        write_world(world, path)
        case = read_case(path, CaseOptions("bayes", dict(_SETTINGS)))
    trained = recover(case)
    ways = {"chosen by value": by_net, "largest channels": _largest, "at random": _random(seed)}
    scored = {"no test": trained[0]}
    for way, choose in ways.items():
        steps = list(with_tests(case, _TESTS, precision=_PRECISION, choose=choose, trained=trained))
        scored[way] = steps[-1].scored
        tested = [step.held.test.channel for step in steps if step.held is not None]
        print(f"market {seed}, {way}: {', '.join(tested)}", file=sys.stderr)
    return {way: (one.recovery.roi_error, one.advice.regret) for way, one in scored.items()}


def main(markets: str = "12", first: str = "301") -> None:
    started = time.process_time()
    found = []
    for seed in range(int(first), int(first) + int(markets)):
        found.append(measured(seed))
        print(seed, found[-1], file=sys.stderr, flush=True)
    print(f"{len(found)} markets, {time.process_time() - started:.0f} CPU s")
    before = np.array([one["no test"][1] for one in found])
    print("| two tests | ROI error | regret | lower than without a test |")
    print("|---|---|---|---|")
    for way in found[0]:
        errors, regrets = np.array([one[way] for one in found]).T
        gain = before - regrets
        error = gain.std(ddof=1) / np.sqrt(len(gain)) / before.mean()
        lower = "" if way == "no test" else f"{gain.mean() / before.mean():.0%} ± {error:.0%}"
        print(f"| {way} | {errors.mean():.1%} | {regrets.mean():.2%} | {lower} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
