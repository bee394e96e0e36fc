"""The steps of a sweep that are a panel's own, and the moves of the geos' factors.

The factors of a geo's effects, around 1 with one free sd, are drawn from their exact conditional
(normal) given curves, national effects, shared baseline and controls, with the geo's own level and
trend integrated out; geo by geo, as the nation's noise ties them together.
"""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import (
    EFFECT,
    backward,
    baseline_course,
    copy,
    dot,
    effect_of,
    forward,
    jit,
    project,
)
from mmm.engines.bayes.moves import heat_and_rate, learn_all, sweep_once
from mmm.engines.bayes.panel.kernel import (
    apart,
    geo_evidence,
    nation_evidence,
    panel_regressor,
    place_sums,
    product,
    slow_apart,
    slow_sums,
    solve_panel,
    weighted_mean,
)
from mmm.engines.bayes.panel.model import PanelCurves, PanelMarket
from mmm.engines.bayes.panel.state import PanelState
from mmm.engines.bayes.parts import (
    accept_channel,
    draw_residual,
    keep,
    put_back,
    shape_trial,
    solve_spare,
    take_spare,
    trial_row,
    use,
)
from mmm.engines.bayes.proposals import WANTED_ONE, rescaled


@jit
def place_panel(market: PanelMarket, state: PanelState) -> None:
    """Everything that follows from the parameters and the geos' factors."""
    curves, trial = state.curves, state.trial
    channels, geos = state.channel.shape[0], market.y.shape[0]
    for c in range(channels):
        parameters, f = state.channel[c], curves.f[c]
        factor = panel_regressor(market, c, parameters, trial.weights, f, trial.log_pressure)
        geo_evidence(
            market,
            c,
            parameters,
            trial.weights,
            factor,
            f,
            trial.log_pressure,
            curves.geo_evidence[c],
        )
        slow_sums(market.slow, f, curves.slow[c])
        state.effects[c] = effect_of(market.priors.kind[c], parameters[EFFECT])
    for i in range(market.wide.shape[0]):
        copy(market.wide[i].ravel(), curves.f[channels + i].ravel())
        slow_sums(market.slow, market.wide[i], curves.slow[channels + i])
    ones, y_slow = np.ones(geos), state.y_slow
    slow_sums(market.slow, market.y, y_slow)
    lengths = market.length * market.length
    yy = dot(market.design.y, market.design.y, market.design.y.shape[0])
    state.y_apart[0] = apart(market.y, ones, market.y, ones) - lengths * yy
    slow_apart(y_slow, ones, y_slow, ones, market.unit, market.length, state.y_apart[1:])
    place_sums(market, curves, state.factors, y_slow, state.solved.diagonal.shape[0])
    solve_panel(market, state.y_apart, curves, state.hyper, state.solved)


@jit
def _shape_trial(market: PanelMarket, state: PanelState, c: int) -> float:
    """See `parts.shape_trial`."""
    trial = state.trial
    return panel_regressor(market, c, trial.parameters, trial.weights, trial.f, trial.log_pressure)


@jit
def _trial_sums(market: PanelMarket, state: PanelState, c: int) -> None:
    """All sums of the trial's f with other regressors and y."""
    trial, curves, design = state.trial, state.curves, market.design
    factors, lengths = state.factors, market.length * market.length
    own, periods = factors[c], trial.mean.shape[0]
    slow_sums(market.slow, trial.f, trial.slow)
    weighted_mean(market.unit, market.length, trial.f, own, trial.mean)
    weeks = state.solved.diagonal.shape[0]
    project(design.week_of, weeks, design.pointer, design.row, design.dense, trial.mean, trial.zf)
    for d in range(curves.f.shape[0]):
        f, slow, mean = trial.f, trial.slow, trial.mean
        if d != c:
            f, slow, mean = curves.f[d], curves.slow[d], curves.mean[d]
        trial.mm[d] = dot(trial.mean, mean, periods)
        trial.ff[d] = apart(trial.f, own, f, factors[d]) - lengths * trial.mm[d]
        slow_apart(trial.slow, own, slow, factors[d], market.unit, market.length, trial.bb[d])


