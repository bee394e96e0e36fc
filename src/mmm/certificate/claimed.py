"""The ROI error that a run's own intervals mean, and which error is to be expected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from mmm.scoring.score import ChannelEstimate

#: Where fewer of the intervals than this hold in the simulated worlds, their width says too little.
TRUSTED_COVERAGE = 2.0 / 3.0


def claimed_error(
    reported: Sequence[ChannelEstimate], spend: np.ndarray, level: float
) -> float | None:
    """Spend-weighted ROI error of truths that lie about the estimates as normals with these intervals
    (of `level`) do: the mean size of a normal is sqrt(2 / pi) of its sd. `spend` (P,) goes with
    `reported`. None where no channel has an interval, or all ROIs are 0.
    """
    roi = np.array([item.roi for item in reported])
    width = np.array([item.high - item.low for item in reported])
    known = np.isfinite(roi) & np.isfinite(width)
    size = float((spend * np.abs(roi))[known].sum())
    if not size > 0.0:
        return None
    sd = width[known] / (2.0 * norm.ppf(0.5 + level / 2.0))
    mean_size = np.sqrt(2.0 / np.pi) * sd
    return float((spend[known] * mean_size).sum()) / size


def expected_error(simulated: float, covered: float | None, claimed: float | None) -> float:
    """What the intervals mean, which on cases of known truth comes nearest (docs/certificate.md); at
    least what the worlds show where the intervals hold in too few of them.
    """
    if claimed is None or covered is None:
        return simulated
    if covered < TRUSTED_COVERAGE:
        return max(simulated, claimed)
    return claimed
