"""From a request and a stored model to numbers: initial spends, steady curves, bounds; what cannot
be met is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mmm.engines.response import ResponseModel
from mmm.errors import UserError
from mmm.planning.history import History
from mmm.planning.period_limits import asked_of_totals, period_limits
from mmm.planning.periods import dates_ahead
from mmm.planning.request import DEFAULT_TARGET_CPA, DEFAULT_TARGET_ROAS, PlanRequest
from mmm.planning.risk import MEASURES, Risk, RiskObjective
from mmm.planning.solver import TOLERANCE, NoResponse, Objective, Program, solve
from mmm.planning.weighted import MeanResponse, Valued

#: Steps of Dinkelbach's method to the best efficiency; it converges faster than Newton's.
_DINKELBACH_STEPS = 12


@dataclass(frozen=True)
class Known:
    """What is known of a run beside its responses: each paid channel's word of confidence, and the
    profit that one unit of the KPI brings, None where nobody said. `certificate` is what the run's
    certificate says of its advice, in a sentence; `stretch` by how much it widens the intervals of a
    channel, 1 where it says nothing.
    """

    confidence: Mapping[str, str] = field(default_factory=dict)
    unit_value: float | None = None
    certificate: str = ""
    stretch: Mapping[str, float] = field(default_factory=dict)


NOTHING_KNOWN = Known()


@dataclass(frozen=True)
class Market:
    """Paid channels at rest over a date range, money per period: what they got and how they
    respond. `risk` is what a plan is optimised for, and `values` (P,) the profit that a unit of the
    KPI brings in each, None where it is not known. `held` (P,) channels stay at today's spend.
    `ahead` (H,) are the starts of the planned periods, where those after the data are planned.
    """

    channels: tuple[str, ...]
    curves: MeanResponse
    spend: np.ndarray  # (P,) in the range, the sum of the books
    largest: np.ndarray  # (P,) of one period, in the window
    rows: np.ndarray
    revenue: bool
    risk: Risk = Risk.EXPECTED
    values: np.ndarray | None = None
    held: np.ndarray | None = None
    ahead: np.ndarray | None = None

    @property
    def initial(self) -> np.ndarray:
        """Money per period (P,)."""
        return np.asarray(self.spend / len(self.rows))


@dataclass(frozen=True)
class Space:
    """What a plan may do: bounds per channel (P,) and sums of channels."""

    low: np.ndarray
    high: np.ndarray
    groups: tuple[tuple[str, np.ndarray, float, float], ...]  # name, membership (P,), least, most


def build_market(
    history: History,
    response: ResponseModel,
    request: PlanRequest,
    known: Known = NOTHING_KNOWN,
    *,
    revenue: bool,
) -> Market:
    """Initial spends in the request's date range, and the mean response that a plan is made with.

    Money buys what it bought in the range, so that the initial spend is what was really spent.
    """
    if response.channels != history.channels:
        raise ValueError("the response model has other channels than the history")
    rows, window = history.rows(request.period), history.window
    values = request.values(known.unit_value, history.channels)
    held = request.held(dict.fromkeys(history.channels, "") | dict(known.confidence))
    return Market(
        channels=history.channels,
        curves=MeanResponse(response),
        spend=np.array([math.fsum(spend[rows]) for spend in history.spend]),
        largest=history.spend[:, window].max(axis=1),
        rows=rows,
        revenue=revenue,
        risk=request.risk,
        values=None if values is None else np.array(values),
        held=np.isin(history.channels, held),
        ahead=_dates(history, request) if request.ahead else None,
    )


def _dates(history: History, request: PlanRequest) -> np.ndarray:
    """The starts of the periods that a plan ahead is of."""
    window = history.dates[history.window]
    return dates_ahead(window, request.periods or len(history.rows(request.period)))


def space_for(market: Market, request: PlanRequest, periods: int) -> Space:
    """The bounds of a request. Held channels stay at today's spend; where a budget is out of reach
    so, at their share of it.
    """
    space = build_space(market, request)
    budget, today = _asked_budget(request, periods), float(market.initial.sum())
    holding = market.held is not None and bool(market.held.any())
    if request.goal != "max_response" or budget is None or not holding or today <= 0:
        return space
    least, most = reach(market, space)
    too_much = request.budget_rule == "exact" and budget > most * (1 + TOLERANCE)
    if budget < least * (1 - TOLERANCE) or too_much:
        return build_space(market, request, budget / today)
    return space


def build_space(market: Market, request: PlanRequest, held_at: float = 1.0) -> Space:
    """Bounds, for a channel without effect as for any other (Robyn plans nothing for it). One that
    is held has both at `held_at` of today's spend, or as near to it as the request's factors allow.
    """
    low, high = (factor * market.initial for factor in request.factors)
    if market.held is not None:
        kept = np.clip(held_at * market.initial, low, high)
        low, high = np.where(market.held, kept, low), np.where(market.held, kept, high)
    groups = []
    for name, limit in request.limits.items():
        if name in request.period_limits:
            continue
        members = request.members(name, market.channels)
        index = np.array([market.channels.index(member) for member in members])
        if len(members) == 1:
            i = index[0]
            low[i], high[i] = limit.bounds(market.initial[i], low[i], high[i])
            if low[i] > high[i]:
                raise UserError(
                    f"the lower bound {low[i]:,.2f} is above the upper bound {high[i]:,.2f} per period.",
                    where=f"limits.{name}",
                    fix="Give both bounds.",
                )
        else:
            member = np.zeros(len(market.channels))
            member[index] = 1.0
            groups.append(
                (name, member, *limit.bounds(float(market.initial[index].sum()), -np.inf, np.inf))
            )
    space = Space(low, high, tuple(groups))
    if request.period_limits:
        space = _with_periods(space, market, request)
    _check_groups(space)
    return space


def _with_periods(space: Space, market: Market, request: PlanRequest) -> Space:
    """The bounds, with what those of single periods ask of each channel's total, of each sum's and of
    all money together. A held channel moves as far as they ask.
    """
    if market.ahead is None:
        raise ValueError("bounds of single periods of a plan that is not of the periods ahead")
    limits = period_limits(request, market.channels, market.initial, market.ahead)
    periods, everyone = len(market.ahead), np.ones(len(market.channels), bool)
    low, high, groups = space.low.copy(), space.high.copy(), list(space.groups)
    for i, channel in enumerate(market.channels):
        alone = np.arange(len(market.channels)) == i
        least, most = asked_of_totals(limits, alone, periods)
        if market.held is not None and market.held[i]:
            low[i] = high[i] = min(max(low[i], least), most)
            continue
        if least > high[i] or most < low[i]:
            raise UserError(
                f"bounds of single periods leave {channel} {_range(least, most)} per period on the mean, its "
                f"own bounds {low[i]:,.2f} to {high[i]:,.2f}.",
                where="limits",
                fix="Widen one of them.",
            )
        low[i], high[i] = max(low[i], least), min(high[i], most)
    sums = {limit.name: limit.members for limit in limits if limit.members.sum() > 1}
    for name, members in (sums | {"all periods": everyone}).items():
        least, most = asked_of_totals(limits, members, periods)
        if least > 0 or np.isfinite(most):
            groups.append((name, members.astype(float), least, most))
    return Space(low, high, tuple(groups))


def _check_groups(space: Space) -> None:
    """Each sum must be within reach of its channels' own bounds."""
    for name, member, least, most in space.groups:
        lowest, highest = float(member @ space.low), float(member @ space.high)
        if least > highest * (1 + TOLERANCE) or most < lowest * (1 - TOLERANCE) or least > most:
            raise UserError(
                f"asks for {_range(least, most)} per period, but its channels' own bounds allow {lowest:,.2f} to "
                f"{highest:,.2f}.",
                where=f"limits.{name}",
                fix="Widen the bounds of these channels, or the sum's.",
            )


