"""A move of one curve parameter of all channels that share it.

Channels' curves are pooled, their common middle integrated out: one by one they hold each other where
they are, and the middle hardly moves. Here all of them go the same way, each with what its other
parameters usually do then (the regression learnt in the warm-up), and are taken or left together.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mmm.engines.bayes.kernel import (
    EFFECT,
    Priors,
    copy,
    effect_of,
    inner,
    jit,
    log_effect_prior,
    log_likelihood,
    pooled,
)
from mmm.engines.bayes.parts import accept_channel, keep, put_back, shape_trial, trial_row
from mmm.engines.bayes.proposals import ADAPT_FROM, WANTED_ONE, rescaled


@jit
def log_channels_prior(priors: Priors, channel: np.ndarray, pool: np.ndarray) -> float:
    """Log prior of all channels' curves and effects (C, 5) given the pool, without its constant.

    The n channels that share a parameter have a normal prior with equal correlation s: of their z's
    the exponent is (sum z^2 - s / (1 + (n - 1) s) (sum z)^2) / (1 - s).
    """
    total = 0.0
    for i in range(EFFECT):
        count, first, second, shared = 0, 0.0, 0.0, 0.0
        for c in range(channel.shape[0]):
            z = (channel[c, i] - priors.curve[c, i, 0]) / priors.curve[c, i, 1]
            if priors.shared[c, i] > 0.0:
                count, shared = count + 1, priors.shared[c, i]
                first += z
                second += z * z
            else:
                total -= 0.5 * z * z
            away = channel[c, i] - priors.known[c, i, 0]
            total -= 0.5 * priors.known[c, i, 1] * away * away
        if count > 0:
            common = shared / (1.0 + (count - 1) * shared)
            total -= 0.5 * (second - common * first * first) / (1.0 - shared)
    for c in range(channel.shape[0]):
        mean, sd = pooled(priors.effect[c], priors.kind[c], pool)
        total += log_effect_prior(priors.effect[c], mean, sd, channel[c, EFFECT])
    return total


@inner
def move_common_curve(
    market: Any, state: Any, i: int, rng: np.random.Generator, heat: float, rate: float
) -> None:
    """Curve parameter i of all channels that share it, by the same number of their priors' sds."""
    priors, solved = market.priors, state.solved
    before = log_channels_prior(priors, state.channel, state.pool)
    before += heat * log_likelihood(solved.constant, solved.linear, solved.precision, state.effects)
    shift = math.exp(state.common_scale[i]) * rng.standard_normal()
    threshold = math.log(rng.random())
    keep(market, state)
    possible, moved = True, False
    for c in range(state.channel.shape[0]):
        if possible and priors.shared[c, i] > 0.0:
            possible = _shift(market, state, c, i, shift * priors.curve[c, i, 1])
            moved = True
    if not moved:
        return
    accepted = False
    if possible:
        after = log_channels_prior(priors, state.channel, state.pool)
        after += heat * log_likelihood(
            solved.constant, solved.linear, solved.precision, state.effects
        )
        accepted = threshold < after - before
    if not accepted:
        put_back(market, state)
    state.common_scale[i] = rescaled(state.common_scale[i], rate, accepted, WANTED_ONE)


@inner
def _shift(market: Any, state: Any, c: int, i: int, by: float) -> bool:
    """Move a channel's parameter i, and the others by their regression on it. False: the curve would
    have no effect at all.
    """
    of, trial = state.of_channel, state.trial
    copy(state.channel[c], trial.parameters)
    trial.parameters[i] += by
    if of.seen[c, 0] >= ADAPT_FROM:
        for j in range(EFFECT + 1):
            if j != i:
                both = of.product[c, max(i, j), min(i, j)]
                trial.parameters[j] += by * both / of.product[c, i, i]
    factor = shape_trial(market, state, c)
    if not factor > 0.0:
        return False
    linear = trial_row(market, state, c, factor)
    state.effects[c] = effect_of(market.priors.kind[c], trial.parameters[EFFECT])
    accept_channel(market, state, c, linear)
    return True
