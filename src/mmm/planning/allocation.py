"""The best split of a budget over paid channels: Robyn's `robyn_allocator`, with these of its slips
not copied.

- The initial column is the actual spend; Robyn shows the rescaled exposure, equal to it over
the window only.
- Initial and planned response are both the response at the mean; Robyn mixes in the mean of
responses for models without exposures and so finds 21 % lift with every bound locked.
- A budget outside the bounds, or a target out of reach, is an error that says what is reachable;
Robyn returns bounds.
- A target is met at least, at the largest response; Robyn's constraint has a wrong gradient and
stops far from it.
- S-shaped curves do not trap the search (see `mmm.planning.solver`); Robyn's is local.
- Carryover follows the spend that causes it; Robyn holds it as it was, which can be asked for.
- A channel without effect keeps its bounds; Robyn gives it nothing.
- A channel without spend in the range has the bounds that are shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from mmm.engines.response import ResponseModel
from mmm.format import Labels
from mmm.planning.band import Band, TotalBand, band
from mmm.planning.findings import findings
from mmm.planning.history import History
from mmm.planning.problem import (
    Market,
    Space,
    build_market,
    build_space,
    default_target,
    solve_budget,
    solve_target,
)
from mmm.planning.request import PlanRequest
from mmm.planning.weighted import MeanResponse, divided

#: A plan whose median gain over the current allocation of the same money is below this is not worth a change:
#: models of one run differ by more. Nor is one whose range reaches down to no gain: then more than
#: one draw in ten loses by it.
WORTH_MAKING = 0.01
#: A spend this close to a bound, as a share of the bounds' distance, stands at it.
_AT_BOUND = 1e-6
_CENT = 0.005


class Totals(BaseModel):
    """Sums over the paid channels, per period unless named total. `even_gain` is what the plan's
    response has over that of the current allocation scaled to the same money; `held_response` the part that
    would come without any spend.
    """

    model_config = ConfigDict(frozen=True)

    periods: int
    initial_spend: float
    initial_spend_total: float
    initial_response: float
    initial_response_total: float
    initial_roi: float | None
    initial_cpa: float | None
    spend: float
    spend_total: float
    spend_change: float | None
    response: float
    response_total: float
    response_change: float | None
    roi: float | None
    cpa: float | None
    budget: float | None  # per period, what was to be spent; null for a target
    target: float | None
    even_gain: float | None
    worth_making: bool
    held_response: float
    summed_efficiency: float | None = (
        None  # ROAS or cost per conversion of the range's real periods, added up
    )
    other_gain: float | None = None  # even_gain with the other choice of carryover
    band: TotalBand | None = None  # over the draws or kept models that the plan is measured on
    target_reached: float | None = None  # where the plan was optimised


class PlanDocument(BaseModel):
    """A plan as it is stored and printed as JSON: the question, the answer, what it says."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    model_id: str
    kpi_name: str
    kpi_kind: str
    currency: str
    first: date
    last: date
    request: PlanRequest
    totals: Totals
    channels: list[dict[str, Any]]
    tie_out: list[dict[str, Any]]
    findings: list[str]
    name: str = ""
    created_by: str = ""

    @property
    def made_with(self) -> str:
        return made_with(self.model_id)


def made_with(model_id: str) -> str:
    """What a plan was made with, in words; "" are all kept models."""
    return f"model {model_id}" if model_id else "all kept models"


@dataclass(frozen=True)
class Plan:
    """A plan. `channels` has one row per paid channel; `tie_out` compares the initial spends with
    the books; `first` and `last` are the starts of the date range's first and last period.
    """

    model_id: str
    request: PlanRequest
    labels: Labels
    first: date
    last: date
    channels: pa.Table
    totals: Totals
    tie_out: pa.Table
    findings: tuple[str, ...]

    def document(self, run_id: str, *, name: str = "", created_by: str = "") -> PlanDocument:
        return PlanDocument(
            run_id=run_id,
            model_id=self.model_id,
            kpi_name=self.labels.kpi_name,
            kpi_kind=self.labels.kpi_kind,
            currency=self.labels.currency,
            first=self.first,
            last=self.last,
            request=self.request,
            totals=self.totals,
            channels=self.channels.to_pylist(),
            tie_out=self.tie_out.to_pylist(),
            findings=list(self.findings),
            name=name,
            created_by=created_by,
        )