def _range(least: float, most: float) -> str:
    if least == most:
        return f"exactly {least:,.2f}"
    if np.isinf(most):
        return f"at least {least:,.2f}"
    return f"{max(least, 0):,.2f} to {most:,.2f}"


def program(
    market: Market, space: Space, *, budget: tuple[float, float] | None = None, efficiency: float | None = None,
    price: float = 0.0,
) -> Program:  # fmt: skip
    """The solver's program; `budget` is (least, most) of all channels together."""
    rows = [member for _, member, _, _ in space.groups]
    limits = [(least, most) for _, _, least, most in space.groups]
    if budget is not None:
        rows.append(np.ones(len(market.channels)))
        limits.append(budget)
    return Program(
        curves=market.curves,
        low=space.low,
        high=space.high,
        sums=np.array(rows).reshape(len(rows), len(market.channels)),
        sum_low=np.array([least for least, _ in limits]),
        sum_high=np.array([most for _, most in limits]),
        efficiency=efficiency,
        price=price,
    )


def risk_objective(market: Market, reference: np.ndarray) -> Objective | None:
    """What the market's risk asks for, of gains over the draws' responses to money `reference`
    (P,); None for the expected value, which needs no objective of its own.
    """
    measure = MEASURES.get(market.risk)
    if measure is None:
        return None
    model = market.curves.model
    return RiskObjective(model, measure, model.response(reference).sum(axis=1))


