"""One function per chart. Each draws the numbers of its namesake in `mmm.results.summary` and
computes none itself.

Altair is imported inside the functions: reading results needs none of it. Charts have a light
background, a palette that colour-blind readers can tell apart, no outside resources, and stay
readable with 20 channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import MISSING, Labels, percent
from mmm.results.summary import BASE_SERIES, ORGANIC_SERIES

if TYPE_CHECKING:
    import altair as alt

WIDTH = 760
BLUE, ORANGE, GREY, INK, MUTED = "#0b66a8", "#c8540a", "#8b98a5", "#1b2733", "#536171"
SHADE = {"train": "#ffffff", "val": "#dbe7f2", "test": "#f4e2cf"}
SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test"}
KIND_COLOURS = {
    "intercept": "#b4bec8",
    "trend": "#9fabb7",
    "season": "#9fabb7",
    "monthly": "#9fabb7",
    "weekday": "#9fabb7",
    "holiday": "#9fabb7",
    "context": "#7a8794",
    "organic": "#2a9d8f",
    "paid": BLUE,
}
#: Tol's muted scheme, dark and light in turn, so that neighbours in a stack differ in lightness as
#: well.
SERIES = ("#332288", "#88ccee", "#117733", "#ddcc77", "#882255", "#44aa99", "#cc6677", "#999933")
#: Models side by side, dark enough for thin lines and points.
MODELS = (BLUE, ORANGE, "#117733", "#882255")
CURVE_PARTS = ("observed", "extrapolated", "carryover", "break-even", "today")
_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"
#: Vega expression: long names lose their middle. Left to itself the drawing library cuts them
#: letter by letter, which takes it seconds.
SHORTENED = "length(datum.label) > 30 ? slice(datum.label, 0, 17) + '…' + slice(datum.label, -12) : datum.label"
_CONFIG: dict[str, Any] = {
    "background": "#ffffff",
    "font": _FONT,
    "aria": False,  # one label for the whole picture; a label per mark would double the report's size
    "mark": {"aria": False},
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "gridColor": "#e7ebef",
        "domainColor": "#c3ccd4",
        "tickColor": "#c3ccd4",
        "labelLimit": 240,
        "titlePadding": 8,
    },
    "header": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelFontWeight": "bold",
        "labelLimit": 240,
        "title": None,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "orient": "top",
        "labelLimit": 240,
        "symbolType": "square",
        "title": None,
    },
    "text": {"color": INK, "fontSize": 11},
}


def as_lines(rows: Sequence[Mapping[str, Any]], series: Iterable[str]) -> list[dict[str, Any]]:
    """A row per date and series, from rows that hold a column per series in lower case."""
    lines = []
    for name in series:
        for row in rows:
            lines.append({"date": row["date"], "series": name, "value": row[name.lower()]})
    return lines


def present(names: Iterable[str], rows: Iterable[Mapping[str, Any]], column: str) -> list[str]:
    """Those of the names that occur in a column of the rows, in the order of the names."""
    found = {row[column] for row in rows}
    return [name for name in names if name in found]


def inline(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Inline values; dates become ISO text, which Vega reads as UTC, hence the utc scales below.

    InlineData, not Data, and a tuple, not a list: Altair puts its values aside instead of walking
    through them again and again, and does not copy each of them with every step of a chart.
    """
    import altair as alt

    values = []
    for row in rows:
        shown = dict(row)
        for name, value in row.items():
            if isinstance(value, date):
                shown[name] = value.isoformat()
        values.append(shown)
    return alt.InlineData(values=tuple(values))


def number_axis(**options: Any) -> alt.Axis:
    """An axis of large numbers: 0, 500, 1.2k, 3M; B for a billion, as in `mmm.format`."""
    import altair as alt

    small, large = "format(datum.value, '.2~r')", "replace(format(datum.value, '.3~s'), 'G', 'B')"
    shown = f"datum.value === 0 ? '0' : abs(datum.value) < 1 ? {small} : {large}"
    return alt.Axis(labelExpr=shown, **{"tickCount": 5, **options})