class Responds(Protocol):
    """The response model that a plan is made with, at the prices of `rows` (None: the window) and
    with `carryover` "held" or "follows".
    """

    def __call__(self, rows: np.ndarray, carryover: str) -> ResponseModel: ...


@dataclass(frozen=True)
class PlannedWith:
    """What a plan is made with: the draws, or the kept models, of `model_id`; "" for all kept models
    together.

    A response of many draws is optimised on half of them and measured on the other half. One of a
    single model is measured on `others`, the run's kept models, where they are given. `reported`
    (T,) are the paid effects that the report has, NaN where it has none.
    """

    model_id: str
    response: Responds
    others: Responds | None = None
    reported: np.ndarray | None = None


@dataclass(frozen=True)
class Sides:
    """The draws that a plan is optimised on, those that its numbers are of, and those of its range
    (None: there are none to measure on).
    """

    optimised: ResponseModel
    shown: ResponseModel
    measured: ResponseModel | None


def sides_of(planned: PlannedWith, rows: np.ndarray, carryover: str) -> Sides:
    model = planned.response(rows, carryover)
    if len(model.weights) > 1:
        optimised, measured = divided(model)
        return Sides(optimised, measured, measured)
    others = None if planned.others is None else planned.others(rows, carryover)
    return Sides(model, model, others)


def allocate(history: History, planned: PlannedWith, request: PlanRequest, labels: Labels) -> Plan:
    """Answer a request. UserError for what cannot be met, with the nearest that can.

    The plan is optimised on the mean response of some draws; its numbers, its range and whether it
    is worth making are of the others, so that they are not the optimised figures.
    """
    rows = history.rows(request.period)
    sides = sides_of(planned, rows, request.carryover)
    market = build_market(history, sides.optimised, request, revenue=labels.revenue)
    space = build_space(market, request)
    periods = request.periods or len(rows)
    budget, target = None, None
    if request.goal == "target":
        target = request.target or default_target(market)
        spend = solve_target(market, space, target)
    else:
        spend, budget = solve_budget(market, space, request, periods)
    found = None if sides.measured is None else band(sides.measured, market.initial, spend)
    shown = replace(market, curves=MeanResponse(sides.shown))
    channels = _with_band(evaluate(shown, space, spend, periods), found)
    totals = _totals(shown, spend, periods, budget, target, None if found is None else found.total)
    other = sides_of(planned, rows, "held" if request.carryover == "follows" else "follows")
    totals = totals.model_copy(
        update={
            "target_reached": _efficiency(market, spend, labels),
            "summed_efficiency": _reported_efficiency(market, planned.reported, labels),
            "other_gain": _even_gain(MeanResponse(other.shown), market.initial, spend),
        }
    )
    return Plan(
        model_id=planned.model_id,
        request=request,
        labels=labels,
        first=history.dates[rows[0]].item(),
        last=history.dates[rows[-1]].item(),
        channels=channels,
        totals=totals,
        tie_out=tie_out(market, history),
        findings=tuple(findings(shown, channels, totals, labels)),
    )


def evaluate(market: Market, space: Space, spend: np.ndarray, periods: int) -> pa.Table:
    """One row per channel for `spend` (P,) money per period against the initial one. `..._total` is
    over `periods`.

    Responses are those of the curve at the mean input; `marginal` is the response to one more unit
    of money. Where there is nothing to divide by, null.
    """
    initial = market.initial
    before, after = market.curves.response(initial), market.curves.response(spend)
    slack = _AT_BOUND * (space.high - space.low)
    at_low, at_high = spend <= space.low + slack, spend >= space.high - slack
    words = np.select([at_low & at_high, at_low, at_high], ["fixed", "low", "high"], "")
    columns: dict[str, Any] = {"channel": list(market.channels)}
    for prefix, money, response in (("initial_", initial, before), ("", spend, after)):
        columns |= {
            f"{prefix}spend": money,
            f"{prefix}spend_total": money * periods,
            f"{prefix}spend_share": _ratio(money, money.sum()),
            f"{prefix}response": response,
            f"{prefix}response_total": response * periods,
            f"{prefix}response_share": _ratio(response, response.sum()),
            f"{prefix}marginal": market.curves.next_unit(money),
            f"{prefix}roi": _ratio(response, money),
            f"{prefix}cpa": _ratio(money, response),
        }
    columns |= {
        "low": space.low,
        "high": space.high,
        "low_factor": _ratio(space.low, initial),
        "high_factor": _ratio(space.high, initial),
        "spend_change": _ratio(spend, initial) - 1.0,
        "response_change": _ratio(after, before) - 1.0,
        "at_bound": words.tolist(),
    }
    return pa.table({name: _column(values) for name, values in columns.items()})


