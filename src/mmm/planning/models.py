"""What of a run a plan is made with: its kept models together, or one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from mmm.engines.capabilities import Responds
from mmm.engines.response import ResponseModel
from mmm.engines.schemas import kept_ids, kept_weights
from mmm.engines.words import ChannelKind
from mmm.planning.history import History, reported_effects
from mmm.planning.problem import Known
from mmm.planning.sides import PlannedWith


@dataclass
class _Response:
    """An engine's response model by date range and carryover, kept once it is made."""

    engine: Responds
    tables: Mapping[str, pa.Table]
    models: list[str] | None
    made: dict[tuple[int, int, str], ResponseModel] = field(default_factory=dict)

    def __call__(self, rows: np.ndarray, carryover: str) -> ResponseModel:
        key = (int(rows[0]), int(rows[-1]), carryover)
        if key not in self.made:
            self.made[key] = self.engine.response_model(
                self.tables, rows, carryover=carryover, models=self.models
            )
        return self.made[key]


def planned_with(
    engine: Responds,
    tables: Mapping[str, pa.Table],
    history: History,
    model: str | None = None,
    known: Known | None = None,
) -> PlannedWith:
    """Plans with the kept model `model`, measured on all kept ones; None: with all kept models
    together, each with its weight. Where nothing is said to be `known`, the words of confidence are
    those of the result.
    """
    kept = kept_ids(tables)
    if model is None and len(kept) == 1:
        model = kept[0]
    models = None if model is None else [model]
    others = None
    if model is not None and len(kept) > 1:
        others = _Response(engine, tables, None)
    return PlannedWith(
        model_id=model or "",
        response=_Response(engine, tables, models),
        others=others,
        reported=reported_effects(tables, history, kept_weights(tables, models)),
        known=known or Known(confidence_words(tables, model)),
    )


def confidence_words(tables: Mapping[str, pa.Table], model: str | None) -> dict[str, str]:
    """Each paid channel's word of confidence in a kept model; None: in the recommended one."""
    models = tables["models"]
    chosen = model or models.filter(models["recommended"])["model_id"][0].as_py()
    words = {}
    for row in tables["channels"].to_pylist():
        if row["model_id"] == chosen and row["kind"] == ChannelKind.PAID:
            words[row["channel"]] = row["confidence"] or ""
    return words
