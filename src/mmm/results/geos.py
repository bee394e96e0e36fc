"""What each medium earned in each geo of a panel: numbers, chart and finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from mmm.engines.schemas import has_geos
from mmm.engines.words import ChannelKind, Confidence
from mmm.format import Labels, count, listed
from mmm.results.charts import efficiency_end, interval_columns, up_to
from mmm.results.summary import Tables, channels, cost, efficiency_ends, of_model

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
    return has_geos(tables)


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
    low, high = efficiency_ends(row["roi_low"], row["roi_high"], labels)
    return {
        "channel": row["channel"],
        "geo": row["geo"],
        "spend": row["spend"],
        "effect": row["contribution"],
        "effect_low": row["contribution_low"],
        "effect_high": row["contribution_high"],
        "value": row["roi"] if labels.revenue else cost(row["roi"]),
        "low": low,
        "high": high,
        "marginal": row["marginal_roi"] if labels.revenue else cost(row["marginal_roi"]),
        "confidence": row["confidence"],
    }


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
    rows = numbers.to_pylist()
    spends: dict[str, float] = {}
    for row in rows:
        spends[row["geo"]] = spends.get(row["geo"], 0.0) + (row["spend"] or 0.0)
    order = sorted(spends, key=lambda name: -spends[name])[:_GEOS_DRAWN]
    media = list(dict.fromkeys(row["channel"] for row in rows))[:_MEDIA_DRAWN]
    shown = [row for row in rows if row["geo"] in order and row["channel"] in media]
    limit = efficiency_end(shown, labels, _TIMES_TYPICAL)
    drawn = up_to(limit, shown)
    return interval_columns(drawn, limit, ("geo", order), ("channel", media), step=18)
