"""How paid channels respond when their course over the window is scaled: the response of the draws.

See `mmm.engines.response.ResponseModel`. A channel's spend per period stands for the window's course
of its input, scaled to that mean: so that today's spend has today's contribution, and the derivative
there is the reported marginal ROI, neither of which holds of a curve on a steady input.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.media import Medium, read_draws
from mmm.engines.bayes.kernel import jit
from mmm.engines.schemas import kept_ids

#: Multiples of today's input at which responses are tabulated, and the most points of a course.
_LOW, _HIGH, _NODES, _POINTS = 1e-3, 100.0, 81, 96
_SMALLEST = 1e-300


@dataclass(frozen=True)
class ScaledCurves:
    """K draws x P paid channels. Between `nodes` (n,), logarithms of multiples of today's input, the
    response above `floor` (K, P) is a cubic with the exact values and slopes (K, P, n) at its ends;
    beyond them a power of the spend. `unit` (P,) is the multiple that one unit of money makes.
    """

    channels: tuple[str, ...]
    weights: np.ndarray
    nodes: np.ndarray
    values: np.ndarray
    slopes: np.ndarray  # by the logarithm of the multiple
    floor: np.ndarray
    unit: np.ndarray

    def response(self, spend: np.ndarray) -> np.ndarray:
        """KPI per period at `spend` (P,) or (n, P): (K, P) or (K, n, P)."""
        found = self._at(np.atleast_2d(spend))[0]
        found += self.floor[:, None, :]
        return found[:, 0] if np.ndim(spend) == 1 else found

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        """Derivative of the response by money; finite: at 0 that of a very small spend."""
        rows = np.atleast_2d(spend)
        smallest = _LOW / self.unit
        rows = np.maximum(rows, smallest)
        found = self._at(rows)[1] / rows
        return found[:, 0] if np.ndim(spend) == 1 else found

    def _at(self, spend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Response above the floor and its slope by the logarithm of spend, (K, n, P) each."""
        shape = (len(self.weights), *spend.shape)
        value, slope = np.zeros(shape), np.zeros(shape)
        for p in range(spend.shape[1]):
            multiple = spend[:, p] * self.unit[p]
            inside = multiple > 0.0
            value[:, inside, p], slope[:, inside, p] = self._channel(p, np.log(multiple[inside]))
        return value, slope

    def _channel(self, p: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cubic Hermite interpolation at logarithms of multiples (n,): (K, n) each."""
        kept = np.clip(at, self.nodes[0], self.nodes[-1])
        width = self.nodes[1] - self.nodes[0]
        left = np.minimum(((kept - self.nodes[0]) / width).astype(int), len(self.nodes) - 2)
        s = (kept - self.nodes[left]) / width
        y0, y1 = self.values[:, p, left], self.values[:, p, left + 1]
        d0, d1 = width * self.slopes[:, p, left], width * self.slopes[:, p, left + 1]
        rise = y1 - y0
        second, third = 3.0 * rise - 2.0 * d0 - d1, d0 + d1 - 2.0 * rise
        value = y0 + s * (d0 + s * (second + s * third))
        slope = (d0 + s * (2.0 * second + s * 3.0 * third)) / width
        # Beyond the table the response goes on as a power of the spend.
        beyond = at - kept
        power = np.where(value != 0.0, slope / np.where(value != 0.0, value, 1.0), 1.0)
        factor = np.exp(power * beyond)
        return value * factor, slope * factor


def response_model(
    tables: Mapping[str, pa.Table],
    rows: np.ndarray | None = None,
    *,
    carryover: str = "held",
    models: Sequence[str] | None = None,
) -> ScaledCurves:
    """See `mmm.engines.capabilities.Responds.response_model`. With `carryover` "held" only what acts
    in its own period is scaled, and what earlier periods left stays as it was.
    """
    model_id = kept_ids(tables)[0] if models is None else models[0]
    drawn = read_draws(tables, model_id)
    window = drawn[0].window
    priced = window if rows is None else rows
    nodes = np.linspace(np.log(_LOW), np.log(_HIGH), _NODES)
    paid = drawn[0].paid
    shape = (len(drawn), len(paid))
    values, slopes = np.empty((*shape, _NODES)), np.empty((*shape, _NODES))
    floor = np.empty(shape)
    for k, model in enumerate(drawn):
        for p, medium in enumerate(model.paid):
            course = _course(medium, window, carryover)
            values[k, p], slopes[k, p], floor[k, p] = _tabulated(medium, *course, nodes)
    unit = np.array([_multiple_of_money(medium, priced, window) for medium in paid])
    weights = np.full(len(drawn), 1.0 / len(drawn))
    names = tuple(medium.name for medium in paid)
    return ScaledCurves(names, weights, nodes, values, slopes, floor, unit)


def _multiple_of_money(medium: Medium, priced: np.ndarray, window: np.ndarray) -> float:
    """The multiple of the window's mean input that one unit of money per period buys."""
    return float(medium.input_per_money(priced, window) / medium.input[window].mean())


def _course(
    medium: Medium, window: np.ndarray, carryover: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Adstocked input that is scaled, and that stays, over the window, and the weight of each point;
    long courses are thinned to means of neighbours by size.
    """
    total, immediate = medium.curve.adstocked(medium.input)
    own, carried = immediate[window], (total - immediate)[window]
    if carryover == "follows":
        own, carried = own + carried, np.zeros(len(own))
    if len(own) <= _POINTS:
        return own, carried, np.full(len(own), 1.0 / len(own))
    order = np.argsort(own + carried, kind="stable")
    starts = np.linspace(0, len(own), _POINTS, endpoint=False).astype(int)
    sizes = np.diff(np.append(starts, len(own)))
    return (
        np.add.reduceat(own[order], starts) / sizes,
        np.add.reduceat(carried[order], starts) / sizes,
        sizes / len(own),
    )


def _tabulated(
    medium: Medium,
    own: np.ndarray,
    carried: np.ndarray,
    weights: np.ndarray,
    nodes: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean response above that of no spend, and its slope by the logarithm, at the nodes (n,)."""
    curve = medium.curve
    floor = float(curve.saturation(np.maximum(carried, _SMALLEST)) @ weights)
    if not curve.saturates:
        value = curve.coefficient * float(own @ weights) * np.exp(nodes)
        return value, value, curve.coefficient * floor
    value, slope = np.empty(len(nodes)), np.empty(len(nodes))
    logs = curve.alpha * np.log(curve.inflexion)
    _sums(own, carried, weights, curve.alpha, logs, np.exp(nodes), value, slope)
    of = curve.coefficient
    return of * (value - floor), of * slope, of * floor


@jit
def _sums(
    own: np.ndarray,
    carried: np.ndarray,
    weights: np.ndarray,
    alpha: float,
    inflexion: float,
    factors: np.ndarray,
    value: np.ndarray,
    slope: np.ndarray,
) -> None:
    """For each factor m (n,): the weighted sum over points of h(m own + carried), and of its
    derivative by log m, into `value` and `slope` (n,). `inflexion` is alpha times its logarithm: a
    steep curve far below it is 0, not an overflow.
    """
    for i in range(factors.shape[0]):
        total = 0.0
        change = 0.0
        for t in range(own.shape[0]):
            scaled = factors[i] * own[t]
            pressure = max(scaled + carried[t], _SMALLEST)
            hill = 1.0 / (1.0 + math.exp(min(inflexion - alpha * math.log(pressure), 700.0)))
            total += weights[t] * hill
            change += weights[t] * alpha * hill * (1.0 - hill) * scaled / pressure
        value[i] = total
        slope[i] = change
