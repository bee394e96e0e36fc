"""Charts of tests in the look of `mmm.results.charts`: treated against synthetic, placebo distribution,
power curve, value against cost. Each draws the numbers of its argument and computes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmm.format import Labels
from mmm.results import charts
from mmm.testing.analysis import Analysis
from mmm.testing.next_test import TestValue

if TYPE_CHECKING:
    import altair as alt

_WIDTH = charts.WIDTH - 90
OBSERVED, SYNTHETIC = "treated geos", "as the controls let expect"
PLACEBO, TREATED = "geo without a treatment", "treated geos"


def _colours(names: Sequence[str], colours: Sequence[str]) -> Any:
    import altair as alt

    return alt.Scale(domain=list(names), range=list(colours))


def counterfactual(found: Analysis, first: str) -> alt.LayerChart:
    """The treated geos' mean KPI by period beside what the controls let expect; a line at the test's
    `first` period.
    """
    import altair as alt

    rows: list[dict[str, Any]] = []
    for name, values in ((OBSERVED, found.observed), (SYNTHETIC, found.counterfactual)):
        rows += [
            {"date": str(day), "series": name, "kpi": float(value)}
            for day, value in zip(found.dates, values, strict=True)
        ]
    lines = (
        alt.Chart(charts.inline(rows))
        .mark_line(strokeWidth=1.6)
        .encode(
            x=alt.X("date:T", title=None, scale=alt.Scale(type="utc")),
            y=alt.Y("kpi:Q", title="KPI per treated geo", scale=alt.Scale(zero=False)),
            color=alt.Color(
                "series:N",
                title=None,
                scale=_colours((OBSERVED, SYNTHETIC), (charts.BLUE, charts.ORANGE)),
            ),
        )
    )
    begin = (
        alt.Chart(charts.inline([{"date": first}]))
        .mark_rule(color=charts.GREY, strokeDash=[4, 3])
        .encode(x=alt.X("date:T"))
    )
    return charts.finished(alt.layer(lines, begin).properties(width=_WIDTH, height=240))


def placebo(found: Analysis) -> alt.Chart:
    """A tick a geo: the effect that it seems to have had, as a share of its KPI."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"geo": geo, "effect": effect, "kind": PLACEBO}
        for geo, effect in zip(found.placebo.geos, found.placebo.effects, strict=True)
    ]
    rows.append({"geo": TREATED, "effect": found.relative, "kind": TREATED})
    chart = (
        alt.Chart(charts.inline(rows))
        .mark_tick(thickness=2.5, size=34)
        .encode(
            x=alt.X("effect:Q", title="effect, share of KPI", axis=alt.Axis(format=".0%")),
            y=alt.Y("kind:N", title=None, sort=[TREATED, PLACEBO], axis=charts.name_axis()),
            color=alt.Color(
                "kind:N",
                legend=None,
                scale=_colours((TREATED, PLACEBO), (charts.BLUE, charts.GREY)),
            ),
        )
    )
    return charts.finished(chart.properties(width=charts.WIDTH - 210, height=96))


def power(curve: Sequence[tuple[float, float]], enough: float) -> alt.LayerChart:
    """Power by effect, with a line at what is enough."""
    import altair as alt

    rows = [{"effect": effect, "power": value} for effect, value in curve]
    line = (
        alt.Chart(charts.inline(rows))
        .mark_line(point=True, color=charts.BLUE)
        .encode(
            x=alt.X("effect:Q", title="effect, share of KPI", axis=alt.Axis(format=".1%")),
            y=alt.Y(
                "power:Q",
                title="power",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format=".0%"),
            ),
        )
    )
    rule = (
        alt.Chart(charts.inline([{"power": enough}]))
        .mark_rule(color=charts.GREY, strokeDash=[4, 3])
        .encode(y="power:Q")
    )
    return charts.finished(alt.layer(line, rule).properties(width=_WIDTH, height=220))


def value_cost(tests: Sequence[TestValue], labels: Labels) -> alt.LayerChart:
    """Value against cost, a dot a test; above the line a test is worth more than it costs."""
    import altair as alt

    rows = [
        {
            "channel": one.channel,
            "value": one.value,
            "cost": one.cost,
            "test": f"{one.channel}, {one.design.name}",
        }
        for one in tests
    ]
    ends = [min(0.0, *(one.cost for one in tests)), max(1.0, *(one.cost for one in tests))]
    names = list(dict.fromkeys(one.channel for one in tests))
    dots = (
        alt.Chart(charts.inline(rows))
        .mark_circle(size=90, opacity=0.9)
        .encode(
            x=alt.X("cost:Q", title=f"cost of the test ({labels.currency})"),
            y=alt.Y("value:Q", title=f"value over a year ({labels.currency})"),
            color=alt.Color("channel:N", title=None, sort=names),
            tooltip=["test:N"],
        )
    )
    even = (
        alt.Chart(
            charts.inline(
                [{"cost": end, "value": max(end, 0.0)} for end in (ends[0], 0.0, ends[1])]
            )
        )
        .mark_line(color=charts.GREY, strokeDash=[4, 3])
        .encode(x="cost:Q", y="value:Q")
    )
    return charts.finished(alt.layer(even, dots).properties(width=_WIDTH, height=260))
