"""What the frequency of a channel's contacts is worth: the ROI by frequency, and the best one.

The same exposures can reach many people seldom or few often. With reach r and frequency f the effect
is proportional to r h(f), h being the Hill curve, and the exposures are r f: per exposure, and so per
unit of money, h(f) / f counts. It is largest where one contact more adds as much as all before it on
average (Zhang et al. 2023, sec. 4: optimal frequency).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.curves import hill
from mmm.engines.bayes.posterior import Posterior
from mmm.engines.bayes.tables import MODEL_ID, Summary, interval
from mmm.engines.schemas import SCHEMAS, columns_of, table

#: Points at which the best is looked for, those of them that are told, and how far both go beyond
#: the largest frequency of the window.
_POINTS, _TOLD, _REACH = 601, 10, 1.25
#: Nobody is reached less than once.
_LEAST = 1.0


@dataclass(frozen=True)
class FrequencyCurve:
    """One channel: what an exposure is worth by draw at each frequency of the grid (K, n), as a
    multiple of what it was in the window; `today` (K,) is the channel's ROI by draw there.
    """

    channel: str
    grid: np.ndarray
    worth: np.ndarray
    today: np.ndarray
    mean: float
    largest: float

    @property
    def best(self) -> int:
        """Place of the frequency with the largest expected ROI."""
        return int(np.argmax((self.worth * self.today[:, None]).mean(axis=0)))


def frequency_curves(found: Posterior, summary: Summary) -> list[FrequencyCurve]:
    """Of every channel with a frequency."""
    setup = found.setup
    curves = []
    for c in range(setup.paid):
        given = setup.problem.paid[c].frequency
        if given is None:
            continue
        frequency = given[setup.window]
        reach = setup.given[c, setup.window]
        seen = frequency[reach > 0.0]
        grid = np.linspace(min(_LEAST, float(seen.min())), _REACH * float(seen.max()), _POINTS)
        k, kappa = found.shape[:, c, None], found.kappa[:, c, None] * setup.mean_frequency(c)
        now = hill(frequency, k, kappa) @ reach / (reach @ frequency)
        worth = hill(grid, k, kappa) / grid / now[:, None]
        curves.append(
            FrequencyCurve(
                channel=setup.names[c],
                grid=grid,
                worth=worth,
                today=summary.media[c].total / setup.spend[c, setup.window].sum(),
                mean=float(reach @ frequency / reach.sum()),
                largest=float(seen.max()),
            )
        )
    return curves


def frequencies_table(curves: Sequence[FrequencyCurve]) -> pa.Table:
    """The table `frequencies`: median and interval of an exposure's worth by frequency."""
    worth = [curve.worth[:, ::_TOLD] for curve in curves]
    grids = [curve.grid[::_TOLD] for curve in curves]
    bounds = [interval(values) for values in worth]
    sizes = [len(grid) for grid in grids]
    return table(
        "frequencies",
        {
            "model_id": [MODEL_ID] * sum(sizes),
            "channel": np.repeat([curve.channel for curve in curves], sizes).tolist(),
            "frequency": _joined(grids),
            "worth": _joined([np.median(values, axis=0) for values in worth]),
            "worth_low": _joined([low for low, _ in bounds]),
            "worth_high": _joined([high for _, high in bounds]),
            "observed": _joined([grid <= c.largest for grid, c in zip(grids, curves, strict=True)])
            > 0.0,
        },
    )


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0), *parts])


def frequency_points_table(curves: Sequence[FrequencyCurve]) -> pa.Table:
    """The table `frequency_points`: today's frequency, the best one, what it gains."""
    rows = [_point(curve) for curve in curves]
    return table("frequency_points", columns_of(rows, SCHEMAS["frequency_points"].names))


def _point(curve: FrequencyCurve) -> dict[str, object]:
    by_draw = curve.grid[np.argmax(curve.worth, axis=1)]
    gain = curve.worth[:, curve.best] - 1.0
    low, high = interval(by_draw)
    gain_low, gain_high = interval(gain)
    return {
        "model_id": MODEL_ID,
        "channel": curve.channel,
        "mean_frequency": curve.mean,
        "optimal_frequency": curve.grid[curve.best],
        "optimal_frequency_low": low,
        "optimal_frequency_high": high,
        "gain": np.median(gain),
        "gain_low": gain_low,
        "gain_high": gain_high,
    }
