"""Charts of a plan; see `mmm.results.charts`. Each draws a table of `mmm.planning.summary`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import Labels
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
    panels,
    time_axis,
)

if TYPE_CHECKING:
    import altair as alt

_TODAY, _PLAN = "Today", "Plan"
_PLANNED = "#5fa4d3"  # light enough for the lines upon it
_SCENARIOS = (BLUE, "#e8a33d", "#2a9d8f", "#882255")
_PAIR_HEIGHT = 34
#: The bars of a variance that stand on the axis, which is cut off below the parts.
PLANNED_KPI, ACTUAL_KPI = "Planned", "Actual"
_ENDS = (PLANNED_KPI, ACTUAL_KPI)


def _paired(rows: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    """Today's and the planned value of each channel as rows of their own; what else the row holds
    is the plan's.
    """
    today = [
        {"channel": row["channel"], "when": _TODAY, "amount": row[f"{field}_today"]} for row in rows
    ]
    plan = [{**row, "when": _PLAN, "amount": row[f"{field}_plan"]} for row in rows]
    return today + plan


def _pair_bars(rows: list[dict[str, Any]], field: str, title: str) -> tuple[alt.Chart, alt.Chart]:
    """(encoded base, bars) of today above plan per channel."""
    import altair as alt

    order = [row["channel"] for row in rows]
    base = alt.Chart(inline(_paired(rows, field))).encode(
        y=alt.Y("channel:N", sort=order, title=None, axis=name_axis()),
        yOffset=alt.YOffset("when:N", sort=[_TODAY, _PLAN]),
    )
    colour = alt.Color("when:N", scale=alt.Scale(domain=[_TODAY, _PLAN], range=[GREY, _PLANNED]))
    return base, base.mark_bar().encode(
        x=alt.X("amount:Q", title=title, axis=number_axis()), color=colour
    )


def spend(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Today's and planned spend, the plan's bounds as a line."""
    import altair as alt

    base, bars = _pair_bars(
        numbers.to_pylist(), "spend", f"Spend ({labels.currency}) per {labels.period}"
    )
    bounds = base.mark_rule(color=INK, strokeWidth=1.2).encode(
        x=alt.X("spend_low:Q"), x2="spend_high:Q"
    )
    return finished((bars + bounds).properties(**_size()))


