"""The collapsed likelihood of a panel: see `panel.model` for the covariance that is integrated to.

With V that covariance, channels phi_c (the geos' f times their factors) and beta the national ROIs,

    <a, b> = a'V^-1 b = (mean_a'mean_b - W_a'W_b) / sigma^2 + (ff - sum_j shrink_j bb_j) / own^2

where mean is the precision-weighted mean over geos, W = L^-1 Z'mean as in the national kernel, and ff
and bb are sums over geos less those of the nation's direction. Controls that differ between geos are
integrated out in the same way: <a, b> - <a, X>(D_x^-1 + <X, X>)^-1 <X, b>.
"""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import (
    KAPPA,
    RHO,
    SHAPE,
    THETA,
    Tests,
    carried_sum,
    column_precision,
    convolve,
    dot,
    factorise,
    forward,
    hill,
    inner,
    jit,
    lag_weights,
    project,
    theta_of,
)
from mmm.engines.bayes.panel.model import PanelCurves, PanelMarket, PanelSolved


@inner
def panel_regressor(
    market: PanelMarket,
    c: int,
    parameters: np.ndarray,
    weights: np.ndarray,
    f: np.ndarray,
    log_pressure: np.ndarray,
) -> float:
    """Whitened f (G, T) of a channel, without the geos' factors: one curve per size for all geos,
    scaled so that the nation's effect per unit of ROI sums to the money. Returns the Hill curve's
    national factor; 0 where the curve gives no effect at all.
    """
    theta = theta_of(parameters[THETA], market.week)
    used = lag_weights(theta, 1.0 + math.exp(parameters[RHO]), weights)
    log_kappa, k = parameters[KAPPA], math.exp(parameters[SHAPE])
    total = 0.0
    for g in range(f.shape[0]):
        logs, values = log_pressure[g], f[g]
        convolve(market.x[c, g], weights, used, logs)
        total += hill(log_kappa, k, logs, values) * market.size[g]
    if not total > 1e-200:
        return 0.0
    factor = market.money[c] / total
    for g in range(f.shape[0]):
        scale = factor * market.size[g] / market.whole[g] * market.unit[g]
        for t in range(f.shape[1]):
            f[g, t] *= scale
    return factor


@inner
def geo_evidence(
    market: PanelMarket,
    c: int,
    parameters: np.ndarray,
    weights: np.ndarray,
    factor: float,
    f: np.ndarray,
    log_pressure: np.ndarray,
    out: np.ndarray,
) -> None:
    """A channel's effect per unit of ROI over each lift test by geo, in the test's standard errors:
    (G, tests), 0 in fixed rows. `factor` is that of `panel_regressor`.
    """
    tests: Tests = market.tests
    for j in range(out.shape[1]):
        first, last = tests.rows[j, 0], tests.rows[j, 1]
        for g in range(f.shape[0]):
            out[g, j] = 0.0
            if first < 0 or tests.counts[c, j] == 0.0:
                continue
            total = 0.0
            for t in range(first, last + 1):
                total += f[g, t]
            total *= market.whole[g] / market.unit[g]
            if tests.immediate[j] == 1:
                own = factor * market.size[g]
                total -= carried_sum(
                    market.x[c, g], parameters, weights[0], own, log_pressure[g], first, last
                )
            out[g, j] = total * tests.counts[c, j] * tests.factor[j]


@inner
def nation_evidence(
    tests: Tests, c: int, of_geos: np.ndarray, factors: np.ndarray, out: np.ndarray
) -> None:
    """A channel's soft evidence (tests,) from that of the geos and their factors (G,)."""
    for j in range(out.shape[0]):
        out[j] = 0.0
        if tests.rows[j, 0] < 0:
            out[j] = tests.counts[c, j]
            continue
        for g in range(factors.shape[0]):
            out[j] += factors[g] * of_geos[g, j]


@inner
def slow_sums(slow_columns: np.ndarray, f: np.ndarray, out: np.ndarray) -> None:
    """B'f of every geo, (G, J)."""
    periods = f.shape[1]
    for g in range(f.shape[0]):
        for j in range(slow_columns.shape[0]):
            out[g, j] = dot(slow_columns[j], f[g], periods)


