"""What an engine's result says of its paid channels, in the form that is scored."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from mmm.scoring.score import ChannelEstimate

_OPTIONAL = ("roi_low", "roi_high", "marginal_roi")


def estimates(
    tables: Mapping[str, pa.Table], model_id: str, names: Mapping[str, str]
) -> list[ChannelEstimate]:
    """What a model of a result's tables says of the paid channels, which are called by `names`."""
    found = []
    for row in tables["channels"].to_pylist():
        if row["model_id"] != model_id or row["kind"] != "paid":
            continue
        low, high, marginal = (_number(row[name]) for name in _OPTIONAL)
        found.append(
            ChannelEstimate(
                names[row["channel"]],
                _number(row["contribution"]),
                _number(row["roi"]),
                low,
                high,
                marginal,
                row["confidence"] or "",
            )
        )
    return found


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