@jit
def _trial_y(market: PanelMarket, state: PanelState, c: int) -> None:
    """The trial's sums with y, into `trial.sums`."""
    trial, design, own = state.trial, market.design, state.factors[c]
    geos, periods = trial.f.shape
    total = 0.0
    for g in range(geos):
        total += own[g] * dot(trial.f[g], market.y[g], periods)
    trial.sums[0] = dot(trial.mean, design.y, periods)
    trial.sums[1] = total - market.length * market.length * trial.sums[0]
    for j in range(market.slow.shape[0]):
        total, mean_f, mean_y = 0.0, 0.0, 0.0
        for g in range(geos):
            one, other = own[g] * trial.slow[g, j], state.y_slow[g, j]
            total += one * other
            mean_f += market.unit[g] * one
            mean_y += market.unit[g] * other
        trial.sums[2 + j] = total - mean_f * mean_y / (market.length * market.length)


@jit
def _trial_row(market: PanelMarket, state: PanelState, c: int, factor: float) -> float:
    """See `parts.trial_row`."""
    trial, solved, curves = state.trial, state.solved, state.curves
    evidence, tests, channels = trial.evidence, trial.evidence.shape[0], trial.row.shape[0]
    geo_evidence(
        market,
        c,
        trial.parameters,
        trial.weights,
        factor,
        trial.f,
        trial.log_pressure,
        trial.geo_evidence,
    )
    nation_evidence(market.tests, c, trial.geo_evidence, state.factors[c], evidence)
    _trial_sums(market, state, c)
    _trial_y(market, state, c)
    forward(solved.diagonal, solved.cross, solved.lower, trial.zf, trial.w)
    noise, own_noise = math.exp(-2.0 * state.hyper[0]), math.exp(-2.0 * state.hyper[market.own])
    lower, q = solved.wide_lower, trial.q
    for i in range(q.shape[0]):
        a = channels + i
        value = product(
            solved, trial.mm[a], trial.ff[a], trial.bb[a], trial.w, solved.w[a], noise, own_noise
        )
        q[i] = (value - dot(lower[i], q, i)) / lower[i, i]
    for d in range(channels):
        w, other_q, other_evidence = trial.w, q, evidence
        if d != c:
            w, other_q, other_evidence = solved.w[d], solved.q[d], curves.evidence[d]
        value = product(solved, trial.mm[d], trial.ff[d], trial.bb[d], trial.w, w, noise, own_noise)
        value -= dot(q, other_q, q.shape[0])
        trial.row[d] = value + dot(evidence, other_evidence, tests)
    linear = product(
        solved, trial.sums[0], trial.sums[1], trial.sums[2:], trial.w, solved.wy, noise, own_noise
    )
    linear -= dot(q, solved.qy, q.shape[0])
    return linear + dot(evidence, market.tests.value, tests)


@jit
def _accept_channel(market: PanelMarket, state: PanelState, c: int, linear: float) -> None:
    """See `parts.accept_channel`."""
    trial, curves, solved = state.trial, state.curves, state.solved
    copy(trial.parameters, state.channel[c])
    copy(trial.f.ravel(), curves.f[c].ravel())
    copy(trial.slow.ravel(), curves.slow[c].ravel())
    copy(trial.mean, curves.mean[c])
    copy(trial.zf, curves.zf[c])
    copy(trial.evidence, curves.evidence[c])
    copy(trial.geo_evidence.ravel(), curves.geo_evidence[c].ravel())
    curves.my[c], curves.fy[c] = trial.sums[0], trial.sums[1]
    copy(trial.sums[2:], curves.by[c])
    copy(trial.w, solved.w[c])
    copy(trial.q, solved.q[c])
    solved.linear[c] = linear
    for d in range(trial.mm.shape[0]):
        curves.mm[c, d], curves.mm[d, c] = trial.mm[d], trial.mm[d]
        curves.ff[c, d], curves.ff[d, c] = trial.ff[d], trial.ff[d]
        copy(trial.bb[d], curves.bb[c, d])
        copy(trial.bb[d], curves.bb[d, c])
    for d in range(trial.row.shape[0]):
        solved.precision[c, d], solved.precision[d, c] = trial.row[d], trial.row[d]


@jit
def _solve_spare(market: PanelMarket, state: PanelState, hyper: np.ndarray) -> None:
    """See `parts.solve_spare`."""
    solve_panel(market, state.y_apart, state.curves, hyper, state.spare)


@jit
def _take_spare(market: PanelMarket, state: PanelState) -> None:
    """See `parts.take_spare`."""
    spare, solved = state.spare, state.solved
    copy(spare.diagonal, solved.diagonal)
    copy(spare.cross.ravel(), solved.cross.ravel())
    copy(spare.lower.ravel(), solved.lower.ravel())
    copy(spare.w.ravel(), solved.w.ravel())
    copy(spare.wy, solved.wy)
    copy(spare.shrink, solved.shrink)
    copy(spare.wide_lower.ravel(), solved.wide_lower.ravel())
    copy(spare.q.ravel(), solved.q.ravel())
    copy(spare.qy, solved.qy)
    copy(spare.precision.ravel(), solved.precision.ravel())
    copy(spare.linear, solved.linear)
    copy(spare.constant, solved.constant)


