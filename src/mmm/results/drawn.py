"""How far sums of effects over any periods could lie off: over an engine's draws, or over the kept
models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines import ENGINES, load_engine
from mmm.engines.capabilities import DrawsEffects, EffectsByDraw, offered
from mmm.engines.schemas import kept_ids, kept_weights
from mmm.results.spans import Span
from mmm.results.summary import Tables, of_model

#: The ends of a 90 % interval.
_ENDS = (0.05, 0.95)


@dataclass(frozen=True)
class Sums:
    """Sums of effects over a range of dates by component, (K,) each, and the draws' `weights`."""

    weights: np.ndarray
    by_component: dict[str, np.ndarray]


def effects_by_draw(tables: Tables, model_id: str) -> EffectsByDraw | None:
    """What there is to measure intervals on: all kept models where there are several, else the
    model's draws where its engine offers them; else None.
    """
    kept = getattr(tables, "kept_in_memory", None)
    make = partial(_effects_by_draw, tables, model_id)
    if kept is None:
        return make()
    return kept(("effects_by_draw", model_id), make)


def _effects_by_draw(tables: Tables, model_id: str) -> EffectsByDraw | None:
    if len(kept_ids(tables)) > 1:
        return _of_kept_models(tables, model_id)
    summary: Any = getattr(tables, "summary", None)
    name = summary["engine"]["name"] if summary else ""
    if name not in ENGINES:
        return None
    engine = offered(load_engine(name), DrawsEffects)
    if engine is None:
        return None
    return engine.drawn_effects(tables, model_id)


def _of_kept_models(tables: Tables, model_id: str) -> EffectsByDraw:
    weights = kept_weights(tables)
    stored = tables["contributions"]
    dates = np.unique(of_model(stored, model_id)["date"].to_numpy().astype("datetime64[D]"))
    names = tuple(pc.unique(stored["component"]).to_pylist())
    effects = np.zeros((len(weights), len(names), len(dates)), np.float32)
    model = pc.index_in(stored["model_id"], pa.array(list(weights), pa.string()))
    component = pc.index_in(stored["component"], pa.array(names, pa.string()))
    row = np.searchsorted(dates, stored["date"].to_numpy().astype("datetime64[D]"))
    places = (model.to_numpy(), component.to_numpy(), row)
    effects[places] = np.nan_to_num(stored["effect"].to_numpy(zero_copy_only=False).astype(float))
    return EffectsByDraw(names, dates, np.array(list(weights.values())), effects)


def sums(found: EffectsByDraw, span: Span) -> Sums:
    """Sums over the periods of a range."""
    inside = (found.dates >= np.datetime64(span.first)) & (found.dates <= np.datetime64(span.last))
    total = found.effects[:, :, inside].sum(axis=2, dtype=float)
    return Sums(found.weights, {name: total[:, c] for c, name in enumerate(found.names)})


def ends_around(value: float, drawn: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """The 90 % interval of a figure over draws (K,). It reaches to the figure itself where that lies
    outside, as an unusual kept model's does.
    """
    order = np.argsort(drawn)
    shares = np.cumsum(weights[order]) - 0.5 * weights[order]
    low, high = np.interp(_ENDS, shares, drawn[order])
    return min(float(low), value), max(float(high), value)
