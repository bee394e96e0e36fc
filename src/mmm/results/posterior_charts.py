"""Charts of what only an engine with a posterior tells; see `mmm.results.charts`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.engines.words import Quantity
from mmm.format import Labels
from mmm.results.charts import (
    BLUE,
    INK,
    ORANGE,
    WIDTH,
    as_lines,
    finished,
    inline,
    name_axis,
    number_axis,
    time_axis,
)
from mmm.results.learnt import SOURCES

if TYPE_CHECKING:
    import altair as alt


def forecast(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """The periods held out: the interval as a band, the forecast and the actual values as lines."""
    import altair as alt

    rows = numbers.to_pylist()
    lines = as_lines(rows, ("Actual", "Forecast"))
    unit = f"{labels.effect_unit} per {labels.period}"
    scale = alt.Scale(zero=False)
    band = (
        alt.Chart(inline(rows))
        .mark_area(color=ORANGE, opacity=0.2)
        .encode(
            x=time_axis(),
            y=alt.Y("forecast_low:Q", title=unit, scale=scale, axis=number_axis()),
            y2="forecast_high:Q",
        )
    )
    drawn = (
        alt.Chart(inline(lines))
        .mark_line(strokeWidth=1.8, point={"size": 18})
        .encode(
            x=time_axis(),
            y=alt.Y("value:Q", title=unit, scale=scale, axis=number_axis()),
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=["Actual", "Forecast"], range=[INK, ORANGE]),
                legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2),
            ),
        )
    )
    return finished((band + drawn).properties(width=WIDTH - 60, height=230))


def learnt(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Per channel the ROAS (or CPA): what was expected as a grey bar, the model's interval as a blue
    one where the data moved it, else orange.
    """
    import altair as alt

    rows = [row for row in numbers.to_pylist() if row["measure"] == Quantity.ROI]
    ends = [row["posterior_high"] for row in rows] + [row["prior"] for row in rows]
    limit = max((end for end in ends if end is not None), default=1.0) * 1.1 or 1.0
    drawn = [_within(row, limit) for row in rows]
    order = [row["channel"] for row in rows]
    scale = alt.Scale(domain=[min(0.0, *_lows(rows), 0.0), limit], nice=False)
    title = labels.efficiency_unit
    base = alt.Chart(inline(drawn)).encode(
        y=alt.Y("channel:N", sort=order, title=None, axis=name_axis())
    )
    names = list(SOURCES.values())
    colour = alt.Color(
        "learnt_from:N", title=None, scale=alt.Scale(domain=names, range=[BLUE, ORANGE])
    )
    expected = base.mark_bar(color="#dde3e8", height={"band": 0.75}, clip=True).encode(
        x=alt.X("prior_low:Q", title=title, scale=scale), x2="prior_high:Q"
    )
    told = base.mark_bar(height={"band": 0.35}, clip=True).encode(
        x=alt.X("posterior_low:Q", scale=scale), x2="posterior_high:Q", color=colour
    )
    middle = base.mark_tick(thickness=2.5, color=INK, clip=True).encode(
        x=alt.X("posterior:Q", scale=scale)
    )
    picture = expected + told + middle
    return finished(picture.properties(width=WIDTH - 200, height=alt.Step(26)))


def _lows(rows: list[dict[str, Any]]) -> list[float]:
    return [row["posterior_low"] for row in rows if row["posterior_low"] is not None] or [0.0]


def _within(row: dict[str, Any], limit: float) -> dict[str, Any]:
    """A row whose intervals without an upper end reach the axis's end."""
    filled = dict(row)
    for side in ("prior_high", "posterior_high"):
        if filled[side] is None:
            filled[side] = limit
    return filled
