"""Steady responses of adstock and Hill curves: see `mmm.engines.response.ResponseModel`.

At a steady spend the adstocked input of a channel is steady, too: a part of the money's own period
and a part that is carried over. Curves are those of kept models, or of the posterior draws of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.engines.adstock_hill.curves import hill, hill_slope
from mmm.engines.adstock_hill.media import MediaModel, Medium, read_draws, read_models
from mmm.engines.response import ResponseModel
from mmm.engines.schemas import kept_weights

#: The slope of a curve with alpha below 1 is infinite at 0; below this share of the inflexion it
#: counts as here.
_SMALLEST = 1e-9


@dataclass(frozen=True)
class SteadyCurves:
    """K models or draws x P paid channels, all of shape (K, P): the response per period to x money
    per period is Hill at offset + slope x.

    `offset` is the input that is there without money (carried over), `slope` the input that one
    unit of money makes.
    """

    channels: tuple[str, ...]
    weights: np.ndarray
    coefficient: np.ndarray
    alpha: np.ndarray
    inflexion: np.ndarray
    offset: np.ndarray
    slope: np.ndarray

    def response(self, spend: np.ndarray) -> np.ndarray:
        """KPI per period at `spend` (P,) or (n, P): (K, P) or (K, n, P)."""
        coefficient, alpha, inflexion, offset, slope = self._shaped(spend)
        saturated = hill(offset + slope * spend, alpha, inflexion)
        return np.asarray(coefficient * np.nan_to_num(saturated))

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        """Derivative of the response by money; finite."""
        coefficient, alpha, inflexion, offset, slope = self._shaped(spend)
        z = np.maximum(offset + slope * spend, _SMALLEST * inflexion)
        return np.asarray(coefficient * slope * np.nan_to_num(hill_slope(z, alpha, inflexion)))

    def _shaped(self, spend: np.ndarray) -> list[np.ndarray]:
        numbers = (self.coefficient, self.alpha, self.inflexion, self.offset, self.slope)
        if np.ndim(spend) == 1:
            return list(numbers)
        return [values[:, None, :] for values in numbers]


def response_model(
    tables: Mapping[str, pa.Table],
    rows: np.ndarray | None = None,
    *,
    carryover: str = "held",
    models: Sequence[str] | None = None,
) -> ResponseModel:
    """See `mmm.engines.capabilities.Responds.response_model`."""
    weights = kept_weights(tables, models)
    if len(weights) == 1 and tables["draws"].num_rows:
        drawn = read_draws(tables, next(iter(weights)))
        if drawn:
            return steady_curves(drawn, rows, carryover)
    found = read_models(tables, list(weights))
    return steady_curves(found, rows, carryover, np.array(list(weights.values())))


def steady_curves(
    models: Sequence[MediaModel],
    rows: np.ndarray | None = None,
    carryover: str = "held",
    weights: np.ndarray | None = None,
) -> SteadyCurves:
    """Steady curves with the prices of `rows`, None for the window, of models that share their
    history. `weights` (K,) sum to 1, None: all alike.

    Held carryover is its mean over the window, whatever the range, as in Robyn; carryover that
    follows is proportional to spend, at the window's ratio.
    """
    window = models[0].window
    priced = window if rows is None else rows
    bought = np.array([medium.input_per_money(priced, window) for medium in models[0].paid])
    numbers = []
    for model in models:
        numbers.append([_at_rest(medium, window, carryover) for medium in model.paid])
    coefficient, alpha, inflexion, offset, made = np.moveaxis(np.array(numbers, float), 2, 0)
    if weights is None:
        weights = np.full(len(models), 1.0 / len(models))
    channels = tuple(medium.name for medium in models[0].paid)
    return SteadyCurves(channels, weights, coefficient, alpha, inflexion, offset, bought * made)


def _at_rest(medium: Medium, window: np.ndarray, carryover: str) -> tuple[float, ...]:
    """(coefficient, alpha, inflexion, carried input without money, input per unit of modelled
    input).
    """
    curve = medium.curve
    effect = curve.apply(medium.input)
    own, carried = effect.immediate_input[window].mean(), effect.carryover_input[window].mean()
    given = medium.input[window].mean()
    if carryover == "follows":
        offset, made = 0.0, (own + carried) / given if given > 0 else 1.0
    else:
        # A Weibull pdf's first weight is below 1: a unit spent gives less than a unit at once. Robyn
        # counts the spend, and so do its kinds here.
        delayed = curve.kind == "delayed" and given > 0
        offset, made = carried, own / given if delayed else 1.0
    return curve.coefficient, curve.alpha, curve.inflexion, offset, made