@jit
def _keep(market: PanelMarket, state: PanelState) -> None:
    """See `parts.keep`."""
    solved, spare = state.solved, state.spare
    copy(state.channel.ravel(), state.kept_channel.ravel())
    _copy_curves(state.curves, state.kept)
    copy(solved.w.ravel(), spare.w.ravel())
    copy(solved.q.ravel(), spare.q.ravel())
    copy(solved.precision.ravel(), spare.precision.ravel())
    copy(solved.linear, spare.linear)


@jit
def _put_back(market: PanelMarket, state: PanelState) -> None:
    """See `parts.put_back`."""
    solved, spare = state.solved, state.spare
    copy(state.kept_channel.ravel(), state.channel.ravel())
    for c in range(state.channel.shape[0]):
        state.effects[c] = effect_of(market.priors.kind[c], state.channel[c, EFFECT])
    _copy_curves(state.kept, state.curves)
    copy(spare.w.ravel(), solved.w.ravel())
    copy(spare.q.ravel(), solved.q.ravel())
    copy(spare.precision.ravel(), solved.precision.ravel())
    copy(spare.linear, solved.linear)


@jit
def _copy_curves(source: PanelCurves, out: PanelCurves) -> None:
    copy(source.f.ravel(), out.f.ravel())
    copy(source.slow.ravel(), out.slow.ravel())
    copy(source.mean.ravel(), out.mean.ravel())
    copy(source.zf.ravel(), out.zf.ravel())
    copy(source.mm.ravel(), out.mm.ravel())
    copy(source.my, out.my)
    copy(source.ff.ravel(), out.ff.ravel())
    copy(source.fy, out.fy)
    copy(source.bb.ravel(), out.bb.ravel())
    copy(source.by.ravel(), out.by.ravel())
    copy(source.evidence.ravel(), out.evidence.ravel())
    copy(source.geo_evidence.ravel(), out.geo_evidence.ravel())


@jit
def _draw_residual(
    market: PanelMarket,
    state: PanelState,
    rng: np.random.Generator,
    gamma: np.ndarray,
    rest: np.ndarray,
) -> None:
    """See `parts.draw_residual`: of the nation's direction."""
    channels, wide = state.channel.shape[0], np.empty(market.wide.shape[0])
    draw_baseline(market, state, rng, gamma, wide)
    baseline_course(market.design, gamma, rest)
    for t in range(rest.shape[0]):
        rest[t] = market.design.y[t] - rest[t]
    for c in range(channels):
        for t in range(rest.shape[0]):
            rest[t] -= state.effects[c] * state.curves.mean[c, t]
    for i in range(wide.shape[0]):
        for t in range(rest.shape[0]):
            rest[t] -= wide[i] * state.curves.mean[channels + i, t]


@jit
def run_panel(
    market: PanelMarket,
    state: PanelState,
    rng: np.random.Generator,
    sweeps: int,
    done: int,
    warm_up: int,
    every: int,
    kept: np.ndarray,
) -> int:
    """As `bayes.moves.run`; a kept row has (5 C, 2, h, 1, C G) numbers, the last ones the log sd of
    the geos' factors and the factors.
    """
    channels = state.channel.shape[0]
    effects, hyper = np.empty((2, channels)), np.empty(state.hyper.shape[0])
    rows = 0
    for sweep in range(done, done + sweeps):
        heat, rate = heat_and_rate(sweep, warm_up)
        sweep_once(market, state, rng, heat, rate, effects, hyper)
        if heat < 1.0:
            continue
        move_factors(market, state, rng)
        _move_spread(market, state, rng, rate)
        if sweep < warm_up:
            learn_all(state)
        if (sweep - done) % every == every - 1:
            out = kept[rows]
            at = channels * (EFFECT + 1)
            copy(state.channel.ravel(), out)
            copy(state.pool, out[at:])
            at += 2
            copy(state.hyper, out[at:])
            at += state.hyper.shape[0]
            out[at] = state.spread[0]
            copy(state.factors[:channels].ravel(), out[at + 1 :])
            rows += 1
    return rows


