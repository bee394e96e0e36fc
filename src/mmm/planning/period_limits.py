"""Bounds of single periods ahead, by channel or by sums of channels: what they ask of the channels'
totals, and the flighting that meets them.

A bound holds in each of its periods. Of all flightings that meet the bounds and the totals the one
nearest to the wanted phasing is taken, where money of a period weighs less the more there was
(Dykstra's alternating projections; Boyle & Dykstra 1986).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from scipy.optimize import linprog

from mmm.errors import UserError
from mmm.planning.request import PlanRequest

_MOST_ROUNDS, _EXACT = 20_000, 1e-12
#: A flighting counts as within its bounds when no sum is further off than this share of the money.
_TOLERANCE = 1e-7
#: A period without money may get some all the same: it weighs as one with this share of the mean.
_LEAST_WEIGHT = 0.05
#: Of scipy's linear programs.
_INFEASIBLE, _UNBOUNDED = 2, 3
_Step = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PeriodLimit:
    """The money of `members` (P,) together in each of the `rows` (H,), between `least` and `most`."""

    name: str
    members: np.ndarray
    rows: np.ndarray
    least: float
    most: float


def period_limits(
    request: PlanRequest, channels: Sequence[str], initial: np.ndarray, dates: np.ndarray
) -> tuple[PeriodLimit, ...]:
    """The request's bounds of single periods, of those that begin on `dates` (H,). Factors are of
    `initial` (P,) money per period. UserError for one that none of the periods is in.
    """
    found = []
    for name, limit in request.period_limits.items():
        who, _, span = name.rpartition("@")
        members = np.isin(channels, request.members(who, tuple(channels)))
        first, last = _span(span, name)
        rows = (_ends(dates) > np.datetime64(first)) & (dates <= np.datetime64(last))
        if not rows.any():
            raise UserError(
                f"none of the planned periods is in {span}.",
                where=f"limits.{name}",
                fix=f"They go from {dates[0]} to {_ends(dates)[-1] - 1}.",
            )
        least, most = limit.bounds(float(initial[members].sum()), 0.0, np.inf)
        if least > most:
            raise UserError(
                f"the lower bound {least:,.2f} is above the upper bound {most:,.2f} per period.",
                where=f"limits.{name}",
            )
        found.append(PeriodLimit(name, members, rows, least, most))
    return tuple(found)


def _ends(dates: np.ndarray) -> np.ndarray:
    """The first day after each period."""
    step = dates[-1] - dates[-2] if len(dates) > 1 else np.timedelta64(7, "D")
    return np.append(dates[1:], dates[-1] + step)


def _span(text: str, name: str) -> tuple[date, date]:
    """`2026-12-01:2026-12-31`, or one date."""
    first, _, last = text.partition(":")
    try:
        found = date.fromisoformat(first.strip()), date.fromisoformat((last or first).strip())
    except ValueError:
        raise UserError(
            f"{text!r} is no range of dates.",
            where=f"limits.{name}",
            fix="Write tv@2026-12-01:2026-12-31.",
        ) from None
    if found[1] < found[0]:
        raise UserError(f"{text} ends before it begins.", where=f"limits.{name}")
    return found


def asked_of_totals(
    limits: Sequence[PeriodLimit], members: np.ndarray, periods: int
) -> tuple[float, float]:
    """The least and the most money per period, on the mean of all, that the bounds of single periods
    leave to `members` (P,) together; infinite where nothing bounds it. UserError where the bounds
    contradict each other.
    """
    count = len(members)
    rows, ends = [], []
    for limit in limits:
        for period in np.flatnonzero(limit.rows).tolist():
            row = np.zeros((count, periods))
            row[limit.members, period] = 1.0
            for sign, end in ((-1.0, -limit.least), (1.0, limit.most)):
                if np.isfinite(end):
                    rows.append(sign * row.ravel())
                    ends.append(end)
    whole = np.zeros((count, periods))
    whole[members] = 1.0
    found = []
    for sign in (1.0, -1.0):
        solved = linprog(sign * whole.ravel(), A_ub=np.array(rows), b_ub=np.array(ends))
        if solved.status == _INFEASIBLE:
            names = ", ".join(limit.name for limit in limits)
            raise UserError(
                "contradict each other.",
                where=f"limits of {names}",
                fix="Leave one out, or widen them.",
            )
        found.append(np.inf if solved.status == _UNBOUNDED else abs(float(solved.fun)) / periods)
    return found[0], found[1]


def flighting_within(
    wanted: np.ndarray, totals: np.ndarray, limits: Sequence[PeriodLimit]
) -> np.ndarray:
    """Money by channel and period (P, H), nearest to `wanted` (P, H), whose rows add up to `totals`
    (P,) and which meets the bounds. UserError where no such money was found.
    """
    if not limits:
        return wanted
    mean = totals / wanted.shape[1]
    weight = np.maximum(wanted, _LEAST_WEIGHT * mean[:, None])
    steps = [_to_totals(totals, weight), _to_no_debts]
    steps += [_to_limit(limit, weight) for limit in limits]
    found = _projected(wanted, steps, float(totals.sum()))
    worst = _worst(found, totals, limits)
    if worst is not None:
        raise UserError(
            "cannot be met with the money that the channels have over all periods.",
            where=f"limits.{worst.name}",
            fix="Widen it, or the bounds of these channels.",
        )
    return found


def _projected(wanted: np.ndarray, steps: Sequence[_Step], money: float) -> np.ndarray:
    """The nearest point of all sets that `steps` project to."""
    x = wanted
    left = [np.zeros_like(wanted) for _ in steps]
    for _ in range(_MOST_ROUNDS):
        before = x
        for number, step in enumerate(steps):
            shifted = x + left[number]
            x = step(shifted)
            left[number] = shifted - x
        if np.abs(x - before).max() <= _EXACT * money:
            break
    return np.asarray(np.maximum(steps[0](x), 0.0))


def _to_totals(totals: np.ndarray, weight: np.ndarray) -> _Step:
    sums = weight.sum(axis=1, keepdims=True)
    share = np.divide(weight, sums, out=np.zeros_like(weight), where=sums > 0)

    def step(x: np.ndarray) -> np.ndarray:
        return np.asarray(x + share * (totals[:, None] - x.sum(axis=1, keepdims=True)))

    return step


def _to_no_debts(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0)


def _to_limit(limit: PeriodLimit, weight: np.ndarray) -> _Step:
    place = np.ix_(limit.members, limit.rows)
    inside = weight[place]
    sums = inside.sum(axis=0, keepdims=True)
    share = np.divide(inside, sums, out=np.zeros_like(inside), where=sums > 0)

    def step(x: np.ndarray) -> np.ndarray:
        now = x[place].sum(axis=0)
        moved = x.copy()
        moved[place] += share * (np.clip(now, limit.least, limit.most) - now)
        return moved

    return step


def _worst(
    found: np.ndarray, totals: np.ndarray, limits: Sequence[PeriodLimit]
) -> PeriodLimit | None:
    """The bound that the flighting misses most; None where it meets all."""
    slack = _TOLERANCE * max(float(totals.sum()), 1.0)
    off = []
    for limit in limits:
        sums = found[np.ix_(limit.members, limit.rows)].sum(axis=0)
        off.append(float(np.maximum(limit.least - sums, sums - limit.most).max()))
    missed = max(*off, float(np.abs(found.sum(axis=1) - totals).max()))
    return limits[int(np.argmax(off))] if missed > slack else None