def name_axis() -> alt.Axis:
    import altair as alt

    return alt.Axis(labelExpr=SHORTENED)


def finished(chart: Any) -> Any:
    return chart.configure(**_CONFIG)


def time_axis() -> alt.X:
    """Dates across, without grid lines."""
    import altair as alt

    return alt.X(
        "date:T",
        title=None,
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(grid=False, labelOverlap=True),
    )


def waterfall(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """From nothing up to the fitted KPI, one bar per component."""
    import altair as alt

    absolute = "effect" in numbers.column_names
    rows = numbers.to_pylist()
    total = rows[-1]["end"] if rows else 0.0
    rows.append(
        {
            "component": "Total",
            "kind": "total",
            "effect": total,
            "share": 1.0,
            "start": 0.0,
            "end": total,
        }
    )
    for row in rows:
        row["label"] = (f"{labels.effect(row['effect'])} · " if absolute else "") + percent(
            row["share"]
        )
        row["reach"] = max(row["start"], row["end"])
    top = max(row["reach"] for row in rows)
    colours = {**KIND_COLOURS, "total": INK}
    kinds = present(colours, rows, "kind")
    base = alt.Chart(inline(rows)).encode(
        y=alt.Y("component:N", sort=None, title=None, axis=name_axis())
    )
    bars = base.mark_bar(height={"band": 0.72}).encode(
        x=alt.X(
            "start:Q",
            title=labels.effect_unit if absolute else f"Share of the fitted {labels.kpi_name}",
            scale=alt.Scale(domainMax=top * 1.2, nice=False),
            axis=number_axis(tickCount=6) if absolute else alt.Axis(format="%", tickCount=6),
        ),
        x2="end:Q",
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=kinds, range=[colours[kind] for kind in kinds]),
            legend=None,
        ),
    )
    text = base.mark_text(align="left", dx=5).encode(x="reach:Q", text="label:N")
    return finished((bars + text).properties(width=WIDTH - 190, height=alt.Step(24)))


