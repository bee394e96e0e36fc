"""A candidate's fit beside the flexible baseline, compiled: the baseline is taken out exactly.

With Z the baseline's columns and the level, D their penalties and X context and media, the joint
bounded ridge problem in (gamma, b) is one in b alone after gamma is eliminated: Z'Z + D = L L',
U = L^-1 Z', X'X becomes X'X - (UX)'(UX) and X'y becomes X'y - (UX)'(Uy); then
L' gamma = U (y - X b). L and U are the same for all candidates that are fitted on the same rows.
"""

from __future__ import annotations

import math

from mmm.engines.adstock_hill.transforms import inner
from mmm.engines.ridge.solver import solve_exact


@inner
def eliminate(design, rows, L, U, uy):  # type: ignore[no-untyped-def]
    """L (q + 1, q + 1) and U (q + 1, rows) of the first `rows` rows, the level last; U y."""
    q = design.flexible.shape[1]
    for i in range(q + 1):
        for t in range(rows):
            U[i, t] = design.flexible[t, i] if i < q else 1.0
    for i in range(q + 1):
        for j in range(i + 1):
            total = 0.0
            for t in range(rows):
                total += U[i, t] * (design.flexible[t, j] if j < q else 1.0)
            if i == j and i < q:
                total += design.flexible_precision[i]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                L[i, i] = math.sqrt(max(total, 1e-300))
            else:
                L[i, j] = total / L[j, j]
    for i in range(q + 1):
        uy[i] = 0.0
        for k in range(i):
            factor = L[i, k]
            for t in range(rows):
                U[i, t] -= factor * U[k, t]
        for t in range(rows):
            U[i, t] /= L[i, i]
            uy[i] += U[i, t] * design.y[t]


@inner
def _spread(values, rows):  # type: ignore[no-untyped-def]
    """Population SD of the first rows; 0 for a constant."""
    mean, low, high = 0.0, values[0], values[0]
    for t in range(rows):
        mean += values[t]
        low = min(low, values[t])
        high = max(high, values[t])
    mean /= rows
    square = 0.0
    for t in range(rows):
        square += (values[t] - mean) ** 2
    return 0.0 if low == high else math.sqrt(square / rows)


@inner
def _moments(design, X, rows, used, U, uy, W, sd, A, rhs):  # type: ignore[no-untyped-def]
    """Moments of the solved columns (m,) with the first `used` columns of the baseline taken out,
    over N, in units of each column's SD and y's; returns y's SD. W (m, q + 1) = (U X)'.
    """
    m = design.solved.shape[0]
    y_sd = _spread(design.y, rows)
    for i in range(m):
        column = design.solved[i]
        sd[i] = _spread(X[:, column], rows)
        for k in range(used):
            product = 0.0
            for t in range(rows):
                product += U[k, t] * X[t, column]
            W[i, k] = product
    for i in range(m):
        for j in range(i + 1):
            product = 0.0
            for t in range(rows):
                product += X[t, design.solved[i]] * X[t, design.solved[j]]
            for k in range(used):
                product -= W[i, k] * W[j, k]
            scale = rows * sd[i] * sd[j]
            A[i, j] = product / scale if scale > 0.0 else 0.0
            A[j, i] = A[i, j]
        product = 0.0
        for t in range(rows):
            product += X[t, design.solved[i]] * design.y[t]
        for k in range(used):
            product -= W[i, k] * uy[k]
        scale = rows * sd[i] * y_sd
        rhs[i] = product / scale if scale > 0.0 else 0.0
    return y_sd


@inner
def _pull_together(design, lambda_, v, X, rows, y_sd, sd, A, rhs, pull, unit):  # type: ignore[no-untyped-def]
    """Add the penalty of the paid media to A and rhs: sum of pull_i (ROI_i - mu)^2 and
    level_pull (mu - expected)^2, with mu taken out. Robyn's ridge pulls each coefficient to 0,
    hence the media together; this one pulls ROIs to each other, and them together to what media
    usually make.
    """
    m, paid = design.solved.shape[0], design.spend_total.shape[0]
    first = X.shape[1] - design.media.shape[0]
    together = design.level_pull
    for i in range(m):
        pull[i], unit[i] = 0.0, 0.0
        channel = design.solved[i] - first
        if sd[i] == 0.0 or channel < 0 or channel >= paid:
            continue
        total = 0.0
        for t in range(X.shape[0]):
            total += X[t, design.solved[i]]
        # ROI = coefficient x total / spend; the solver's unit is SD of the column over SD of y.
        unit[i] = y_sd / sd[i] * total / design.spend_total[channel]
        pull[i] = design.roi_pull * lambda_ * v[design.solved[i]]
        together += pull[i]
    if together == 0.0:
        return
    scale = 1.0 / (rows * y_sd * y_sd)
    for i in range(m):
        A[i, i] += pull[i] * unit[i] * unit[i] * scale
        for j in range(m):
            A[i, j] -= pull[i] * pull[j] / together * unit[i] * unit[j] * scale
        rhs[i] += pull[i] * design.level_pull / together * design.expected_roi * unit[i] * scale


