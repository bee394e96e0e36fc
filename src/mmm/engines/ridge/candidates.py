"""Evaluation of candidates: from hyperparameters to coefficients, fit and business distance,
compiled, in batches.

A candidate is one setting of all hyperparameters. Every candidate is evaluated on its own in one
thread, so results are the same bit for bit whatever the number of cores.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np

from mmm.cores import usable_cores
from mmm.engines.adstock_hill.candidates import Candidates, Evaluation, split_counts
from mmm.engines.adstock_hill.transforms import adstock_into, hill, hill_into, inner, jit
from mmm.engines.ridge.flexible import eliminate, fit_flexible, penalised_error
from mmm.engines.ridge.solver import solve_exact, solve_glmnet

EXACT, ROBYN = 0, 1
TRAIN, VAL, TEST = 0, 1, 2


class Design(NamedTuple):
    """Everything candidates share. T rows, n of them in the window, K other regressors before M
    media, p = K + M.

    Units: `media` in money (exposures are rescaled to the spend's total), `y` and `base` in units
    of the KPI or raw.
    """

    y: np.ndarray  # (n,)
    base: np.ndarray  # (n, K) prophet parts and context
    media: np.ndarray  # (M, T), paid first, then organic
    window_start: int
    adstock: np.ndarray  # (M,) codes of `transforms`
    lower: np.ndarray  # (p,) bounds of the coefficients
    upper: np.ndarray
    trend: int  # column of the trend, whose bounds turn when its sum is negative; -1: none
    spend_share: np.ndarray  # (P,) of the raw spends in the window
    intercept: bool
    non_negative_intercept: bool
    zero_effect_penalty: bool
    method: int
    threshold: float  # of glmnet's stopping rule, for the method "robyn"
    use_validation: bool
    lift_rows: np.ndarray  # (S, 2) first and last row of each study, within all T rows
    lift_media: np.ndarray  # (S, M) 1 where the medium is part of the study
    lift_immediate: np.ndarray  # (S,) 1: immediate, 0: total
    lift_scale: (
        np.ndarray
    )  # (S,) factor from the study rows' effect to the study's period; NaN: no comparison
    lift_value: np.ndarray  # (S,) measured lift
    lift_error: np.ndarray  # (S,) its standard error, in units of the KPI
    previous_share: (
        np.ndarray
    )  # (p + 1,) of a refreshed model's effects, the intercept's last; (0,): no refresh
    previous_weight: float  # of the distance of what is not paid, in a refresh
    flexible: np.ndarray  # (n, q) columns of the baseline that each fit takes out; (n, 0): none
    flexible_part: np.ndarray  # (q,) the base column that each belongs to
    flexible_precision: np.ndarray  # (q,) penalties, in sums of squares
    solved: np.ndarray  # (m,) columns that are regressed beside them: context, media; (0,): all
    own_precision: np.ndarray  # (p,) penalties of standardised columns beside lambda's; 0: none
    spend_total: np.ndarray  # (P,) of the raw spends in the window
    expected_roi: float  # what all spend together is expected to bring per unit of money
    level_pull: float  # penalty of the media's mean ROI's distance from it, in sums of squares
    noise: float  # estimated SD of the KPI's noise, in its units; 0: unknown
    roi_pull: float  # penalty of a ROI's distance from their mean, per unit of lambda


@inner
def _transform_media(design, cand, c, X, adstocked, weights, out):  # type: ignore[no-untyped-def]
    """Adstocked and saturated media of candidate c into the last M columns of X (n, p)."""
    n, k = design.base.shape
    start = design.window_start
    for m in range(design.media.shape[0]):
        x = design.media[m]
        a = adstocked[m]
        adstock_into(x, design.adstock[m], cand.rate[c, m], cand.scale[c, m], weights, a)
        total_in, total_out, largest = 0.0, 0.0, 0.0
        for t in range(x.shape[0]):
            total_in += x[t]
            total_out += a[t]
        for t in range(start, start + n):
            largest = max(largest, a[t])
        inflexion = cand.gamma[c, m] * largest
        out.inflexion[c, m] = inflexion
        out.inflation[c, m] = total_out / total_in
        hill_into(a[start : start + n], cand.alpha[c, m], inflexion, X[:, k + m])


@inner
def _moments(X, y, rows, mean, sd, Z, A, rhs):  # type: ignore[no-untyped-def]
    """Standardised columns Z, their products A = Z'Z/N and rhs = Z'(y - mean y)/(N sd y); returns
    (mean y, sd y).

    A column that is constant in the training rows gets sd 0 and zeros.
    """
    p = X.shape[1]
    y_mean = 0.0
    for t in range(rows):
        y_mean += y[t]
    y_mean /= rows
    y_square = 0.0
    for t in range(rows):
        y_square += (y[t] - y_mean) ** 2
    y_sd = math.sqrt(y_square / rows)
    for j in range(p):
        total, low, high = 0.0, X[0, j], X[0, j]
        for t in range(rows):
            value = X[t, j]
            total += value
            low = min(low, value)
            high = max(high, value)
        mean[j] = total / rows
        square = 0.0
        for t in range(rows):
            square += (X[t, j] - mean[j]) ** 2
        sd[j] = 0.0 if low == high else math.sqrt(square / rows)
        inverse = 1.0 / sd[j] if sd[j] > 0.0 else 0.0
        for t in range(rows):
            Z[t, j] = (X[t, j] - mean[j]) * inverse
    A.fill(0.0)
    rhs.fill(0.0)
    for t in range(rows):
        target = (y[t] - y_mean) / y_sd
        for i in range(p):
            value = Z[t, i]
            rhs[i] += value * target
            for j in range(i + 1):
                A[i, j] += value * Z[t, j]
    for i in range(p):
        rhs[i] /= rows
        for j in range(i + 1):
            A[i, j] /= rows
            A[j, i] = A[i, j]
    return y_mean, y_sd


@inner
def _uncentre(mean, sd, y_mean, y_sd, A, rhs):  # type: ignore[no-untyped-def]
    """Moments for a fit without intercept: nothing is centred, columns keep their SD; returns
    sqrt(mean y^2).
    """
    p = mean.shape[0]
    y_root = math.sqrt(y_sd**2 + y_mean**2)
    for i in range(p):
        shift = mean[i] / sd[i] if sd[i] > 0.0 else 0.0
        rhs[i] = (rhs[i] * y_sd + shift * y_mean) / y_root
        for j in range(p):
            if sd[i] > 0.0 and sd[j] > 0.0:
                A[i, j] += shift * mean[j] / sd[j]
    return y_root


@inner
def _solve(design, lambda_, v, y_scale, sd, lower, upper, A, rhs, b, work):  # type: ignore[no-untyped-def]
    """Fill b (p,) with coefficients in units of y; returns the solver's count."""
    p = A.shape[0]
    factors = 0.0
    for j in range(p):
        factors += v[j]
    low, high, penalty, state, index, L, g, diagonal = work
    for j in range(p):
        # Without any spread there is nothing to fit; a zero box keeps the column out of both
        # solvers.
        low[j] = lower[j] * sd[j] / y_scale if sd[j] > 0.0 and lower[j] > -np.inf else lower[j]
        high[j] = upper[j] * sd[j] / y_scale if sd[j] > 0.0 and upper[j] < np.inf else upper[j]
        if sd[j] == 0.0:
            low[j], high[j] = 0.0, 0.0
        penalty[j] = lambda_ / y_scale * (v[j] * p / factors if factors > 0.0 else 0.0)
    if design.method == ROBYN:
        passes = solve_glmnet(
            A, rhs, penalty, low, high, design.threshold, b, state, index, g, diagonal
        )
    else:
        for j in range(p):
            A[j, j] += penalty[j] if sd[j] > 0.0 else 1.0
        passes = solve_exact(A, rhs, low, high, b, state, index, L)
        for j in range(p):
            A[j, j] -= penalty[j] if sd[j] > 0.0 else 1.0
    for j in range(p):
        b[j] = b[j] * y_scale / sd[j] if sd[j] > 0.0 else 0.0
    return passes


@inner
def _fit(design, lambda_, v, X, rows, b, moments, bounds, work):  # type: ignore[no-untyped-def]
    """Fit the first `rows` rows; coefficients into b. Returns (intercept, intercept was dropped,
    solver's count).
    """
    mean, sd, Z, A, rhs = moments
    lower, upper = bounds
    y_mean, y_sd = _moments(X, design.y, rows, mean, sd, Z, A, rhs)
    for j in range(b.shape[0]):
        lower[j], upper[j] = design.lower[j], design.upper[j]
    if design.trend >= 0 and mean[design.trend] < 0.0:
        lower[design.trend], upper[design.trend] = -1.0, 0.0
    intercept, passes = 0.0, 0
    if design.intercept:
        passes = _solve(design, lambda_, v, y_sd, sd, lower, upper, A, rhs, b, work)
        intercept = y_mean
        for j in range(b.shape[0]):
            intercept -= b[j] * mean[j]
        if intercept >= 0.0 or not design.non_negative_intercept:
            return intercept, False, passes
    y_root = _uncentre(mean, sd, y_mean, y_sd, A, rhs)
    passes = _solve(design, lambda_, v, y_root, sd, lower, upper, A, rhs, b, work)
    return 0.0, design.intercept, passes


@inner
def _distance_to_previous(design, effects, k, paid):  # type: ignore[no-untyped-def]
    """Root mean square change of the shares of effect: of paid media, and weighted of all others
    (refreshed RSSD).
    """
    parts = effects.shape[0]
    fitted, of_paid, of_others = 0.0, 0.0, 0.0
    for j in range(parts):
        fitted += effects[j]
    for j in range(parts):
        change = (effects[j] / fitted - design.previous_share[j]) ** 2
        if k <= j < k + paid:
            of_paid += change
        else:
            of_others += change
    return (
        math.sqrt(of_paid / paid) + math.sqrt(of_others / (parts - paid)) * design.previous_weight
    )


@inner
def _measure(design, X, rows, val, b, intercept, dropped, c, fitted, out):  # type: ignore[no-untyped-def]
    """NRMSE and adjusted R2 per split, effects and DECOMP.RSSD of candidate c."""
    n, p = X.shape
    for t in range(n):
        total = intercept
        for j in range(p):
            total += b[j] * X[t, j]
        fitted[t] = total
    degrees = 0.0 if dropped else 1.0
    first = 0
    for split in range(3):
        last = rows if split == 0 else (rows + val if split == 1 else n)
        if last > first:
            mean, low, high = 0.0, design.y[first], design.y[first]
            for t in range(first, last):
                mean += design.y[t]
                low = min(low, design.y[t])
                high = max(high, design.y[t])
            mean /= last - first
            residual, spread = 0.0, 0.0
            for t in range(first, last):
                residual += (design.y[t] - fitted[t]) ** 2
                spread += (design.y[t] - mean) ** 2
            out.nrmse[c, split] = math.sqrt(residual / (last - first)) / (high - low)
            rsq = 1.0 - residual / spread
            out.rsq[c, split] = 1.0 - (1.0 - rsq) * (rows - degrees) / (rows - p - 1)
        first = last
    paid = design.spend_share.shape[0]
    k = p - design.media.shape[0]
    paid_effect = 0.0
    for j in range(p):
        total = 0.0
        for t in range(n):
            total += X[t, j]
        out.effects[c, j] = b[j] * total
        if k <= j < k + paid:
            paid_effect += out.effects[c, j]
    out.effects[c, p] = intercept * n
    distance, without_effect = 0.0, 0
    for i in range(paid):
        share = out.effects[c, k + i] / paid_effect
        distance += (share - design.spend_share[i]) ** 2
        if abs(share) < 0.5e-4:
            without_effect += 1
    rssd = math.sqrt(distance)
    if design.zero_effect_penalty and paid > 0:
        rssd *= 1.0 + without_effect / paid
    if paid > 0 and paid_effect == 0.0:  # without a paid channel all candidates are equal in this
        rssd = np.inf
    if design.previous_share.shape[0] > 0:
        rssd = _distance_to_previous(design, out.effects[c], k, paid)
    out.loss[c, 0] = out.nrmse[c, VAL] if design.use_validation and val > 0 else out.nrmse[c, TRAIN]
    out.loss[c, 1] = rssd


@inner
def _study_parts(design, cand, c, study, m, X, adstocked, out, weights, buffer):  # type: ignore[no-untyped-def]
    """A medium's summed effect over a study's rows per unit of its coefficient: (what its scope
    counts, all of it).
    """
    k = design.base.shape[1]
    first, last = design.lift_rows[study, 0], design.lift_rows[study, 1]
    total, earlier = 0.0, 0.0
    for t in range(first, last + 1):
        total += X[t - design.window_start, k + m]
    if design.lift_immediate[study] == 0:
        return total, total
    x = design.media[m]
    if design.method == ROBYN:
        # Robyn counts the Weibull's length on the study's rows alone, so its decay differs from
        # the model's.
        own = buffer[: last + 1 - first]
        studied = x[first : last + 1]
        adstock_into(studied, design.adstock[m], cand.rate[c, m], cand.scale[c, m], weights, own)
        for t in range(first, last + 1):
            historic = adstocked[m, t] - own[t - first]
            earlier += hill(historic, cand.alpha[c, m], out.inflexion[c, m])
        return total - earlier, total
    for t in range(x.shape[0]):
        buffer[t] = x[t] if t < first else 0.0
    own = weights[x.shape[0] : 2 * x.shape[0]]
    adstock_into(buffer, design.adstock[m], cand.rate[c, m], cand.scale[c, m], weights, own)
    for t in range(first, last + 1):
        earlier += hill(own[t], cand.alpha[c, m], out.inflexion[c, m])
    return total - earlier, total


@inner
def _study_units(design, cand, c, X, adstocked, out, weights, buffer, G, whole):  # type: ignore[no-untyped-def]
    """G (S, M): each study's effect per unit of its media's coefficients, in its scope and scaled
    to its own days; `whole` the same with all carryover.
    """
    for study in range(G.shape[0]):
        for m in range(G.shape[1]):
            G[study, m], whole[study, m] = 0.0, 0.0
            if design.lift_media[study, m] == 1:
                scoped, total = _study_parts(
                    design, cand, c, study, m, X, adstocked, out, weights, buffer
                )
                G[study, m] = scoped * design.lift_scale[study]
                whole[study, m] = total * design.lift_scale[study]


@inner
def _calibration(design, c, b, G, whole, out):  # type: ignore[no-untyped-def]
    """Mean absolute percentage error against the lift tests, NaN studies left out (Robyn: MAPE).
    Beside a flexible baseline a lift that is smaller than its standard error counts in units of
    that: a share of nearly nothing says nothing.
    """
    k = design.base.shape[1]
    total, count = 0.0, 0
    for study in range(G.shape[0]):
        effect, all_of_it = 0.0, 0.0
        for m in range(G.shape[1]):
            if design.lift_media[study, m] == 1:
                effect += b[k + m] * G[study, m]
                all_of_it += b[k + m] * whole[study, m]
        out.studied[c, study, 0], out.studied[c, study, 1] = effect, all_of_it
        unit = abs(design.lift_value[study])
        if design.solved.shape[0] > 0:
            unit = max(unit, design.lift_error[study])
        error = abs(effect - design.lift_value[study]) / unit
        if not math.isnan(error):
            total += error
            count += 1
    return total / count if count > 0 else np.nan


@inner
def _effect_errors(design, c, rows, error, X, variance, out):  # type: ignore[no-untyped-def]
    """Standard errors of the media's effects over the window, given the candidate's curves."""
    k = design.base.shape[1]
    noise = error * (design.y[:rows].max() - design.y[:rows].min())
    for i in range(design.solved.shape[0]):
        column = design.solved[i]
        if column >= k:
            out.effect_error[c, column - k] = (
                math.sqrt(variance[i]) * noise * abs(X[:, column].sum())
            )


@jit
def _evaluate(design, cand, start, stop, out):  # type: ignore[no-untyped-def]
    """Evaluate candidates start..stop-1 into `out`."""
    n, k = design.base.shape
    media, T = design.media.shape
    p = k + media
    X, Z, fitted = np.empty((n, p)), np.empty((n, p)), np.empty(n)
    for t in range(n):
        for j in range(k):
            X[t, j] = design.base[t, j]
    adstocked, weights, buffer = np.empty((media, T)), np.empty(2 * T), np.empty(T)
    A, L, rhs, mean, sd = (
        np.empty((p, p)),
        np.empty((p + 1, p)),
        np.empty(p),
        np.empty(p),
        np.empty(p),
    )
    bounds = (np.empty(p), np.empty(p))
    work = (
        np.empty(p), np.empty(p), np.empty(p), np.empty(p, np.int64), np.empty(p, np.int64), L, np.empty(p), np.empty(p)
    )  # fmt: skip
    q, m = design.flexible.shape[1], design.solved.shape[0]
    eliminated = (np.empty((q + 1, q + 1)), np.empty((q + 1, n)), np.empty(q + 1))
    gamma, W = np.empty(q + 1), np.empty((m, q + 1))
    beside = (
        np.empty(m), np.empty(m), np.empty(m), np.empty((m, m)), np.empty(m), np.empty(m), np.empty(m, np.int64),
        np.empty(m, np.int64), np.empty((m + 1, m)), np.empty(m), np.empty(m), np.empty(m),
    )  # fmt: skip
    studies = design.lift_value.shape[0]
    G, whole = np.empty((studies, media)), np.empty((studies, media))
    eliminated_rows = -1
    for c in range(start, stop):
        _transform_media(design, cand, c, X, adstocked, weights, out)
        rows, val = split_counts(n, cand.train_size[c])
        b = out.coefficients[c]
        if studies > 0:
            _study_units(design, cand, c, X, adstocked, out, weights, buffer, G, whole)
        if m > 0:
            if rows != eliminated_rows:
                eliminate(design, rows, eliminated[0], eliminated[1], eliminated[2])
                eliminated_rows = rows
            intercept, dropped, passes = fit_flexible(
                design,
                cand.lambda_[c],
                cand.penalty[c],
                X,
                rows,
                b,
                gamma,
                eliminated,
                W,
                G,
                beside,
            )
            out.flexible[c] = gamma[:q]
        else:
            intercept, dropped, passes = _fit(
                design,
                cand.lambda_[c],
                cand.penalty[c],
                X,
                rows,
                b,
                (mean, sd, Z, A, rhs),
                bounds,
                work,
            )
        out.intercept[c] = intercept
        out.passes[c] = passes
        _measure(design, X, rows, val, b, intercept, dropped, c, fitted, out)
        if m > 0:
            paid_effect = out.effects[c, k : k + design.spend_share.shape[0]].sum()
            error = penalised_error(design, rows, gamma, fitted, paid_effect)
            if not design.use_validation:
                out.loss[c, 0] = error
            _effect_errors(design, c, rows, error, X, beside[11], out)
        if studies > 0:
            out.loss[c, 2] = _calibration(design, c, b, G, whole, out)


def evaluate(
    design: Design,
    candidates: Candidates,
    cores: int | None = None,
    pool: ThreadPoolExecutor | None = None,
) -> Evaluation:
    """Evaluate B candidates on `cores` threads (default: all). Results do not depend on `cores`.
    Who evaluates often brings a `pool` of that many threads.
    """
    batch = candidates.batch
    out = Evaluation.empty(
        batch,
        design.lower.shape[0],
        design.media.shape[0],
        len(design.lift_value),
        design.flexible.shape[1],
    )
    cores = cores or usable_cores()
    chunk = max(1, min(64, -(-batch // cores)))
    starts = range(0, batch, chunk)
    if cores == 1 or len(starts) == 1:
        _evaluate(design, candidates, 0, batch, out)
        return out
    with nullcontext(pool) if pool else ThreadPoolExecutor(cores) as threads:
        list(
            threads.map(
                lambda start: _evaluate(design, candidates, start, min(start + chunk, batch), out),
                starts,
            )
        )
    return out
