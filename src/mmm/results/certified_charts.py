"""The chart of a certificate; see `mmm.results.charts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import Labels, percent
from mmm.results.charts import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    WIDTH,
    break_even_rule,
    efficiency_end,
    finished,
    inline,
    name_axis,
    up_to,
)

if TYPE_CHECKING:
    import altair as alt

#: The axis ends at so many times the typical value: an interval far out must not squeeze the rest.
_TIMES_TYPICAL = 5.0


def channels(numbers: pa.Table, labels: Labels) -> alt.HConcatChart:
    """Per channel the interval as reported (dark) on the recalibrated one (light), the value as a
    tick, and the expected error at the right.
    """
    import altair as alt

    rows = numbers.to_pylist()
    for row in rows:
        row["label"] = f"± {percent(row['expected_error'])}, holds {percent(row['covered'])}"
    wide = [{**row, "high": max_of(row, "high", "recalibrated_high")} for row in rows]
    limit = efficiency_end(wide, labels, _TIMES_TYPICAL)
    scale = alt.Scale(domain=[0.0, limit], nice=False)
    order = [row["channel"] for row in rows]
    base = alt.Chart(inline(up_to(limit, rows))).encode(
        y=alt.Y("channel:N", sort=order, title=None, axis=name_axis())
    )
    title = labels.efficiency_unit
    recalibrated = base.mark_bar(color="#f0c9ae", clip=True, height=14).encode(
        x=alt.X("recalibrated_low:Q", scale=scale, title=title, axis=alt.Axis(tickCount=6)),
        x2="recalibrated_high:Q",
    )
    own = base.mark_bar(color=BLUE, clip=True, height=5).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q"
    )
    value = base.mark_tick(color=ORANGE, thickness=3, size=16, clip=True).encode(
        x=alt.X("value:Q", scale=scale)
    )
    layers = [recalibrated, own, value]
    if labels.break_even is not None:
        layers.insert(0, break_even_rule(labels.break_even))
    left = alt.layer(*layers).properties(width=WIDTH - 430, height=alt.Step(26))
    figures = (
        alt.Chart(inline(rows))
        .encode(y=alt.Y("channel:N", sort=order, axis=None), x=alt.value(0), text="label:N")
        .mark_text(align="left", color=INK)
        .properties(width=200, height=alt.Step(26))
    )
    return finished(alt.hconcat(left, figures, spacing=12))


def max_of(row: Mapping[str, Any], *names: str) -> float | None:
    """The largest of a row's known values."""
    return max((row[name] for name in names if row[name] is not None), default=None)


#: Colours of a check's outcomes, in the order of the legend.
_OUTCOMES = {"passed": BLUE, "concern": ORANGE, "could not run": GREY}


def checks(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Each check's value as a multiple of its threshold, which is the line, far ones at the edge;
    checks that could not run lie at 0.
    """
    import altair as alt

    rows = numbers.to_pylist()
    for row in rows:
        about = f" · {row['about']}" if row["about"] else ""
        row["label"] = f"{row['check']}{about}"
        known = row["check_value"] is not None and row["threshold"]
        row["times"] = row["check_value"] / row["threshold"] if known else 0.0
    limit = max(2.0, min(max((row["times"] for row in rows), default=2.0), _TIMES_TYPICAL))
    for row in rows:
        row["times"] = min(max(row["times"], 0.0), limit)
    scale = alt.Scale(domain=[0.0, limit], nice=False)
    order = list(dict.fromkeys(row["label"] for row in rows))
    colours = alt.Scale(domain=list(_OUTCOMES), range=list(_OUTCOMES.values()))
    dots = (
        alt.Chart(inline(rows))
        .mark_circle(size=90, opacity=1.0)
        .encode(
            y=alt.Y("label:N", sort=order, title=None, axis=name_axis()),
            x=alt.X("times:Q", scale=scale, title="Value as a multiple of its threshold"),
            color=alt.Color("outcome:N", scale=colours, title=None),
        )
    )
    line = alt.Chart(inline([{"at": 1.0}])).mark_rule(color=INK).encode(x="at:Q")
    return finished(alt.layer(line, dots).properties(width=WIDTH - 300, height=alt.Step(22)))
