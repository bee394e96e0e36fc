"""Posterior predictive check: would the model make data like those that were seen?

Realised discrepancies (Gelman, Meng and Stern 1996): a measure of the residuals of each draw beside
the same measure of noise that the draw makes itself. A share of draws near 0 or 1 in which the
model's own noise measures more says that the noise is not what the model takes it for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmm.engines.bayes.posterior import Posterior
from mmm.engines.bayes.tables import Summary

#: A share of draws beyond these is worth a sentence.
_LOW, _HIGH = 0.01, 0.99


def _memory(noise: np.ndarray) -> np.ndarray:
    """Correlation of neighbouring periods, (K, T) to (K,)."""
    centred = noise - noise.mean(axis=1, keepdims=True)
    return np.asarray((centred[:, 1:] * centred[:, :-1]).sum(axis=1) / (centred**2).sum(axis=1))


def _largest(noise: np.ndarray) -> np.ndarray:
    """The largest in size, in standard deviations."""
    return np.asarray(np.abs(noise).max(axis=1) / noise.std(axis=1))


def _growth(noise: np.ndarray) -> np.ndarray:
    """Spread in the later half over that in the earlier one."""
    half = noise.shape[1] // 2
    return np.asarray(noise[:, half:].std(axis=1) / noise[:, :half].std(axis=1))


#: Measure of the noise by name, with what is said where the data have more or less of it than the
#: model expects.
CHECKS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str, str]] = {
    "memory": (
        _memory,
        "what is left unexplained goes on from period to period: a driver of the KPI is missing, and "
        "intervals are too narrow.",
        "what is left unexplained alternates from period to period, as of sales that are brought "
        "forward or booked late.",
    ),
    "largest": (
        _largest,
        "single periods lie further off than noise explains: map the event behind them, or correct "
        "the data.",
        "no period lies as far off as noise usually makes one.",
    ),
    "growth": (
        _growth,
        "the noise grows over the window: later periods are told with too much confidence.",
        "the noise shrinks over the window: earlier periods were noisier than the model takes them "
        "for.",
    ),
}


def told(found: Posterior, summary: Summary, seed: int) -> list[tuple[str, str, float, str]]:
    """Rows of the table `diagnostics`, one per check; the value is the share of draws whose own noise
    measures more than their residuals.
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, 1_000_037))))
    setup = found.setup
    trained = slice(0, setup.trained)
    actual = setup.problem.kpi[setup.window][trained]
    residuals = actual - summary.expected[:, trained]
    noise = found.sigma[:, None] * rng.standard_normal(residuals.shape)
    rows = []
    for name, (measure, more, less) in CHECKS.items():
        share = float((measure(noise) > measure(residuals)).mean())
        text = "as the model expects."
        if share < _LOW:
            text = more
        elif share > _HIGH:
            text = less
        rows.append(("posterior_predictive", name, share, text))
    inside = (actual >= summary.fitted_low[trained]) & (actual <= summary.fitted_high[trained])
    covered = float(inside.mean())
    text = f"{covered:.0%} of the periods lie in their 90 % predictive interval."
    rows.append(("predictive_coverage", "", covered, text))
    return rows
