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
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.engines.words import Confidence
from mmm.format import Labels
from mmm.planning.band import Band, TotalBand, band
from mmm.planning.findings import findings
from mmm.planning.history import History
from mmm.planning.plan import Plan, Totals
from mmm.planning.problem import (
    Known,
    Market,
    Space,
    build_market,
    default_target,
    solve_budget,
    solve_profit,
    solve_target,
    space_for,
)
from mmm.planning.profit import break_even_spends, profits
from mmm.planning.request import PlanRequest
from mmm.planning.sides import PlannedWith, Sides, sides_of
from mmm.planning.weighted import MeanResponse, Stretched

#: A plan whose median gain over the current allocation of the same money is below this is not worth
#: a change: models of one run differ by more.
WORTH_MAKING = 0.01
#: Nor is one that loses against it in a larger share of the draws than this.
MOST_LOSING = 0.1
#: A spend this close to a bound, as a share of the bounds' distance, stands at it.
_AT_BOUND = 1e-6
_CENT = 0.005


def allocate(history: History, planned: PlannedWith, request: PlanRequest, labels: Labels) -> Plan:
    """Answer a request. UserError for what cannot be met, with the nearest that can.

    The plan is optimised on the mean response of some draws; its numbers, its range and whether it
    is worth making are of the others, so that they are not the optimised figures.
    """
    solved = _solved(history, planned, request, labels)
    market, shown, spend, periods = solved.market, solved.shown, solved.spend, solved.periods
    wide = _recalibrated(solved.sides, market, spend, planned.known)
    channels = evaluate(shown, solved.space, spend, periods)
    channels = _with_worth(_with_band(channels, solved.band, wide), shown, spend, planned.known)
    other = "held" if request.carryover == "follows" else "follows"
    other_sides = sides_of(planned, market.rows, other)
    totals = solved.totals.model_copy(
        update={
            "target_reached": _efficiency(market, spend, labels),
            "summed_efficiency": _reported_efficiency(market, planned.reported, labels),
            "band_recalibrated": None if wide is None else wide.total,
            "other_gain": _even_gain(MeanResponse(other_sides.shown), market.initial, spend),
        }
    )
    return Plan(
        model_id=planned.model_id,
        request=request,
        labels=labels,
        first=history.dates[market.rows[0]].item(),
        last=history.dates[market.rows[-1]].item(),
        channels=channels,
        totals=totals,
        tie_out=tie_out(market, history),
        findings=(*findings(shown, channels, totals, labels, request), *_cited(planned.known)),
        tests=tests_first(channels),
    )


def best_split(
    history: History, planned: PlannedWith, request: PlanRequest, labels: Labels
) -> tuple[np.ndarray, np.ndarray, bool]:
    """(initial spend (P,), the plan's spend (P,), whether it is worth making), money per period, as
    `allocate` has them, without what else a plan says: a certificate asks for it in every world.
    """
    solved = _solved(history, planned, request, labels)
    return solved.market.initial, solved.spend, solved.totals.worth_making


@dataclass(frozen=True)
class _Solved:
    """The answer in numbers: `market` is what was optimised on, `shown` what its figures are of."""

    sides: Sides
    market: Market
    shown: Market
    space: Space
    spend: np.ndarray
    periods: int
    band: Band | None
    totals: Totals


def _solved(
    history: History, planned: PlannedWith, request: PlanRequest, labels: Labels
) -> _Solved:
    rows = history.rows(request.period)
    sides = sides_of(planned, rows, request.carryover)
    market = build_market(history, sides.optimised, request, planned.known, revenue=labels.revenue)
    periods = request.periods or len(rows)
    space = space_for(market, request, periods)
    budget, target = None, None
    if request.goal == "target":
        target = request.target or default_target(market)
        spend = solve_target(market, space, target)
    elif request.goal == "profit":
        spend, budget = solve_profit(market, space, request, periods)
    else:
        spend, budget = solve_budget(market, space, request, periods)
    found = None
    if sides.measured is not None:
        found = band(sides.measured, market.initial, spend, market.values, sides.whose)
    shown = replace(market, curves=MeanResponse(sides.shown))
    totals = _totals(shown, spend, periods, budget, target, None if found is None else found.total)
    totals = totals.model_copy(update=_worth(shown, spend, request, totals))
    return _Solved(sides, market, shown, space, spend, periods, found, totals)


def _cited(known: Known) -> tuple[str, ...]:
    return (known.certificate,) if known.certificate else ()


def tests_first(channels: pa.Table) -> tuple[str, ...]:
    """The channels whose confidence is inconclusive, the one with the most money first: what a test
    would settle.
    """
    rows = [row for row in channels.to_pylist() if row["confidence"] == Confidence.INCONCLUSIVE]
    rows.sort(key=lambda row: -row["initial_spend"])
    return tuple(row["channel"] for row in rows)


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
    held = np.zeros(len(spend), bool) if market.held is None else market.held
    words = np.select(
        [held, at_low & at_high, at_low, at_high], ["held", "fixed", "low", "high"], ""
    )
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


