"""One Markov chain over curves, effects, pooling and the baseline's variances, in compiled sweeps.

A sweep: per channel some Metropolis proposals of (theta, r, kappa, k, effect), most with a learnt
covariance, some jumps between modes (the curve from its prior, the effect close to where the data
want it); passes over all effects given the
rest, one by one and together; updates of mu and log t; a move of one curve parameter of all channels
(`common`); an update of sigma, the baseline's variances and their fall with the baseline integrated
out, and one given the baseline (`noise`). The likelihood is tempered in the first third of the
warm-up. After the warm-up the proposals are fixed.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from mmm.engines.bayes.common import move_common_curve
from mmm.engines.bayes.kernel import (
    EFFECT,
    MEAN,
    NEGATIVE,
    NORMAL,
    POOLED,
    RHO,
    SD,
    THETA,
    ZERO_MEAN,
    ZERO_SD,
    ZERO_WEIGHT,
    Market,
    Priors,
    copy,
    dot,
    effect_of,
    inner,
    jit,
    log_effect_prior,
    log_likelihood,
    pooled,
)
from mmm.engines.bayes.mixture import draw_mixture, log_mixture
from mmm.engines.bayes.noise import log_hyper, move_hyper_given_baseline
from mmm.engines.bayes.parts import (
    accept_channel,
    shape_trial,
    solve_spare,
    take_spare,
    trial_row,
)
from mmm.engines.bayes.proposals import WANTED_JOINT, WANTED_ONE, learn, rescaled, step
from mmm.engines.bayes.state import State

CURVE_PROPOSALS, EFFECT_PASSES, POOL_UPDATES = 2, 4, 4
#: A nation's or a panel's: both have what the moves read (`parts`).
AnyMarket: TypeAlias = Any
AnyState: TypeAlias = Any
#: Shares of the proposals that are jumps: to a curve from the prior, to where chains have been.
_REDRAWN, _JUMPED = 0.35, 0.2


@inner
def draw_effect(prior: np.ndarray, kind: int, pool: np.ndarray, rng: np.random.Generator) -> float:
    """u from its prior given the pool."""
    if rng.random() < prior[ZERO_WEIGHT]:
        return prior[ZERO_MEAN] + prior[ZERO_SD] * rng.standard_normal()
    if kind == POOLED:
        return pool[0] + math.exp(pool[1]) * rng.standard_normal()
    return prior[MEAN] + prior[SD] * rng.standard_normal()


@inner
def draw_channel(
    curve: np.ndarray,
    effect: np.ndarray,
    kind: int,
    pool: np.ndarray,
    rng: np.random.Generator,
    out: np.ndarray,
) -> None:
    """A channel's parameters from their prior given the pool into `out` (5,)."""
    for i in range(EFFECT):
        out[i] = curve[i, 0] + curve[i, 1] * rng.standard_normal()
    out[EFFECT] = draw_effect(effect, kind, pool, rng)


@jit
def curve_given_others(priors: Priors, channel: np.ndarray, c: int, out: np.ndarray) -> None:
    """Mean and sd of channel c's curve parameters given the others' (C, 5) and what an earlier model
    knew of them, into `out` (4, 2).

    The n channels that share a parameter have a normal prior with equal correlation s; given the
    other n - 1 in units of their sd, the mean is s / (1 + (n - 2) s) times their sum, the variance
    (1 - s)(1 + (n - 1) s) / (1 + (n - 2) s): a random effect with its mean integrated out.
    """
    for i in range(EFFECT):
        out[i, 0], out[i, 1] = priors.curve[c, i, 0], priors.curve[c, i, 1]
        shared = priors.shared[c, i]
        if shared > 0.0:
            others, total = 0, 0.0
            for d in range(channel.shape[0]):
                if d != c and priors.shared[d, i] > 0.0:
                    others += 1
                    total += (channel[d, i] - priors.curve[d, i, 0]) / priors.curve[d, i, 1]
            spread = 1.0 + (others - 1) * shared
            variance = (1.0 - shared) * (1.0 + others * shared) / spread
            out[i, 0] += priors.curve[c, i, 1] * shared / spread * total
            out[i, 1] *= math.sqrt(variance)
        added = priors.known[c, i, 1]
        if added > 0.0:
            own = 1.0 / (out[i, 1] * out[i, 1])
            out[i, 0] = (own * out[i, 0] + added * priors.known[c, i, 0]) / (own + added)
            out[i, 1] = 1.0 / math.sqrt(own + added)


