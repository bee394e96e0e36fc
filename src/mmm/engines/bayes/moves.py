"""One Markov chain over curves, effects, pooling and the baseline's variances, in compiled sweeps.

A sweep: per channel some Metropolis proposals of (theta, r, kappa, k, effect), most with a
covariance adapted in the warm-up (Haario, Saksman and Tamminen 2001), some redrawn from the prior
(jumps between modes); passes over all effects given the rest; updates of (mu, log t); joint updates
of sigma, the baseline's variances and their fall. The likelihood is tempered in the first third of
the warm-up. After the warm-up the proposals are fixed.
"""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import (
    DIMENSIONS,
    EFFECT,
    POOLED,
    Market,
    channel_regressor,
    dot,
    effect_of,
    evidence_of,
    forward,
    jit,
    log_effect_prior,
    log_likelihood,
    project,
    solve,
)
from mmm.engines.bayes.state import State

CURVE_PROPOSALS, EFFECT_PASSES, POOL_UPDATES, HYPER_UPDATES = 3, 8, 4, 2
_REDRAWN = 0.25
#: Acceptance rates that the proposals' scales are adapted to: of several dimensions, of one.
_WANTED_JOINT, _WANTED_ONE = 0.25, 0.44
#: Sweeps between two adaptations of the proposals' shapes, and states that the first one needs.
_ADAPT_EVERY, _ADAPT_FROM = 50, 100
#: Added to an adapted covariance's diagonal.
_JITTER = 1e-6


@jit
def draw_curve(market: Market, c: int, rng: np.random.Generator, out: np.ndarray) -> None:
    """The curve's four parameters from their prior into `out`."""
    for i in range(EFFECT):
        out[i] = market.curve_mean[c, i] + market.curve_sd[c, i] * rng.standard_normal()


@jit
def draw_effect(market: Market, c: int, pool: np.ndarray, rng: np.random.Generator) -> float:
    """u from its prior given the pool."""
    if rng.random() < market.zero_weight[c]:
        return market.zero_mean[c] + market.zero_sd * rng.standard_normal()
    if market.kind[c] == POOLED:
        return pool[0] + math.exp(pool[1]) * rng.standard_normal()
    return market.effect_mean[c] + market.effect_sd[c] * rng.standard_normal()


@jit
def draw_prior(market: Market, state: State, rng: np.random.Generator) -> None:
    """All parameters from the prior, but for the soft evidence (media share, tests)."""
    for i in range(2):
        state.pool[i] = market.pool_mean[i] + market.pool_sd[i] * rng.standard_normal()
    for i in range(state.hyper.shape[0]):
        if i <= market.power.shape[0]:
            state.hyper[i] = market.hyper_mean[i] + market.hyper_sd[i] * rng.standard_normal()
        else:
            low, high = market.q_range[0], market.q_range[1]
            state.hyper[i] = low + (high - low) * rng.random()
    for c in range(state.channel.shape[0]):
        draw_curve(market, c, rng, state.channel[c])
        state.channel[c, EFFECT] = draw_effect(market, c, state.pool, rng)


@jit
def place(market: Market, state: State) -> None:
    """Everything that follows from the parameters."""
    curves, weights = state.curves, state.trial.weights
    for c in range(state.channel.shape[0]):
        parameters, f, log_pressure = state.channel[c], curves.f[c], curves.log_pressure[c]
        factor = channel_regressor(market, c, parameters, weights, f, log_pressure)
        evidence_of(market, c, parameters, weights[0], factor, f, log_pressure, curves.evidence[c])
        project(market, f, curves.zf[c])
        curves.fy[c] = dot(f, market.y)
        for d in range(c + 1):
            curves.ff[c, d] = dot(f, curves.f[d])
            curves.ff[d, c] = curves.ff[c, d]
        state.effects[c] = effect_of(market.kind[c], parameters[EFFECT])
    solve(market, curves, state.hyper, state.solved)


