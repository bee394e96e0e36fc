"""What a plan is optimised for under uncertainty: one number of what it gains in each draw.

A gain is what the planned money brings in a draw less what the current allocation of the same money
does. Every measure is given with its derivative, so that one solver serves all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from mmm.engines.response import ResponseModel


class Risk(StrEnum):
    """What of the gains over draws is made as large as can be."""

    EXPECTED = "expected"
    DOWNSIDE = "downside"


#: `DOWNSIDE` is the mean gain of this share of the draws, the worst ones (CVaR).
TAIL = 0.1
#: Width of the smoothing of the tail's edge, as a share of the spread of the gains.
_SMOOTHING = 0.05
#: The smallest relative tolerance that the search for the edge allows.
_CLOSEST = 4.0 * float(np.finfo(float).eps)

#: Gains (K,) and weights (K,) to the measure and its derivative by the gains (K,).
Measure = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray]]


def downside(gains: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean of the worst `TAIL` of the gains (Rockafellar & Uryasev 2000, in the form that weighs
    each draw at most 1 / TAIL times), its edge smoothed so that it has a derivative.
    """
    spread = float(gains.std())
    if spread <= 0:
        return float(weights @ gains), weights
    width = _SMOOTHING * spread
    edge = _edge(gains, weights, width)
    below = (edge - gains) / width
    share = expit(below)
    depth = np.logaddexp(0.0, below)
    value = edge - width * float(weights @ depth) / TAIL
    # The width follows the gains' spread, and is part of the derivative: with an inexact one the
    # search does not converge.
    by_width = float(weights @ (below * share - depth)) / TAIL
    width_by_gain = _SMOOTHING * (gains - gains.mean()) / (len(gains) * spread)
    return value, weights * share / TAIL + by_width * width_by_gain


def _edge(gains: np.ndarray, weights: np.ndarray, width: float) -> float:
    """The gain below which `TAIL` of the weight lies, on the smoothed share."""
    reach = 10.0 * width

    def excess(edge: float) -> float:
        return float(weights @ expit((edge - gains) / width)) - TAIL

    low, high = float(gains.min()) - reach, float(gains.max()) + reach
    return float(brentq(excess, low, high, xtol=1e-12 * width, rtol=_CLOSEST))


def tail_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """The mean of the worst `TAIL` of the values (K,), exactly."""
    order = np.argsort(values, kind="stable")
    before = np.cumsum(weights[order]) - weights[order]
    counted = np.clip(TAIL - before, 0.0, weights[order])
    return float(counted @ values[order] / TAIL)


MEASURES: dict[Risk, Measure] = {Risk.DOWNSIDE: downside}


@dataclass(frozen=True)
class RiskObjective:
    """A measure of the gains of money (P,) over `reference` (K,), each draw's response to what it is
    compared with.
    """

    model: ResponseModel
    measure: Measure
    reference: np.ndarray

    def value(self, spend: np.ndarray) -> float:
        return self.measure(self._gains(spend), self.model.weights)[0]

    def gradient(self, spend: np.ndarray) -> np.ndarray:
        """Derivative of the value by money (P,)."""
        _, tilt = self.measure(self._gains(spend), self.model.weights)
        return np.asarray(tilt @ self.model.marginal(spend))

    def _gains(self, spend: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.response(spend).sum(axis=1) - self.reference)
