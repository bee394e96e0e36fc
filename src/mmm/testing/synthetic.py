"""Augmented synthetic control with ridge: weights of control geos whose sum follows the treated one.

Ben-Michael, Feller & Rothstein 2021, "The Augmented Synthetic Control Method", as the R package
augsynth (0.2) computes it with unit fixed effects: series are taken relative to their own mean over
the fitted periods, the penalty is chosen by leaving one period out, and of the penalties within one
standard error of the smallest error the largest is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

_PENALTIES, _LEAST_RATIO = 20, 1e-8


@dataclass(frozen=True)
class SyntheticControl:
    """`weights` (N,) sum to 1; `penalty` is None without ridge."""

    weights: np.ndarray
    penalty: float | None


def simplex_weights(target: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Weights (N,), none negative, sum 1, for which controls (T, N) @ weights is nearest to target
    (T,): the point of least norm of a convex hull, found by one non-negative least squares.
    """
    gaps = target[:, None] - controls
    scale = float(np.abs(gaps).max()) or 1.0
    system = np.vstack([gaps / scale, np.ones(controls.shape[1])])
    goal = np.append(np.zeros(len(target)), 1.0)
    triangle = np.asarray(np.linalg.qr(np.column_stack([system, goal]), mode="r"))
    found, _ = nnls(triangle[:, :-1], triangle[:, -1], maxiter=50 * controls.shape[1])
    return np.asarray(found / found.sum())


def augmented(
    target: np.ndarray, controls: np.ndarray, *, ridge: bool, penalty: float | None = None
) -> SyntheticControl:
    """Weights for series that are centred by unit: target (T,), controls (T, N). `penalty` None
    chooses it.
    """
    simplex = simplex_weights(target, controls)
    if not ridge:
        return SyntheticControl(simplex, None)
    middle = controls.mean(axis=1)
    goal, rows = target - middle, controls - middle[:, None]
    if penalty is None:
        penalty = _chosen_penalty(goal, rows)
    return SyntheticControl(simplex + _correction(goal, rows, simplex, penalty), penalty)


def _correction(
    goal: np.ndarray, rows: np.ndarray, weights: np.ndarray, penalty: float
) -> np.ndarray:
    """What ridge adds to the weights (N,) to take away what is left of the gap."""
    left = goal - rows @ weights
    system = rows @ rows.T + penalty * np.eye(len(goal))
    return np.asarray(rows.T @ np.linalg.solve(system, left))


def _chosen_penalty(goal: np.ndarray, rows: np.ndarray) -> float:
    largest = float(np.linalg.norm(rows, 2) ** 2)
    ratio = _LEAST_RATIO ** (1.0 / _PENALTIES)
    penalties = largest * ratio ** np.arange(_PENALTIES + 1)
    count = len(goal) - 1  # augsynth leaves out each period but the last
    errors = _left_out(goal, rows, count, penalties)
    mean = errors.mean(axis=0)
    best = int(mean.argmin())
    limit = mean[best] + errors[:, best].std(ddof=1) / np.sqrt(count)
    return float(penalties[mean <= limit].max())


def _left_out(goal: np.ndarray, rows: np.ndarray, count: int, penalties: np.ndarray) -> np.ndarray:
    """Squared errors (count, penalties) of each of the first periods by weights that have not seen
    it. One decomposition serves all: leaving a row out is an update of rank one (Sherman &
    Morrison 1950) of the ridge system.
    """
    directions, sizes, _ = np.linalg.svd(rows.T, full_matrices=False)
    turned = rows @ directions  # (T, R)
    shrunk = 1.0 / (sizes**2 + penalties[:, None])  # (P, R)
    errors = np.empty((count, len(penalties)))
    for period in range(count):
        weights = simplex_weights(np.delete(goal, period), np.delete(rows, period, axis=0))
        left = goal - rows @ weights
        own = turned[period]
        seen = turned.T @ left - own * left[period]
        leverage = shrunk @ own**2
        correction = (shrunk @ (own * seen)) / (1.0 - leverage)
        errors[period] = (left[period] - correction) ** 2
    return errors
