"""What every medium did in each period, by posterior draw, from the stored result tables."""

from __future__ import annotations

import numpy as np

from mmm.engines.adstock_hill.media import MediaModel, Tables, read_draws
from mmm.engines.capabilities import EffectsByDraw


def drawn_effects(tables: Tables, model_id: str) -> EffectsByDraw | None:
    """The effects of a kept model's draws over the window; None where it has no draws.

    See `mmm.engines.capabilities.DrawsEffects`.
    """
    drawn = read_draws(tables, model_id)
    if not drawn:
        return None
    first = drawn[0]
    names = tuple(medium.name for medium in first.media)
    effects = np.empty((len(drawn), len(names), len(first.window)), np.float32)
    for number, model in enumerate(drawn):
        effects[number] = _effects(model)
    weights = np.full(len(drawn), 1.0 / len(drawn))
    return EffectsByDraw(names, first.dates[first.window], weights, effects)


def _effects(model: MediaModel) -> np.ndarray:
    """Effects of all media in the window (media, T)."""
    rows = []
    for medium in model.media:
        response = medium.curve.apply(medium.input).response
        rows.append(np.nan_to_num(response[model.window]))
    return np.array(rows)
