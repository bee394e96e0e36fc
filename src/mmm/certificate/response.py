"""How a channel of a simulated world answers: carryover weights, then Hill saturation, for a truth
of any family.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.scoring.score import ChannelTruth

#: Multiples of today's spend at which the true response is worked out.
MULTIPLES = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 2.0)


#: Half saturation, in mean inputs, at which a response is as good as straight.
STRAIGHT = 50.0


@dataclass(frozen=True)
class Shape:
    """A channel's carryover weights (L,), which sum to 1, and its saturation by the adstocked
    input a over its mean: a^k / (a^k + half^k). `drift` (T,) multiplies the effect over time, None
    where it stays.
    """

    weights: np.ndarray
    half: float
    steepness: float
    drift: np.ndarray | None = None

    def straightened(self) -> Shape:
        """The same without saturation."""
        return replace(self, half=STRAIGHT, steepness=1.0)

    def saturated(self, inputs: np.ndarray) -> np.ndarray:
        """The effect of inputs (T,) before its size, (T,)."""
        carried = np.convolve(inputs, self.weights)[: len(inputs)]
        raised = np.maximum(carried, 0.0) ** self.steepness
        found = raised / (raised + self.half**self.steepness)
        return found if self.drift is None else found * self.drift


@dataclass(frozen=True)
class Response:
    """A channel's true response: its shape and its size in units of the KPI."""

    shape: Shape
    size: float

    def effect(self, inputs: np.ndarray) -> np.ndarray:
        """Effect on the KPI by row (T,) of inputs (T,)."""
        return self.size * self.shape.saturated(inputs)


def sized(shape: Shape, roi: float, inputs: np.ndarray, spend: np.ndarray, rows: slice) -> Response:
    """A response with the given ROI over the rows: effect per unit of money spent there."""
    total = float(shape.saturated(inputs)[rows].sum())
    size = roi * float(spend[rows].sum()) / total if total > 0 else 0.0
    return Response(shape, size)


def truth_of(
    name: str, response: Response, inputs: np.ndarray, spend: np.ndarray, rows: slice
) -> ChannelTruth:
    """The response as the truth that estimates are scored against; its curve has all inputs
    multiplied, as a change of spend from the first row on would.
    """
    money, periods = float(spend[rows].sum()), rows.stop - rows.start
    totals = [float(response.effect(inputs * multiple)[rows].sum()) for multiple in MULTIPLES]
    today = money / periods
    step = 0.01
    above, below = (
        float(response.effect(inputs * (1.0 + move))[rows].sum()) for move in (step, -step)
    )
    return ChannelTruth(
        name=name,
        spend=money,
        effect=totals[MULTIPLES.index(1.0)],
        curve_spend=np.array(MULTIPLES) * today,
        curve_response=np.array(totals) / periods,
        today=today,
        given_marginal=(above - below) / (2 * step * money) if money > 0 else 0.0,
    )


def lifted(response: Response, inputs: np.ndarray, rows: slice, scope: str) -> float:
    """The effect of the inputs of `rows` alone: "immediate" within these rows, "total" with what
    they carry over.
    """
    without = inputs.copy()
    without[rows] = 0.0
    gained = response.effect(inputs) - response.effect(without)
    if scope == "immediate":
        now = replace(response.shape, weights=response.shape.weights[:1])
        whole = response.size * now.saturated(inputs)[rows].sum()
        return float(min(whole, gained[rows].sum()))
    return float(gained[rows.start :].sum())
