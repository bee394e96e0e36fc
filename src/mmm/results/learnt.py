"""What was expected of each channel before the data beside what the model says: which figures the
data moved, and which are the prior still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mmm.engines.words import Quantity, Source
from mmm.format import Labels, fixed, listed, percent
from mmm.results.summary import Tables, channels, cost, of_model

#: What the source of a figure is called.
SOURCES = {Source.DATA: "the data moved it", Source.PRIOR: "this is the prior"}
ALL_MEDIA = "all paid media"

_f8, _s = pa.float64(), pa.string()
_SCHEMA = pa.schema(
    [
        ("channel", _s), ("quantity", _s), ("prior_text", _s), ("posterior_text", _s),
        ("learnt_from", _s), ("measure", _s), ("prior", _f8), ("prior_low", _f8), ("prior_high", _f8),
        ("posterior", _f8), ("posterior_low", _f8), ("posterior_high", _f8),
    ]
)  # fmt: skip


def told(tables: Tables) -> bool:
    """Whether the run's engine has priors."""
    return bool(tables["learnt"].num_rows)


def name_of(quantity: str, labels: Labels) -> str:
    """A quantity as it is called to a reader."""
    return {
        Quantity.ROI: labels.efficiency,
        Quantity.SHARE: f"share of {labels.kpi_name}",
        Quantity.HALF_LIFE: "half of an effect gone after (days)",
        Quantity.SATURATION: "effect today, of the ceiling",
    }[Quantity(quantity)]


def learnt(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Channel, quantity, both intervals as text and as numbers, and where the figure comes from; all
    media first, then paid channels by spend. A conversion KPI's ROI is turned into cost.
    """
    found = of_model(tables["learnt"], model_id).to_pylist()
    paid = channels(tables, model_id, labels)["channel"].to_pylist()
    places = {name: place for place, name in enumerate(["", *paid])}
    order = list(Quantity)
    found.sort(
        key=lambda row: (
            places.get(row["variable"], len(places)),
            row["variable"],
            order.index(row["quantity"]),
        )
    )
    rows = []
    for row in found:
        if row["quantity"] == Quantity.ROI and not labels.revenue:
            row = row | _as_cost(row, "prior") | _as_cost(row, "posterior")
        rows.append(
            {
                **row,
                "channel": row["variable"] or ALL_MEDIA,
                "measure": row["quantity"],
                "quantity": name_of(row["quantity"], labels),
                "prior_text": _shown(row, "prior", labels),
                "posterior_text": _shown(row, "posterior", labels),
                "learnt_from": SOURCES[Source(row["source"])],
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _as_cost(row: dict[str, Any], side: str) -> dict[str, Any]:
    """Effect per money as money per effect; no upper end where the effect may be none."""
    low, value, high = _costs([row[f"{side}_low"], row[side], row[f"{side}_high"]])
    return {side: value, f"{side}_low": low, f"{side}_high": high}


def _shown(row: dict[str, Any], side: str, labels: Labels) -> str:
    """The middle and the interval."""
    values = [row[side], row[f"{side}_low"], row[f"{side}_high"]]
    texts = [_value(value, row["quantity"], labels) for value in values]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def _value(value: float | None, quantity: str, labels: Labels) -> str:
    if quantity == Quantity.ROI:
        return labels.efficiency_value(value)
    if quantity == Quantity.HALF_LIFE:
        return fixed(value, 1)
    return percent(value)


def expected_rows(rows: Sequence[Mapping[str, Any]], labels: Labels) -> list[tuple[str, ...]]:
    """Rows of `Preview.expected` as text: of what, which quantity, low, middle, high."""
    found = []
    for row in rows:
        quantity = row["quantity"]
        values = [row["low"], row["middle"], row["high"]]
        if quantity == Quantity.ROI and not labels.revenue:
            values = _costs((row["low"], row["middle"], row["high"]))
        texts = [_value(value, quantity, labels) for value in values]
        found.append((row["name"] or ALL_MEDIA, name_of(quantity, labels), *texts))
    return found


def _costs(values: Sequence[float | None]) -> list[float | None]:
    """Low, middle and high effects per money as costs per effect, from the lowest cost; None where
    the effect may be none.
    """
    return [cost(value) for value in reversed(values)]


def finding(numbers: pa.Table, labels: Labels) -> str:
    """How many channels' ROI the data moved, and whose is the prior still."""
    rows = [row for row in numbers.to_pylist() if row["measure"] == Quantity.ROI]
    if not rows:
        return "No paid channel has a prior."
    still = [row["channel"] for row in rows if row["learnt_from"] == SOURCES[Source.PRIOR]]
    moved = len(rows) - len(still)
    text = f"The data moved the {labels.efficiency} of {moved} of {len(rows)} channels."
    if still:
        text += (
            f" That of {listed(still)} is the prior still: the data hold too little about it, and a "
            "lift test would tell."
        )
    return text
