"""Where one chain is: its parameters, what follows from them, and what its proposals have learnt."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mmm.engines.bayes.kernel import DIMENSIONS, Curves, Market, Solved


class Trial(NamedTuple):
    """Scratch memory of one proposal: the same quantities as the state's, for one channel."""

    parameters: np.ndarray  # (5,)
    weights: np.ndarray  # (lags,)
    f: np.ndarray  # (T,)
    log_pressure: np.ndarray  # (T,)
    zf: np.ndarray  # (p,)
    w: np.ndarray  # (p,)
    ff: np.ndarray  # (C,)
    row: np.ndarray  # (C,) of the precision
    evidence: np.ndarray  # (J,)
    hyper: np.ndarray  # (h,)


class Learnt(NamedTuple):
    """The proposals: covariance factors and log scales, and the running moments behind them."""

    channel_factor: np.ndarray  # (C, 5, 5) lower triangular
    channel_scale: np.ndarray  # (C,)
    effect_scale: np.ndarray  # (C,)
    pool_scale: np.ndarray  # (2,)
    hyper_factor: np.ndarray  # (h, h)
    hyper_scale: np.ndarray  # (1,)
    seen: np.ndarray  # (1,) states behind the moments
    channel_mean: np.ndarray  # (C, 5)
    channel_product: np.ndarray  # (C, 5, 5) sums of products of deviations
    hyper_mean: np.ndarray  # (h,)
    hyper_product: np.ndarray  # (h, h)


class State(NamedTuple):
    """One chain, changed in place."""

    channel: np.ndarray  # (C, 5) logit theta, log(r - 1), log kappa, log k, u
    effects: np.ndarray  # (C,) in units of the KPI per unit of money
    hyper: np.ndarray  # (h,) log sigma, log taus, qs
    pool: np.ndarray  # (2,) mu, log t
    curves: Curves
    solved: Solved
    spare: Solved
    trial: Trial
    learnt: Learnt


def new_state(market: Market) -> State:
    """Empty memory of one chain."""
    channels, periods = len(market.x), len(market.y)
    p, h, tests = len(market.zy), len(market.hyper_mean), len(market.soft)
    return State(
        channel=np.zeros((channels, DIMENSIONS)),
        effects=np.zeros(channels),
        hyper=np.zeros(h),
        pool=np.zeros(2),
        curves=Curves(
            f=np.zeros((channels, periods)),
            zf=np.zeros((channels, p)),
            ff=np.zeros((channels, channels)),
            fy=np.zeros(channels),
            evidence=np.zeros((channels, tests)),
            log_pressure=np.zeros((channels, periods)),
        ),
        solved=_new_solved(channels, p),
        spare=_new_solved(channels, p),
        trial=Trial(
            parameters=np.zeros(DIMENSIONS),
            weights=np.zeros(market.lags),
            f=np.zeros(periods),
            log_pressure=np.zeros(periods),
            zf=np.zeros(p),
            w=np.zeros(p),
            ff=np.zeros(channels),
            row=np.zeros(channels),
            evidence=np.zeros(tests),
            hyper=np.zeros(h),
        ),
        learnt=_new_learnt(channels, h),
    )


def _new_solved(channels: int, p: int) -> Solved:
    return Solved(
        lower=np.zeros((p, p)),
        w=np.zeros((channels, p)),
        wy=np.zeros(p),
        precision=np.zeros((channels, channels)),
        linear=np.zeros(channels),
        constant=np.zeros(1),
    )


def _new_learnt(channels: int, h: int) -> Learnt:
    return Learnt(
        channel_factor=np.zeros((channels, DIMENSIONS, DIMENSIONS)),
        channel_scale=np.zeros(channels),
        effect_scale=np.full(channels, math.log(0.5)),
        pool_scale=np.full(2, math.log(0.5)),
        hyper_factor=np.zeros((h, h)),
        hyper_scale=np.zeros(1),
        seen=np.zeros(1),
        channel_mean=np.zeros((channels, DIMENSIONS)),
        channel_product=np.zeros((channels, DIMENSIONS, DIMENSIONS)),
        hyper_mean=np.zeros(h),
        hyper_product=np.zeros((h, h)),
    )
