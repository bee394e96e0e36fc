"""The sampler's calibration in small: see benchmarks/sbc.py for the thousand data sets."""

from __future__ import annotations

import numpy as np
from benchmarks import sbc
from scipy.stats import kstest


def test_true_values_rank_evenly_among_draws() -> None:
    found = sbc.run(0, 12, warm_up=200, sweeps=400)
    names = [name for name in found[0] if name != sbc.EFFECTIVE]
    ranks = np.array([[ranks[name] for name in names] for ranks in found.values()])
    # A sampler that is off by a factor or a sign puts nearly all ranks at an end.
    assert kstest(ranks.ravel(), "uniform").pvalue > 1e-3
    means = ranks.mean(axis=0)
    assert (np.abs(means - 0.5) < 4.0 * np.sqrt(1.0 / 12.0 / len(ranks))).all()