def reach(market: Market, space: Space) -> tuple[float, float]:
    """The least and the most money per period that all bounds together allow."""
    if not space.groups:
        return float(space.low.sum()), float(space.high.sum())
    programs = [program(market, space, price=price) for price in (1.0, -1.0)]
    ends = [solve(replace(asked, curves=NoResponse())) for asked in programs]
    if ends[0] is None or ends[1] is None:
        names = ", ".join(name for name, _, _, _ in space.groups)
        raise UserError(
            "contradict each other.",
            where=f"limits of {names}",
            fix="Leave one out, or widen them.",
        )
    return float(ends[0].sum()), float(ends[1].sum())


def solve_budget(
    market: Market, space: Space, request: PlanRequest, periods: int
) -> tuple[np.ndarray, float]:
    """The largest response for the budget: (money per period (P,), the budget per period that was
    meant).
    """
    asked = _asked_budget(request, periods)
    budget = float(market.initial.sum()) if asked is None else asked
    least, most = reach(market, space)
    at_most = request.budget_rule == "at_most"
    slack = TOLERANCE * max(budget, 1.0)
    if budget < least - slack or (budget > most + slack and not at_most):
        low = budget < least
        end = least if low else most
        nearest = _within(end, low=low), _within(end * periods, low=low)
        raise UserError(
            f"{budget:,.2f} per period ({budget * periods:,.2f} in total) is "
            f"{'below the least' if low else 'above the most'} the channels' bounds allow.",
            where="budget",
            fix=f"The nearest reachable budget is {nearest[0]:,.2f} per period ({nearest[1]:,.2f} in total): "
            f"give that, or other bounds.{_freeing(market)}",
        )
    budget = min(max(budget, least), budget if at_most else most)
    even = scaled(market.initial, budget)
    chosen = replace(
        program(market, space, budget=(-np.inf if at_most else budget, budget)),
        objective=risk_objective(market, even),
    )
    found = solve(chosen, market.initial, even)
    if found is None:
        raise AssertionError(f"no split of a reachable budget {budget} was found")
    return found, budget


