"""Charts of stability and calibration; see `mmm.results.charts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import Labels
from mmm.results.charts import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    WIDTH,
    efficiency_end,
    finished,
    inline,
    name_axis,
    present,
    up_to,
)
from mmm.results.stability import SOURCES

if TYPE_CHECKING:
    import altair as alt

_COLOURS = {
    "candidates": "#a9c9e2",
    "trials": BLUE,
    "seeds": "#2a9d8f",
    "windows": "#e8a33d",
    "holdouts": "#882255",
}
#: Ends of axes: a few values far out must not squeeze the rest.
_TIMES_TYPICAL, _TIMES_LIFT = 6.0, 4.0
_OF_LIFT = ("lift_low", "lift_high", "uncalibrated", "calibrated")


def stability(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Per channel a bar for each source, the compared model as a tick."""
    import altair as alt

    rows = numbers.to_pylist()
    sources = present(SOURCES, rows, "source")
    limit = efficiency_end(rows, labels, _TIMES_TYPICAL)
    order = list(dict.fromkeys(row["channel"] for row in rows))
    base = alt.Chart(inline(up_to(limit, rows))).encode(
        y=alt.Y("channel:N", sort=order, title=None, axis=name_axis()),
        yOffset=alt.YOffset("source:N", sort=sources),
    )
    title = labels.efficiency_unit
    scale = alt.Scale(domain=[0.0, limit], nice=False)
    colour = alt.Color(
        "source:N", scale=alt.Scale(domain=sources, range=[_COLOURS[name] for name in sources])
    )
    bars = base.mark_bar(clip=True, height={"band": 0.75}).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=6)),
        x2="high:Q",
        color=colour,
    )
    ticks = base.mark_tick(thickness=2.5, color=INK, clip=True).encode(
        x=alt.X("value:Q", scale=scale)
    )
    height = alt.Step(13 if len(sources) > 1 else 20, **{"for": "offset"})
    return finished((bars + ticks).properties(width=WIDTH - 200, height=height))


def calibration(numbers: pa.Table, labels: Labels) -> alt.HConcatChart:
    """Per lift test its interval, the effect without the tests as a ring, with them as a dot, and
    the figures.
    """
    import altair as alt

    rows = [_as_multiple(row, labels) for row in numbers.to_pylist()]
    ends: list[float] = []
    for row in rows:
        ends += [row[key] for key in _OF_LIFT if row[key] is not None]
    domain = [min([0.0, *ends]), min(max([1.2, *ends]) * 1.05, _TIMES_LIFT)]
    scale, title = alt.Scale(domain=domain, nice=False, clamp=True), "effect / measured lift"
    order = [str(row["name"]) for row in rows]
    base = alt.Chart(inline(rows))
    placed = base.encode(y=alt.Y("name:N", sort=order, title=None, axis=name_axis()))

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, title=title)

    layers = (
        placed.mark_bar(color="#ccd4db", height={"band": 0.6}).encode(
            x=x("lift_low"), x2="lift_high:Q"
        ),
        placed.mark_rule(color=GREY).encode(x=x("uncalibrated"), x2="calibrated:Q"),
        placed.mark_point(color=ORANGE, size=80, strokeWidth=2.5).encode(x=x("uncalibrated")),
        placed.mark_circle(color=BLUE, size=85, opacity=1.0).encode(x=x("calibrated")),
        alt.Chart(inline([{"one": 1.0}]))
        .mark_rule(color=INK, strokeDash=[3, 3])
        .encode(x=x("one")),
    )
    left = alt.layer(*layers).properties(width=WIDTH - 540, height=alt.Step(30))
    text = base.mark_text(align="left").encode(
        y=alt.Y("name:N", sort=order, axis=None), x=alt.value(0), text="text:N"
    )
    return finished(alt.hconcat(left, text.properties(width=350, height=alt.Step(30)), spacing=14))


def _as_multiple(row: dict[str, Any], labels: Labels) -> dict[str, Any]:
    """A test's numbers as multiples of its lift, with its name and its numbers as text."""
    lift = row["lift"]
    return {
        **{key: None if row[key] is None else row[key] / lift for key in _OF_LIFT},
        "name": f"{row['test']}. {row['channels']}, {row['test_start']:%b %Y}",
        "text": f"{labels.effect(row['uncalibrated'])} → {labels.effect(row['calibrated'])} · measured "
        f"{labels.effect(lift)} · {row['inside']}",
    }
