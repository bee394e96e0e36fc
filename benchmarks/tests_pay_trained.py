"""Whether tests make the advised budget better with the trained engine, on simulated markets.

    python -m benchmarks.tests_pay_trained [MARKETS] [FIRST_SEED]      # figures in docs/testing.md

Markets of `mmm simulate` (standard, 104 weeks, 5 channels, no lift tests), the engine `bayes` with short
chains. Three ways of choosing hold two tests one after the other as `mmm recover --with-tests` does: go
dark in a quarter of the market for four weeks, standard error 1 % of the tested geos' KPI, the result taken in
proportion to spend. After each the engine is trained with the result. Regret is the true response that the
budget advised within 30 % of each channel's spend loses beside the best one: of the plan as it is
advised (channels whose ROI is inconclusive stay), and of the split that is expected to bring most. The
same test has the same error in all ways.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from mmm.planning.history import History
from mmm.planning.risk import Risk
from mmm.recovery.folder import Case, CaseOptions, read_case
from mmm.recovery.loop import Choose, Step, by_net, with_tests
from mmm.recovery.recover import advice, recover
from mmm.simulation.export import write_world
from mmm.simulation.generator import simulate
from mmm.testing.next_test import TestValue

_SETTINGS = {"chains": 2, "warm_up": 200, "sweeps": 300, "longest": 1, "draws": 200}
_TESTS, _PRECISION = 2, 0.01
_EXPECTED = {"risk": Risk.EXPECTED, "hold": "none"}


def _largest(tests: list[TestValue], history: History) -> TestValue | None:
    spend = dict(zip(history.channels, history.spend.sum(axis=1), strict=True))
    return max(tests, key=lambda test: spend[test.channel], default=None)


def _random(seed: int) -> Choose:
    rng = np.random.default_rng([4, seed])

    def chosen(tests: list[TestValue], history: History) -> TestValue | None:
        ordered = sorted(tests, key=lambda test: test.channel)
        return ordered[int(rng.integers(len(ordered)))] if ordered else None

    return chosen


def regrets(case: Case, step: Step) -> tuple[float, float, float]:
    """(ROI error, regret of the advised plan, of the split that is expected to bring most)."""
    names = {column: name for name, column in case.columns.items()}
    bold = advice(case.truths, names, step.result, step.problem, _EXPECTED)
    return step.scored.recovery.roi_error, step.scored.advice.regret, bold.regret


def measured(seed: int) -> dict[str, tuple[float, float, float]]:
    """What `regrets` says without a test and after two, by the way they were chosen."""
    with tempfile.TemporaryDirectory() as folder:
        world = simulate(seed, "standard", weeks=104, channels=5, lift_tests=0)
        path = Path(folder) / f"market{seed}"
        write_world(world, path)
        case = read_case(path, CaseOptions("bayes", dict(_SETTINGS)))
    trained = recover(case)
    ways = {"chosen by value": by_net, "largest channels": _largest, "at random": _random(seed)}
    found = {"no test": regrets(case, Step(*trained))}
    for way, choose in ways.items():
        steps = with_tests(case, _TESTS, precision=_PRECISION, choose=choose, trained=trained)
        *_, last = steps
        found[way] = regrets(case, last)
    return found


def main(markets: str = "12", first: str = "303") -> None:
    started = time.process_time()
    found = []
    for seed in range(int(first), int(first) + int(markets)):
        found.append(measured(seed))
        print(seed, found[-1], file=sys.stderr, flush=True)
        told(found)
    print(f"{len(found)} markets, {time.process_time() - started:.0f} CPU s")


def told(found: list[dict[str, tuple[float, float, float]]]) -> None:
    """The table of all markets so far."""
    print(f"{len(found)} markets")
    print("| two tests | ROI error | regret of the plan | lower | of the expected best | lower |")
    print("|---|---|---|---|---|---|")
    before = np.array([one["no test"] for one in found])
    for way in found[0]:
        now = np.array([one[way] for one in found])
        cells = [way, f"{now[:, 0].mean():.1%}"]
        for column in (1, 2):
            gain = (before - now)[:, column]
            error = gain.std() / np.sqrt(max(len(gain) - 1, 1)) / before[:, column].mean()
            cells += [f"{now[:, column].mean():.2%}"]
            cells += [f"{gain.mean() / before[:, column].mean():.0%} ± {error:.0%}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
