"""The chart of a bridge; see `mmm.results.charts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import Labels, compact
from mmm.results.bridge import signed
from mmm.results.charts import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    WIDTH,
    finished,
    inline,
    name_axis,
    number_axis,
    present,
)

if TYPE_CHECKING:
    import altair as alt

_PARTS = {"Spend": BLUE, "Efficiency": ORANGE, "Other": GREY, "Total": INK}


def bridge(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """From no difference down to the recorded one, a bar per component; a medium's in two halves,
    spend above efficiency. The thin line is the component's interval.
    """
    import altair as alt

    rows = numbers.to_pylist()
    bars, names = _bars(rows), _names(rows, labels)
    reach = [0.0]
    for row in bars:
        reach += [row["from"], row["to"]]
    for row in names:
        reach += [end for end in (row["low"], row["high"]) if end is not None]
    low, high = min(reach), max(reach)
    room = (high - low) * 0.04 or 1.0
    scale = alt.Scale(domain=[low - room, high + room], nice=False)
    order = [row["component"] for row in names]
    parts = present(_PARTS, bars, "part")
    y = alt.Y("component:N", sort=order, title=None, axis=name_axis())
    x = alt.X("from:Q", scale=scale, axis=number_axis(tickCount=6), title=_title(labels))
    base = (
        alt.Chart(inline(bars))
        .encode(y=y, x=x, x2="to:Q")
        .encode(
            color=alt.Color(
                "part:N",
                scale=alt.Scale(domain=parts, range=[_PARTS[part] for part in parts]),
            )
        )
    )
    layers: list[Any] = [
        base.transform_filter("datum.half === 0").mark_bar(size=16),
        base.transform_filter("datum.half === 1").mark_bar(size=8, yOffset=-4),
        base.transform_filter("datum.half === 2").mark_bar(size=8, yOffset=4),
    ]
    aside = alt.Chart(inline(names)).encode(y=y)
    interval = aside.mark_rule(color=MUTED, strokeWidth=1.5).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q"
    )
    zero = alt.Chart(inline([{"zero": 0.0}])).mark_rule(color=MUTED, strokeDash=[3, 3])
    layers = [zero.encode(x=alt.X("zero:Q", scale=scale)), *layers, interval]
    height = alt.Step(26)
    left = alt.layer(*layers).properties(width=WIDTH - 420, height=height)
    text = (
        alt.Chart(inline(names))
        .encode(y=alt.Y("component:N", sort=order, axis=None), x=alt.value(0), text="label:N")
        .mark_text(align="left", color=INK)
        .properties(width=210, height=height)
    )
    return finished(alt.hconcat(left, text, spacing=12))


def _title(labels: Labels) -> str:
    return f"Difference of {labels.effect_unit}"


def _bars(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Where each bar begins and ends; `half` 1 is spend, 2 efficiency, 0 a bar of its own."""
    bars = []
    for row in rows:
        name, start, end = row["component"], row["start"], row["end"]
        if row["spend_effect"] is None:
            bars.append({"component": name, "part": "Other", "half": 0, "from": start, "to": end})
            continue
        middle = start + row["spend_effect"]
        bars.append({"component": name, "part": "Spend", "half": 1, "from": start, "to": middle})
        bars.append({"component": name, "part": "Efficiency", "half": 2, "from": middle, "to": end})
    total = rows[-1]["end"]
    bars.append({"component": "Total", "part": "Total", "half": 0, "from": 0.0, "to": total})
    return bars


def _names(rows: list[dict[str, Any]], labels: Labels) -> list[dict[str, Any]]:
    names = []
    for row in rows:
        low, high = row["difference_low"], row["difference_high"]
        label = signed(row["difference"], labels)
        if low is not None:
            label += f" ({compact(low)} to {compact(high)})"
            low, high = row["start"] + low, row["start"] + high
        names.append({"component": row["component"], "label": label, "low": low, "high": high})
    total = signed(rows[-1]["end"], labels)
    return [*names, {"component": "Total", "label": total, "low": None, "high": None}]
