"""Charts of runs side by side, in the look of `mmm.results.charts`. Each draws numbers of a
`Comparison`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmm.format import percent
from mmm.results import charts
from mmm.results.compare import PARTS, Comparison

if TYPE_CHECKING:
    import altair as alt

#: One colour per side, told apart by colour-blind readers and on a dark page.
SIDES = (charts.BLUE, charts.ORANGE, "#117733", "#882255")
_PART_COLOURS = {
    "baseline": "#ccd4db",
    "context": "#7a8794",
    "organic": "#2a9d8f",
    "paid": charts.BLUE,
}


def efficiency(found: Comparison) -> alt.LayerChart:
    """Per channel one line per run: ROAS or CPA as a point on its interval."""
    import altair as alt

    letters = [side.letter for side in found.sides]
    titles = {side.letter: side.title for side in found.sides}
    rows: list[dict[str, Any]] = [
        {
            "channel": item.channel,
            "run": titles[item.letter],
            "value": item.value,
            "low": item.low,
            "high": item.high,
        }
        for item in found.channels
        if item.value is not None
    ]
    names = list(dict.fromkeys(item.channel for item in found.channels))
    domain = [0.0, charts.efficiency_end(rows, found.sides[0].labels)]
    colour = alt.Color(
        "run:N",
        scale=alt.Scale(domain=list(titles.values()), range=list(SIDES[: len(letters)])),
        legend=alt.Legend(columns=1, labelLimit=520),
    )
    base = alt.Chart(charts.inline(charts.up_to(domain[1], rows))).encode(
        y=alt.Y("channel:N", sort=names, title=None, axis=charts.name_axis()),
        yOffset=alt.YOffset("run:N", sort=list(titles.values())),
        color=colour,
    )
    value = alt.X("value:Q", title=found.efficiency, scale=alt.Scale(domain=domain, nice=False))
    layers = [
        base.mark_rule(strokeWidth=4, opacity=0.45, clip=True).encode(x="low:Q", x2="high:Q"),
        base.mark_circle(size=80, opacity=1.0, clip=True).encode(x=value),
    ]
    height = alt.Step(17, **{"for": "position"}) if len(letters) == 1 else alt.Step(14)
    return charts.finished(alt.layer(*layers).properties(width=charts.WIDTH - 210, height=height))


def shares(found: Comparison) -> alt.LayerChart:
    """What the fitted KPI is made of, one bar per run."""
    import altair as alt

    rows = []
    for side in found.sides:
        for number, part in enumerate(PARTS):
            share = side.share(part)
            if share is None:
                continue
            label = percent(share)
            rows.append(
                {"run": side.title, "part": part, "share": share, "order": number, "label": label}
            )
    bars = (
        alt.Chart(charts.inline(rows))
        .mark_bar()
        .encode(
            y=alt.Y(
                "run:N",
                sort=[side.title for side in found.sides],
                title=None,
                axis=charts.name_axis(),
            ),
            x=alt.X("share:Q", title="Share of the fitted KPI", axis=alt.Axis(format="%")),
            order="order:Q",
            color=alt.Color(
                "part:N", scale=alt.Scale(domain=list(PARTS), range=list(_PART_COLOURS.values()))
            ),
        )
    )
    return charts.finished(bars.properties(width=charts.WIDTH - 210, height=alt.Step(30)))