@jit
def weighted_mean(
    unit: np.ndarray, length: float, f: np.ndarray, factors: np.ndarray, out: np.ndarray
) -> None:
    """Precision-weighted mean over geos of f times the factors, in units of y_g: (T,)."""
    out[:] = 0.0
    for g in range(f.shape[0]):
        weight = unit[g] * factors[g] / (length * length)
        values = f[g]
        for t in range(out.shape[0]):
            out[t] += weight * values[t]


@jit
def apart(a: np.ndarray, fa: np.ndarray, b: np.ndarray, fb: np.ndarray) -> float:
    """Sum over geos of fa fb a'b of a and b (G, n)."""
    total = 0.0
    for g in range(a.shape[0]):
        total += fa[g] * fb[g] * dot(a[g], b[g], a.shape[1])
    return total


@inner
def slow_apart(
    a: np.ndarray,
    fa: np.ndarray,
    b: np.ndarray,
    fb: np.ndarray,
    unit: np.ndarray,
    length: float,
    out: np.ndarray,
) -> None:
    """Products of B'f, summed over geos, less the nation's direction; by column of B, (J,)."""
    for j in range(out.shape[0]):
        total, mean_a, mean_b = 0.0, 0.0, 0.0
        for g in range(a.shape[0]):
            one, other = fa[g] * a[g, j], fb[g] * b[g, j]
            total += one * other
            mean_a += unit[g] * one
            mean_b += unit[g] * other
        out[j] = total - mean_a * mean_b / (length * length)


@inner
def place_sums(
    market: PanelMarket,
    curves: PanelCurves,
    factors: np.ndarray,
    y_slow: np.ndarray,
    weeks: int,
) -> None:
    """All sums of `curves` from f, B'f, the geos' evidence and factors (R, G); `y_slow` (G, J) is
    B'y.
    """
    design, periods = market.design, market.y.shape[1]
    lengths = market.length * market.length
    ones = np.ones(market.y.shape[0])
    for c in range(curves.f.shape[0]):
        weighted_mean(market.unit, market.length, curves.f[c], factors[c], curves.mean[c])
        project(
            design.week_of,
            weeks,
            design.pointer,
            design.row,
            design.dense,
            curves.mean[c],
            curves.zf[c],
        )
        my = dot(curves.mean[c], design.y, periods)
        curves.my[c] = my
        curves.fy[c] = apart(curves.f[c], factors[c], market.y, ones) - lengths * my
        slow_apart(
            curves.slow[c], factors[c], y_slow, ones, market.unit, market.length, curves.by[c]
        )
        for d in range(c + 1):
            mm = dot(curves.mean[c], curves.mean[d], periods)
            ff = apart(curves.f[c], factors[c], curves.f[d], factors[d]) - lengths * mm
            curves.mm[c, d], curves.mm[d, c] = mm, mm
            curves.ff[c, d], curves.ff[d, c] = ff, ff
            slow_apart(
                curves.slow[c],
                factors[c],
                curves.slow[d],
                factors[d],
                market.unit,
                market.length,
                curves.bb[c, d],
            )
            for j in range(curves.bb.shape[2]):
                curves.bb[d, c, j] = curves.bb[c, d, j]
    for c in range(curves.evidence.shape[0]):
        nation_evidence(market.tests, c, curves.geo_evidence[c], factors[c], curves.evidence[c])


@inner
def slow_precision(market: PanelMarket, hyper: np.ndarray, shrink: np.ndarray) -> float:
    """The share of each column of B into `shrink` (J,); returns the log determinant's half of one
    direction apart from the nation's.
    """
    own, periods = market.own, market.y.shape[1]
    half_log = periods * hyper[own]
    for j in range(shrink.shape[0]):
        log_sd = market.slow_log_scale[j]
        if market.slow_free[j] == 1.0:
            log_sd += hyper[own + 1] - hyper[hyper.shape[0] - 1] * market.slow_log_order[j]
        ratio = periods * math.exp(2.0 * (log_sd - hyper[own]))
        half_log += 0.5 * math.log1p(ratio)
        shrink[j] = ratio / (1.0 + ratio) / periods
    return half_log


@inner
def product(
    solved: PanelSolved,
    mm: float,
    ff: float,
    bb: np.ndarray,
    wa: np.ndarray,
    wb: np.ndarray,
    noise: float,
    own_noise: float,
) -> float:
    """<a, b> without the wide controls."""
    nation = (mm - dot(wa, wb, wa.shape[0])) * noise
    return nation + (ff - dot(solved.shrink, bb, bb.shape[0])) * own_noise


