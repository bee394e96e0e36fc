"""The efficient frontier: the best plan at each total budget, from much less money to much more."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from mmm.errors import UserError
from mmm.format import Labels
from mmm.planning.allocation import allocate
from mmm.planning.history import History
from mmm.planning.request import PlanRequest
from mmm.planning.sides import PlannedWith

#: Total budgets as factors of today's.
FACTORS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5)

FRONTIER = pa.schema(
    [
        (name, pa.float64())
        for name in (
            "spend",
            "change",
            "response",
            "response_low",
            "response_high",
            "value",
            "marginal",
            "break_even",
            "losing",
            "profit",
        )
    ]
)


def frontier(
    history: History,
    planned: PlannedWith,
    request: PlanRequest,
    labels: Labels,
    factors: Sequence[float] = FACTORS,
) -> pa.Table:
    """One row per total budget, today's times each of `factors`, that the request's bounds allow, money and responses per period: the
    largest response with its range, ROAS or cost per conversion of all money (`value`) and of the
    step from the budget below (`marginal`), the probability of losing against the current split of
    the same money, the profit where the KPI's value is known.
    """
    today = math.fsum(spend[history.rows(request.period)].mean() for spend in history.spend)
    rows: list[dict[str, float | None]] = []
    for factor in factors:
        asked = {
            "goal": "max_response",
            "target": None,
            "budget": None,
            "budget_per_period": factor * today,
            "budget_rule": "exact",
        }
        try:
            plan = allocate(history, planned, request.model_copy(update=asked), labels)
        except UserError:
            continue  # out of what the bounds allow
        totals = plan.totals
        low, high = totals.band.response if totals.band else (None, None)
        rows.append(
            {
                "spend": totals.spend,
                "change": factor - 1.0,
                "response": totals.response,
                "response_low": low,
                "response_high": high,
                "value": totals.roi if labels.revenue else totals.cpa,
                "marginal": None,
                "break_even": totals.break_even,
                "losing": totals.band.losing if totals.band else None,
                "profit": totals.profit,
            }
        )
    _set_marginals(rows, revenue=labels.revenue)
    return pa.Table.from_pylist(rows, schema=FRONTIER)


def _set_marginals(rows: list[dict[str, float | None]], *, revenue: bool) -> None:
    spends = np.array([row["spend"] for row in rows], float)
    responses = np.array([row["response"] for row in rows], float)
    for i in range(1, len(rows)):
        money, more = spends[i] - spends[i - 1], responses[i] - responses[i - 1]
        if revenue:
            rows[i]["marginal"] = float(more / money)
        elif more > 0:
            rows[i]["marginal"] = float(money / more)
