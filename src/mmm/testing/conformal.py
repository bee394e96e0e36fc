"""Conformal intervals of a mean effect (Chernozhukov, Wuthrich & Zhu 2021).

An effect is taken away from the test's rows and the counterfactual fitted to all rows. If that was the
effect, the test's residuals are no other than any residuals: the p-value is how often so many of
them, drawn without replacement, have a mean as far from 0. The interval holds the effects that are not
rejected. Other than in the paper the permutation distribution is taken as Student's t, with its exact
variance times what the residuals' autocorrelation adds to the variance of a mean. Autocorrelations of
short series come out too small (Marriott & Pope 1954): they are corrected. The degrees of freedom are
the independent values that so autocorrelated a series is worth, less one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from mmm.testing.estimators import Counterfactual

_DOUBLINGS, _HALVINGS = 12, 10
#: Autocorrelations are looked at up to this share of the series' length.
_LAG_SHARE = 0.2
#: So many independent values any series is worth: a large effect that is still in the residuals looks
#: like autocorrelation, and has to be seen all the same.
_LEAST_INDEPENDENT = 9.0


@dataclass(frozen=True)
class Interval:
    """Of the mean effect per treated geo and period; `p_value` that there is none."""

    low: float
    high: float
    p_value: float


def p_value(
    method: Counterfactual,
    target: np.ndarray,
    controls: np.ndarray,
    before: np.ndarray,
    effect: float,
) -> float:
    """How likely so large a mean of the test's residuals is, if `effect` is true."""
    adjusted = target - np.where(before, 0.0, effect)
    left = adjusted - method(adjusted, controls, np.ones(len(target), dtype=bool))
    left = left - left.mean()
    length = int((~before).sum())
    drawn = float((left**2).mean()) / length * (len(left) - length) / (len(left) - 1)
    inflation = _inflation(left, length)
    error = np.sqrt(drawn * inflation)
    if error <= 0:
        return 1.0
    freedom = len(left) / inflation - 1.0
    return float(2.0 * stdtr(freedom, -abs(left[~before].mean()) / error))


def _inflation(left: np.ndarray, length: int) -> float:
    """The variance of a mean of neighbours over that of as many drawn at random, 1 or more."""
    count = len(left)
    lags = np.arange(1, min(length, int(_LAG_SHARE * count) + 1))
    total = float(left @ left) or 1.0
    seen = np.array([float(left[lag:] @ left[:-lag]) / total for lag in lags])
    correlations = seen + (1.0 + 3.0 * seen) / count
    found = 1.0 + 2.0 * float(((1.0 - lags / length) * correlations).sum())
    return min(max(found, 1.0), max(count / _LEAST_INDEPENDENT, 1.0))


def interval(
    method: Counterfactual,
    target: np.ndarray,
    controls: np.ndarray,
    before: np.ndarray,
    estimate: float,
    level: float,
) -> Interval:
    """The effects that are not rejected at 1 - level, looked for on both sides of the estimate."""

    def rejected(effect: float) -> bool:
        return p_value(method, target, controls, before, effect) <= 1.0 - level

    usual = target[before] - method(target, controls, before)[before]
    step = float(usual.std()) / np.sqrt((~before).sum()) or 1e-9 * abs(float(target.mean())) or 1.0
    low, high = (edge(rejected, estimate, sign * step) for sign in (-1.0, 1.0))
    return Interval(low, high, p_value(method, target, controls, before, 0.0))


def edge(rejected: Callable[[float], bool], estimate: float, step: float) -> float:
    """Where effects begin to be rejected, going from the estimate; infinite where none is."""
    kept, gone = estimate, estimate + step
    for _ in range(_DOUBLINGS):
        if rejected(gone):
            break
        kept, gone = gone, estimate + 2.0 * (gone - estimate)
    else:
        return float(np.sign(step) * np.inf)
    for _ in range(_HALVINGS):
        middle = 0.5 * (kept + gone)
        if rejected(middle):
            gone = middle
        else:
            kept = middle
    return float(gone)