@jit
def first_proposals(market: Market, state: State) -> None:
    """Shapes of the proposals before anything is learnt."""
    learnt = state.learnt
    for c in range(state.channel.shape[0]):
        for i in range(EFFECT):
            learnt.channel_factor[c, i, i] = 0.5 * market.curve_sd[c, i]
        learnt.channel_factor[c, EFFECT, EFFECT] = 0.3
    for i in range(state.hyper.shape[0]):
        learnt.hyper_factor[i, i] = 0.3 * market.hyper_sd[i]


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
    `warm_up`. Every `every`-th later state becomes a row of `kept` (n, 5 C + 2 + h); returns how
    many did.
    """
    rows = 0
    for sweep in range(done, done + sweeps):
        heat, rate = 1.0, 0.0
        if sweep < warm_up:
            heat = min(1.0, 0.05 + 2.85 * sweep / warm_up)
            rate = 10.0 / (100.0 + sweep)
        for c in range(state.channel.shape[0]):
            for _ in range(CURVE_PROPOSALS):
                _move_channel(market, state, c, rng, heat, rate)
        for _ in range(EFFECT_PASSES):
            for c in range(state.channel.shape[0]):
                _move_effect(market, state, c, rng, heat, rate)
        for _ in range(POOL_UPDATES):
            _move_pool(market, state, rng, rate)
        for _ in range(HYPER_UPDATES):
            _move_hyper(market, state, rng, heat, rate)
        if sweep < warm_up:
            if sweep * 3 >= warm_up:
                _learn(state)
        elif (sweep - warm_up) % every == every - 1:
            _keep(state, kept[rows])
            rows += 1
    return rows


@jit
def _keep(state: State, out: np.ndarray) -> None:
    position = 0
    for c in range(state.channel.shape[0]):
        for i in range(DIMENSIONS):
            out[position] = state.channel[c, i]
            position += 1
    for i in range(2):
        out[position] = state.pool[i]
        position += 1
    for i in range(state.hyper.shape[0]):
        out[position] = state.hyper[i]
        position += 1


@jit
def _step(
    factor: np.ndarray, scale: float, rng: np.random.Generator, old: np.ndarray, out: np.ndarray
) -> None:
    """A random-walk step with the factor's covariance into `out`."""
    n = out.shape[0]
    for i in range(n):
        out[i] = old[i]
    for j in range(n):
        z = scale * rng.standard_normal()
        for i in range(j, n):
            out[i] += factor[i, j] * z


@jit
def _own_part(c: int, row: np.ndarray, linear: float, effects: np.ndarray, effect: float) -> float:
    """What a channel's effect adds to the log likelihood, given all others."""
    others = dot(row, effects) - row[c] * effects[c]
    return effect * (linear - others - 0.5 * row[c] * effect)


@jit
def _move_channel(
    market: Market, state: State, c: int, rng: np.random.Generator, heat: float, rate: float
) -> None:
    """One proposal of a channel's curve and effect."""
    trial, solved, learnt = state.trial, state.solved, state.learnt
    old, parameters = state.channel[c], trial.parameters
    redrawn = rng.random() < _REDRAWN
    log_ratio = 0.0
    if redrawn:
        draw_curve(market, c, rng, parameters)
        parameters[EFFECT] = draw_effect(market, c, state.pool, rng)
    else:
        scale = math.exp(learnt.channel_scale[c])
        _step(learnt.channel_factor[c], scale, rng, old, parameters)
        for i in range(EFFECT):
            new_z = (parameters[i] - market.curve_mean[c, i]) / market.curve_sd[c, i]
            old_z = (old[i] - market.curve_mean[c, i]) / market.curve_sd[c, i]
            log_ratio += 0.5 * (old_z * old_z - new_z * new_z)
        log_ratio += log_effect_prior(market, c, parameters[EFFECT], state.pool)
        log_ratio -= log_effect_prior(market, c, old[EFFECT], state.pool)
    accepted = False
    uniform = rng.random()
    if _try_curve(market, state, c):
        effect = effect_of(market.kind[c], parameters[EFFECT])
        linear = _trial_row(market, state, c)
        log_ratio += heat * _own_part(c, trial.row, linear, state.effects, effect)
        before = _own_part(
            c, solved.precision[c], solved.linear[c], state.effects, state.effects[c]
        )
        log_ratio -= heat * before
        accepted = math.log(uniform) < log_ratio
        if accepted:
            state.effects[c] = effect
            _accept_channel(market, state, c, linear)
    if not redrawn:
        learnt.channel_scale[c] += rate * ((1.0 if accepted else 0.0) - _WANTED_JOINT)


