"""Intervals of ROI and CPA over the kept models."""

from __future__ import annotations

import numpy as np

from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.models import Chosen
from mmm.engines.adstock_hill.tables import Intervals, effect_sums
from mmm.engines.confidence import confidence_word
from mmm.engines.ridge.selection import cluster_interval
from mmm.engines.ridge.settings import RidgeSettings
from mmm.engines.ridge.spread import Spread, bounds


def intervals(
    frame: Frame, chosen: Chosen, settings: RidgeSettings, spread: Spread | None
) -> Intervals:
    """By the measured `spread`; without one (method "robyn") they are bootstrapped over the models
    of a model's cluster.
    """
    paid = frame.paid
    spend = frame.spend[:, frame.window_rows].sum(axis=1)
    effects = effect_sums(frame, chosen)[:, :paid]
    with np.errstate(invalid="ignore", divide="ignore"):
        roi, cpa = effects / spend, spend / effects
    if spread is None:
        labels = chosen.clusters.labels
        return Intervals(
            *_bootstrapped(roi, labels, settings), *_bootstrapped(cpa, labels, settings)
        )
    low, high = bounds(spread, effects)
    with np.errstate(invalid="ignore", divide="ignore"):
        # No upper end where the effect may be none.
        highest_cpa = np.where(low > 0, spend / low, np.inf)
        words = [spread.bounded(confidence_word(roi[:, i]), i) for i in range(paid)]
        return Intervals(
            *_holding(roi, low / spend, high / spend),
            *_holding(cpa, spend / high, highest_cpa),
            tuple(words),
        )


def _bootstrapped(
    values: np.ndarray, labels: np.ndarray, settings: RidgeSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (K, P) of each model's cluster, widened to hold the model's own value."""
    low, high = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    for label in np.unique(labels):
        members = labels == label
        for column in range(values.shape[1]):
            _, _, low[members, column], high[members, column] = cluster_interval(
                values[members, column], settings.bootstrap, settings.seed
            )
    return _holding(values, low, high)


def _holding(
    values: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds (K, P), widened to hold the model's own value: a value outside its own interval can't
    be read.
    """
    return np.minimum(low, values), np.maximum(high, values)
