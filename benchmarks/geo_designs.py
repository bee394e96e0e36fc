"""Whether a design's declared power holds in tests that come after the history it was made of.

    python -m benchmarks.geo_designs [MARKETS] [GEO_TABLE]     # figures in docs/testing.md

Simulated markets: 40 geos of sizes over two orders of magnitude, 90 days of history and 14 of the test; a
trend and two factors that wander, which geos share to different degrees, weekdays, noise with an
autocorrelation of 0.3. Each gives one design (2 to 4 treated geos); then the test is held twice, with the
smallest effect that the design declares to be called in 80 % of tests, and without any, and analysed in
full. GEO_TABLE is a CSV (location, date, Y) of a real history without tests: there the same is done at
many points in it, each with the history before it alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import numpy as np
import pyarrow.csv

from benchmarks.geo_tests import simulated_kpi
from mmm.errors import UserError
from mmm.testing.analysis import analyse
from mmm.testing.design import Candidate, Wanted, design_tests
from mmm.testing.panel import Columns, GeoTest, Panel, read_panel

_GEOS, _BEFORE, _DAYS = 40, 90, 14


def simulated(seed: int) -> Panel:
    rng = np.random.default_rng([23, seed])  # 21 and 22 were looked at while it was made
    days = _BEFORE + _DAYS
    kpi = simulated_kpi(rng, _GEOS, days)
    names = tuple(f"geo {number}" for number in range(_GEOS))
    return Panel(names, np.datetime64("2026-01-01") + np.arange(days), kpi)


def cuts_of(path: str, length: int) -> Iterator[Panel]:
    """A real history up to each point, a test's length later than the one before."""
    whole = read_panel(pyarrow.csv.read_csv(path), Columns())
    for end in range(4 * length, len(whole.dates) + 1, length):
        yield Panel(whole.geos, whole.dates[:end], whole.kpi[:end])


def history_of(panel: Panel, length: int) -> Panel:
    return Panel(panel.geos, panel.dates[:-length], panel.kpi[:-length])


def called(panel: Panel, design: Candidate, effect: float) -> bool:
    """Whether the analysis of the last periods, with an effect planted, calls one."""
    treated = np.isin(np.array(panel.geos), np.array(design.treated))
    first = len(panel.dates) - design.periods
    kpi = panel.kpi.copy()
    kpi[first:, treated] *= 1.0 + effect
    nothing = np.zeros(len(panel.geos), dtype=bool)
    found = analyse(
        GeoTest(panel.geos, panel.dates, kpi, treated, nothing, first, len(panel.dates) - 1)
    )
    main = found.estimates[0]
    return main.low > 0 or main.high < 0


def measured(panels: Iterator[Panel], length: int) -> None:
    seconds, power, false, effects = [], [], [], []
    for panel in panels:
        history = history_of(panel, length)
        started = time.process_time()
        try:
            design = design_tests(history, Wanted(periods=(length,)))[0]
        except UserError as error:
            print(f"no design: {error}")
            continue
        seconds.append(time.process_time() - started)
        effects.append(design.detectable)
        power.append(called(panel, design, design.detectable))
        false.append(called(panel, design, 0.0))
    count = len(power)
    print(
        f"{count} designs, {np.mean(seconds):.1f} CPU s each (at most {max(seconds):.1f}); declared "
        f"effects {min(effects):.1%} to {max(effects):.1%}; called with the effect "
        f"{np.mean(power):.1%} (80 % declared), without {np.mean(false):.1%} (10 % declared)"
    )


def main(markets: str = "300", table: str = "", length: str = "") -> None:
    if table:
        measured(cuts_of(table, int(length or _DAYS)), int(length or _DAYS))
        return
    measured((simulated(seed) for seed in range(int(markets))), _DAYS)


if __name__ == "__main__":
    main(*sys.argv[1:])