@jit
def draw_prior(
    priors: Priors,
    power: np.ndarray,
    channel: np.ndarray,
    hyper: np.ndarray,
    pool: np.ndarray,
    rng: np.random.Generator,
) -> None:
    """All parameters from the prior, but for the soft evidence (media share, tests)."""
    for i in range(2):
        pool[i] = priors.pool[i, 0] + priors.pool[i, 1] * rng.standard_normal()
    for i in range(hyper.shape[0]):
        if i <= power.shape[0]:
            hyper[i] = priors.hyper[i, 0] + priors.hyper[i, 1] * rng.standard_normal()
        else:
            low, high = priors.hyper[i, 0], priors.hyper[i, 1]
            hyper[i] = low + (high - low) * rng.random()
    common = np.empty(EFFECT)
    for i in range(EFFECT):
        common[i] = rng.standard_normal()
    for c in range(channel.shape[0]):
        draw_channel(priors.curve[c], priors.effect[c], priors.kind[c], pool, rng, channel[c])
        for i in range(EFFECT):
            mean, shared = priors.curve[c, i, 0], priors.shared[c, i]
            own = math.sqrt(1.0 - shared) * (channel[c, i] - mean)
            channel[c, i] = mean + own + math.sqrt(shared) * priors.curve[c, i, 1] * common[i]


def first_proposals(market: Market, state: State) -> None:
    """Shapes of the proposals before anything is learnt: shares of the priors' spreads."""
    of = state.of_channel
    for i in range(EFFECT):
        of.factor[:, i, i] = 0.5 * market.priors.curve[:, i, 1]
    of.factor[:, EFFECT, EFFECT] = 0.3
    np.fill_diagonal(state.of_effects.factor, 0.3)
    for i in range(len(state.hyper)):
        state.of_hyper.factor[i, i] = 0.3 * market.priors.hyper[i, 1]


@inner
def heat_and_rate(sweep: int, warm_up: int) -> tuple[float, float]:
    """The likelihood's power in a sweep, and how fast proposals adapt: 1 and 0 after the warm-up."""
    if sweep >= warm_up:
        return 1.0, 0.0
    return min(1.0, 0.05 + 2.85 * sweep / warm_up), 10.0 / (100.0 + sweep)


@inner
def sweep_once(
    market: AnyMarket,
    state: AnyState,
    rng: np.random.Generator,
    heat: float,
    rate: float,
    effects: np.ndarray,
    hyper: np.ndarray,
) -> None:
    """One sweep over all parameters. `effects` (2, C) and `hyper` (h,) are overwritten."""
    channels, priors = state.channel.shape[0], market.priors
    for c in range(channels):
        for _ in range(CURVE_PROPOSALS):
            _move_channel(market, state, c, rng, heat, rate)
    for _ in range(EFFECT_PASSES):
        for c in range(channels):
            _move_effect(priors, state, c, rng, heat, rate)
        _move_all_effects(priors, state, rng, heat, rate, effects)
    for _ in range(POOL_UPDATES):
        _move_pool(priors, state, rng, rate)
    move_common_curve(market, state, int(rng.integers(0, EFFECT)), rng, heat, rate)
    _move_hyper(market, state, rng, heat, rate, hyper)
    if heat == 1.0:
        move_hyper_given_baseline(market, state, rng, rate)


@jit
def run(
    market: Market,
    state: State,
    rng: np.random.Generator,
    sweeps: int,
    done: int,
    warm_up: int,
    every: int,
    kept: np.ndarray,
) -> int:
    """`sweeps` sweeps more of a chain that has made `done`; warm-up while the number is below
    `warm_up`, whose tempered part is not kept. Every `every`-th state becomes a row of `kept`
    (n, 5 C + 2 + h); returns how many did.
    """
    channels = state.channel.shape[0]
    effects, hyper = np.empty((2, channels)), np.empty(state.hyper.shape[0])
    rows = 0
    for sweep in range(done, done + sweeps):
        heat, rate = heat_and_rate(sweep, warm_up)
        sweep_once(market, state, rng, heat, rate, effects, hyper)
        if sweep < warm_up:
            if heat < 1.0:
                continue
            learn_all(state)
        if (sweep - done) % every == every - 1:
            out = kept[rows]
            split = channels * (EFFECT + 1)
            copy(state.channel.ravel(), out)
            copy(state.pool, out[split:])
            copy(state.hyper, out[split + 2 :])
            rows += 1
    return rows


