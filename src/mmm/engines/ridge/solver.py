"""Bounded ridge regression on moments: minimise b'Ab/2 - r'b subject to lower <= b <= upper,
compiled.

`A` (p, p) is positive definite and holds the penalty on its diagonal. Two solvers: the exact
optimum, and glmnet's coordinate descent with its default stopping rule, which Robyn reports.
"""

from __future__ import annotations

import math

from mmm.engines.adstock_hill.transforms import inner, jit

_FREE, _LOWER, _UPPER = 0, 1, 2
_GLMNET_PASSES = 100_000


@inner
def _solve_free(A, rhs, free, count, L, b):  # type: ignore[no-untyped-def]
    """Solve the free rows of A b = rhs by Cholesky; the free entries of b are 0 on entry, the
    others are held.

    A pivot that is lost to rounding (a column that is a sum of others, unpenalised) gets a tiny
    ridge.
    """
    p = A.shape[0]
    for i in range(count):
        row = free[i]
        for j in range(i + 1):
            total = A[row, free[j]]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                floor = 1e-13 * A[row, row]
                L[i, i] = math.sqrt(total if total > floor else max(floor, 1e-300))
            else:
                L[i, j] = total / L[j, j]
    for i in range(count):
        row = free[i]
        total = rhs[row]
        for k in range(p):
            total -= A[row, k] * b[k]
        for k in range(i):
            total -= L[i, k] * L[count, k]
        L[count, i] = total / L[i, i]
    for i in range(count - 1, -1, -1):
        total = L[count, i]
        for k in range(i + 1, count):
            total -= L[k, i] * L[count, k]
        L[count, i] = total / L[i, i]
    for i in range(count):
        b[free[i]] = L[count, i]


@jit
def solve_exact(A, rhs, lower, upper, b, state, free, L):  # type: ignore[no-untyped-def]
    """The optimum, by block principal pivoting (Portugal, Judice and Vicente 1994; Judice and Pires
    1994 for boxes).

    Whole blocks of infeasible variables change their state at once; when that stops making
    progress, one variable at a time does (Murty's rule), which ends for every positive definite A.
    Working memory: `state` (p,) and `free` (p,) int64, `L` (p + 1, p). Returns the number of
    factorisations.
    """
    p = A.shape[0]
    scale = 0.0
    for j in range(p):
        state[j] = _FREE
        b[j] = 0.0
        scale = max(scale, abs(rhs[j]))
    tolerance = 1e-12 * max(scale, 1e-300)
    fewest, patience = p + 1, 3
    for step in range(50 + 20 * p):
        count = 0
        for j in range(p):
            if state[j] == _FREE:
                free[count] = j
                count += 1
                b[j] = 0.0
            else:
                b[j] = lower[j] if state[j] == _LOWER else upper[j]
        _solve_free(A, rhs, free, count, L, b)
        wrong, last = 0, -1
        for j in range(p):
            if _next_state(A, rhs, lower, upper, b, state, j, tolerance) != state[j]:
                wrong += 1
                last = j
        if wrong == 0:
            return step + 1
        whole_block = True
        if wrong < fewest:
            fewest, patience = wrong, 3
        elif patience > 0:
            patience -= 1
        else:
            whole_block = False
        if whole_block:
            # A block is judged on one and the same point, so new states are kept apart until all
            # are known.
            for j in range(p):
                free[j] = _next_state(A, rhs, lower, upper, b, state, j, tolerance)
            for j in range(p):
                state[j] = free[j]
        else:
            state[last] = _next_state(A, rhs, lower, upper, b, state, last, tolerance)
    for j in range(p):
        b[j] = min(max(b[j], lower[j]), upper[j])
    return -1


@inner
def _next_state(A, rhs, lower, upper, b, state, j, tolerance):  # type: ignore[no-untyped-def]
    """The state variable j should have: unchanged where it is feasible."""
    if state[j] == _FREE:
        if b[j] < lower[j]:
            return _LOWER
        if b[j] > upper[j]:
            return _UPPER
        return _FREE
    gradient = -rhs[j]
    for k in range(A.shape[0]):
        gradient += A[j, k] * b[k]
    if state[j] == _LOWER and gradient < -tolerance:
        return _FREE
    if state[j] == _UPPER and gradient > tolerance:
        return _FREE
    return state[j]


@inner
def _descend(j, A, g, diagonal, penalty, lower, upper, b):  # type: ignore[no-untyped-def]
    """One coordinate's update; returns the squared change in units of the fit, 0 when nothing
    changed.
    """
    old = b[j]
    u = g[j] + old * diagonal[j]
    new = 0.0
    if u != 0.0:
        new = min(max(u / (diagonal[j] + penalty[j]), lower[j]), upper[j])
    if new == old:
        return 0.0
    change = new - old
    b[j] = new
    for k in range(A.shape[0]):
        g[k] -= A[k, j] * change
    return diagonal[j] * change * change


@jit
def solve_glmnet(A, rhs, penalty, lower, upper, threshold, b, state, active, g, diagonal):  # type: ignore[no-untyped-def]
    """Coordinate descent in the order and with the stopping rule of glmnet's covariance update (its
    default: 1e-7).

    Here `A` is without the penalty, which is given apart, shape (p,). Working memory: `state` and
    `active` (p,) int64, `g` and `diagonal` (p,). Returns the number of passes, -1 when the limit of
    100,000 is reached.
    """
    p = A.shape[0]
    for j in range(p):
        b[j] = 0.0
        g[j] = rhs[j]
        state[j] = 0
        diagonal[j] = A[j, j]
    count, passes = 0, 0
    while passes < _GLMNET_PASSES:
        passes += 1
        largest = 0.0
        for j in range(p):
            change = _descend(j, A, g, diagonal, penalty, lower, upper, b)
            if change > 0.0:
                if state[j] == 0:
                    state[j] = 1
                    active[count] = j
                    count += 1
                largest = max(largest, change)
        if largest < threshold:
            return passes
        while passes < _GLMNET_PASSES:
            passes += 1
            largest = 0.0
            for i in range(count):
                largest = max(
                    largest, _descend(active[i], A, g, diagonal, penalty, lower, upper, b)
                )
            if largest < threshold:
                break
    return -1
