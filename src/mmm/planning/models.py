"""What of a run a plan is made with: its kept models together, or one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from mmm.certificate.certificate import certificate_of
from mmm.engines.capabilities import Responds
from mmm.engines.response import ResponseModel
from mmm.engines.schemas import kept_ids, kept_weights
from mmm.engines.words import ChannelKind
from mmm.planning.history import History, reported_effects
from mmm.planning.problem import Known
from mmm.planning.sides import PlannedWith
from mmm.results.summary import recommended


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
    unit_value: float | None = None,
) -> PlannedWith:
    """Plans with the kept model `model`, measured on all kept ones; None: with all kept models
    together, each with its weight. `unit_value` is the profit that one unit of the KPI brings.
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
        known=Known(confidence_words(tables, model), unit_value),
    )


def confidence_words(tables: Mapping[str, pa.Table], model: str | None) -> dict[str, str]:
    """Each paid channel's word of confidence in a kept model (None: the recommended one): that of
    the run's certificate where it has one for this model.
    """
    model = model or recommended(tables)
    words = {}
    for row in tables["channels"].to_pylist():
        if row["model_id"] == model and row["kind"] == ChannelKind.PAID:
            words[row["channel"]] = row["confidence"] or ""
    certificate = certificate_of(tables)
    if certificate is None or certificate.model_id != model:
        return words
    for item in certificate.channels:
        if item.channel in words and item.confidence:
            words[item.channel] = item.confidence
    return words