def _recalibrated(sides: Sides, market: Market, spend: np.ndarray, known: Known) -> Band | None:
    """The band as wide as the run's certificate asks for; None where it asks for no more."""
    factors = np.array([known.stretch.get(name, 1.0) for name in market.channels])
    if sides.measured is None or (factors <= 1.0).all():
        return None
    wider = Stretched(sides.measured, factors)
    return band(wider, market.initial, spend, market.values, sides.whose)


def _with_band(channels: pa.Table, found: Band | None, wide: Band | None) -> pa.Table:
    """The table with `..._low` and `..._high` columns of responses and of their difference, and of
    the planned response as the certificate recalibrates it.
    """
    if found is None:
        return channels
    if wide is not None:
        for ending, values in zip(("low", "high"), wide.response, strict=True):
            channels = channels.append_column(f"response_recalibrated_{ending}", _column(values))
    for name in ("initial_response", "response", "gain"):
        for ending, values in zip(("low", "high"), getattr(found, name), strict=True):
            channels = channels.append_column(f"{name}_{ending}", _column(values))
    return channels


def _with_worth(channels: pa.Table, market: Market, spend: np.ndarray, known: Known) -> pa.Table:
    """The table with each channel's confidence, profit and break-even, as a spend and as a ROAS or
    cost per conversion; null where nothing is known.
    """
    names = market.channels
    confidence = [known.confidence.get(name) for name in names]
    channels = channels.append_column("confidence", pa.array(confidence, pa.string()))
    nothing = np.full(len(names), np.nan)
    before, after, even, price = nothing, nothing, nothing, nothing
    if market.values is not None:
        before = profits(market.curves.response(market.initial), market.initial, market.values)
        after = profits(market.curves.response(spend), spend, market.values)
    paying = _paying_values(market)
    if paying is not None:
        largest = np.maximum(market.largest, spend)
        even = break_even_spends(market.curves, paying, largest)
        price = 1.0 / paying if market.revenue else paying
    found = {
        "initial_profit": before,
        "profit": after,
        "break_even_spend": even,
        "break_even": price,
    }
    for name, values in found.items():
        channels = channels.append_column(name, _column(values))
    return channels


def _paying_values(market: Market) -> np.ndarray | None:
    """What a unit of the KPI is worth for break-even: revenue counts in full where no margin is
    known; of conversions nothing is known then.
    """
    if market.values is None and market.revenue:
        return np.ones(len(market.channels))
    return market.values


def _worth(
    market: Market, spend: np.ndarray, request: PlanRequest, totals: Totals
) -> dict[str, Any]:
    """The totals' fields of profit, and for a plan for profit whether it is worth making."""
    found: dict[str, Any] = {}
    values = _paying_values(market)
    if values is not None and np.ptp(values) == 0:
        found["break_even"] = float(1.0 / values[0] if market.revenue else values[0])
    if market.values is None:
        return found
    today = profits(market.curves.response(market.initial), market.initial, market.values)
    planned = profits(market.curves.response(spend), spend, market.values)
    found |= {"initial_profit": math.fsum(today), "profit": math.fsum(planned)}
    if request.goal == "profit":
        gain, losing = found["profit"] - found["initial_profit"], 0.0
        if totals.band is not None and totals.band.median_profit_gain is not None:
            gain, losing = totals.band.median_profit_gain, totals.band.losing_profit or 0.0
        enough = gain >= WORTH_MAKING * max(totals.initial_spend, 1e-300)
        found["worth_making"] = enough and losing <= MOST_LOSING
    return found


def _reported_efficiency(
    market: Market, reported: np.ndarray | None, labels: Labels
) -> float | None:
    """ROAS or cost per conversion of the range's real periods added up, as the report has it; None
    where it has not all of them.
    """
    if reported is None or not np.isfinite(reported[market.rows]).all():
        return None
    response, money = math.fsum(reported[market.rows]), math.fsum(market.spend)
    if labels.revenue:
        return _quotient(response, money)
    return _quotient(money, response)


def _efficiency(market: Market, spend: np.ndarray, labels: Labels) -> float | None:
    """ROAS or cost per conversion of the plan where it was optimised."""
    response, money = math.fsum(market.curves.response(spend)), math.fsum(spend)
    if labels.revenue:
        return _quotient(response, money)
    return _quotient(money, response)


def _even_gain(curves: MeanResponse, initial: np.ndarray, spend: np.ndarray) -> float | None:
    """What a split brings over the current allocation of the same money; None where that brings nothing."""
    today = math.fsum(initial)
    even = 0.0
    if today > 0:
        even = math.fsum(curves.response(initial * (math.fsum(spend) / today)))
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
    if found is not None and found.losing is not None:
        told, holds = found.median_gain, found.losing <= MOST_LOSING
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
