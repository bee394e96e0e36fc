"""Charts of what an experiment's ranges allow, before anything is trained, in the look of
`mmm.results.charts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmm.results import charts

if TYPE_CHECKING:
    import altair as alt

#: The lower end, the middle and the upper end of the ranges.
_ENDS = {"low ends": "#5fa4d3", "middle": charts.BLUE, "high ends": charts.ORANGE}


def decay(rows: Sequence[Mapping[str, Any]], period: str) -> alt.Chart:
    """`lag`, `weight` (1 at the start or peak) by `end`: how long an effect may last."""
    return _lines(rows, "lag:Q", f"{period.capitalize()}s since the spend", "weight:Q", "Weight")


def saturation(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """`pressure` (share of the largest), `effect` (share of the ceiling) by `end`: how an effect
    may flatten.
    """
    return _lines(
        rows,
        "pressure:Q",
        "Adstocked pressure, share of the largest",
        "effect:Q",
        "Share of the ceiling",
    )


def response(rows: Sequence[Mapping[str, Any]], period: str) -> alt.Chart:
    """`spend` per period, `response` (KPI per period) by `end`: what a spend may bring."""
    return _lines(
        rows, "spend:Q", f"Spend per {period}", "response:Q", f"KPI per {period}", shares=False
    )


def _lines(
    rows: Sequence[Mapping[str, Any]],
    x: str,
    x_title: str,
    y: str,
    y_title: str,
    *,
    shares: bool = True,
) -> alt.Chart:
    import altair as alt

    up: dict[str, Any] = {"axis": charts.number_axis(tickCount=4)}
    if shares:
        up = {
            "scale": alt.Scale(domain=[0, 1], clamp=True),
            "axis": alt.Axis(format="%", tickCount=4),
        }

    names = charts.present(_ENDS, rows, "end")
    scale = alt.Scale(domain=names, range=[_ENDS[name] for name in names])
    chart = (
        alt.Chart(charts.inline(rows))
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X(x, title=x_title, axis=alt.Axis(grid=False, tickCount=6)),
            y=alt.Y(y, title=y_title, **up),
            color=alt.Color(
                "end:N", scale=scale, legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2)
            ),
        )
    )
    return charts.finished(chart.properties(width=320, height=180))
