"""The steps of a sweep that are a nation's own (`parts`): its regressors, sums and solutions."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from mmm.engines.bayes.kernel import (
    EFFECT,
    Curves,
    Market,
    backward,
    channel_regressor,
    copy,
    dot,
    effect_of,
    evidence_of,
    forward,
    inner,
    jit,
    left_over,
    project,
    solve,
)
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
from mmm.engines.bayes.state import State

#: A nation's or a panel's.
AnyState: TypeAlias = Any
AnySolved: TypeAlias = Any


@jit
def place(market: Market, state: State) -> None:
    """Everything that follows from the parameters."""
    curves, trial, design = state.curves, state.trial, market.design
    periods, weeks = design.y.shape[0], state.solved.diagonal.shape[0]
    for c in range(state.channel.shape[0]):
        x, parameters, f = market.x[c], state.channel[c], curves.f[c]
        by_frequency = market.by_frequency[c]
        factor = channel_regressor(
            x,
            market.log_frequency[c],
            by_frequency,
            market.money[c],
            market.week,
            parameters,
            trial.weights,
            f,
            trial.log_pressure,
            trial.acting,
        )
        evidence_of(
            market.tests,
            c,
            by_frequency,
            x,
            parameters,
            trial.weights[0],
            factor,
            f,
            trial.log_pressure,
            trial.acting,
            curves.evidence[c],
        )
        project(design.week_of, weeks, design.pointer, design.row, design.dense, f, curves.zf[c])
        curves.fy[c] = dot(f, design.y, periods)
        for d in range(c + 1):
            curves.ff[c, d] = dot(f, curves.f[d], periods)
            curves.ff[d, c] = curves.ff[c, d]
        state.effects[c] = effect_of(market.priors.kind[c], parameters[EFFECT])
    yy = dot(design.y, design.y, periods)
    solve(design, yy, market.tests.value, curves, state.hyper, state.solved)


@jit
def _shape_trial(market: Market, state: State, c: int) -> float:
    """See `parts.shape_trial`."""
    trial = state.trial
    return channel_regressor(
        market.x[c],
        market.log_frequency[c],
        market.by_frequency[c],
        market.money[c],
        market.week,
        trial.parameters,
        trial.weights,
        trial.f,
        trial.log_pressure,
        trial.acting,
    )


@jit
def _trial_row(market: Market, state: State, c: int, factor: float) -> float:
    """The soft evidence and the precision's row of the trial's f; returns its linear term."""
    trial, curves, solved, design = state.trial, state.curves, state.solved, market.design
    f, w, evidence = trial.f, trial.w, trial.evidence
    periods, p, tests = f.shape[0], w.shape[0], evidence.shape[0]
    evidence_of(
        market.tests,
        c,
        market.by_frequency[c],
        market.x[c],
        trial.parameters,
        trial.weights[0],
        factor,
        f,
        trial.log_pressure,
        trial.acting,
        evidence,
    )
    weeks = solved.diagonal.shape[0]
    project(design.week_of, weeks, design.pointer, design.row, design.dense, f, trial.zf)
    forward(solved.diagonal, solved.cross, solved.lower, trial.zf, w)
    noise = math.exp(-2.0 * state.hyper[0])
    for d in range(trial.row.shape[0]):
        other_f, other_w, other_evidence = f, w, evidence
        if d != c:
            other_f, other_w, other_evidence = curves.f[d], solved.w[d], curves.evidence[d]
        trial.ff[d] = dot(f, other_f, periods)
        value = (trial.ff[d] - dot(w, other_w, p)) * noise
        trial.row[d] = value + dot(evidence, other_evidence, tests)
    linear = (dot(f, design.y, periods) - dot(w, solved.wy, p)) * noise
    return linear + dot(evidence, market.tests.value, tests)


@jit
def _accept_channel(market: Market, state: State, c: int, linear: float) -> None:
    """The trial becomes the channel's state."""
    trial, curves, solved = state.trial, state.curves, state.solved
    copy(trial.parameters, state.channel[c])
    copy(trial.f, curves.f[c])
    copy(trial.zf, curves.zf[c])
    copy(trial.evidence, curves.evidence[c])
    curves.fy[c] = dot(trial.f, market.design.y, trial.f.shape[0])
    copy(trial.w, solved.w[c])
    solved.linear[c] = linear
    for d in range(trial.row.shape[0]):
        solved.precision[c, d] = trial.row[d]
        solved.precision[d, c] = trial.row[d]
        curves.ff[c, d] = trial.ff[d]
        curves.ff[d, c] = trial.ff[d]