def actual_vs_fitted(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Two lines; validation and test periods are shaded."""
    import altair as alt

    rows = numbers.to_pylist()
    lines = as_lines(rows, ("Actual", "Fitted"))
    shading = _split_spans(rows)
    layers = []
    if shading:
        names = [row["period"] for row in shading]
        layers.append(
            alt.Chart(inline(shading))
            .mark_rect()
            .encode(
                x=alt.X("date:T", scale=alt.Scale(type="utc")),
                x2="end:T",
                fill=alt.Fill(
                    "period:N",
                    scale=alt.Scale(domain=names, range=[row["colour"] for row in shading]),
                    legend=alt.Legend(symbolStrokeColor=GREY, symbolStrokeWidth=0.5),
                ),
            )
        )
    layers.append(
        alt.Chart(inline(lines))
        .mark_line(strokeWidth=1.6)
        .encode(
            x=time_axis(),
            y=alt.Y(
                "value:Q",
                title=f"{labels.effect_unit} per {labels.period}",
                scale=alt.Scale(zero=False),
                axis=number_axis(),
            ),
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=["Actual", "Fitted"], range=[INK, ORANGE]),
                legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2),
            ),
        )
    )
    return finished(
        alt.layer(*layers)
        .properties(width=WIDTH - 70, height=260)
        .resolve_scale(fill="independent")
    )


def _split_spans(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """First and last date of validation and test, as rectangles."""
    spans: dict[str, dict[str, Any]] = {}
    step = rows[1]["date"] - rows[0]["date"] if len(rows) > 1 else timedelta(days=1)
    for row in rows:
        if row["split"] != "train":
            name = SPLIT_NAMES[row["split"]]
            span = spans.setdefault(
                name, {"period": name, "date": row["date"], "colour": SHADE[row["split"]]}
            )
            span["end"] = row["date"] + step
    return list(spans.values())


def residuals(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Fitted values across, what is left unexplained upwards."""
    import altair as alt

    rows = [{**row, "period": SPLIT_NAMES[row["split"]]} for row in numbers.to_pylist()]
    periods = present(SPLIT_NAMES.values(), rows, "period")
    axis = number_axis()
    points = (
        alt.Chart(inline(rows))
        .mark_circle(size=34, opacity=0.75)
        .encode(
            x=alt.X(
                "fitted:Q",
                title=f"Fitted {labels.effect_unit}",
                scale=alt.Scale(zero=False),
                axis=axis,
            ),
            y=alt.Y("residual:Q", title="Actual less fitted", axis=axis),
            color=alt.Color(
                "period:N",
                scale=alt.Scale(domain=periods, range=[BLUE, ORANGE, "#2a9d8f"][: len(periods)]),
                legend=alt.Legend(symbolType="circle") if len(periods) > 1 else None,
            ),
        )
    )
    zero = (
        alt.Chart(inline([{"zero": 0.0}]))
        .mark_rule(color=INK, strokeDash=[3, 3])
        .encode(y="zero:Q")
    )
    return finished((zero + points).properties(width=WIDTH - 70, height=240))


def share_of_spend(numbers: pa.Table, labels: Labels) -> alt.HConcatChart:
    """Per channel the share of spend above the share of effect; ROAS or CPA at the right."""
    import altair as alt

    rows = numbers.to_pylist()
    names = {"spend_share": "Share of spend", "effect_share": "Share of paid effect"}
    long = []
    for row in rows:
        for key, measure in names.items():
            share = row[key]
            long.append(
                {
                    "channel": row["channel"],
                    "measure": measure,
                    "share": share,
                    "label": percent(share),
                }
            )
    channel = alt.Y(
        "channel:N", sort=[row["channel"] for row in rows], title=None, axis=name_axis()
    )
    base = alt.Chart(inline(long)).encode(
        y=channel, yOffset=alt.YOffset("measure:N", sort=list(names.values()))
    )
    largest = max((row["share"] or 0.0 for row in long), default=1.0)
    bars = base.mark_bar().encode(
        x=alt.X(
            "share:Q",
            title=None,
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domainMax=largest * 1.12),
        ),
        color=alt.Color(
            "measure:N", scale=alt.Scale(domain=list(names.values()), range=[GREY, BLUE])
        ),
    )
    text = base.mark_text(align="left", dx=4, fontSize=10).encode(x="share:Q", text="label:N")
    left = (bars + text).properties(width=WIDTH - 330, height=alt.Step(34, **{"for": "position"}))
    return finished(alt.hconcat(left, _value_bars(rows, labels), spacing=26))


def _value_bars(rows: list[dict[str, Any]], labels: Labels) -> alt.LayerChart:
    import altair as alt

    shown = [{**row, "label": labels.efficiency_value(row["value"])} for row in rows]
    top = max((row["value"] or 0.0 for row in rows), default=0.0)
    base = alt.Chart(inline(shown)).encode(
        y=alt.Y("channel:N", sort=[row["channel"] for row in rows], title=None, axis=None)
    )
    bars = base.mark_bar(color="#cfe0ee", height={"band": 0.6}).encode(
        x=alt.X("value:Q", title=None, axis=None, scale=alt.Scale(domain=[0, top * 1.45 or 1.0]))
    )
    text = base.mark_text(align="left", dx=4, fontWeight="bold").encode(x="value:Q", text="label:N")
    return (bars + text).properties(
        width=120, height=alt.Step(34), title=_small_title(labels.efficiency)
    )


def _small_title(text: str) -> alt.TitleParams:
    import altair as alt

    return alt.TitleParams(text, anchor="start", fontSize=11, fontWeight="normal", color=MUTED)


