"""Charts of what only an engine with a posterior tells; see `mmm.results.charts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from mmm.format import Labels
from mmm.results.charts import INK, ORANGE, WIDTH, finished, inline, number_axis, time_axis

if TYPE_CHECKING:
    import altair as alt


def forecast(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """The periods held out: the interval as a band, the forecast and the actual values as lines."""
    import altair as alt

    rows = numbers.to_pylist()
    lines = [
        {"date": row["date"], "series": series, "value": row[series.lower()]}
        for series in ("Actual", "Forecast")
        for row in rows
    ]
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
