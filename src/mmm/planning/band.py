"""A plan's range: the same spends under every draw or kept model that it is measured on.

A plan that earns more than the current allocation only where it was optimised is no reason to move money, so
the gain is told by models or draws that the optimisation did not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from mmm.engines.response import ResponseModel
from mmm.planning.profit import profits
from mmm.planning.risk import tail_mean
from mmm.planning.weighted import weighted_quantiles

Range = tuple[float, float]

#: The share of draws or models that lies within a plan's ranges, and its ends.
LEVEL, _ENDS = 0.8, (0.1, 0.9)
_MEDIAN = (0.5,)


class TotalBand(BaseModel):
    """`level` of `models` draws or kept models lie within each range: responses per period, the rest
    as shares. `even_gain` is what the plan's response has over the current allocation of the same money,
    `median_gain` its median; `agree` the share of models in which that is a gain, `losing` that in
    which it is a loss, and `downside` its mean in the worst tenth of them. `profit` is money per
    period, `profit_gain` what it has over today's, `losing_profit` how often that is a loss.
    `whose` ranges these are, in words.
    """

    model_config = ConfigDict(frozen=True)

    models: int
    initial_response: Range
    response: Range
    response_change: Range | None
    even_gain: Range | None
    agree: float | None
    median_gain: float | None = None
    level: float = 0.9  # of plans that were stored before they said it
    losing: float | None = None
    downside: float | None = None
    whose: str = "kept models"
    profit: Range | None = None
    profit_gain: Range | None = None
    median_profit_gain: float | None = None
    losing_profit: float | None = None


@dataclass(frozen=True)
class Band:
    """Bands per channel, (2, P) low and high each: today's response, the planned one, the
    difference; and in total.
    """

    initial_response: np.ndarray
    response: np.ndarray
    gain: np.ndarray
    total: TotalBand


def band(
    model: ResponseModel,
    initial: np.ndarray,
    spend: np.ndarray,
    values: np.ndarray | None = None,
    whose: str = "kept models",
) -> Band:
    """The band of `spend` (P,) against `initial` (P,), money per period, over a model's draws, with
    that of the profit where the KPI's `values` (P,) are known.
    """
    before, after, weights = model.response(initial), model.response(spend), model.weights
    totals = before.sum(axis=1), after.sum(axis=1)
    gain = np.full(len(before), np.nan)
    if initial.sum() > 0:
        even = model.response(initial * (spend.sum() / initial.sum())).sum(axis=1)
        gain = _ratio(totals[1], even)
    known = np.isfinite(gain)
    agree, losing, median, worst = None, None, None, None
    if known.any():
        share = weights[known] / weights[known].sum()
        agree = float(share @ (gain[known] > 0))
        losing = float(share @ (gain[known] < 0))
        median = float(weighted_quantiles(gain[known], share, _MEDIAN)[0])
        worst = tail_mean(gain[known], share)
    return Band(
        initial_response=weighted_quantiles(before, weights, _ENDS),
        response=weighted_quantiles(after, weights, _ENDS),
        gain=weighted_quantiles(after - before, weights, _ENDS),
        total=TotalBand(
            models=len(before),
            initial_response=_pair(weighted_quantiles(totals[0], weights, _ENDS)),
            response=_pair(weighted_quantiles(totals[1], weights, _ENDS)),
            response_change=_range(_ratio(totals[1], totals[0]), weights),
            even_gain=_range(gain, weights),
            agree=agree,
            median_gain=median,
            level=LEVEL,
            losing=losing,
            downside=worst,
            whose=whose,
            **_profits(before, after, initial, spend, values, weights),
        ),
    )


def _profits(
    before: np.ndarray,
    after: np.ndarray,
    initial: np.ndarray,
    spend: np.ndarray,
    values: np.ndarray | None,
    weights: np.ndarray,
) -> dict[str, Any]:
    """The fields of profit; none where the KPI's value is not known."""
    if values is None:
        return {}
    today = profits(before, initial, values).sum(axis=1)
    planned = profits(after, spend, values).sum(axis=1)
    return {
        "profit": _range(planned, weights),
        "profit_gain": _range(planned - today, weights),
        "median_profit_gain": float(weighted_quantiles(planned - today, weights, _MEDIAN)[0]),
        "losing_profit": float(weights @ (planned < today)),
    }


def _ratio(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Change as a share; NaN in models without any response before."""
    return np.divide(after, before, out=np.full(len(after), np.nan), where=before > 0) - 1.0


def _range(values: np.ndarray, weights: np.ndarray) -> Range | None:
    known = np.isfinite(values)
    if not known.any():
        return None
    return _pair(weighted_quantiles(values[known], weights[known], _ENDS))


def _pair(ends: np.ndarray) -> Range:
    return float(ends[0]), float(ends[1])