@inner
def learn_all(state: AnyState) -> None:
    """Take the state into what every proposal has learnt."""
    of = state.of_channel
    for c in range(state.channel.shape[0]):
        learn(state.channel[c], of.factor[c], of.scale[c], of.seen[c], of.mean[c], of.product[c])
    hyper, effects = state.of_hyper, state.of_effects
    learn(state.hyper, hyper.factor, hyper.scale, hyper.seen, hyper.mean, hyper.product)
    learn(
        state.channel[:, EFFECT],
        effects.factor,
        effects.scale,
        effects.seen,
        effects.mean,
        effects.product,
    )


@inner
def _log_curve_prior(curve: np.ndarray, parameters: np.ndarray) -> float:
    total = 0.0
    for i in range(EFFECT):
        z = (parameters[i] - curve[i, 0]) / curve[i, 1]
        total -= 0.5 * z * z
    return total


@inner
def _own_part(c: int, row: np.ndarray, linear: float, effects: np.ndarray, effect: float) -> float:
    """What a channel's effect adds to the log likelihood, given all others."""
    others = dot(row, effects, effects.shape[0]) - row[c] * effects[c]
    return effect * (linear - others - 0.5 * row[c] * effect)


@inner
def _informed(
    kind: int, linear: float, precision: float, mean: float, sd: float
) -> tuple[float, float]:
    """Middle and spread of a normal close to a u's conditional density: its prior times the normal
    likelihood exp(linear beta - precision beta^2 / 2), which in log beta is taken as normal, too.
    """
    prior = 1.0 / (sd * sd)
    if kind == NORMAL:
        total = prior + precision
        return (mean * prior + linear) / total, 1.0 / math.sqrt(total)
    if kind == NEGATIVE:
        linear = -linear
    if not (linear > 0.0 and precision > 0.0):
        return mean, sd
    # Around beta = linear / precision the log of beta has a variance of precision / linear^2.
    own = linear * linear / precision
    total = prior + own
    return (mean * prior + math.log(linear / precision) * own) / total, 1.0 / math.sqrt(total)


@inner
def _log_informed(
    prior: np.ndarray, mean: float, sd: float, around: tuple[float, float], u: float
) -> float:
    """Log density of a u that is drawn half from its prior, half from the normal `around`."""
    z = (u - around[0]) / around[1]
    near = -0.5 * z * z - math.log(around[1])
    wide = log_effect_prior(prior, mean, sd, u)
    high = max(near, wide)
    return high + math.log(math.exp(near - high) + math.exp(wide - high))


@inner
def _redraw_curve(
    curve: np.ndarray, rng: np.random.Generator, old: np.ndarray, out: np.ndarray
) -> None:
    """The adstock, the saturation or both from their prior, the rest as it was."""
    part = rng.integers(0, 3)
    for i in range(EFFECT):
        adstock = i in (THETA, RHO)
        z = rng.standard_normal()
        if (part == 0 and not adstock) or (part == 1 and adstock):
            out[i] = old[i]
        else:
            out[i] = curve[i, 0] + curve[i, 1] * z


@inner
def _draw_informed(
    prior: np.ndarray,
    kind: int,
    pool: np.ndarray,
    around: tuple[float, float],
    rng: np.random.Generator,
) -> float:
    """Half from the prior, half from the normal `around`: see `_log_informed`."""
    wide = draw_effect(prior, kind, pool, rng)
    near = around[0] + around[1] * rng.standard_normal()
    if rng.random() < 0.5:
        return near
    return wide


@inner
def _pull(c: int, row: np.ndarray, linear: float, effects: np.ndarray) -> float:
    """Slope of the log likelihood at an effect of 0 of channel c, given all others."""
    return linear - dot(row, effects, effects.shape[0]) + row[c] * effects[c]


