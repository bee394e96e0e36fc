"""Decomposition of one model: each variable's effect per period, and what a medium's past and present caused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.engines.ridge.frame import Frame
from mmm.engines.ridge.transforms import adstock


@dataclass(frozen=True)
class Curve:
    """One medium's curve in one model. `rate` is theta or the Weibull shape; `inflexion` is in the medium's unit."""

    kind: str
    rate: float
    scale: float
    alpha: float
    inflexion: float
    coefficient: float

    def saturation(self, z: np.ndarray) -> np.ndarray:
        """Hill of an adstocked input, between 0 and 1 (Robyn: saturation_hill with a given inflexion)."""
        z = np.asarray(z, float)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(z**self.alpha / (z**self.alpha + self.inflexion**self.alpha))

    def response(self, z: np.ndarray) -> np.ndarray:
        """Effect on the KPI per period of an adstocked input z."""
        return self.coefficient * self.saturation(z)

    def marginal(self, z: np.ndarray) -> np.ndarray:
        """Derivative of the response at z: effect of one more unit of adstocked input."""
        z = np.asarray(z, float)
        half = self.inflexion**self.alpha
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(
                self.coefficient * self.alpha * half * z ** (self.alpha - 1) / (z**self.alpha + half) ** 2
            )


@dataclass(frozen=True)
class Model:
    """One candidate in full: its curves in the frame's media order, coefficients of all regressors, intercept."""

    model_id: str
    curves: tuple[Curve, ...]
    coefficients: np.ndarray  # (p,)
    intercept: float


@dataclass(frozen=True)
class Decomposition:
    """Effects within the window, n rows. Inputs are per medium, (M, n), in the medium's modelled unit."""

    effects: np.ndarray  # (n, p)
    intercept: float
    immediate_input: np.ndarray
    carryover_input: np.ndarray
    immediate: np.ndarray  # (M, n) effect of the period's own input: total less carryover
    carryover: np.ndarray  # (M, n) effect of earlier input alone

    @property
    def fitted(self) -> np.ndarray:
        return np.asarray(self.effects.sum(axis=1) + self.intercept)


def decompose(frame: Frame, model: Model) -> Decomposition:
    """Effects per date and variable (Robyn: robyn_decomp and run_transformations).

    Saturated carryover is the Hill of the carried-over input alone; the immediate part is the difference to the total.
    """
    rows, k = frame.window_rows, frame.base.shape[1]
    effects = np.empty((frame.n, k + len(model.curves)))
    effects[:, :k] = frame.base[rows] * model.coefficients[:k]
    inputs, parts = [], []
    for m, curve in enumerate(model.curves):
        total, immediate = adstock(frame.media[m], curve.kind, curve.rate, curve.scale)
        total, immediate = total[rows], immediate[rows]
        carried = total - immediate
        saturated, carried_saturated = curve.saturation(total), np.nan_to_num(curve.saturation(carried))
        effects[:, k + m] = curve.coefficient * saturated
        inputs.append((immediate, carried))
        parts.append(
            (curve.coefficient * np.nan_to_num(saturated - carried_saturated), curve.coefficient * carried_saturated)
        )
    immediate_input, carryover_input = (np.array([pair[i] for pair in inputs]) for i in (0, 1))
    immediate_effect, carryover_effect = (np.array([pair[i] for pair in parts]) for i in (0, 1))
    return Decomposition(effects, model.intercept, immediate_input, carryover_input, immediate_effect, carryover_effect)
