"""Charts about several models: the candidates and the choice, clusters with their spread, models
side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.format import Labels
from mmm.results.charts import (
    BLUE,
    MODELS,
    ORANGE,
    WIDTH,
    efficiency_end,
    finished,
    inline,
    interval_columns,
    name_axis,
    present,
    up_to,
)

if TYPE_CHECKING:
    import altair as alt

#: The selection in the Pareto plot: the model that was clicked.
PICKED = "picked"
#: More clusters beside each other would leave no room for their ranges; the largest are drawn.
CLUSTERS_LIMIT = 5

#: Intervals beyond so many times the typical value are cut at the axis's end.
_TIMES_TYPICAL = 6.0


def pareto(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """Fit against DECOMP.RSSD: all candidates as shaded cells, kept ones as points, the
    chosen one marked.
    """
    import altair as alt

    rows = numbers.to_pylist()
    cells = [row for row in rows if row["part"] == "others"]
    kept = [
        {**row, "front_name": _front_name(row["front"])} for row in rows if row["part"] == "kept"
    ]
    chosen = [{**row, "label": row["model_id"]} for row in kept if row["shown"]]
    x = alt.X("nrmse:Q", title="NRMSE (fit error) – lower is better", scale=alt.Scale(zero=False))
    y = alt.Y(
        "decomp_rssd:Q",
        title="DECOMP.RSSD – lower is better",
        scale=alt.Scale(zero=False),
    )
    fronts = present(("front 1", "front 2", "later fronts"), kept, "front_name")
    label = alt.Chart(inline(chosen)).encode(
        x=x, y=y, text="label:N"
    )  # drawn twice: a white edge, then the letters
    ranges = {"front 1": BLUE, "front 2": "#5fa4d3", "later fronts": "#a8c6dc"}
    density = (
        alt.Chart(inline(cells))
        .mark_rect(color="#5c6b7a")
        .encode(
            x=x,
            x2="nrmse_end:Q",
            y=y,
            y2="decomp_rssd_end:Q",
            opacity=alt.Opacity(
                "candidates:Q", scale=alt.Scale(type="log", range=[0.07, 0.5]), legend=None
            ),
        )
    )
    layers = [
        alt.Chart(inline(kept))
        .mark_circle(size=60, opacity=1.0, stroke="#ffffff", strokeWidth=0.5, cursor="pointer")
        .encode(
            x=x,
            y=y,
            tooltip=_tooltip(),
            color=alt.Color(
                "front_name:N",
                scale=alt.Scale(domain=fronts, range=[ranges[name] for name in fronts]),
                legend=alt.Legend(symbolType="circle"),
            ),
        )
        .add_params(alt.selection_point(name=PICKED, fields=["model_id"])),
        alt.Chart(inline(chosen))
        .mark_point(shape="diamond", size=220, color=ORANGE, filled=True, opacity=1.0)
        .encode(x=x, y=y, tooltip=_tooltip()),
        label.mark_text(
            align="left", dx=12, dy=-9, stroke="#ffffff", strokeWidth=4, fontWeight="bold"
        ),
        label.mark_text(align="left", dx=12, dy=-9, fontWeight="bold"),
    ]
    if cells:
        layers.insert(0, density)
    return finished(alt.layer(*layers).properties(width=WIDTH - 70, height=320))


def _front_name(front: int) -> str:
    return f"front {front}" if front <= 2 else "later fronts"


def _tooltip() -> list[alt.Tooltip]:
    import altair as alt

    names = {"model_id": "Model", "nrmse": "NRMSE", "decomp_rssd": "DECOMP.RSSD"}
    numbers = {"front": "Front", "cluster": "Cluster", "trial": "Trial"}
    texts = []
    for name, title in names.items():
        kind = "N" if name == "model_id" else "Q"
        texts.append(alt.Tooltip(f"{name}:{kind}", title=title))
    return texts + [alt.Tooltip(f"{name}:O", title=title) for name, title in numbers.items()]


def clusters(numbers: pa.Table, labels: Labels) -> alt.FacetChart:
    """One column per cluster, one row per channel: the middle model's ROAS or CPA on the range of
    its models.
    """
    rows = numbers.to_pylist()
    sizes = {row["cluster"]: row["models"] for row in rows}
    largest = sorted(sorted(sizes, key=lambda number: -sizes[number])[:CLUSTERS_LIMIT])
    names = {number: f"cluster {number} ({sizes[number]})" for number in largest}
    shown = [{**row, "name": names[row["cluster"]]} for row in rows if row["cluster"] in names]
    order = list(dict.fromkeys(row["channel"] for row in rows))
    columns = ("name", list(names.values()))
    limit = efficiency_end(shown, labels, _TIMES_TYPICAL)
    return interval_columns(shown, limit, ("channel", order), columns, step=22)


def side_by_side(numbers: pa.Table, labels: Labels) -> alt.HConcatChart:
    """Per channel one line per model: ROAS or CPA on its interval, and the share of the paid
    effect.
    """
    import altair as alt

    rows = numbers.to_pylist()
    models = list(dict.fromkeys(row["model_id"] for row in rows))
    order = list(dict.fromkeys(row["channel"] for row in rows))
    colour = alt.Color(
        "model_id:N",
        scale=alt.Scale(domain=models, range=list(MODELS[: len(models)])),
        legend=alt.Legend(symbolType="circle", symbolOpacity=1.0),
    )
    step = alt.Step(12 * len(models) + 8, **{"for": "position"})
    limit = efficiency_end(rows, labels, _TIMES_TYPICAL)
    rows = up_to(limit, rows)

    def half(axis: alt.Axis | None, width: int, *marks: Any) -> Any:
        base = alt.Chart(inline(rows)).encode(
            y=alt.Y("channel:N", sort=order, title=None, axis=axis),
            yOffset=alt.YOffset("model_id:N", sort=models),
            color=colour,
        )
        return alt.layer(*(mark(base) for mark in marks)).properties(width=width, height=step)

    title = labels.efficiency_unit
    value = alt.X(
        "value:Q",
        title=title,
        scale=alt.Scale(domain=[0.0, limit], nice=False),
        axis=alt.Axis(tickCount=6),
    )
    share = alt.X(
        "effect_share:Q", title="Share of paid effect", axis=alt.Axis(format="%", tickCount=5)
    )
    left = half(
        name_axis(),
        WIDTH - 450,
        lambda base: base.mark_rule(strokeWidth=3, opacity=0.35, clip=True).encode(
            x="low:Q", x2="high:Q"
        ),
        lambda base: base.mark_circle(size=60, opacity=1.0, clip=True).encode(x=value),
    )
    right = half(None, 220, lambda base: base.mark_bar(height={"band": 0.8}).encode(x=share))
    return finished(alt.hconcat(left, right, spacing=24))