@jit
def draw_baseline(
    market: PanelMarket,
    state: PanelState,
    rng: np.random.Generator,
    gamma: np.ndarray,
    wide: np.ndarray,
) -> None:
    """The shared baseline's coefficients (p,) and the controls' (k,), given all else, own levels and
    trends integrated out.
    """
    solved, channels = state.solved, state.channel.shape[0]
    for i in range(wide.shape[0]):
        wide[i] = solved.qy[i] + rng.standard_normal()
        for c in range(channels):
            wide[i] -= state.effects[c] * solved.q[c, i]
    for i in range(wide.shape[0] - 1, -1, -1):
        for j in range(i + 1, wide.shape[0]):
            wide[i] -= solved.wide_lower[j, i] * wide[j]
        wide[i] /= solved.wide_lower[i, i]
    sigma = math.exp(state.hyper[0])
    for j in range(gamma.shape[0]):
        value = solved.wy[j] + sigma * rng.standard_normal()
        for c in range(channels):
            value -= state.effects[c] * solved.w[c, j]
        for i in range(wide.shape[0]):
            value -= wide[i] * solved.w[channels + i, j]
        gamma[j] = value
    backward(solved.diagonal, solved.cross, solved.lower, gamma)


@jit
def residuals(
    market: PanelMarket,
    state: PanelState,
    gamma: np.ndarray,
    wide: np.ndarray,
    out: np.ndarray,
) -> None:
    """Whitened y less baseline, controls and channels with their factors: (G, T)."""
    course, channels = np.empty(out.shape[1]), state.channel.shape[0]
    baseline_course(market.design, gamma, course)
    for g in range(out.shape[0]):
        rest = out[g]
        for t in range(rest.shape[0]):
            rest[t] = market.y[g, t] - market.unit[g] * course[t]
        for c in range(channels):
            scale, f = state.effects[c] * state.factors[c, g], state.curves.f[c, g]
            for t in range(rest.shape[0]):
                rest[t] -= scale * f[t]
        for i in range(wide.shape[0]):
            values = market.wide[i, g]
            for t in range(rest.shape[0]):
                rest[t] -= wide[i] * values[t]


@jit
def move_factors(market: PanelMarket, state: PanelState, rng: np.random.Generator) -> None:
    """New factors of all geos from their conditional, and the sums that follow."""
    geos, periods = market.y.shape
    channels, tests = state.channel.shape[0], market.tests.value.shape[0]
    gamma, wide = np.empty(market.design.zy.shape[0]), np.empty(market.wide.shape[0])
    draw_baseline(market, state, rng, gamma, wide)
    rest, rest_slow = np.empty((geos, periods)), np.empty((geos, market.slow.shape[0]))
    residuals(market, state, gamma, wide, rest)
    slow_sums(market.slow, rest, rest_slow)
    nation, nation_slow = np.zeros(periods), np.zeros(market.slow.shape[0])
    for g in range(geos):
        weight = market.unit[g] / market.length
        for t in range(periods):
            nation[t] += weight * rest[g, t]
        for j in range(nation_slow.shape[0]):
            nation_slow[j] += weight * rest_slow[g, j]
    soft = np.empty(tests)
    for j in range(tests):
        soft[j] = market.tests.value[j]
        for c in range(channels):
            soft[j] -= state.effects[c] * state.curves.evidence[c, j]
    precision, change = np.empty((channels, channels)), np.empty(channels)
    for g in range(geos):
        _geo_conditional(
            market, state, g, rest[g], rest_slow[g], nation, nation_slow, soft, precision, change
        )
        _draw_normal(precision, rng, change)
        _take_factors(market, state, g, change, nation, nation_slow, soft)
    place_sums(market, state.curves, state.factors, state.y_slow, state.solved.diagonal.shape[0])
    solve_panel(market, state.y_apart, state.curves, state.hyper, state.solved)


