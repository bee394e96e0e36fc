"""The best split of money over channels whose responses are known. Numbers only; all quantities are
per period.

Curves may be S-shaped, so the sum has local optima. The problem is solved on the concave envelopes
of the curves first, as a linear program (HiGHS); where a channel lies under its envelope its range
is split in two and both halves are tried (branch and bound, as for sums of sigmoids). Each solution is the start of scipy's SLSQP on the true curves, with exact gradients; the
best point counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, minimize
from threadpoolctl import ThreadpoolController

#: Pieces of an envelope, relative gap at which the search stops, and most ranges looked at.
_PIECES, _GAP, _MOST_NODES = 32, 1e-5, 12
#: Constraints count as met within this share of their size.
TOLERANCE = 1e-9


class Curves(Protocol):
    """Responses per period of n channels to money (n,) or (m, n), in the same shape, each to its own
    money alone; and their derivatives.
    """

    def response(self, spend: np.ndarray) -> np.ndarray: ...

    def marginal(self, spend: np.ndarray) -> np.ndarray: ...


class NoResponse:
    """Channels that bring nothing, to ask what is feasible."""

    def response(self, spend: np.ndarray) -> np.ndarray:
        return np.zeros(np.shape(spend))

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        return np.zeros(np.shape(spend))


class Objective(Protocol):
    """What is maximised in place of the sum of responses: any smooth function of money (n,)."""

    def value(self, spend: np.ndarray) -> float: ...

    def gradient(self, spend: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Program:
    """Maximise the sum of responses, or the `objective`, less `price` x money, within [low, high]
    per channel (n,).

    `sums` (k, n) of zeros and ones are groups of channels whose money must lie within [sum_low,
    sum_high] (k,), infinite where open. With an `efficiency` the responses must be at least so many
    per unit of money.
    """

    curves: Curves
    low: np.ndarray
    high: np.ndarray
    sums: np.ndarray
    sum_low: np.ndarray
    sum_high: np.ndarray
    efficiency: float | None = None
    price: float = 0.0
    objective: Objective | None = None

    def value(self, x: np.ndarray) -> float:
        if self.objective is None:
            earned = self.curves.response(x).sum()
        else:
            earned = self.objective.value(x)
        return float(earned - self.price * x.sum())

    def slope(self, x: np.ndarray) -> np.ndarray:
        """Derivative of the value by money (n,)."""
        earned = self.curves.marginal(x) if self.objective is None else self.objective.gradient(x)
        return np.asarray(earned - self.price)

    def feasible(self, x: np.ndarray) -> bool:
        """Whether money x (n,) meets all constraints, within `TOLERANCE` of their size."""
        slack = TOLERANCE * max(float(np.abs(x).sum()), 1.0)
        sums = self.sums @ x
        within = (x >= self.low - slack).all() and (x <= self.high + slack).all()
        within = (
            within
            and (sums >= self.sum_low - slack).all()
            and (sums <= self.sum_high + slack).all()
        )
        return bool(
            within
            and (
                self.efficiency is None or self.surplus(x) >= -TOLERANCE * self.efficiency * x.sum()
            )
        )

    def surplus(self, x: np.ndarray) -> float:
        """Responses beyond what the efficiency asks for."""
        return float(self.curves.response(x).sum() - (self.efficiency or 0.0) * x.sum())


def solve(program: Program, *starts: np.ndarray) -> np.ndarray | None:
    """Money (n,) with the largest value that was found; None where nothing feasible was.

    Never worse than a feasible one of `starts`. With an `objective` of its own, which is not a sum
    over channels, the search begins at the best sum of responses and at `starts`, and is local.
    """
    with _blas().limit(
        limits=1, user_api="blas"
    ):  # on so small matrices threads only wait for each other
        if program.objective is None:
            return _branch_and_bound(program, starts)
        best_sum = _branch_and_bound(replace(program, objective=None), starts)
        if best_sum is None:
            return None
        return _best_nearby(program, [best_sum, *starts])


def _best_nearby(program: Program, starts: Sequence[np.ndarray]) -> np.ndarray | None:
    """The feasible money with the largest value among `starts` and what is found from them."""
    best: np.ndarray | None = None
    tried: list[np.ndarray] = []
    for start in starts:
        inside = np.clip(start, program.low, program.high)
        if any(np.array_equal(inside, other) for other in tried):
            continue
        tried.append(inside)
        for x in (inside, polish(program, inside)):
            if program.feasible(x) and (best is None or program.value(x) > program.value(best)):
                best = x
    return best


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _branch_and_bound(program: Program, starts: Sequence[np.ndarray]) -> np.ndarray | None:
    best, best_value = None, -np.inf

    def offer(x: np.ndarray) -> None:
        nonlocal best, best_value
        if program.feasible(x) and program.value(x) > best_value:
            best, best_value = x, program.value(x)

    for start in starts:
        offer(np.clip(start, program.low, program.high))
    nodes = [node for node in [_relax(program)] if node is not None]
    for count in range(_MOST_NODES):
        if not nodes or -nodes[0].key <= best_value + _GAP * abs(best_value):
            break
        node = heapq.heappop(nodes)
        closed = node.gap.max() <= _GAP * abs(node.key)
        if closed or best is None or count == 0 or program.value(node.x) > best_value:
            offer(node.x)
            offer(polish(program, node.x))
        if not closed:
            for half in map(_relax, _halves(node)):
                if half is not None:
                    heapq.heappush(nodes, half)
    for start in starts if best is None else ():
        offer(polish(program, np.clip(start, program.low, program.high)))
    return best


@dataclass(frozen=True)
class _Node:
    """A program's relaxation: its solution x, its value (negative: heaps give the smallest), and
    how far each channel's curve lies under its envelope at x.
    """

    key: float
    program: Program
    x: np.ndarray
    gap: np.ndarray

    def __lt__(self, other: _Node) -> bool:
        return self.key < other.key


def _halves(node: _Node) -> list[Program]:
    """The program with the range of the channel furthest under its envelope cut at its solution."""
    worst = int(np.argmax(node.gap))
    low, high = node.program.low.copy(), node.program.high.copy()
    low[worst] = high[worst] = node.x[worst]
    return [replace(node.program, high=high), replace(node.program, low=low)]


def _relax(program: Program) -> _Node | None:
    """The program on the curves' concave envelopes, cut into straight pieces; None where it has no
    solution.
    """
    # Closer where curves bend most: at low spend.
    steps = np.linspace(0.0, 1.0, _PIECES + 1)[:, None] ** 2
    grid = program.low + (program.high - program.low) * steps
    value = program.curves.response(grid)
    owner, width, slope = [], [], []
    for i in range(grid.shape[1]):
        corners = _upper_hull(grid[:, i], value[:, i])
        span = np.diff(grid[corners, i])
        used = span > 0
        width.append(span[used])
        slope.append(np.diff(value[corners, i])[used] / span[used])
        owner.append(np.full(used.sum(), i))
    filled = _fill(program, np.concatenate(owner), np.concatenate(width), np.concatenate(slope))
    if filled is None:
        return None
    x, gain = filled
    envelope = value[0] + gain
    return _Node(
        -float(envelope.sum() - program.price * x.sum()),
        program,
        x,
        envelope - program.curves.response(x),
    )


def _upper_hull(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positions of the corners of the smallest concave function over the points; x ascends."""
    corners: list[int] = []
    px, py = x.tolist(), y.tolist()
    for j in range(len(px)):
        while len(corners) > 1:
            a, b = corners[-2], corners[-1]
            if (py[b] - py[a]) * (px[j] - px[a]) > (py[j] - py[a]) * (px[b] - px[a]):
                break
            corners.pop()
        corners.append(j)
    return np.array(corners)