@jit
def _try_curve(market: Market, state: State, c: int) -> bool:
    """f and the soft evidence of the trial's parameters; False where they give no effect."""
    trial = state.trial
    factor = channel_regressor(
        market, c, trial.parameters, trial.weights, trial.f, trial.log_pressure
    )
    if factor == 0.0:
        return False
    evidence_of(
        market,
        c,
        trial.parameters,
        trial.weights[0],
        factor,
        trial.f,
        trial.log_pressure,
        trial.evidence,
    )
    return True


@jit
def _trial_row(market: Market, state: State, c: int) -> float:
    """The precision's row (into the trial) and the linear term that the trial's f gives."""
    trial, curves, solved = state.trial, state.curves, state.solved
    noise = math.exp(-2.0 * state.hyper[0])
    project(market, trial.f, trial.zf)
    forward(market, solved.lower, trial.zf, trial.w)
    for d in range(trial.row.shape[0]):
        if d == c:
            trial.ff[d] = dot(trial.f, trial.f)
            value = (trial.ff[d] - dot(trial.w, trial.w)) * noise
            trial.row[d] = value + dot(trial.evidence, trial.evidence)
        else:
            trial.ff[d] = dot(trial.f, curves.f[d])
            value = (trial.ff[d] - dot(trial.w, solved.w[d])) * noise
            trial.row[d] = value + dot(trial.evidence, curves.evidence[d])
    linear = (dot(trial.f, market.y) - dot(trial.w, solved.wy)) * noise
    return linear + dot(trial.evidence, market.soft_value)


@jit
def _accept_channel(market: Market, state: State, c: int, linear: float) -> None:
    trial, curves, solved = state.trial, state.curves, state.solved
    state.channel[c] = trial.parameters
    curves.f[c] = trial.f
    curves.log_pressure[c] = trial.log_pressure
    curves.zf[c] = trial.zf
    curves.evidence[c] = trial.evidence
    curves.fy[c] = dot(trial.f, market.y)
    solved.w[c] = trial.w
    solved.linear[c] = linear
    for d in range(trial.row.shape[0]):
        solved.precision[c, d] = trial.row[d]
        solved.precision[d, c] = trial.row[d]
        curves.ff[c, d] = trial.ff[d]
        curves.ff[d, c] = trial.ff[d]


@jit
def _move_effect(
    market: Market, state: State, c: int, rng: np.random.Generator, heat: float, rate: float
) -> None:
    """A random-walk step of one effect, given its curve."""
    solved, learnt = state.solved, state.learnt
    old = state.channel[c, EFFECT]
    u = old + math.exp(learnt.effect_scale[c]) * rng.standard_normal()
    effect = effect_of(market.kind[c], u)
    row, linear = solved.precision[c], solved.linear[c]
    new = _own_part(c, row, linear, state.effects, effect)
    before = _own_part(c, row, linear, state.effects, state.effects[c])
    log_ratio = heat * (new - before)
    log_ratio += log_effect_prior(market, c, u, state.pool)
    log_ratio -= log_effect_prior(market, c, old, state.pool)
    accepted = math.log(rng.random()) < log_ratio
    if accepted:
        state.channel[c, EFFECT] = u
        state.effects[c] = effect
    learnt.effect_scale[c] += rate * ((1.0 if accepted else 0.0) - _WANTED_ONE)


@jit
def _log_pool(market: Market, state: State, pool: np.ndarray) -> float:
    """Log density of mu and log t given all effects."""
    total = 0.0
    for i in range(2):
        z = (pool[i] - market.pool_mean[i]) / market.pool_sd[i]
        total -= 0.5 * z * z
    for c in range(state.channel.shape[0]):
        if market.kind[c] == POOLED:
            total += log_effect_prior(market, c, state.channel[c, EFFECT], pool)
    return total