@inner
def _heed_tests(design, G, rows, y_sd, sd, A, rhs):  # type: ignore[no-untyped-def]
    """Add the lift tests as observations: each the sum of its media's effects, G (S, M) per unit of
    their coefficients, with its own standard error. Tests without a comparison are left out.
    """
    m, first = design.solved.shape[0], design.base.shape[1]
    for s in range(G.shape[0]):
        weight = (design.noise / design.lift_error[s]) ** 2 / rows
        if design.noise == 0.0 or math.isnan(weight * G[s].sum()):
            continue
        for i in range(m):
            channel = design.solved[i] - first
            if channel < 0 or sd[i] == 0.0 or G[s, channel] == 0.0:
                continue
            rhs[i] += weight * G[s, channel] * design.lift_value[s] / (sd[i] * y_sd)
            for j in range(m):
                other = design.solved[j] - first
                if other >= 0 and sd[j] > 0.0:
                    A[i, j] += weight * G[s, channel] * G[s, other] / (sd[i] * sd[j])


@inner
def _inverse_diagonal(A, L, diagonal):  # type: ignore[no-untyped-def]
    """The diagonal of the inverse of A (m, m), by Cholesky; L is working memory."""
    m = A.shape[0]
    for i in range(m):
        for j in range(i + 1):
            total = A[i, j]
            for k in range(j):
                total -= L[i, k] * L[j, k]
            if i == j:
                L[i, i] = math.sqrt(max(total, 1e-13 * A[i, i] + 1e-300))
            else:
                L[i, j] = total / L[j, j]
    for column in range(m):
        diagonal[column] = 0.0
        for i in range(column, m):
            total = 1.0 if i == column else 0.0
            for k in range(column, i):
                total -= L[i, k] * L[m, k]
            L[m, i] = total / L[i, i]
            diagonal[column] += L[m, i] * L[m, i]


@inner
def _solve(design, lambda_, v, X, rows, used, U, uy, W, G, b, work):  # type: ignore[no-untyped-def]
    """Coefficients of the solved columns into b (p,), beside the first `used` columns of the
    baseline; returns the solver's count. `variance` becomes each coefficient's variance as a
    multiple of the noise's.
    """
    sd, low, high, A, rhs, own, state, index, L, pull, unit, variance = work
    m = design.solved.shape[0]
    y_sd = _moments(design, X, rows, used, U, uy, W, sd, A, rhs)
    for i in range(m):
        column = design.solved[i]
        low[i], high[i] = 0.0, 0.0
        if sd[i] == 0.0:
            A[i, i] = 1.0
            continue
        low[i] = design.lower[column] * sd[i] / y_sd
        high[i] = design.upper[column] * sd[i] / y_sd
        A[i, i] += design.own_precision[column] / rows
    _pull_together(design, lambda_, v, X, rows, y_sd, sd, A, rhs, pull, unit)
    _heed_tests(design, G, rows, y_sd, sd, A, rhs)
    passes = solve_exact(A, rhs, low, high, own, state, index, L)
    _inverse_diagonal(A, L, variance)
    for i in range(m):
        b[design.solved[i]] = own[i] * y_sd / sd[i] if sd[i] > 0.0 else 0.0
        variance[i] = variance[i] / (rows * sd[i] * sd[i]) if sd[i] > 0.0 else 0.0
    return passes


@inner
def _baseline_coefficients(design, used, L, uy, W, b, gamma):  # type: ignore[no-untyped-def]
    """The baseline's own coefficients into gamma (q + 1,), the level last."""
    for k in range(gamma.shape[0]):
        gamma[k] = 0.0
    for k in range(used - 1, -1, -1):
        total = uy[k]
        for i in range(design.solved.shape[0]):
            total -= W[i, k] * b[design.solved[i]]
        for j in range(k + 1, used):
            total -= L[j, k] * gamma[j]
        gamma[k] = total / L[k, k]


@inner
def fit_flexible(design, lambda_, v, X, rows, b, gamma, eliminated, W, G, work):  # type: ignore[no-untyped-def]
    """Fit the first `rows` rows: coefficients into b (p,), the baseline's into gamma (q + 1,), its
    parts into their columns of X, whose coefficient is 1. Returns (intercept, intercept was
    dropped, solver's count).
    """
    L, U, uy = eliminated
    q = design.flexible.shape[1]
    used = q + 1 if design.intercept else q
    passes = _solve(design, lambda_, v, X, rows, used, U, uy, W, G, b, work)
    _baseline_coefficients(design, used, L, uy, W, b, gamma)
    dropped = not design.intercept
    if design.intercept and gamma[q] < 0.0 and design.non_negative_intercept:
        dropped = True
        passes = _solve(design, lambda_, v, X, rows, q, U, uy, W, G, b, work)
        _baseline_coefficients(design, q, L, uy, W, b, gamma)
    for i in range(q):
        b[design.flexible_part[i]] = 1.0
        X[:, design.flexible_part[i]] = 0.0
    for i in range(q):
        for t in range(X.shape[0]):
            X[t, design.flexible_part[i]] += gamma[i] * design.flexible[t, i]
    return gamma[q], dropped, passes


@inner
def penalised_error(design, rows, gamma, fitted, paid_effect):  # type: ignore[no-untyped-def]
    """Root mean square error of the first `rows` rows with what the priors of the baseline and of
    the media's total add to it, over the KPI's range: a baseline that bends more to fit is no
    better for it.
    """
    total, low, high = 0.0, design.y[0], design.y[0]
    for t in range(rows):
        total += (design.y[t] - fitted[t]) ** 2
        low = min(low, design.y[t])
        high = max(high, design.y[t])
    for i in range(design.flexible.shape[1]):
        total += design.flexible_precision[i] * gamma[i] ** 2
    if design.spend_total.shape[0] > 0:
        mean_roi = paid_effect / design.spend_total.sum()
        total += design.level_pull * (mean_roi - design.expected_roi) ** 2
    return math.sqrt(total / rows) / (high - low)
