"""A plan's band: the same spends under every kept model of the run.

The band holds 90 % of the kept models, the rule of the confidence in the report. A plan is made
with one model; one that earns more than today's split only in that model is no reason to move
money.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from mmm.engines.confidence import CENTRAL
from mmm.planning.solver import SteadyCurves

Range = tuple[float, float]


class TotalBand(BaseModel):
    """Nine tenths of `models` lie within each range: responses per period, the rest as shares.
    `even_gain` is what the plan's response has over today's split of the same money; `agree` the
    share of models in which that is a gain.
    """

    model_config = ConfigDict(frozen=True)

    models: int
    initial_response: Range
    response: Range
    response_change: Range | None
    even_gain: Range | None
    agree: float | None


@dataclass(frozen=True)
class Band:
    """Bands per channel, (2, P) low and high each: today's response, the planned one, the
    difference; and in total.
    """

    initial_response: np.ndarray
    response: np.ndarray
    gain: np.ndarray
    total: TotalBand


def band(curves: SteadyCurves, initial: np.ndarray, spend: np.ndarray) -> Band:
    """The band of `spend` (P,) against `initial` (P,), money per period, over the curves (K, P) of
    K models.
    """
    before, after = curves.response(initial), curves.response(spend)
    totals = before.sum(axis=1), after.sum(axis=1)
    gain = None
    if initial.sum() > 0:
        even = curves.response(initial * (spend.sum() / initial.sum())).sum(axis=1)
        gain = _ratio(totals[1], even)
    change = _range(_ratio(totals[1], totals[0]))
    return Band(
        initial_response=_central(before),
        response=_central(after),
        gain=_central(after - before),
        total=TotalBand(
            models=len(before),
            initial_response=_pair(_central(totals[0])),
            response=_pair(_central(totals[1])),
            response_change=change,
            even_gain=None if gain is None else _range(gain),
            agree=None
            if gain is None or not np.isfinite(gain).any()
            else float((gain[np.isfinite(gain)] > 0).mean()),
        ),
    )


def _ratio(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Change as a share; NaN in models without any response before."""
    return np.divide(after, before, out=np.full(len(after), np.nan), where=before > 0) - 1.0


def _central(values: np.ndarray) -> np.ndarray:
    return np.quantile(values, CENTRAL, axis=0)


def _range(values: np.ndarray) -> Range | None:
    known = values[np.isfinite(values)]
    return _pair(_central(known)) if len(known) else None


def _pair(ends: np.ndarray) -> Range:
    return float(ends[0]), float(ends[1])
