"""What a refresh moved, and why: old and new side by side, the difference split into data and
parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from mmm.format import Labels, fixed, percent
from mmm.results.summary import Tables, channels, of_model

#: Measures in the order they are read, and how they are called.
MEASURES = {
    "roi": "ROAS",
    "cpa": "CPA",
    "effect_share": "share of paid effect",
    "spend_share": "share of spend",
    "contribution_share": "share of the KPI",
    "spend": "spend",
    "alpha": "alpha",
    "gamma": "gamma",
    "theta": "theta",
    "shape": "shape",
    "scale": "scale",
    "penalty": "penalty",
    "lambda_unit": "lambda (0 to 1)",
    "train_size": "training share",
}
#: Below this share of the paid effect a channel has none worth the name.
NO_EFFECT = 0.001
_SHARES = ("effect_share", "spend_share", "contribution_share", "train_size")
HEADINGS = ("Variable", "Measure", "Old", "Old on new data", "New", "By data", "By parameters")


def moves(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Variable, measure, old, refitted, new, by_data, by_parameters; paid channels first, largest
    spend first.

    `refitted` is the old model's parameters on the new data: by_data = refitted - old,
    by_parameters = new - refitted.
    """
    found = of_model(tables["moves"], model_id).to_pylist()
    paid = channels(tables, model_id, labels)["channel"].to_pylist()
    efficiency = labels.measure
    rows = [
        row
        for row in found
        if row["measure"] in MEASURES and row["measure"] not in {"roi", "cpa"} - {efficiency}
    ]
    places = {name: place for place, name in enumerate(paid)}
    order = list(MEASURES)
    rows.sort(
        key=lambda row: (
            places.get(row["variable"], len(paid)),
            row["variable"],
            order.index(row["measure"]),
        )
    )
    for row in rows:
        row["by_data"] = _difference(row["refitted"], row["old"])
        row["by_parameters"] = _difference(row["new"], row["refitted"])
    names = ("old", "refitted", "new", "by_data", "by_parameters")
    schema = pa.schema(
        [
            ("variable", pa.string()),
            ("measure", pa.string()),
            *((name, pa.float64()) for name in names),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def shown(numbers: pa.Table, labels: Labels) -> list[tuple[str, ...]]:
    """The rows of `moves` as text, under `HEADINGS`."""
    return [_texts(row, labels) for row in numbers.to_pylist()]


def _texts(row: Mapping[str, Any], labels: Labels) -> tuple[str, ...]:
    measure = row["measure"]
    values = [_value(row[name], measure, labels) for name in ("old", "refitted", "new")]
    moved = [_signed(row[name], measure, labels) for name in ("by_data", "by_parameters")]
    return (row["variable"] or "(model)", MEASURES[measure], *values, *moved)


def _value(value: float | None, measure: str, labels: Labels) -> str:
    if measure in _SHARES:
        return percent(value)
    if measure in ("roi", "cpa"):
        return labels.efficiency_value(value)
    if measure == "spend":
        return labels.money(value)
    if measure == "lambda_unit":
        return fixed(value, 4)
    return fixed(value, 3)


def _signed(value: float | None, measure: str, labels: Labels) -> str:
    text = _value(value, measure, labels)
    return f"+{text}" if value is not None and value > 0 else text


def finding(numbers: pa.Table, labels: Labels) -> str:
    """The channel whose share of the paid effect moved most, and whether data or parameters moved
    it.
    """
    rows = {(row["variable"], row["measure"]): row for row in numbers.to_pylist()}
    shares = [
        row
        for (_, measure), row in rows.items()
        if measure == "effect_share" and None not in row.values()
    ]
    if not shares:
        return "No paid channel has an effect whose change could be told."
    share = max(shares, key=lambda row: abs(row["new"] - row["old"]))
    name = share["variable"]
    efficiency = rows[name, labels.measure]
    by_data, by_parameters = (
        _signed(share[part], "effect_share", labels) for part in ("by_data", "by_parameters")
    )
    return (
        f"{name} moved most: its share of the paid effect went from {percent(share['old'])} to "
        f"{percent(share['new'])}, of which the new data account for {by_data} and the new parameters for "
        f"{by_parameters} (in points); its {labels.efficiency} went from {labels.efficiency_value(efficiency['old'])} "
        f"to {labels.efficiency_value(efficiency['new'])}.{_lost(shares)}"
    )


def _lost(shares: list[dict[str, Any]]) -> str:
    """Channels whose effect a refresh has taken away; whether the new data or the search did."""
    texts = []
    for row in shares:
        if row["old"] > NO_EFFECT >= row["new"]:
            cause = "the old parameters on the new data give it none either"
            if row["refitted"] > NO_EFFECT:
                cause = (
                    f"the old parameters on the new data still give it {percent(row['refitted'])}, so the data do not "
                    "ask for it: look at other kept models before accepting this one"
                )
            texts.append(
                f" {row['variable']} had {percent(row['old'])} and has no effect now; {cause}."
            )
    return "".join(texts)
