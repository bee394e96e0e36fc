"""The steps of a sweep that are a panel's own (`bayes.parts`): sums over geos, and their solutions."""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import (
    EFFECT,
    backward,
    copy,
    dot,
    effect_of,
    forward,
    inner,
    jit,
    left_over,
    project,
)
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
from mmm.engines.bayes.panel.model import PanelCurves, PanelMarket, PanelSolved
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
from mmm.engines.bayes.steps import copy_channels, copy_factor, put_back_parameters


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


@inner
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


@inner
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
    copy_factor(spare, solved)
    copy(spare.shrink, solved.shrink)
    copy(spare.wide_lower.ravel(), solved.wide_lower.ravel())
    copy(spare.qy, solved.qy)
    _copy_channels(spare, solved)


@inner
def _copy_channels(source: PanelSolved, out: PanelSolved) -> None:
    copy_channels(source, out)
    copy(source.q.ravel(), out.q.ravel())


@jit
def _keep(market: PanelMarket, state: PanelState) -> None:
    """See `parts.keep`."""
    copy(state.channel.ravel(), state.kept_channel.ravel())
    _copy_curves(state.curves, state.kept)
    _copy_channels(state.solved, state.spare)


@jit
def _put_back(market: PanelMarket, state: PanelState) -> None:
    """See `parts.put_back`."""
    put_back_parameters(market.priors.kind, state)
    _copy_curves(state.kept, state.curves)
    _copy_channels(state.spare, state.solved)


@inner
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
    left_over(market.design, gamma, state.effects, state.curves.mean, rest)
    for i in range(wide.shape[0]):
        for t in range(rest.shape[0]):
            rest[t] -= wide[i] * state.curves.mean[channels + i, t]


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