def efficiency(numbers: pa.Table, labels: Labels) -> alt.HConcatChart:
    """ROAS or CPA as a point on its interval, the marginal value as a tick, the figures at the
    right.
    """
    import altair as alt

    rows = numbers.to_pylist()
    for row in rows:
        row["label"] = labels.interval(row["value"], row["low"], row["high"])
        row["firm"] = f"{percent(row['spend_share'])} of spend · {row['confidence'] or MISSING}"
    domain = [0.0, efficiency_end(rows, labels)]
    rows = up_to(domain[1], rows)
    order = alt.Y("channel:N", sort=[row["channel"] for row in rows], title=None, axis=name_axis())
    base = alt.Chart(inline(rows)).encode(y=order)
    title = labels.efficiency_unit
    value = alt.X(
        "value:Q",
        title=title,
        scale=alt.Scale(domain=domain, nice=False),
        axis=alt.Axis(tickCount=6),
    )
    layers = [
        base.mark_rule(strokeWidth=5, color="#a9c9e2", clip=True).encode(
            x=alt.X("low:Q"), x2="high:Q"
        ),
        base.mark_tick(thickness=2.5, size=16, color=ORANGE, clip=True).encode(x="marginal:Q"),
        base.mark_circle(size=85, color=BLUE, opacity=1.0, clip=True).encode(x=value),
    ]
    if labels.break_even is not None:
        layers.insert(0, break_even_rule(labels.break_even))
    left = alt.layer(*layers).properties(width=WIDTH - 530, height=alt.Step(26))
    aside = alt.Chart(inline(rows)).encode(
        y=alt.Y("channel:N", sort=[row["channel"] for row in rows], axis=None), x=alt.value(0)
    )
    figures = (
        aside.mark_text(align="left")
        .encode(text="label:N")
        .properties(width=150, height=alt.Step(26))
    )
    firm = (
        aside.mark_text(align="left", color=MUTED)
        .encode(text="firm:N")
        .properties(width=190, height=alt.Step(26))
    )
    return finished(alt.hconcat(left, figures, firm, spacing=12))


def break_even_rule(at: float, *, upright: bool = True) -> alt.Chart:
    """A dashed line at the ROAS or CPA at which money brings what it costs; a channel right of it
    pays for itself where the axis is ROAS, left of it where it is CPA.
    """
    import altair as alt

    rule = alt.Chart(inline([{"even": at}])).mark_rule(color=MUTED, strokeDash=[3, 3])
    return rule.encode(x="even:Q") if upright else rule.encode(y="even:Q")


