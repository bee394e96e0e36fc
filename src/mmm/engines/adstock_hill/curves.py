"""A medium's curve: adstock, then Hill saturation. The one formula behind tables, charts, response
and allocation.

Inputs are in the medium's modelled unit: money for paid media (an exposure is rescaled to money),
the variable's own unit for organic ones. Functions take scalars or arrays that broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

#: The last lag of the kind `delayed`, in periods, where nothing else is said.
DELAYED_LAGS = 15


def hill(z: ArrayLike, alpha: float | np.ndarray, inflexion: float | np.ndarray) -> np.ndarray:
    """Saturation of an adstocked input, between 0 and 1 (Robyn: saturation_hill with a given
    inflexion).
    """
    z = np.asarray(z, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(z**alpha / (z**alpha + inflexion**alpha))


def hill_slope(
    z: ArrayLike, alpha: float | np.ndarray, inflexion: float | np.ndarray
) -> np.ndarray:
    """Derivative of `hill` by z; infinite at 0 where alpha is below 1."""
    z = np.asarray(z, float)
    half = inflexion**alpha
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(alpha * half * z ** (alpha - 1) / (z**alpha + half) ** 2)


@dataclass(frozen=True)
class MediumEffect:
    """What a medium's series does, per row (T,): its adstocked input and the response, each with
    the carried part.
    """

    immediate_input: np.ndarray
    carryover_input: np.ndarray
    response: np.ndarray
    immediate: np.ndarray  # response to the period's own input: total less carryover
    carryover: np.ndarray  # response to earlier input alone


@dataclass(frozen=True)
class Curve:
    """One medium's curve in one model. `rate` is theta or the Weibull shape, `scale` the Weibull
    scale or the delay (r) of the kind `delayed`, whose last lag is `lags`; `inflexion` is in the
    medium's unit. `saturates` is False of a medium with a frequency, whose input holds the
    saturation already: the effect is the coefficient times the adstocked input.
    """

    kind: str
    rate: float
    scale: float
    alpha: float
    inflexion: float
    coefficient: float
    lags: int = DELAYED_LAGS
    saturates: bool = True

    def saturation(self, z: ArrayLike) -> np.ndarray:
        """Hill of an adstocked input, between 0 and 1; the input itself of a curve that is none."""
        if not self.saturates:
            return np.asarray(z, float)
        return hill(z, self.alpha, self.inflexion)

    def response(self, z: ArrayLike) -> np.ndarray:
        """Effect on the KPI per period of an adstocked input z."""
        return self.coefficient * self.saturation(z)

    def marginal(self, z: ArrayLike) -> np.ndarray:
        """Derivative of the response at z: effect per unit of adstocked input."""
        if not self.saturates:
            return np.full(np.shape(z), self.coefficient)
        return self.coefficient * hill_slope(z, self.alpha, self.inflexion)

    def next_unit(self, z: ArrayLike) -> np.ndarray:
        """Effect of one more unit of adstocked input: response at z + 1 less response at z (Robyn's
        marginal).
        """
        z = np.asarray(z, float)
        return self.response(z + 1.0) - self.response(z)

    def adstocked(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The adstocked series of x (T,), and the part of it that is each row's own."""
        from mmm.engines.adstock_hill.transforms import adstock

        return adstock(x, self.kind, self.rate, self.scale, self.lags)

    def apply(self, x: np.ndarray) -> MediumEffect:
        """The effect of a series x (T,), from its first row on (Robyn: run_transformations,
        robyn_decomp).

        Saturated carryover is the Hill of the carried-over input alone; the immediate part is the
        difference to the total. 0/0 counts as no effect in the parts and stays NaN in the total, as
        in Robyn.
        """
        total, immediate = self.adstocked(x)
        carried = total - immediate
        saturated = self.saturation(total)
        carried_saturated = np.nan_to_num(self.saturation(carried))
        return MediumEffect(
            immediate_input=immediate,
            carryover_input=carried,
            response=self.coefficient * saturated,
            immediate=self.coefficient * np.nan_to_num(saturated - carried_saturated),
            carryover=self.coefficient * carried_saturated,
        )
