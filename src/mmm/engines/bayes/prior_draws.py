"""Draws from the prior, the soft media share included; and data that such draws would make."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mmm.engines.bayes.kernel import (
    DIMENSIONS,
    EFFECT,
    MEAN,
    NEGATIVE,
    NORMAL,
    POOLED,
    SD,
    ZERO_MEAN,
    ZERO_SD,
    ZERO_WEIGHT,
    Market,
    Priors,
    Tests,
)


@dataclass(frozen=True)
class PriorDraws:
    """n draws: (n, C, 5), (n, C), (n, 2), (n, h)."""

    channel: np.ndarray
    effects: np.ndarray
    pool: np.ndarray
    hyper: np.ndarray


def prior_draws(
    priors: Priors, tests: Tests, groups: int, size: int, rng: np.random.Generator
) -> PriorDraws:
    """`size` draws. The media share is soft evidence: a draw is kept with a probability of its
    density over its largest; lift tests do not count, as they are data.
    """
    found: list[PriorDraws] = []
    made = 0
    while made < size:
        draws = plain_draws(priors, groups, max(256, size), rng)
        fixed = tests.rows[:, 0] < 0
        off = tests.value[fixed] - draws.effects @ tests.counts[:, fixed]
        kept = rng.random(len(off)) < np.exp(-0.5 * (off**2).sum(axis=1))
        found.append(
            PriorDraws(
                draws.channel[kept], draws.effects[kept], draws.pool[kept], draws.hyper[kept]
            )
        )
        made += int(kept.sum())
    return PriorDraws(
        np.concatenate([part.channel for part in found])[:size],
        np.concatenate([part.effects for part in found])[:size],
        np.concatenate([part.pool for part in found])[:size],
        np.concatenate([part.hyper for part in found])[:size],
    )


def plain_draws(priors: Priors, groups: int, size: int, rng: np.random.Generator) -> PriorDraws:
    """`size` draws from all priors but the soft evidence."""
    channels = len(priors.kind)
    pool = priors.pool[:, 0] + priors.pool[:, 1] * rng.standard_normal((size, 2))
    normal = 1 + groups
    hyper = np.empty((size, len(priors.hyper)))
    spread = rng.standard_normal((size, normal))
    hyper[:, :normal] = priors.hyper[:normal, 0] + priors.hyper[:normal, 1] * spread
    low, high = priors.hyper[normal:].T
    hyper[:, normal:] = low + (high - low) * rng.random((size, len(low)))
    channel = np.empty((size, channels, DIMENSIONS))
    standard = rng.standard_normal((size, channels, DIMENSIONS))
    # What the channels of a market have in common (`moves.curve_given_others`), and their own.
    common = rng.standard_normal((size, 1, EFFECT)) * np.sqrt(priors.shared)
    own = standard[:, :, :EFFECT] * np.sqrt(1.0 - priors.shared)
    channel[:, :, :EFFECT] = priors.curve[:, :, 0] + priors.curve[:, :, 1] * (common + own)
    mean = np.broadcast_to(priors.effect[:, MEAN], (size, channels))
    sd = np.broadcast_to(priors.effect[:, SD], (size, channels))
    pooled = priors.kind == POOLED
    mean = np.where(pooled, pool[:, :1], mean)
    sd = np.where(pooled, np.exp(pool[:, 1:]), sd)
    none = rng.random((size, channels)) < priors.effect[:, ZERO_WEIGHT]
    mean = np.where(none, priors.effect[:, ZERO_MEAN], mean)
    sd = np.where(none, priors.effect[:, ZERO_SD], sd)
    channel[:, :, EFFECT] = mean + sd * standard[:, :, EFFECT]
    return PriorDraws(channel, effects_of(priors.kind, channel[:, :, EFFECT]), pool, hyper)


def effects_of(kind: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Effects (..., C) from the numbers that are sampled."""
    exponential = np.exp(np.minimum(u, 700.0))
    signed = np.where(kind == NEGATIVE, -exponential, exponential)
    return np.where(kind == NORMAL, u, signed)


def simulate(
    market: Market, draws: PriorDraws, number: int, rng: np.random.Generator
) -> np.ndarray:
    """A KPI (T,) from draw `number`: baseline, media and noise, by the model's letter."""
    design, hyper = market.design, draws.hyper[number]
    log_sd = design.log_scale.copy()
    for group, power in enumerate(design.power):
        inside = design.group == group
        fall = hyper[power] if power >= 0 else 0.0
        log_sd[inside] += hyper[1 + group] - fall * design.log_order[inside]
    gamma = np.exp(log_sd) * rng.standard_normal(len(log_sd))
    kpi = design_matrix(market) @ gamma + math.exp(hyper[0]) * rng.standard_normal(len(design.y))
    for c in range(len(market.x)):
        kpi += draws.effects[number, c] * plain_regressor(market, c, draws.channel[number, c])
    return np.asarray(kpi)


def design_matrix(market: Market) -> np.ndarray:
    """Z (T, p) from its weeks, events and dense part."""
    design = market.design
    weeks = design.week_of[:, None] == np.arange(int(design.week_of.max()) + 1)
    events = np.zeros((len(design.y), len(design.pointer) - 1))
    for j in range(events.shape[1]):
        events[design.row[design.pointer[j] : design.pointer[j + 1]], j] = 1.0
    return np.hstack([weeks.astype(float), events, design.dense])


def plain_regressor(market: Market, c: int, parameters: np.ndarray) -> np.ndarray:
    """f of a channel (T,), by the formulas' letter and without the compiled kernel."""
    periods = len(market.design.y)
    if market.by_frequency[c]:
        curve = plain_reach(market, c, parameters)[-periods:]
    else:
        curve = plain_hill(market.x[c], parameters, market.week, market.lags)[-periods:]
    return np.asarray(market.money[c] * curve / curve.sum())


def plain_reach(market: Market, c: int, parameters: np.ndarray) -> np.ndarray:
    """Reach times the Hill curve of its frequency, carried over, on all N rows."""
    kappa, k = math.exp(parameters[2]), math.exp(parameters[3])
    power = np.exp(k * market.log_frequency[c])
    acting = market.x[c] * power / (power + kappa**k)
    return plain_adstock(acting, parameters, market.week, market.lags)


def plain_hill(x: np.ndarray, parameters: np.ndarray, week: float, lags: int) -> np.ndarray:
    """Hill curve of the adstocked pressure x (N,), on all its rows."""
    kappa, k = math.exp(parameters[2]), math.exp(parameters[3])
    pressure = plain_adstock(x, parameters, week, lags)
    power = pressure**k
    return np.asarray(power / (power + kappa**k))


def plain_adstock(x: np.ndarray, parameters: np.ndarray, week: float, lags: int) -> np.ndarray:
    """Adstocked pressure x (N,), on all its rows."""
    theta, r = (1.0 + math.exp(-parameters[0])) ** -week, 1.0 + math.exp(parameters[1])
    lag = np.arange(1.0, lags)
    weights = np.append(1.0, np.cumprod(theta * (r + lag - 1.0) / lag))
    return np.asarray(np.convolve(x, weights / weights.sum())[: len(x)])