@inner
def solve_panel(
    market: PanelMarket,
    y_apart: np.ndarray,
    curves: PanelCurves,
    hyper: np.ndarray,
    solved: PanelSolved,
) -> None:
    """Everything in `solved` anew, for given curves and hyperparameters. `y_apart` (1 + J,): y'y
    apart from the nation's direction, then the products of B'y.
    """
    design, tests = market.design, market.tests.value.shape[0]
    periods, p, geos = design.y.shape[0], design.zy.shape[0], market.y.shape[0]
    channels = solved.precision.shape[0]
    w, wy = solved.w, solved.wy
    half_log = column_precision(
        hyper, design.log_scale, design.group, design.log_order, design.power, wy
    )
    half_log += factorise(design.gram, wy, solved.diagonal, solved.cross, solved.lower)
    forward(solved.diagonal, solved.cross, solved.lower, design.zy, wy)
    noise, own_noise = math.exp(-2.0 * hyper[0]), math.exp(-2.0 * hyper[market.own])
    apart_log = slow_precision(market, hyper, solved.shrink)
    y_slow = y_apart[1:]
    constant = -(periods - p) * hyper[0] - half_log - (geos - 1) * apart_log
    constant -= 0.5 * (dot(design.y, design.y, periods) - dot(wy, wy, p)) * noise
    constant -= 0.5 * (y_apart[0] - dot(solved.shrink, y_slow, y_slow.shape[0])) * own_noise
    constant -= 0.5 * dot(market.tests.value, market.tests.value, tests)
    for c in range(w.shape[0]):
        forward(solved.diagonal, solved.cross, solved.lower, curves.zf[c], w[c])
    constant += _solve_wide(market, curves, solved, noise, own_noise)
    solved.constant[0] = constant
    for c in range(channels):
        q = solved.q[c]
        linear = product(
            solved, curves.my[c], curves.fy[c], curves.by[c], w[c], wy, noise, own_noise
        )
        linear -= dot(q, solved.qy, q.shape[0])
        solved.linear[c] = linear + dot(market.tests.value, curves.evidence[c], tests)
        for d in range(c + 1):
            value = product(
                solved,
                curves.mm[c, d],
                curves.ff[c, d],
                curves.bb[c, d],
                w[c],
                w[d],
                noise,
                own_noise,
            )
            value -= dot(q, solved.q[d], q.shape[0])
            value += dot(curves.evidence[c], curves.evidence[d], tests)
            solved.precision[c, d] = value
            solved.precision[d, c] = value


@inner
def _solve_wide(
    market: PanelMarket,
    curves: PanelCurves,
    solved: PanelSolved,
    noise: float,
    own_noise: float,
) -> float:
    """The controls' factor and what channels and y share with them; returns their part of the
    constant.
    """
    channels, wide = solved.precision.shape[0], solved.wide_lower.shape[0]
    constant, lower, w = 0.0, solved.wide_lower, solved.w
    for i in range(wide):
        a = channels + i
        for j in range(i + 1):
            b = channels + j
            value = product(
                solved,
                curves.mm[a, b],
                curves.ff[a, b],
                curves.bb[a, b],
                w[a],
                w[b],
                noise,
                own_noise,
            )
            if i == j:
                value += 1.0 / (market.wide_sd[i] * market.wide_sd[i])
                lower[i, i] = math.sqrt(value - dot(lower[i], lower[i], i))
            else:
                lower[i, j] = (value - dot(lower[i], lower[j], j)) / lower[j, j]
        constant -= math.log(lower[i, i]) + math.log(market.wide_sd[i])
        value = product(
            solved, curves.my[a], curves.fy[a], curves.by[a], w[a], solved.wy, noise, own_noise
        )
        solved.qy[i] = (value - dot(lower[i], solved.qy, i)) / lower[i, i]
        constant += 0.5 * solved.qy[i] * solved.qy[i]
    for c in range(channels):
        for i in range(wide):
            a = channels + i
            value = product(
                solved,
                curves.mm[c, a],
                curves.ff[c, a],
                curves.bb[c, a],
                w[c],
                w[a],
                noise,
                own_noise,
            )
            solved.q[c, i] = (value - dot(lower[i], solved.q[c], i)) / lower[i, i]
    return constant
