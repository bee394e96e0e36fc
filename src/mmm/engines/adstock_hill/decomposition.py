"""Decomposition of one model: each variable's effect per period, and what a medium's past and
present caused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmm.engines.adstock_hill.curves import Curve
from mmm.engines.adstock_hill.frame import Baseline, Frame


@dataclass(frozen=True)
class Model:
    """One candidate in full: its curves in the frame's media order, coefficients of all regressors,
    intercept.
    """

    model_id: str
    curves: tuple[Curve, ...]
    coefficients: np.ndarray  # (p,)
    intercept: float
    flexible: np.ndarray = field(default_factory=lambda: np.empty(0))  # (q,) of the baseline


@dataclass(frozen=True)
class Decomposition:
    """Effects within the window, n rows. Inputs are per medium, (M, n), in the medium's modelled
    unit.
    """

    effects: np.ndarray  # (n, p)
    intercept: float
    immediate_input: np.ndarray
    carryover_input: np.ndarray
    immediate: np.ndarray  # (M, n) effect of the period's own input: total less carryover
    carryover: np.ndarray  # (M, n) effect of earlier input alone

    @property
    def fitted(self) -> np.ndarray:
        return np.asarray(self.effects.sum(axis=1) + self.intercept)


def effects_of(frame: Frame, model: Model) -> np.ndarray:
    """Effects alone (n, p), as in `decompose`."""
    effects, k = _base_effects(frame, model), frame.base.shape[1]
    for m, curve in enumerate(model.curves):
        total, _ = curve.adstocked(frame.media[m])
        effects[:, k + m] = curve.response(total)[frame.window_rows]
    return effects


def _base_effects(frame: Frame, model: Model) -> np.ndarray:
    """Effects (n, p), those of the media not yet filled in."""
    rows, k = frame.window_rows, frame.base.shape[1]
    effects = np.empty((frame.n, k + len(model.curves)))
    effects[:, :k] = frame.base[rows] * model.coefficients[:k]
    if frame.baseline is not None:
        _fill_baseline(frame, frame.baseline, model, effects)
    return effects


def decompose(frame: Frame, model: Model) -> Decomposition:
    """Effects per date and variable (Robyn: robyn_decomp and run_transformations)."""
    rows, k = frame.window_rows, frame.base.shape[1]
    effects = _base_effects(frame, model)
    media = [curve.apply(frame.media[m]) for m, curve in enumerate(model.curves)]
    for m, medium in enumerate(media):
        effects[:, k + m] = medium.response[rows]
    return Decomposition(
        effects,
        model.intercept,
        immediate_input=np.array([medium.immediate_input[rows] for medium in media]),
        carryover_input=np.array([medium.carryover_input[rows] for medium in media]),
        immediate=np.array([medium.immediate[rows] for medium in media]),
        carryover=np.array([medium.carryover[rows] for medium in media]),
    )


def _fill_baseline(frame: Frame, baseline: Baseline, model: Model, effects: np.ndarray) -> None:
    """The baseline's parts as this model has them, in place of the frame's first estimate."""
    for j, name in enumerate(frame.base_names):
        of = [i for i, part in enumerate(baseline.part) if part == name]
        if of:
            effects[:, j] = baseline.columns[frame.window_rows][:, of] @ model.flexible[of]