@inner
def _move_channel(
    market: Market, state: State, c: int, rng: np.random.Generator, heat: float, rate: float
) -> None:
    """One proposal of a channel's curve and effect: a learnt step; or a jump to a curve from the
    prior, with an effect close to where the data want it then; or a jump to where all chains have
    been, in which another channel's effect makes room.
    """
    trial, solved, priors, jumps = state.trial, state.solved, market.priors, state.jumps
    old, parameters, kind = state.channel[c], trial.parameters, priors.kind[c]
    prior, curve = priors.effect[c], trial.curve
    curve_given_others(priors, state.channel, c, curve)
    chosen = rng.random()
    redrawn = chosen < _REDRAWN
    learnt_jump = not redrawn and chosen < _REDRAWN + _JUMPED and jumps.ready[0] == 1
    if redrawn:
        _redraw_curve(curve, rng, old, parameters)
    elif learnt_jump:
        draw_mixture(jumps.weight[c], jumps.mean[c], jumps.factor[c], rng, parameters)
    else:
        scale = math.exp(state.of_channel.scale[c, 0])
        step(state.of_channel.factor[c], scale, rng, old, parameters)
    threshold = math.log(rng.random())
    factor = shape_trial(market, state, c)
    accepted = False
    if factor > 0.0:
        linear = trial_row(market, state, c, factor)
        mean, sd = pooled(prior, kind, state.pool)
        row, new = solved.precision[c], trial.row
        log_ratio = -log_effect_prior(prior, mean, sd, old[EFFECT])
        if redrawn:
            pull = _pull(c, new, linear, state.effects)
            around = _informed(kind, heat * pull, heat * new[c], mean, sd)
            parameters[EFFECT] = _draw_informed(prior, kind, state.pool, around, rng)
            log_ratio -= _log_informed(prior, mean, sd, around, parameters[EFFECT])
            pull = _pull(c, row, solved.linear[c], state.effects)
            around = _informed(kind, heat * pull, heat * row[c], mean, sd)
            log_ratio += _log_informed(prior, mean, sd, around, old[EFFECT])
        else:
            log_ratio += _log_curve_prior(curve, parameters) - _log_curve_prior(curve, old)
        if learnt_jump:
            weight, means, factors = jumps.weight[c], jumps.mean[c], jumps.factor[c]
            log_ratio += log_mixture(weight, means, factors, old)
            log_ratio -= log_mixture(weight, means, factors, parameters)
        log_ratio += log_effect_prior(prior, mean, sd, parameters[EFFECT])
        effect = effect_of(kind, parameters[EFFECT])
        change = _own_part(c, new, linear, state.effects, effect)
        change -= _own_part(c, row, solved.linear[c], state.effects, state.effects[c])
        log_ratio += heat * change
        other, other_u = -1, 0.0
        if learnt_jump and state.effects.shape[0] > 1 and rng.random() < 0.5:
            other = rng.integers(0, state.effects.shape[0] - 1)
            if other >= c:
                other += 1
            other_u, gain = _make_room(priors, state, c, other, effect, rng, heat)
            log_ratio += gain
        accepted = threshold < log_ratio
        if accepted:
            state.effects[c] = effect
            accept_channel(market, state, c, linear)
            if other >= 0:
                state.channel[other, EFFECT] = other_u
                state.effects[other] = effect_of(priors.kind[other], other_u)
    if not (redrawn or learnt_jump):
        scales = state.of_channel.scale
        scales[c, 0] = rescaled(scales[c, 0], rate, accepted, WANTED_JOINT)


@inner
def _make_room(
    priors: Priors,
    state: State,
    c: int,
    other: int,
    effect: float,
    rng: np.random.Generator,
    heat: float,
) -> tuple[float, float]:
    """A new u of the channel `other`, close to where the data want it once channel c has the
    trial's curve and `effect`; and what it adds to the log acceptance ratio.
    """
    row, linear = state.solved.precision[other], state.solved.linear[other]
    kind, prior, precision = priors.kind[other], priors.effect[other], row[other]
    mean, sd = pooled(prior, kind, state.pool)
    old, old_effect = state.channel[other, EFFECT], state.effects[other]
    before = _pull(other, row, linear, state.effects)
    after = before + row[c] * state.effects[c] - state.trial.row[other] * effect
    around = _informed(kind, heat * after, heat * precision, mean, sd)
    u = _draw_informed(prior, kind, state.pool, around, rng)
    gain = log_effect_prior(prior, mean, sd, u) - log_effect_prior(prior, mean, sd, old)
    gain -= _log_informed(prior, mean, sd, around, u)
    around = _informed(kind, heat * before, heat * precision, mean, sd)
    gain += _log_informed(prior, mean, sd, around, old)
    new_effect = effect_of(kind, u)
    change = after * (new_effect - old_effect)
    change -= 0.5 * precision * (new_effect * new_effect - old_effect * old_effect)
    return u, gain + heat * change