def solve_profit(
    market: Market, space: Space, request: PlanRequest, periods: int
) -> tuple[np.ndarray, float | None]:
    """The largest profit, what the response is worth less the money, within the bounds and below the
    budget where one is given: (money per period (P,), the budget per period).
    """
    if market.values is None:
        raise UserError(
            "what one unit of the KPI is worth is not known, so its profit cannot be told.",
            where="unit_value",
            fix="Give it with the plan, or as margin or value_per_conversion of the experiment.",
        )
    worth = replace(market, curves=MeanResponse(Valued(market.curves.model, market.values)))
    budget = _asked_budget(request, periods)
    least, _ = reach(market, space)
    if budget is not None and budget < least * (1 - TOLERANCE):
        raise UserError(
            f"{budget:,.2f} per period is below the least the channels' bounds allow.",
            where="budget",
            fix=f"Give {_within(least, low=True):,.2f} or more, or lower bounds.{_freeing(market)}",
        )
    limit = None if budget is None else (-np.inf, max(budget, least))
    chosen = replace(
        program(worth, space, budget=limit, price=1.0),
        objective=risk_objective(worth, market.initial),
    )
    found = solve(chosen, market.initial, space.low)
    if found is None:
        raise AssertionError("no money within the bounds was found")
    return found, budget


def _asked_budget(request: PlanRequest, periods: int) -> float | None:
    """The budget per period, None where none was asked for."""
    if request.budget is not None:
        return request.budget / periods
    return request.budget_per_period


def _freeing(market: Market) -> str:
    """That held channels may be freed, where that would help."""
    if market.held is None or not market.held.any():
        return ""
    names = np.array(market.channels)[market.held].tolist()
    return f" Held at today's spend, and can be freed: {', '.join(names)}."


def _within(end: float, *, low: bool) -> float:
    """An end of what is reachable, in whole cents on the reachable side, so that what is shown can
    be typed.
    """
    cents = math.ceil(end * 100 - TOLERANCE) if low else math.floor(end * 100 + TOLERANCE)
    return cents / 100


def scaled(initial: np.ndarray, budget: float) -> np.ndarray:
    total = initial.sum()
    if total > 0:
        return np.asarray(initial * (budget / total))
    return np.full(len(initial), budget / len(initial))


def default_target(market: Market) -> float:
    """Robyn's: 0.8 of today's ROAS, 1.2 of today's cost per conversion."""
    response = float(market.curves.response(market.initial).sum())
    spend = float(market.initial.sum())
    if response <= 0 or spend <= 0:
        raise UserError(
            "there is no spend or no response in the date range to start from.",
            fix="Give a target.",
        )
    if market.revenue:
        return DEFAULT_TARGET_ROAS * response / spend
    return DEFAULT_TARGET_CPA * spend / response


def solve_target(market: Market, space: Space, target: float) -> np.ndarray:
    """The largest response at an efficiency of the target or better: money per period (P,)."""
    reach(market, space)
    efficiency = target if market.revenue else 1.0 / target
    chosen = replace(
        program(market, space, efficiency=efficiency),
        objective=risk_objective(market, market.initial),
    )
    found = solve(chosen, market.initial)
    if found is not None and found.sum() > 0:  # no money meets every target
        return found
    best = _most_efficient(market, space)
    ratio = float(market.curves.response(best).sum() / best.sum())
    if ratio >= efficiency:
        found = solve(chosen, best)
        return best if found is None else found
    word, nearest = "ROAS", ratio
    if not market.revenue:
        word = "cost per conversion"
        nearest = 1.0 / ratio if ratio > 0 else np.inf
    raise UserError(
        f"{target:,.4g} is out of reach within the bounds: the best {word} they allow is {nearest:,.4g}, at "
        f"{float(best.sum()):,.2f} per period.",
        where="target",
        fix="Give a target within reach, or lower the bounds.",
    )


def _most_efficient(market: Market, space: Space) -> np.ndarray:
    """Money with the largest response per money, by Dinkelbach's method: the largest response less
    price x money, at the price that the last step reached.
    """
    best = solve(program(market, space, price=0.0), market.initial)
    if best is None or best.sum() <= 0:
        raise UserError(
            "no money can be spent within the bounds.", where="limits", fix="Widen them."
        )
    for _ in range(_DINKELBACH_STEPS):
        price = float(market.curves.response(best).sum() / best.sum())
        found = solve(program(market, space, price=price), best)
        if found is None or found.sum() <= 0 or np.allclose(found, best, rtol=TOLERANCE, atol=0.0):
            break
        best = found
    return best
