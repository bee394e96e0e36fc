"""What the treated geos would have had without the test, by three methods.

Each takes target (T,), controls (T, C) and the rows to fit (T,) bool, and gives the counterfactual
(T,). Where all rows are fitted, the test is taken to have had no effect (see `conformal`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mmm.testing.synthetic import augmented, simplex_weights

Counterfactual = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class RidgeSynthetic:
    """Augmented synthetic control (see `synthetic`); `penalty` None chooses it at each fit."""

    penalty: float | None = None

    def __call__(self, target: np.ndarray, controls: np.ndarray, fitted: np.ndarray) -> np.ndarray:
        levels, level = controls[fitted].mean(axis=0), target[fitted].mean()
        found = augmented(
            target[fitted] - level, controls[fitted] - levels, ridge=True, penalty=self.penalty
        )
        return np.asarray(level + (controls - levels) @ found.weights)

    def settled(
        self, target: np.ndarray, controls: np.ndarray, fitted: np.ndarray
    ) -> RidgeSynthetic:
        """With the penalty that these rows choose."""
        rows, goal = controls[fitted], target[fitted]
        found = augmented(goal - goal.mean(), rows - rows.mean(axis=0), ridge=True)
        return RidgeSynthetic(found.penalty)


def synthetic_did(target: np.ndarray, controls: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """Synthetic difference-in-differences (Arkhangelsky et al. 2021): weights of controls with a
    penalty on their size, weights of periods by what predicts the test's periods in the controls,
    and a constant level between. One series stands for all treated geos.
    """
    rows, goal = controls[fitted], target[fitted]
    after = int((~fitted).sum())
    noise = float(np.diff(rows, axis=0).std(ddof=1))
    size = max(after, 1) ** 0.25 * noise * np.sqrt(len(goal))
    weights = simplex_weights(
        np.append(goal - goal.mean(), np.zeros(rows.shape[1])),
        np.vstack([rows - rows.mean(axis=0), size * np.eye(rows.shape[1])]),
    )
    gap = goal - rows @ weights
    return np.asarray(controls @ weights + _period_weights(controls, fitted, noise) @ gap)


def _period_weights(controls: np.ndarray, fitted: np.ndarray, noise: float) -> np.ndarray:
    """Weights (fitted rows,) that sum to 1; alike where there is nothing to predict."""
    count = int(fitted.sum())
    if fitted.all():
        return np.full(count, 1.0 / count)
    rows, later = controls[fitted].T, controls[~fitted].mean(axis=0)
    size = 1e-6 * noise * np.sqrt(len(later))
    return simplex_weights(
        np.append(later - later.mean(), np.zeros(count)),
        np.vstack([rows - rows.mean(axis=0), size * np.eye(count)]),
    )


def time_based_regression(
    target: np.ndarray, controls: np.ndarray, fitted: np.ndarray
) -> np.ndarray:
    """A line through the controls' sum before the test (Kerman, Wang & Vaver 2017)."""
    together = controls.mean(axis=1)
    system = np.column_stack([np.ones(len(together)), together])
    line, *_ = np.linalg.lstsq(system[fitted], target[fitted], rcond=None)
    return np.asarray(system @ line)


METHODS: dict[str, Counterfactual] = {
    "augmented synthetic control": RidgeSynthetic(),
    "synthetic difference-in-differences": synthetic_did,
    "time-based regression": time_based_regression,
}