def response(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Today's and planned response, the band of the planned one as a line, as wide as the
    certificate asks for as a dashed one.
    """
    import altair as alt

    base, bars = _pair_bars(
        numbers.to_pylist(), "response", f"{labels.effect_unit} per {labels.period}"
    )
    band = base.mark_rule(color=INK, strokeWidth=1.2).encode(
        x=alt.X("response_low:Q"), x2="response_high:Q"
    )
    layers = bars + band
    if "response_recalibrated_low" in numbers.column_names:
        wide = base.mark_rule(color=MUTED, strokeWidth=1.2, strokeDash=[3, 3]).encode(
            x=alt.X("response_recalibrated_low:Q"), x2="response_recalibrated_high:Q"
        )
        layers = bars + wide + band
    return finished(layers.properties(**_size()))


def marginal(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """What one more unit of money brings at today's spend and at the planned one, beside what pays
    for itself.
    """
    import altair as alt

    rows = numbers.to_pylist()
    title = f"Marginal {labels.efficiency_unit}"
    order = alt.Y("channel:N", sort=[row["channel"] for row in rows], title=None, axis=name_axis())
    line = alt.Chart(inline(rows)).mark_rule(color=GREY)
    dots = alt.Chart(inline(_paired(rows, "marginal"))).mark_circle(size=95, opacity=1.0)
    layers = (
        line.encode(y=order, x=alt.X("marginal_today:Q", title=title), x2="marginal_plan:Q"),
        dots.encode(
            y=order,
            x=alt.X("amount:Q", title=title, axis=alt.Axis(tickCount=6)),
            color=alt.Color(
                "when:N",
                scale=alt.Scale(domain=[_TODAY, _PLAN], range=[ORANGE, BLUE]),
                legend=alt.Legend(symbolType="circle"),
            ),
        ),
    )
    even = alt.Chart(inline([row for row in rows if row["break_even"] is not None]))
    # One upright stroke a row, which together are a line where all channels have the same.
    stroke = even.mark_tick(color=MUTED, thickness=1.5, size=26).encode(y=order, x="break_even:Q")
    chart = alt.layer(stroke, *layers).properties(width=WIDTH - 200, height=alt.Step(26))
    return finished(chart)


def curves(numbers: pa.Table, labels: Labels) -> alt.FacetChart:
    """One panel per channel: the curve in the band of the kept models, today's point and the
    planned one, the spend up to which one more unit pays for itself as a dashed line.
    """
    import altair as alt

    line = alt.Chart().encode(
        x=alt.X("spend:Q", title=None, axis=number_axis(tickCount=4, grid=False)),
        y=alt.Y("response:Q", title=None, axis=number_axis(tickCount=4)),
    )
    on_curve = line.transform_filter("datum.part === 'curve'")
    layers = (
        on_curve.mark_area(color="#cfe0ee", opacity=0.8).encode(
            y=alt.Y("low:Q", title=None), y2="high:Q"
        ),
        on_curve.mark_line(color=BLUE, strokeWidth=2),
        alt.Chart()
        .transform_filter("datum.part === 'break_even'")
        .mark_rule(color=MUTED, strokeDash=[3, 3])
        .encode(x="spend:Q"),
        line.transform_filter("datum.part === 'today'").mark_circle(
            color=ORANGE, size=70, opacity=1.0
        ),
        line.transform_filter("datum.part === 'plan'").mark_point(
            color=BLUE, size=85, shape="diamond", filled=True, opacity=1.0
        ),
    )
    return finished(panels(layers, numbers.to_pylist(), independent=True))


def scenarios(numbers: pa.Table, labels: Labels) -> alt.Chart:
    """Planned spend per channel, a bar for each scenario below today's."""
    import altair as alt

    rows = numbers.to_pylist()
    named = list(dict.fromkeys(row["scenario"] for row in rows))
    first = [row for row in rows if row["scenario"] == named[0]]
    bars = [
        {"channel": row["channel"], "scenario": _TODAY, "amount": row["spend_today"]}
        for row in first
    ]
    bars += [
        {"channel": row["channel"], "scenario": row["scenario"], "amount": row["spend_plan"]}
        for row in rows
    ]
    domain = [_TODAY, *named]
    chart = (
        alt.Chart(inline(bars))
        .mark_bar()
        .encode(
            y=alt.Y(
                "channel:N", sort=[row["channel"] for row in first], title=None, axis=name_axis()
            ),
            yOffset=alt.YOffset("scenario:N", sort=domain),
            x=alt.X(
                "amount:Q",
                title=f"Spend ({labels.currency}) per {labels.period}",
                axis=number_axis(),
            ),
            color=alt.Color(
                "scenario:N",
                scale=alt.Scale(domain=domain, range=[GREY, *_SCENARIOS[: len(named)]]),
            ),
        )
    )
    return finished(
        chart.properties(
            width=WIDTH - 200, height=alt.Step(11 * (len(named) + 2), **{"for": "position"})
        )
    )


def forecast(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """The KPI of the periods ahead with its range, and of it what comes without paid media."""
    import altair as alt

    base = alt.Chart(inline(numbers.to_pylist())).encode(x=time_axis())
    title, scale = f"{labels.effect_unit} per {labels.period}", alt.Scale(zero=False)
    up = alt.Y("kpi:Q", title=title, axis=number_axis(), scale=scale)
    layers = (
        base.mark_area(color="#cfe0ee", opacity=0.8).encode(
            y=alt.Y("kpi_low:Q", scale=scale), y2="kpi_high:Q"
        ),
        base.mark_line(color=GREY, strokeWidth=2).encode(y=alt.Y("baseline:Q", scale=scale)),
        base.mark_line(color=BLUE, strokeWidth=2, point={"color": BLUE, "size": 45}).encode(y=up),
    )
    return finished(alt.layer(*layers).properties(width=WIDTH - 120, height=220))


def variance(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """From the planned KPI to the real one, a bar a part; see `mmm.planning.variance`."""
    import altair as alt

    rows = numbers.to_pylist()
    for row in rows:
        whole = row["start"] == 0.0 and row["step"] in _ENDS
        sign = "" if whole or row["effect"] < 0 else "+"
        row["label"] = f"{sign}{labels.effect(row['effect'])}"
        row["colour"] = BLUE if row["effect"] >= 0 else ORANGE
        if whole:
            row["colour"] = INK
        row["reach"] = max(row["start"], row["end"])
    order = [row["step"] for row in rows]
    lowest = min(
        (min(row["start"], row["end"]) for row in rows if row["step"] not in _ENDS), default=0.0
    )
    highest = max((row["reach"] for row in rows), default=1.0)
    apart = max(highest - lowest, 0.02 * abs(highest), 1e-9)
    domain = [lowest - apart, highest + 0.6 * apart]
    for row in rows:
        if row["step"] in _ENDS:
            row["start"] = domain[0]
    base = alt.Chart(inline(rows)).encode(y=alt.Y("step:N", sort=order, title=None))
    x = alt.X(
        "start:Q",
        title=labels.effect_unit,
        axis=number_axis(),
        scale=alt.Scale(domain=domain, nice=False, zero=False),
    )
    bars = base.mark_bar(height={"band": 0.7}).encode(
        x=x, x2="end:Q", color=alt.Color("colour:N", scale=None)
    )
    text = base.mark_text(align="left", dx=5).encode(x="reach:Q", text="label:N")
    return finished((bars + text).properties(width=WIDTH - 260, height=alt.Step(26)))


def _size() -> dict[str, Any]:
    import altair as alt

    return {"width": WIDTH - 200, "height": alt.Step(_PAIR_HEIGHT, **{"for": "position"})}
