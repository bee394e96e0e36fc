"""What the experiment's form is filled in with from its data: a name, the countries of holidays, the
currency; and where each comes from, so that nothing is taken silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import ValidationError

from mmm.data.columns import read_times
from mmm.data.defaults import (
    currency_of_countries,
    usual_countries,
    usual_currency,
    usual_name,
)
from mmm.data.mapping import Mapping
from mmm.format import listed
from mmm.web.data.stored_data import table_of
from mmm.workspace import DatasetManifest, Workspace


@dataclass(frozen=True)
class Filled:
    """Fields of the experiment that were left open, and `currency_from`: who says the currency."""

    values: dict[str, Any] = field(default_factory=dict)
    currency_from: str = ""


def filled_in(room: Workspace, manifest: DatasetManifest, content: dict[str, Any]) -> Filled:
    """What the data say about fields that the content leaves open."""
    try:
        mapping = Mapping.model_validate(content.get("mapping"))
    except ValidationError:
        return Filled()
    table = table_of(manifest)
    if any(name not in table.column_names for name in mapping.columns()):
        return Filled()
    values: dict[str, Any] = {}
    times = read_times(table[mapping.date])
    days: list[np.datetime64] = []
    if times is not None:
        days = list(np.unique(times.days[~np.isnat(times.days)]))
    values["name"] = usual_name(manifest.market, mapping.kpi, days)[:200]
    codes = usual_countries(manifest.market)
    if codes and not content.get("country"):
        values["country"] = codes[0]
        if len(codes) > 1:
            values["more_holidays"] = list(codes[1:])
    currency = usual_currency(table, mapping, _reading(room, manifest))
    source = "as the columns say"
    if currency is None:
        currency = currency_of_countries(codes)
        source = f"no column says it; it is what is paid with in {listed(codes)}" if codes else ""
    if currency is not None:
        values["currency"] = currency
    left_open = {name: value for name, value in values.items() if not content.get(name)}
    return Filled(left_open, source if "currency" in left_open else "")


def _reading(room: Workspace, manifest: DatasetManifest) -> dict[str, Any] | None:
    """How the dataset's file was read: a prepared one's is its parent's."""
    seen = 0
    while manifest.reading is None and manifest.parent is not None and seen < 10:
        market, _, dataset_id = manifest.parent.rpartition("/")
        manifest = room.dataset(market, dataset_id)
        seen += 1
    return manifest.reading