@inner
def _move_effect(
    priors: Priors, state: State, c: int, rng: np.random.Generator, heat: float, rate: float
) -> None:
    """A random-walk step of one effect, given its curve."""
    old, kind, prior = state.channel[c, EFFECT], priors.kind[c], priors.effect[c]
    u = old + math.exp(state.effect_scale[c]) * rng.standard_normal()
    effect = effect_of(kind, u)
    row, linear = state.solved.precision[c], state.solved.linear[c]
    change = _own_part(c, row, linear, state.effects, effect)
    change -= _own_part(c, row, linear, state.effects, state.effects[c])
    mean, sd = pooled(prior, kind, state.pool)
    log_ratio = heat * change
    log_ratio += log_effect_prior(prior, mean, sd, u)
    log_ratio -= log_effect_prior(prior, mean, sd, old)
    accepted = math.log(rng.random()) < log_ratio
    if accepted:
        state.channel[c, EFFECT] = u
        state.effects[c] = effect
    state.effect_scale[c] = rescaled(state.effect_scale[c], rate, accepted, WANTED_ONE)


@inner
def _move_all_effects(
    priors: Priors,
    state: State,
    rng: np.random.Generator,
    heat: float,
    rate: float,
    work: np.ndarray,
) -> None:
    """A joint step of all effects, given their curves: for channels that move together. `work`
    (2, C) is overwritten.
    """
    u, effects = work[0], work[1]
    solved, of = state.solved, state.of_effects
    step(of.factor, math.exp(of.scale[0]), rng, state.channel[:, EFFECT], u)
    log_ratio = 0.0
    for c in range(u.shape[0]):
        kind, prior = priors.kind[c], priors.effect[c]
        effects[c] = effect_of(kind, u[c])
        mean, sd = pooled(prior, kind, state.pool)
        log_ratio += log_effect_prior(prior, mean, sd, u[c])
        log_ratio -= log_effect_prior(prior, mean, sd, state.channel[c, EFFECT])
    change = log_likelihood(solved.constant, solved.linear, solved.precision, effects)
    change -= log_likelihood(solved.constant, solved.linear, solved.precision, state.effects)
    accepted = math.log(rng.random()) < log_ratio + heat * change
    if accepted:
        copy(u, state.channel[:, EFFECT])
        copy(effects, state.effects)
    of.scale[0] = rescaled(of.scale[0], rate, accepted, WANTED_JOINT)


@inner
def _log_pool(
    own: np.ndarray, kinds: np.ndarray, effect: np.ndarray, u: np.ndarray, pool: np.ndarray
) -> float:
    """Log density of mu and log t given all effects; `own` is their prior (2, 2)."""
    total = 0.0
    for i in range(2):
        z = (pool[i] - own[i, 0]) / own[i, 1]
        total -= 0.5 * z * z
    spread = math.exp(pool[1])
    for c in range(u.shape[0]):
        if kinds[c] == POOLED:
            total += log_effect_prior(effect[c], pool[0], spread, u[c])
    return total


@inner
def _move_pool(priors: Priors, state: State, rng: np.random.Generator, rate: float) -> None:
    """One step of mu, then one of log t."""
    pool, u = state.pool, state.channel[:, EFFECT]
    for i in range(2):
        old = pool[i]
        before = _log_pool(priors.pool, priors.kind, priors.effect, u, pool)
        pool[i] = old + math.exp(state.pool_scale[i]) * rng.standard_normal()
        after = _log_pool(priors.pool, priors.kind, priors.effect, u, pool)
        accepted = math.log(rng.random()) < after - before
        if not accepted:
            pool[i] = old
        state.pool_scale[i] = rescaled(state.pool_scale[i], rate, accepted, WANTED_ONE)


@inner
def _move_hyper(
    market: Market,
    state: State,
    rng: np.random.Generator,
    heat: float,
    rate: float,
    hyper: np.ndarray,
) -> None:
    """A joint step of log sigma, the log variances and their falls, with a new factor of A. `hyper`
    (h,) is overwritten.
    """
    of, solved, spare = state.of_hyper, state.solved, state.spare
    prior, groups = market.priors.hyper, market.design.power.shape[0]
    step(of.factor, math.exp(of.scale[0]), rng, state.hyper, hyper)
    log_ratio = log_hyper(prior, groups, hyper) - log_hyper(prior, groups, state.hyper)
    threshold = math.log(rng.random())
    accepted = False
    if log_ratio > -math.inf:
        solve_spare(market, state, hyper)
        new = log_likelihood(spare.constant, spare.linear, spare.precision, state.effects)
        old = log_likelihood(solved.constant, solved.linear, solved.precision, state.effects)
        accepted = threshold < log_ratio + heat * (new - old)
    if accepted:
        copy(hyper, state.hyper)
        take_spare(market, state)
    of.scale[0] = rescaled(of.scale[0], rate, accepted, WANTED_JOINT)