def up_to(end: float, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows whose intervals without an upper end (a CPA's, where the effect may be none) reach the
    axis's end.
    """
    reaching = []
    for row in rows:
        without_end = row["high"] is None and row["low"] is not None
        reaching.append({**row, "high": end} if without_end else row)
    return reaching


def efficiency_end(rows: Sequence[Mapping[str, Any]], labels: Labels, times: float = 8.0) -> float:
    """End of an axis of ROAS or CPA. Every point (`value`, and `marginal` where there is one) and
    break-even lie before it; intervals do too, unless a few reach `times` the typical value, where
    the others could not be read.
    """
    values = sorted(row["value"] or 0.0 for row in rows)
    points = [0.0, *values, *(row.get("marginal") or 0.0 for row in rows)]
    if labels.break_even is not None:
        points.append(labels.break_even)
    typical = values[len(values) // 2] if values else 0.0
    reach = max((row["high"] or 0.0 for row in rows), default=0.0)
    if typical > 0:
        reach = min(reach, typical * times)
    return max(*points, reach) * 1.06 or 1.0


def interval_columns(
    rows: list[dict[str, Any]],
    limit: float,
    along: tuple[str, list[str]],
    across: tuple[str, list[str]],
    *,
    step: int,
) -> alt.FacetChart:
    """ROAS or CPA on its interval: a line per value of the field `along`, a column per value of the
    field `across`, each with its values in order. The axis ends at `limit`; a line is `step` high.
    """
    import altair as alt

    scale = alt.Scale(domain=[0.0, limit], nice=False)
    base = alt.Chart().encode(y=alt.Y(f"{along[0]}:N", sort=along[1], title=None, axis=name_axis()))
    value = alt.X("value:Q", title=None, scale=scale, axis=alt.Axis(tickCount=3))
    layers = (
        base.mark_rule(strokeWidth=5, color="#a9c9e2", clip=True).encode(x="low:Q", x2="high:Q"),
        base.mark_circle(size=60, color=BLUE, opacity=1.0, clip=True).encode(x=value),
    )
    width = (WIDTH - 160) // max(1, len(across[1])) - 20
    panel = alt.layer(*layers, data=inline(rows)).properties(
        width=min(width, 280), height=alt.Step(step)
    )
    header = alt.Header(title=None, labelFontSize=11)
    column = alt.Column(f"{across[0]}:N", sort=across[1], header=header)
    return finished(panel.facet(column=column, spacing=18))


def _marginal_label(row: Mapping[str, Any], labels: Labels) -> str:
    """What stands at the point of today's spend; nothing at the others."""
    response = row["marginal_response"]
    if row["part"] != "today" or response is None:
        return ""
    marginal = response
    if not labels.revenue:
        marginal = 1.0 / response if response else None
    return f"marginal {labels.efficiency} {labels.efficiency_value(marginal)}"


def response_curves(numbers: pa.Table, labels: Labels) -> alt.FacetChart:
    """One small panel per channel: observed solid, extrapolated dashed, today's mean spend, the
    carryover and break-even as points.

    Numbers of several models (with `model_id`) are overlaid, a colour each.
    """
    import altair as alt

    rows = numbers.to_pylist()
    models = []
    if "model_id" in numbers.column_names:
        models = list(dict.fromkeys(row["model_id"] for row in rows))
    for row in rows:
        row["label"] = _marginal_label(row, labels)
    line = alt.Chart().encode(
        x=alt.X("spend:Q", title=None, axis=number_axis(tickCount=4, grid=False)),
        y=alt.Y("response:Q", title=None, axis=number_axis(tickCount=4)),
    )
    blue: Any = alt.value(BLUE)
    orange: Any = alt.value(ORANGE)
    if models:
        blue = orange = alt.Color(
            "model_id:N",
            scale=alt.Scale(domain=models, range=list(MODELS[: len(models)])),
            legend=alt.Legend(symbolOpacity=1.0),
        )
    part = {name: line.transform_filter(f"datum.part === '{name}'") for name in CURVE_PARTS}
    layers = [
        part["observed"].mark_line(strokeWidth=2).encode(color=blue),
        part["extrapolated"]
        .mark_line(strokeWidth=1.5, strokeDash=[4, 3], opacity=0.8)
        .encode(color=blue),
        part["carryover"]
        .mark_point(shape="square", filled=True, size=36, opacity=1.0)
        .encode(color=blue),
        part["today"].mark_circle(size=70, opacity=1.0).encode(color=orange),
    ]
    if not models:
        # Of several models the diamonds would hide each other.
        layers.append(part["break-even"].mark_point(shape="diamond", size=70, color=INK))
        text = (
            alt.Chart()
            .transform_filter("datum.part === 'today'")
            .mark_text(align="right", fontSize=10, color=MUTED)
        )
        layers.append(text.encode(x=alt.value(198), y=alt.value(109), text="label:N"))
    return finished(panels(tuple(layers), rows, independent=True))


def adstock(numbers: pa.Table, labels: Labels) -> alt.FacetChart:
    """One small panel per medium: what a unit of spend still does so many periods later."""
    import altair as alt

    rows = numbers.to_pylist()
    last = max((row["lag"] for row in rows), default=0)
    bars = (
        alt.Chart()
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X(
                "lag:O",
                title=None,
                axis=alt.Axis(
                    labelAngle=0,
                    values=[lag for lag in range(last + 1) if lag % max(1, last // 6) == 0],
                ),
            ),
            y=alt.Y("weight:Q", title=None, axis=alt.Axis(format="%", tickCount=3)),
        )
    )
    return finished(panels((bars,), rows, independent=False, height=80))


def panels(
    layers: tuple[Any, ...], rows: list[dict[str, Any]], *, independent: bool, height: int = 115
) -> alt.FacetChart:
    """A grid of panels of rows with a channel, three across, in the order in which channels first appear."""
    import altair as alt

    channels = list(dict.fromkeys(row["channel"] for row in rows))
    numbered = [{**row, "order": channels.index(row["channel"])} for row in rows]
    panel = alt.layer(*layers, data=inline(numbered)).properties(width=200, height=height)
    channel = alt.Facet(
        "channel:N",
        sort=alt.EncodingSortField("order", op="min"),
        header=alt.Header(title=None, labelExpr=SHORTENED),
    )
    grid = panel.facet(channel, columns=3, spacing={"row": 16, "column": 20})
    if independent:
        return grid.resolve_scale(x="independent", y="independent")
    return grid


def carryover(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Each medium's effect as one whole bar, at once and later."""
    import altair as alt

    names = {"immediate_share": "Immediate", "carryover_share": "Carryover"}
    rows = []
    for row in numbers.to_pylist():
        for number, (key, part) in enumerate(names.items()):
            rows.append(
                {"channel": row["channel"], "part": part, "share": row[key], "order": number}
            )
    bars = (
        alt.Chart(inline(rows))
        .mark_bar()
        .encode(
            y=alt.Y("channel:N", sort=numbers["channel"].to_pylist(), title=None, axis=name_axis()),
            x=alt.X("share:Q", title="Share of the medium's effect", axis=alt.Axis(format="%")),
            order="order:Q",
            color=alt.Color(
                "part:N", scale=alt.Scale(domain=list(names.values()), range=[BLUE, "#e8a33d"])
            ),
        )
    )
    return finished(bars.properties(width=WIDTH - 200, height=alt.Step(24)))


def over_time(numbers: pa.Table, labels: Labels) -> alt.Chart:
    """Effects stacked per period, the baseline at the bottom."""
    import altair as alt

    fixed = {BASE_SERIES: "#ccd4db", ORGANIC_SERIES: "#e8a33d"}
    names = list(dict.fromkeys(numbers["series"].to_pylist()))
    paid = [name for name in names if name not in fixed]
    colours = {**fixed, **{name: SERIES[number % len(SERIES)] for number, name in enumerate(paid)}}
    rows = [{**row, "order": names.index(row["series"])} for row in numbers.to_pylist()]
    if "effect" in numbers.column_names:
        height = alt.Y("effect:Q", stack=True, title=labels.effect_unit, axis=number_axis())
    else:
        title = f"Share of the fitted {labels.kpi_name}"
        height = alt.Y("share:Q", stack=True, title=title, axis=alt.Axis(format="%"))
    area = (
        alt.Chart(inline(rows))
        .mark_area(stroke="#ffffff", strokeWidth=0.3)
        .encode(
            x=time_axis(),
            y=height,
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=names, range=[colours[name] for name in names]),
                legend=alt.Legend(columns=4, labelExpr=SHORTENED),
            ),
            order="order:Q",
        )
    )
    return finished(area.properties(width=WIDTH - 70, height=280))


@contextmanager
def unvalidated() -> Iterator[None]:
    """Charts made inside are not checked against Vega-Lite's schema while being put together.

    Checking thousands of inline values takes longer than drawing them; the tests check every chart.
    """
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield


def svg(chart: Any) -> str:
    """The chart as SVG. No address is ever read: everything a chart needs is in it."""
    import vl_convert

    spec = chart.to_dict(validate=False)  # see `unvalidated`
    return str(vl_convert.vegalite_to_svg(spec, vl_version="6.4", allowed_base_urls=[]))