def _with_band(channels: pa.Table, found: Band | None) -> pa.Table:
    """The table with `..._low` and `..._high` columns of responses and of their difference."""
    if found is None:
        return channels
    for name in ("initial_response", "response", "gain"):
        for ending, values in zip(("low", "high"), getattr(found, name), strict=True):
            channels = channels.append_column(f"{name}_{ending}", _column(values))
    return channels


def _reported_efficiency(
    market: Market, reported: np.ndarray | None, labels: Labels
) -> float | None:
    """ROAS or cost per conversion of the range's real periods added up, as the report has it; None
    where it has not all of them.
    """
    if reported is None or not np.isfinite(reported[market.rows]).all():
        return None
    response, money = math.fsum(reported[market.rows]), math.fsum(market.spend)
    return _quotient(response, money) if labels.revenue else _quotient(money, response)


def _efficiency(market: Market, spend: np.ndarray, labels: Labels) -> float | None:
    """ROAS or cost per conversion of the plan where it was optimised."""
    response, money = math.fsum(market.curves.response(spend)), math.fsum(spend)
    return _quotient(response, money) if labels.revenue else _quotient(money, response)


def _even_gain(curves: MeanResponse, initial: np.ndarray, spend: np.ndarray) -> float | None:
    """What a split brings over the current allocation of the same money; None where that brings nothing."""
    today = math.fsum(initial)
    even = math.fsum(curves.response(initial * (math.fsum(spend) / today))) if today > 0 else 0.0
    return math.fsum(curves.response(spend)) / even - 1.0 if even else None


def _ratio(numerator: np.ndarray, denominator: np.ndarray | float) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    below = np.broadcast_to(np.asarray(denominator, float), np.shape(numerator))
    return np.divide(numerator, below, out=np.full(np.shape(numerator), np.nan), where=below != 0)


def _column(values: Any) -> pa.Array:
    if isinstance(values, list):
        return pa.array(values, pa.string())
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _quotient(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def _totals(
    market: Market,
    spend: np.ndarray,
    periods: int,
    budget: float | None,
    target: float | None,
    found: TotalBand | None,
) -> Totals:
    initial_spend, planned = math.fsum(market.initial), math.fsum(spend)
    before = math.fsum(market.curves.response(market.initial))
    after = math.fsum(market.curves.response(spend))
    gain = _even_gain(market.curves, market.initial, spend)
    told, holds = gain, True
    if found is not None and found.even_gain is not None:
        told, holds = found.median_gain, found.even_gain[0] > 0
    return Totals(
        periods=periods,
        initial_spend=initial_spend,
        initial_spend_total=initial_spend * periods,
        initial_response=before,
        initial_response_total=before * periods,
        initial_roi=_quotient(before, initial_spend),
        initial_cpa=_quotient(initial_spend, before),
        spend=planned,
        spend_total=planned * periods,
        spend_change=planned / initial_spend - 1.0 if initial_spend else None,
        response=after,
        response_total=after * periods,
        response_change=after / before - 1.0 if before else None,
        roi=_quotient(after, planned),
        cpa=_quotient(planned, after),
        budget=budget,
        target=target,
        even_gain=gain,
        worth_making=told is None or (told >= WORTH_MAKING and holds),
        held_response=math.fsum(market.curves.response(np.zeros(len(spend)))),
        band=found,
    )


def tie_out(market: Market, history: History) -> pa.Table:
    """Per paid channel: the range's actual spend, the initial column over the range, whether they
    are the same to the cent.
    """
    books = [math.fsum(spend[market.rows]) for spend in history.spend]
    initial = market.initial * len(market.rows)
    return pa.table(
        {
            "channel": list(market.channels),
            "books": books,
            "initial": initial,
            "ties": [abs(a - b) < _CENT for a, b in zip(books, initial, strict=True)],
        }
    )