@jit
def _geo_conditional(
    market: PanelMarket,
    state: PanelState,
    g: int,
    rest: np.ndarray,
    rest_slow: np.ndarray,
    nation: np.ndarray,
    nation_slow: np.ndarray,
    soft: np.ndarray,
    precision: np.ndarray,
    slope: np.ndarray,
) -> None:
    """Precision (C, C) of a geo's factors and the slope (C,) of their log density where they are.

    `rest` (T,), `rest_slow` (J,) are the geo's residual, `nation` that of the nation's direction.
    """
    f, slow, shrink = state.curves.f, state.curves.slow, state.solved.shrink
    channels, periods, length = slope.shape[0], rest.shape[0], market.length
    weight = market.unit[g] / length
    own = math.exp(-2.0 * state.hyper[market.own])
    noise = math.exp(-2.0 * state.hyper[0]) / (length * length)
    prior = math.exp(-2.0 * state.spread[0])
    for c in range(channels):
        explained, explained_nation = 0.0, 0.0
        for j in range(shrink.shape[0]):
            explained += shrink[j] * slow[c, g, j] * rest_slow[j]
            explained_nation += shrink[j] * slow[c, g, j] * nation_slow[j]
        value = own * (dot(f[c, g], rest, periods) - explained)
        value += weight * (noise - own) * dot(f[c, g], nation, periods)
        value += weight * own * explained_nation
        value += dot(state.curves.geo_evidence[c, g], soft, soft.shape[0])
        slope[c] = state.effects[c] * value - prior * (state.factors[c, g] - 1.0)
        for d in range(c + 1):
            ff = dot(f[c, g], f[d, g], periods)
            apart_part = ff
            for j in range(shrink.shape[0]):
                apart_part -= shrink[j] * slow[c, g, j] * slow[d, g, j]
            apart_part *= own
            value = apart_part + weight * weight * (noise * ff - apart_part)
            value += dot(
                state.curves.geo_evidence[c, g], state.curves.geo_evidence[d, g], soft.shape[0]
            )
            precision[c, d] = state.effects[c] * state.effects[d] * value
            if c == d:
                precision[c, d] += prior


@jit
def _draw_normal(precision: np.ndarray, rng: np.random.Generator, change: np.ndarray) -> None:
    """`change` from slope to a draw of N(P^-1 slope, P^-1); the precision (its lower half) becomes
    its factor.
    """
    n = change.shape[0]
    for i in range(n):
        for j in range(i):
            value = precision[i, j] - dot(precision[i], precision[j], j)
            precision[i, j] = value / precision[j, j]
        precision[i, i] = math.sqrt(precision[i, i] - dot(precision[i], precision[i], i))
        change[i] = (change[i] - dot(precision[i], change, i)) / precision[i, i]
    for i in range(n):
        change[i] += rng.standard_normal()
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            change[i] -= precision[j, i] * change[j]
        change[i] /= precision[i, i]


@jit
def _take_factors(
    market: PanelMarket,
    state: PanelState,
    g: int,
    change: np.ndarray,
    nation: np.ndarray,
    nation_slow: np.ndarray,
    soft: np.ndarray,
) -> None:
    """A geo's factors change; so do the nation's residual and that of the tests."""
    weight = market.unit[g] / market.length
    for c in range(change.shape[0]):
        state.factors[c, g] += change[c]
        moved = weight * change[c] * state.effects[c]
        for t in range(nation.shape[0]):
            nation[t] -= moved * state.curves.f[c, g, t]
        for j in range(nation_slow.shape[0]):
            nation_slow[j] -= moved * state.curves.slow[c, g, j]
        for j in range(soft.shape[0]):
            evidence = state.curves.geo_evidence[c, g, j]
            soft[j] -= change[c] * state.effects[c] * evidence


@jit
def _log_spread(prior: np.ndarray, count: int, squares: float, log_sd: float) -> float:
    z = (log_sd - prior[0]) / prior[1]
    return -0.5 * z * z - count * log_sd - 0.5 * squares * math.exp(-2.0 * log_sd)


@jit
def _move_spread(
    market: PanelMarket, state: PanelState, rng: np.random.Generator, rate: float
) -> None:
    """Two steps of the log sd of the geos' factors."""
    channels, geos = state.channel.shape[0], market.y.shape[0]
    squares = 0.0
    for c in range(channels):
        for g in range(geos):
            squares += (state.factors[c, g] - 1.0) * (state.factors[c, g] - 1.0)
    count = channels * geos
    for _ in range(2):
        old = state.spread[0]
        new = old + math.exp(state.spread_scale[0]) * rng.standard_normal()
        ratio = _log_spread(market.spread, count, squares, new)
        ratio -= _log_spread(market.spread, count, squares, old)
        accepted = math.log(rng.random()) < ratio
        if accepted:
            state.spread[0] = new
        state.spread_scale[0] = rescaled(state.spread_scale[0], rate, accepted, WANTED_ONE)


use(
    PanelMarket,
    {
        shape_trial: _shape_trial,
        trial_row: _trial_row,
        accept_channel: _accept_channel,
        solve_spare: _solve_spare,
        take_spare: _take_spare,
        keep: _keep,
        put_back: _put_back,
        draw_residual: _draw_residual,
    },
)
