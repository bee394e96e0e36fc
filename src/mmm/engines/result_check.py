"""Whether an engine's result holds together: keys, words, the recommended model, sums.

Runs at the end of every training. What it finds is a defect of the engine, not of the data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.engines import words
from mmm.engines.base import EngineResult
from mmm.engines.schemas import kept_ids

#: Components must add up to the fitted KPI within this share of its largest value.
SUM_TOLERANCE = 1e-9

#: What must be unique in each table.
KEYS: dict[str, tuple[str, ...]] = {
    "models": ("model_id",),
    "channels": ("model_id", "channel"),
    "media": ("date", "channel"),
    "contributions": ("model_id", "date", "component"),
    "fit": ("model_id", "date"),
    "curves": ("model_id", "channel", "spend"),
    "curve_points": ("model_id", "channel"),
    "adstock": ("model_id", "channel", "lag"),
    "parameters": ("model_id", "variable", "parameter"),
    "draws": ("model_id", "draw", "variable", "parameter"),
    "frame": ("date", "variable"),
    "moves": ("model_id", "variable", "measure"),
    "lift_tests": ("model_id", "test"),
    "geo_channels": ("model_id", "geo", "channel"),
    "geo_fit": ("model_id", "geo", "date"),
    "geo_media": ("geo", "date", "channel"),
    "geo_draws": ("model_id", "draw", "geo", "variable"),
    "forecast": ("model_id", "date"),
    "learnt": ("model_id", "variable", "quantity"),
}

#: Legal words by table and column.
WORDS: dict[tuple[str, str], type[StrEnum]] = {
    ("channels", "kind"): words.ChannelKind,
    ("channels", "adstock"): words.AdstockKind,
    ("channels", "confidence"): words.Confidence,
    ("media", "kind"): words.ChannelKind,
    ("contributions", "kind"): words.ComponentKind,
    ("fit", "split"): words.Split,
    ("curves", "kind"): words.ChannelKind,
    ("curve_points", "kind"): words.ChannelKind,
    ("frame", "kind"): words.FrameKind,
    ("lift_tests", "scope"): words.Scope,
    ("geo_channels", "kind"): words.ChannelKind,
    ("geo_channels", "confidence"): words.Confidence,
    ("geo_fit", "split"): words.Split,
    ("geo_media", "kind"): words.ChannelKind,
    ("learnt", "quantity"): words.Quantity,
    ("learnt", "source"): words.Source,
}

#: Columns whose words may be missing.
_NULLABLE_WORDS = {
    ("channels", "adstock"),
    ("channels", "confidence"),
    ("geo_channels", "confidence"),
}
#: Tables whose models must be the kept ones, all of them in the first group.
_OF_ALL_KEPT = ("contributions", "fit")
_OF_KEPT = (
    "curves",
    "curve_points",
    "adstock",
    "draws",
    "moves",
    "lift_tests",
    "geo_channels",
    "geo_fit",
    "geo_draws",
    "forecast",
    "learnt",
)


class InvalidResult(ValueError):
    """An engine returned a result that contradicts itself; the message names every contradiction."""


def check_result(result: EngineResult) -> None:
    """Raise `InvalidResult` where the result contradicts itself."""
    found = [
        *_keys(result.tables),
        *_words(result.tables),
        *_models(result),
        *_intervals(result.tables),
        *_sums(result.tables),
    ]
    if found:
        raise InvalidResult(f"engine {result.engine}: {' '.join(found)}")


def _keys(tables: Mapping[str, pa.Table]) -> Iterable[str]:
    for name, columns in KEYS.items():
        keys = tables[name].select(list(columns))
        for column in columns:
            if keys[column].null_count:
                yield f"{name}.{column} has empty cells."
        groups = keys.group_by(list(columns)).aggregate([([], "count_all")])
        if groups.num_rows < keys.num_rows:
            yield f"{name} has rows of the same {', '.join(columns)}."


def _words(tables: Mapping[str, pa.Table]) -> Iterable[str]:
    for (name, column), legal in WORDS.items():
        used = set(pc.unique(tables[name][column]).to_pylist())
        if (name, column) in _NULLABLE_WORDS:
            used.discard(None)
        wrong = sorted(str(word) for word in used - set(legal))
        if wrong:
            yield f"{name}.{column} has {', '.join(wrong)}; legal are {', '.join(legal)}."


def _models(result: EngineResult) -> Iterable[str]:
    tables, kept = result.tables, set(kept_ids(result.tables))
    if result.recommended not in kept:
        yield f"the recommended model {result.recommended!r} is not among the kept ones."
    models = tables["models"]
    known = set(models["model_id"].to_pylist())
    if not kept <= known:
        yield f"kept models are not in the table models: {', '.join(sorted(kept - known)[:3])}."
    fronts = set(models.filter(pc.is_valid(models["front"]))["model_id"].to_pylist())
    if fronts and fronts != kept:
        yield "the models with a front are others than those with rows in channels."
    marked = models.filter(models["recommended"])["model_id"].to_pylist()
    if marked != [result.recommended]:
        yield f"models.recommended marks {marked} where {result.recommended!r} is recommended."
    for name in (*_OF_ALL_KEPT, *_OF_KEPT):
        named = set(pc.unique(tables[name]["model_id"]).to_pylist())
        if not named <= kept:
            yield f"{name} has models that are not kept: {', '.join(sorted(named - kept)[:3])}."
        if name in _OF_ALL_KEPT and named < kept:
            yield f"{name} lacks kept models: {', '.join(sorted(kept - named)[:3])}."


def _intervals(tables: Mapping[str, pa.Table]) -> Iterable[str]:
    for name, table in tables.items():
        for low_name in table.column_names:
            if not low_name.endswith("_low"):
                continue
            base = low_name.removesuffix("_low")
            low, high = table[low_name], table[f"{base}_high"]
            if pc.any(pc.greater(low, high)).as_py():
                yield f"{name}.{low_name} exceeds {base}_high."


def _sums(tables: Mapping[str, pa.Table]) -> Iterable[str]:
    """Components add up to the fit, per kept model and period."""
    components = (
        tables["contributions"].group_by(["model_id", "date"]).aggregate([("effect", "sum")])
    )
    joined = tables["fit"].join(components, ["model_id", "date"], join_type="left outer")
    fitted = joined["fitted"].to_numpy(zero_copy_only=False).astype(float)
    total = joined["effect_sum"].to_numpy(zero_copy_only=False).astype(float)
    known = np.isfinite(fitted)
    if not known.any():
        return
    off = np.abs(fitted - total)[known]
    scale = float(np.nanmax(np.abs(fitted), initial=0.0))
    if not (off <= SUM_TOLERANCE * max(scale, 1e-300)).all():
        worst = float(np.nanmax(off, initial=0.0))
        yield f"components do not add up to the fit: they are off by up to {worst:.3g} of {scale:.6g}."
