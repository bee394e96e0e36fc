"""What each medium earned in each geo of a panel: numbers, chart and finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.engines.words import ChannelKind, Confidence
from mmm.format import Labels, count, listed
from mmm.results.charts import (
    BLUE,
    WIDTH,
    efficiency_end,
    finished,
    inline,
    name_axis,
    up_to,
)
from mmm.results.summary import Tables, channels, of_model

if TYPE_CHECKING:
    import altair as alt

_f8, _s = pa.float64(), pa.string()
GEOS = pa.schema(
    [
        ("channel", _s), ("geo", _s), ("spend", _f8), ("effect", _f8), ("effect_low", _f8),
        ("effect_high", _f8), ("value", _f8), ("low", _f8), ("high", _f8), ("marginal", _f8),
        ("confidence", _s),
    ]
)  # fmt: skip
#: Of more geos and media than these, those with the most spend are drawn; the table has all.
_GEOS_DRAWN, _MEDIA_DRAWN = 30, 6
_TIMES_TYPICAL = 4.0


def known(tables: Tables) -> bool:
    """Whether the run is of a panel of geos."""
    return "geo_channels" in tables and bool(tables["geo_channels"].num_rows)


def geos(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """Paid media by spend, the geos of each by spend: effect and ROAS (or CPA) with intervals."""
    order = channels(tables, model_id, labels).sort_by([("spend", "descending")])["channel"]
    places = {name: place for place, name in enumerate(order.to_pylist())}
    rows = []
    for row in of_model(tables["geo_channels"], model_id).to_pylist():
        if row["kind"] == ChannelKind.PAID:
            rows.append(_row(row, labels))
    rows.sort(key=lambda row: (places.get(row["channel"], len(places)), -(row["spend"] or 0.0)))
    return pa.Table.from_pylist(rows, GEOS)


def _row(row: Mapping[str, Any], labels: Labels) -> dict[str, Any]:
    efficiencies = [row["roi"], row["roi_low"], row["roi_high"], row["marginal_roi"]]
    if not labels.revenue:
        value, low, high, marginal = (_cost(number) for number in efficiencies)
        efficiencies = [value, high, low, marginal]
    found = dict(zip(("value", "low", "high", "marginal"), efficiencies, strict=True))
    return found | {
        "channel": row["channel"],
        "geo": row["geo"],
        "spend": row["spend"],
        "effect": row["contribution"],
        "effect_low": row["contribution_low"],
        "effect_high": row["contribution_high"],
        "confidence": row["confidence"],
    }


def _cost(effect_per_money: float | None) -> float | None:
    """Money per unit of the KPI; None where there may be no effect."""
    if effect_per_money is None or effect_per_money <= 0.0:
        return None
    return 1.0 / effect_per_money


def finding(numbers: pa.Table, labels: Labels) -> str:
    """Where a medium earns more in one geo than in another, for certain; else that none does."""
    rows = numbers.to_pylist()
    names = list(dict.fromkeys(row["geo"] for row in rows))
    apart = []
    for channel in dict.fromkeys(row["channel"] for row in rows):
        own = [row for row in rows if row["channel"] == channel and _is_sure(row)]
        pair = _apart(own, labels)
        if pair is not None:
            best, worst = pair
            apart.append(
                f"{channel} ({best['geo']} {labels.efficiency_value(best['value'])}, "
                f"{worst['geo']} {labels.efficiency_value(worst['value'])})"
            )
    if not apart:
        return (
            f"In none of the {count(len(names), 'geo')} does a medium for certain earn more per "
            f"{labels.currency} than in another."
        )
    return f"Intervals of different geos lie apart for {listed(apart)}."


def _is_sure(row: Mapping[str, Any]) -> bool:
    ends = (row["value"], row["low"], row["high"])
    return None not in ends and row["confidence"] != Confidence.INCONCLUSIVE


def _apart(
    own: Sequence[dict[str, Any]], labels: Labels
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The best and the worst geo of a medium, where their intervals do not touch."""
    if len(own) < 2:
        return None
    ordered = sorted(own, key=lambda row: row["value"], reverse=labels.revenue)
    best, worst = ordered[0], ordered[-1]
    lower, upper = (worst, best) if labels.revenue else (best, worst)
    return (best, worst) if lower["high"] < upper["low"] else None


def chart(numbers: pa.Table, labels: Labels) -> alt.FacetChart:
    """A column per medium, a row per geo: ROAS or CPA on its 90 % interval."""
    import altair as alt

    rows = numbers.to_pylist()
    spends: dict[str, float] = {}
    for row in rows:
        spends[row["geo"]] = spends.get(row["geo"], 0.0) + (row["spend"] or 0.0)
    order = sorted(spends, key=lambda name: -spends[name])[:_GEOS_DRAWN]
    media = list(dict.fromkeys(row["channel"] for row in rows))[:_MEDIA_DRAWN]
    shown = [row for row in rows if row["geo"] in order and row["channel"] in media]
    limit = efficiency_end(shown, labels, _TIMES_TYPICAL)
    scale = alt.Scale(domain=[0.0, limit], nice=False)
    base = alt.Chart().encode(y=alt.Y("geo:N", sort=order, title=None, axis=name_axis()))
    value = alt.X("value:Q", title=None, scale=scale, axis=alt.Axis(tickCount=3))
    layers = (
        base.mark_rule(strokeWidth=5, color="#a9c9e2", clip=True).encode(x="low:Q", x2="high:Q"),
        base.mark_circle(size=60, color=BLUE, opacity=1.0, clip=True).encode(x=value),
    )
    width = (WIDTH - 160) // max(1, len(media)) - 20
    panel = alt.layer(*layers, data=inline(up_to(limit, shown))).properties(
        width=min(width, 280), height=alt.Step(18)
    )
    header = alt.Header(title=None, labelFontSize=11)
    columns = alt.Column("channel:N", sort=media, header=header)
    return finished(panel.facet(column=columns, spacing=18))
