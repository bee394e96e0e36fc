"""A panel's sweeps, and the moves of the geos' factors.

The factors of a geo's effects, around 1 with one free sd, are drawn from their exact conditional
(normal) given curves, national effects, shared baseline and controls, with the geo's own level and
trend integrated out; geo by geo, as the nation's noise ties them together.
"""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import (
    EFFECT,
    baseline_course,
    copy,
    dot,
    inner,
    jit,
)
from mmm.engines.bayes.moves import heat_and_rate, learn_all, sweep_once
from mmm.engines.bayes.panel.kernel import (
    place_sums,
    slow_sums,
    solve_panel,
)
from mmm.engines.bayes.panel.model import PanelMarket
from mmm.engines.bayes.panel.state import PanelState
from mmm.engines.bayes.panel.steps import draw_baseline
from mmm.engines.bayes.proposals import WANTED_ONE, rescaled


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


@inner
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


@inner
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


@inner
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


@inner
def _log_spread(prior: np.ndarray, count: int, squares: float, log_sd: float) -> float:
    z = (log_sd - prior[0]) / prior[1]
    return -0.5 * z * z - count * log_sd - 0.5 * squares * math.exp(-2.0 * log_sd)


@inner
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
