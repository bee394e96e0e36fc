"""Whether each channel's saturation can be told from a drift of its effect: said and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.certificate.certificate import certificate_of
from mmm.certificate.saturation import LEVEL_WEEKS, THRESHOLD, Bend, SaturationTold
from mmm.format import Labels, listed
from mmm.results.charts import BLUE, GREY, INK, WIDTH, finished, inline, name_axis
from mmm.results.summary import Tables

if TYPE_CHECKING:
    import altair as alt

BENDS = pa.schema(
    [
        ("channel", pa.string()),
        ("told", pa.string()),
        ("bend_alone", pa.float64()),
        ("bend_beside_drift", pa.float64()),
        ("threshold", pa.float64()),
        ("pulse", pa.string()),
    ]
)
_SAME, _DRIFTING = "Effects that stay the same", "Effects that may drift"


def known(tables: Tables) -> bool:
    """Whether the run's certificate says it."""
    found = certificate_of(tables)
    return found is not None and bool(found.saturation)


def bends(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """One row per channel of the certified model; no rows for another."""
    found = certificate_of(tables)
    if found is None or found.model_id != model_id:
        return BENDS.empty_table()
    return table_of(found.saturation)


def table_of(told: Sequence[SaturationTold]) -> pa.Table:
    """One row per channel."""
    rows = []
    for item in told:
        rows.append(
            {
                "channel": item.channel,
                "told": str(item.told),
                "bend_alone": item.alone,
                "bend_beside_drift": item.beside_drift,
                "threshold": THRESHOLD,
                "pulse": pulse_of(item),
            }
        )
    return pa.Table.from_pylist(rows, BENDS)


def pulse_of(item: SaturationTold) -> str:
    """The pulse that would settle it, in a few words."""
    if item.told is Bend.TOLD:
        return ""
    if item.pulse_weeks is None:
        return "none of 48 weeks or less: its effect is too small beside the noise"
    levels = listed([f"{level:g}" for level in item.pulse_levels])
    return f"{item.pulse_weeks} weeks at {levels} times today's spend, {LEVEL_WEEKS} weeks each"


def sentences(told: Sequence[SaturationTold]) -> list[str]:
    """What can be told of saturation, and the pulses that would settle the rest."""
    if not told:
        return []
    sure = [item.channel for item in told if item.told is Bend.TOLD]
    drift = [item for item in told if item.told is Bend.DRIFT]
    untold = [item for item in told if item.told is Bend.UNTOLD]
    said = []
    if sure:
        said.append(
            f"The data tell the saturation of {listed(sure)}, also where effects may drift."
        )
    if drift:
        names = listed([item.channel for item in drift])
        said.append(
            f"Saturation and a drift of the effect of {names} cannot be told apart by these data."
        )
    if untold:
        names = listed([item.channel for item in untold])
        said.append(
            f"The data do not tell the saturation of {names}: there the curve is what was assumed."
        )
    for item in (*drift, *untold):
        if item.pulse_weeks is not None:
            said.append(f"A pulse of {item.channel} would settle it: {pulse_of(item)}.")
    return said


def finding(numbers: pa.Table, labels: Labels) -> str:
    """How many channels' saturation the data tell."""
    rows = numbers.to_pylist()
    if not rows:
        return "The certificate is of another model of this run."
    sure = [row["channel"] for row in rows if row["told"] == Bend.TOLD]
    if len(sure) == len(rows):
        return "The data tell every channel's saturation from a drift of its effect."
    if not sure:
        return "The data tell no channel's saturation: the curves are what was assumed."
    return f"The data tell the saturation of {listed(sure)}; the other curves are what was assumed."


def chart(numbers: pa.Table, labels: Labels) -> alt.LayerChart:
    """A bend's size in standard errors, with effects that stay (grey) and that may drift (blue), beside
    the line from which it is told.
    """
    import altair as alt

    rows: list[dict[str, Any]] = []
    for row in numbers.to_pylist():
        for name, key in ((_SAME, "bend_alone"), (_DRIFTING, "bend_beside_drift")):
            rows.append({"channel": row["channel"], "when": name, "size": row[key]})
    order = list(dict.fromkeys(row["channel"] for row in rows))
    dots = (
        alt.Chart(inline(rows))
        .mark_circle(size=90, opacity=1.0)
        .encode(
            y=alt.Y("channel:N", sort=order, title=None, axis=name_axis()),
            x=alt.X("size:Q", title="From a straight response to a usual bend, in standard errors"),
            color=alt.Color(
                "when:N", scale=alt.Scale(domain=[_SAME, _DRIFTING], range=[GREY, BLUE])
            ),
        )
    )
    line = alt.Chart(inline([{"at": THRESHOLD}])).mark_rule(color=INK, strokeDash=[3, 3])
    layers = alt.layer(line.encode(x="at:Q"), dots)
    return finished(layers.properties(width=WIDTH - 260, height=alt.Step(26)))