@jit
def _solve_spare(market: Market, state: State, hyper: np.ndarray) -> None:
    """See `parts.solve_spare`."""
    y = market.design.y
    yy = dot(y, y, y.shape[0])
    solve(market.design, yy, market.tests.value, state.curves, hyper, state.spare)


@inner
def copy_factor(source: AnySolved, out: AnySolved) -> None:
    """What does not change with the channels: the factor of A, and what it takes of y."""
    copy(source.diagonal, out.diagonal)
    copy(source.cross.ravel(), out.cross.ravel())
    copy(source.lower.ravel(), out.lower.ravel())
    copy(source.wy, out.wy)
    copy(source.constant, out.constant)


@inner
def copy_channels(source: AnySolved, out: AnySolved) -> None:
    """What changes with the channels."""
    copy(source.w.ravel(), out.w.ravel())
    copy(source.precision.ravel(), out.precision.ravel())
    copy(source.linear, out.linear)


@inner
def put_back_parameters(kind: np.ndarray, state: AnyState) -> None:
    """The channels' parameters and effects as `keep` found them."""
    copy(state.kept_channel.ravel(), state.channel.ravel())
    for c in range(state.channel.shape[0]):
        state.effects[c] = effect_of(kind[c], state.channel[c, EFFECT])


@jit
def _take_spare(market: Market, state: State) -> None:
    """See `parts.take_spare`."""
    copy_factor(state.spare, state.solved)
    copy_channels(state.spare, state.solved)


@jit
def _keep(market: Market, state: State) -> None:
    """See `parts.keep`."""
    copy(state.channel.ravel(), state.kept_channel.ravel())
    _copy_curves(state.curves, state.kept)
    copy_channels(state.solved, state.spare)


@jit
def _put_back(market: Market, state: State) -> None:
    """See `parts.put_back`."""
    put_back_parameters(market.priors.kind, state)
    _copy_curves(state.kept, state.curves)
    copy_channels(state.spare, state.solved)


@inner
def _copy_curves(source: Curves, out: Curves) -> None:
    copy(source.f.ravel(), out.f.ravel())
    copy(source.zf.ravel(), out.zf.ravel())
    copy(source.ff.ravel(), out.ff.ravel())
    copy(source.fy, out.fy)
    copy(source.evidence.ravel(), out.evidence.ravel())


@jit
def draw_nation_residual(
    market: Market,
    state: State,
    rng: np.random.Generator,
    gamma: np.ndarray,
    rest: np.ndarray,
) -> None:
    """See `parts.draw_residual`: gamma ~ N(A^-1 Z'(y - F beta), sigma^2 A^-1)."""
    solved, sigma = state.solved, math.exp(state.hyper[0])
    for j in range(gamma.shape[0]):
        gamma[j] = solved.wy[j] + sigma * rng.standard_normal()
    for c in range(state.channel.shape[0]):
        for j in range(gamma.shape[0]):
            gamma[j] -= state.effects[c] * solved.w[c, j]
    backward(solved.diagonal, solved.cross, solved.lower, gamma)
    left_over(market.design, gamma, state.effects, state.curves.f, rest)


use(
    Market,
    {
        shape_trial: _shape_trial,
        trial_row: _trial_row,
        accept_channel: _accept_channel,
        solve_spare: _solve_spare,
        take_spare: _take_spare,
        keep: _keep,
        put_back: _put_back,
        draw_residual: draw_nation_residual,
    },
)