def _fill(
    program: Program, owner: np.ndarray, width: np.ndarray, slope: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """The linear program over pieces of `width` and `slope` of channels `owner`: (money, response
    gained) of each.
    """
    n = len(program.low)
    rows, base = program.sums[:, owner], program.sums @ program.low
    least, most = program.sum_low - base, program.sum_high - base
    if program.efficiency is not None:
        rows = np.vstack([rows, slope - program.efficiency])
        least, most = np.append(least, -program.surplus(program.low)), np.append(most, np.inf)
    if not len(owner):
        slack = TOLERANCE * max(1.0, float(program.low.sum()))
        fits = (least <= slack).all() and (most >= -slack).all()
        return (program.low, np.zeros(n)) if fits else None
    money = max(
        float(width.sum()), 1.0
    )  # in shares of the whole, so that HiGHS' absolute tolerances fit
    cost = program.price - slope
    found = milp(  # without integers: the quickest way to HiGHS
        cost / max(float(np.abs(cost).max()), 1e-300),
        bounds=Bounds(np.zeros(len(width)), width / money),
        constraints=LinearConstraint(rows, least / money, most / money) if len(rows) else None,
    )
    if found.x is None:
        return None
    spent = np.asarray(found.x) * money
    return program.low + np.bincount(owner, spent, n), np.bincount(owner, spent * slope, n)


def polish(program: Program, start: np.ndarray) -> np.ndarray:
    """A local optimum near `start` by SLSQP. Money is scaled by each channel's range, responses by
    their sum.
    """
    free = np.flatnonzero(program.high > program.low)
    if not len(free):
        return program.low
    curves, low = program.curves, program.low[free]
    width = program.high[free] - low
    fixed = program.low.copy()
    fixed[free] = 0.0
    reachable = float(np.abs(curves.response(program.high)[free]).sum())
    scale = max(abs(program.value(start)), reachable, 1e-300)
    money_scale = max(float(width.sum()), 1e-300)

    def money(y: np.ndarray) -> np.ndarray:
        """All channels' money at a point of the free ones."""
        x = program.low.copy()
        x[free] = low + width * y
        return x

    def loss(y: np.ndarray) -> tuple[float, np.ndarray]:
        x = money(y)
        return -program.value(x) / scale, -program.slope(x)[free] * width / scale

    constraints: list[dict[str, object]] = []
    for row, least, most in zip(program.sums, program.sum_low, program.sum_high, strict=True):
        weights, there = row[free] * width / money_scale, float(row @ fixed + row[free] @ low)
        if least == most:
            constraints.append(_linear("eq", weights, (there - least) / money_scale))
            continue
        if np.isfinite(most):
            constraints.append(_linear("ineq", -weights, (most - there) / money_scale))
        if np.isfinite(least):
            constraints.append(_linear("ineq", weights, (there - least) / money_scale))
    if program.efficiency is not None:
        least_value = program.efficiency
        constraints.append(
            {
                "type": "ineq",
                "fun": lambda y: program.surplus(money(y)) / scale,
                "jac": lambda y: (curves.marginal(money(y))[free] - least_value) * width / scale,
            }
        )
    found = minimize(
        loss,
        np.clip((start[free] - low) / width, 0.0, 1.0),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * len(free),
        constraints=constraints,
        options={"ftol": _closest(program), "maxiter": 300},
    )
    return np.clip(money(np.clip(found.x, 0.0, 1.0)), program.low, program.high)


def _closest(program: Program) -> float:
    """The change of the scaled value at which a search stops. A measure over draws is a difference of
    large sums: where no channel can move, its rounding would keep the search going to its limit.
    """
    return 1e-15 if program.objective is None else 1e-12


def _linear(kind: str, weights: np.ndarray, constant: float) -> dict[str, object]:
    return {"type": kind, "fun": lambda y: float(weights @ y) + constant, "jac": lambda y: weights}
