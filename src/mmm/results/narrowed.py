"""A model's decomposition and ROAS over a range of dates: its tables as if that range were the
window.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.certificate.certificate import Certificate, certificate_of
from mmm.engines.schemas import SCHEMAS
from mmm.results.drawn import effects_by_draw, ends_around, sums
from mmm.results.spans import Span
from mmm.results.summary import Tables, of_model

#: The views that can be told over a range of dates.
VIEWS = ("waterfall", "over_time", "efficiency", "share_of_spend")


class Narrowed(dict[str, pa.Table]):
    """Result tables of one model over a range, with the run's certificate."""

    certificate: Certificate | None = None


def narrowed(tables: Tables, model_id: str, span: Span) -> Narrowed:
    """`contributions` and `fit` of the range's periods, `channels` with spend, contribution, shares
    and ROAS or CPA of them; intervals are 90 % over the draws or kept models, null where there are
    none. What is no sum over periods (marginal ROI, carryover share, confidence) stays the
    window's.
    """
    found = Narrowed({name: tables[name] for name in ("models", "media")})
    for name in ("contributions", "fit"):
        of_it = of_model(tables[name], model_id)
        found[name] = of_it.filter(span.rows(of_it["date"]))
    found["channels"] = _channels(tables, model_id, span, found["contributions"])
    found.certificate = certificate_of(tables)
    return found


def _channels(tables: Tables, model_id: str, span: Span, effects: pa.Table) -> pa.Table:
    contribution = _sums(effects, "component", "effect")
    media = tables["media"]
    spend = _sums(media.filter(span.rows(media["date"])), "channel", "spend")
    drawn = effects_by_draw(tables, model_id)
    by_draw = None if drawn is None else sums(drawn, span)
    rows = of_model(tables["channels"], model_id).to_pylist()
    paid = [row["channel"] for row in rows if row["kind"] == "paid"]
    total_spend = sum(spend[name] for name in paid)
    total_effect = sum(contribution.get(name, 0.0) for name in paid)
    whole = pc.sum(effects["effect"]).as_py() or 0.0
    periods = len(pc.unique(effects["date"]))
    conversion = any(row["cpa"] is not None for row in rows)
    for row in rows:
        name, effect = row["channel"], contribution.get(row["channel"], 0.0)
        row |= {"contribution": effect, "contribution_share": _quotient(effect, whole)}
        row |= _contribution_ends(effect, name, by_draw)
        if row["kind"] != "paid":
            continue
        money = spend[name]
        row |= {
            "spend": money,
            "mean_spend": money / periods if periods else None,
            "spend_share": _quotient(money, total_spend),
            "effect_share": _quotient(effect, total_effect),
        }
        row |= _efficiency(row, money, conversion)
    return pa.Table.from_pylist(rows, SCHEMAS["channels"])


def _sums(table: pa.Table, key: str, value: str) -> dict[str, float]:
    summed = table.group_by(key, use_threads=False).aggregate([(value, "sum")])
    return {row[key]: row[f"{value}_sum"] or 0.0 for row in summed.to_pylist()}


def _contribution_ends(effect: float, name: str, drawn: Any) -> dict[str, float | None]:
    if drawn is None or name not in drawn.by_component:
        return {"contribution_low": None, "contribution_high": None}
    low, high = ends_around(effect, np.asarray(drawn.by_component[name]), drawn.weights)
    return {"contribution_low": low, "contribution_high": high}


def _efficiency(row: dict[str, Any], money: float, conversion: bool) -> dict[str, float | None]:
    """ROI and, for a KPI of conversions, CPA, from the contribution and its ends."""
    effect, low, high = (row[f"contribution{end}"] for end in ("", "_low", "_high"))
    found = {
        "roi": _quotient(effect, money),
        "roi_low": _quotient(low, money),
        "roi_high": _quotient(high, money),
        "cpa": None,
        "cpa_low": None,
        "cpa_high": None,
    }
    if conversion:
        found |= {"cpa": _cost(money, effect), "cpa_low": _cost(money, high)}
        found["cpa_high"] = _cost(money, low)
    return found


def _quotient(part: float | None, whole: float) -> float | None:
    return part / whole if part is not None and whole else None


def _cost(money: float, effect: float | None) -> float | None:
    return money / effect if effect is not None and effect > 0 else None
