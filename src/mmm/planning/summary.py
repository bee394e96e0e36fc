"""The numbers behind a plan's table and charts, for web and files alike: one function per view,
like `mmm.results.summary`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.format import Labels
from mmm.planning.history import History
from mmm.planning.plan import Plan, PlanDocument
from mmm.planning.sides import PlannedWith, sides_of
from mmm.planning.weighted import MeanResponse, weighted_quantiles

_f8, _s = pa.float64(), pa.string()
_CURVE_POINTS, _CURVE_REACH = 41, 1.15
_TABLE = {
    "initial_spend": "spend_today",
    "spend": "spend_plan",
    "spend_change": "change",
    "low": "spend_low",
    "high": "spend_high",
    "initial_response": "response_today",
    "response": "response_plan",
    "response_low": "response_low",
    "response_high": "response_high",
    "response_recalibrated_low": "response_recalibrated_low",
    "response_recalibrated_high": "response_recalibrated_high",
}
_RECALIBRATED = ("response_recalibrated_low", "response_recalibrated_high")
#: Of the plan's table, what scenarios side by side leave out.
_LEFT_OUT = ("change", *_RECALIBRATED)


def plan_table(plan: Plan | PlanDocument, labels: Labels) -> pa.Table:
    """One row per channel, money and responses per period: today and planned spend, bounds,
    response with its band (null in a plan without one), ROAS or CPA and their marginal values at
    both, the bound it stands at.
    """
    rows = plan.channels if isinstance(plan, PlanDocument) else plan.channels.to_pylist()
    key = labels.measure
    found = []
    for row in rows:
        line = {name: row.get(stored) for stored, name in _TABLE.items()}
        line["channel"] = row["channel"]
        line["value_today"] = row[f"initial_{key}"]
        line["value_plan"] = row[key]
        line["marginal_today"] = _marginal(row["initial_marginal"], labels)
        line["marginal_plan"] = _marginal(row["marginal"], labels)
        line["break_even"] = row.get("break_even")
        line["break_even_spend"] = row.get("break_even_spend")
        line["confidence"] = row.get("confidence")
        line["at_bound"] = row["at_bound"]
        found.append(line)
    numbers: tuple[str, ...] = (
        *_TABLE.values(),
        "value_today",
        "value_plan",
        "marginal_today",
        "marginal_plan",
    )
    numbers += ("break_even", "break_even_spend")
    texts = [("confidence", _s), ("at_bound", _s)]
    schema = pa.schema([("channel", _s), *((name, _f8) for name in numbers), *texts])
    table = pa.Table.from_pylist(found, schema=schema)
    if table["response_recalibrated_low"].null_count == table.num_rows:
        return table.drop_columns(list(_RECALIBRATED))
    return table


def _marginal(response: float, labels: Labels) -> float | None:
    """As ROAS the response to one more unit of money, as CPA the money for one more conversion."""
    if labels.revenue:
        return response
    return 1.0 / response if response > 0 else None


def plan_curves(
    plan: Plan, history: History, planned: PlannedWith, level: tuple[float, float] = (0.1, 0.9)
) -> pa.Table:
    """Per channel the steady response from no spend to beyond all bounds, with the range of the
    models that the plan is measured on, in parts: curve, today, plan, and break_even where that
    spend lies within.
    """
    rows = history.rows(plan.request.period)
    sides = sides_of(planned, rows, plan.request.carryover)
    shown, measured = MeanResponse(sides.shown), sides.measured or sides.shown
    initial = np.array(plan.channels["initial_spend"].to_pylist(), float)
    spend = np.array(plan.channels["spend"].to_pylist(), float)
    highest = np.minimum(plan.channels["high"].to_numpy(), 2 * initial)
    ends = np.max([initial, spend, highest], axis=0)
    steps = np.linspace(0.0, 1.0, _CURVE_POINTS)[:, None]
    grid = steps * np.where(ends > 0, ends, 1.0) * _CURVE_REACH  # (G, P)
    response = shown.response(grid)
    drawn = measured.response(grid)  # (K, G, P)
    flat = weighted_quantiles(drawn.reshape(len(drawn), -1), measured.weights, level)
    low, high = flat.reshape(2, *grid.shape)
    break_even = plan.channels["break_even_spend"].to_pylist()
    today, planned_response = shown.response(initial), shown.response(spend)
    found: list[dict[str, Any]] = []
    for i, channel in enumerate(history.channels):
        for g in range(len(grid)):
            line = {
                "spend": grid[g, i],
                "response": response[g, i],
                "low": low[g, i],
                "high": high[g, i],
            }
            found.append({"channel": channel, "part": "curve", **line})
        for part, x, y in (("today", initial, today), ("plan", spend, planned_response)):
            found.append({"channel": channel, "part": part, "spend": x[i], "response": y[i]})
        even = break_even[i]
        if even is not None and even <= grid[-1, i]:
            found.append({"channel": channel, "part": "break_even", "spend": even})
    numbers = ("spend", "response", "low", "high")
    schema = pa.schema([("channel", _s), ("part", _s), *((name, _f8) for name in numbers)])
    return pa.Table.from_pylist(found, schema=schema)


def scenario_totals(named: Sequence[tuple[str, PlanDocument]]) -> pa.Table:
    """One row per scenario: spend and response per period with its band, ROAS or CPA, the gain over
    the current allocation of the same money with its band, whether it is worth making, the KPI's
    forecast over all periods of a plan of those ahead.
    """
    rows = []
    for name, plan in named:
        totals, band = plan.totals, plan.totals.band
        revenue = plan.kpi_kind == "revenue"
        response = band.response if band else (None, None)
        gain = band.even_gain if band and band.even_gain else (None, None)
        rows.append(
            {
                "scenario": name,
                "model_id": plan.model_id or "all kept",
                "spend_today": totals.initial_spend,
                "spend_plan": totals.spend,
                "change": totals.spend_change,
                "response_today": totals.initial_response,
                "response_plan": totals.response,
                "response_low": response[0],
                "response_high": response[1],
                "value_today": totals.initial_roi if revenue else totals.initial_cpa,
                "value_plan": totals.roi if revenue else totals.cpa,
                "gain": totals.even_gain,
                "gain_low": gain[0],
                "gain_high": gain[1],
                "worth_making": totals.worth_making,
                **_kpi_ahead(plan),
            }
        )
    texts = {"scenario": _s, "model_id": _s, "worth_making": pa.bool_()}
    return pa.Table.from_pylist(
        rows, schema=pa.schema([(name, texts.get(name, _f8)) for name in rows[0]])
    )


def _kpi_ahead(plan: PlanDocument) -> dict[str, float | None]:
    """The KPI's forecast of a plan of the periods ahead, null for any other."""
    if plan.forecast is None:
        return {"kpi": None, "kpi_low": None, "kpi_high": None}
    found = plan.forecast.totals
    return {"kpi": found.kpi, "kpi_low": found.kpi_low, "kpi_high": found.kpi_high}


def scenario_spends(named: Sequence[tuple[str, PlanDocument]]) -> pa.Table:
    """Scenario x channel: today's and planned spend per period, planned response with its band."""
    rows = []
    for name, plan in named:
        for row in plan.channels:
            kept = {new: row.get(old) for old, new in _TABLE.items() if new not in _LEFT_OUT}
            rows.append({"scenario": name, "channel": row["channel"], **kept})
    numbers = tuple(name for name in _TABLE.values() if name not in _LEFT_OUT)
    schema = pa.schema([("scenario", _s), ("channel", _s), *((name, _f8) for name in numbers)])
    return pa.Table.from_pylist(rows, schema=schema)