@jit
def _move_pool(market: Market, state: State, rng: np.random.Generator, rate: float) -> None:
    """One step of mu, then one of log t."""
    learnt = state.learnt
    for i in range(2):
        old = state.pool[i]
        before = _log_pool(market, state, state.pool)
        state.pool[i] = old + math.exp(learnt.pool_scale[i]) * rng.standard_normal()
        accepted = math.log(rng.random()) < _log_pool(market, state, state.pool) - before
        if not accepted:
            state.pool[i] = old
        learnt.pool_scale[i] += rate * ((1.0 if accepted else 0.0) - _WANTED_ONE)


@jit
def _log_hyper(market: Market, hyper: np.ndarray) -> float:
    """Log prior of sigma, the variances and their falls; minus infinity outside of the q's range."""
    total = 0.0
    for i in range(hyper.shape[0]):
        if i <= market.power.shape[0]:
            z = (hyper[i] - market.hyper_mean[i]) / market.hyper_sd[i]
            total -= 0.5 * z * z
        elif hyper[i] < market.q_range[0] or hyper[i] > market.q_range[1]:
            return -math.inf
    return total


@jit
def _move_hyper(
    market: Market, state: State, rng: np.random.Generator, heat: float, rate: float
) -> None:
    """A joint step of log sigma, the log variances and their falls, with a new factor of A."""
    learnt, trial = state.learnt, state.trial
    _step(learnt.hyper_factor, math.exp(learnt.hyper_scale[0]), rng, state.hyper, trial.hyper)
    log_ratio = _log_hyper(market, trial.hyper) - _log_hyper(market, state.hyper)
    uniform = rng.random()
    accepted = False
    if log_ratio > -math.inf:
        solve(market, state.curves, trial.hyper, state.spare)
        new = log_likelihood(state.spare, state.effects)
        log_ratio += heat * (new - log_likelihood(state.solved, state.effects))
        accepted = math.log(uniform) < log_ratio
    if accepted:
        state.hyper[:] = trial.hyper
        state.solved.lower[:] = state.spare.lower
        state.solved.w[:] = state.spare.w
        state.solved.wy[:] = state.spare.wy
        state.solved.precision[:] = state.spare.precision
        state.solved.linear[:] = state.spare.linear
        state.solved.constant[:] = state.spare.constant
    learnt.hyper_scale[0] += rate * ((1.0 if accepted else 0.0) - _WANTED_JOINT)


@jit
def _learn(state: State) -> None:
    """Take the state into the running moments; now and then set the proposals' shapes by them."""
    learnt = state.learnt
    learnt.seen[0] += 1.0
    n = learnt.seen[0]
    for c in range(state.channel.shape[0]):
        _add_moment(n, state.channel[c], learnt.channel_mean[c], learnt.channel_product[c])
    _add_moment(n, state.hyper, learnt.hyper_mean, learnt.hyper_product)
    if n < _ADAPT_FROM or n % _ADAPT_EVERY != 0:
        return
    for c in range(state.channel.shape[0]):
        _set_factor(n, learnt.channel_product[c], learnt.channel_factor[c])
        if n == _ADAPT_FROM:
            learnt.channel_scale[c] = math.log(2.38 / math.sqrt(DIMENSIONS))
    _set_factor(n, learnt.hyper_product, learnt.hyper_factor)
    if n == _ADAPT_FROM:
        learnt.hyper_scale[0] = math.log(2.38 / math.sqrt(state.hyper.shape[0]))


@jit
def _add_moment(n: float, value: np.ndarray, mean: np.ndarray, product: np.ndarray) -> None:
    """Welford's update of a mean and a sum of products."""
    for i in range(value.shape[0]):
        before = value[i] - mean[i]
        for j in range(i):
            # mean[j] is already the new one: (old deviation of i) x (new deviation of j).
            product[i, j] += before * (value[j] - mean[j])
        mean[i] += before / n
        product[i, i] += before * (value[i] - mean[i])


@jit
def _set_factor(n: float, product: np.ndarray, factor: np.ndarray) -> None:
    """Cholesky factor of the covariance behind `product`, with a small jitter."""
    for i in range(factor.shape[0]):
        for j in range(i + 1):
            total = product[i, j] / n
            if i == j:
                total += _JITTER
            total -= dot(factor[i, :j], factor[j, :j])
            if i == j:
                factor[i, i] = math.sqrt(max(total, _JITTER))
            else:
                factor[i, j] = total / factor[j, j]
