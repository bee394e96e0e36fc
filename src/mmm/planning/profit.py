"""What a response is worth in money, and the spend up to which a channel pays for itself."""

from __future__ import annotations

import numpy as np

from mmm.planning.weighted import MeanResponse

#: Break-even is looked for up to so many times the largest spend of interest, on so many steps.
_REACH, _STEPS = 5.0, 400


def profits(response: np.ndarray, spend: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What responses (..., P) are worth at `values` (P,) less the money (P,): (..., P)."""
    return np.asarray(response * values - spend)


def break_even_spends(curves: MeanResponse, values: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """Per channel (P,) the money per period beyond which one more unit brings less than itself.

    0 where no spend pays for itself; NaN where that lies beyond five times `largest` (P,).
    """
    ends = np.where(largest > 0, largest, 1.0) * _REACH
    grid = np.linspace(0.0, 1.0, _STEPS + 1)[1:, None] * ends
    left = curves.marginal(grid) * values - 1.0  # (n, P) what one more unit of money leaves
    found = np.zeros(len(values))
    for p in range(len(values)):
        paying = np.flatnonzero(left[:, p] >= 0)
        if not len(paying):
            continue
        last = int(paying[-1])
        if last == len(grid) - 1:
            found[p] = np.nan
            continue
        above, below = left[last, p], left[last + 1, p]
        found[p] = grid[last, p] + (grid[last + 1, p] - grid[last, p]) * above / (above - below)
    return found
