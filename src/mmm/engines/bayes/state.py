"""Where one chain is: its parameters, what follows from them, and what its proposals have learnt."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mmm.engines.bayes.kernel import DIMENSIONS, EFFECT, Curves, Market, Solved
from mmm.engines.bayes.mixture import COMPONENTS


class Trial(NamedTuple):
    """Scratch memory of one proposal: the state's quantities for one channel."""

    parameters: np.ndarray  # (5,)
    curve: np.ndarray  # (4, 2) the curve's prior, given the other channels
    weights: np.ndarray  # (lags,)
    f: np.ndarray  # (T,)
    log_pressure: np.ndarray  # (T,)
    acting: np.ndarray  # (N,) a channel's reach times what its frequency does
    zf: np.ndarray  # (p,)
    w: np.ndarray  # (p,)
    ff: np.ndarray  # (C,)
    row: np.ndarray  # (C,) of the precision
    evidence: np.ndarray  # (J,)


class Learnt(NamedTuple):
    """The proposals of one block of n numbers: a covariance's factor, a log scale, and the running
    moments behind them.
    """

    factor: np.ndarray  # (n, n) lower triangular
    scale: np.ndarray  # (1,) logarithm
    seen: np.ndarray  # (1,) how many states are behind the moments
    mean: np.ndarray  # (n,)
    product: np.ndarray  # (n, n) sums of products of deviations


class Jumps(NamedTuple):
    """Normal mixtures of G components, fitted to where all chains have been in the warm-up."""

    ready: np.ndarray  # (1,) 1 once there are any
    weight: np.ndarray  # (C, G)
    mean: np.ndarray  # (C, G, 5)
    factor: np.ndarray  # (C, G, 5, 5) lower triangular


class State(NamedTuple):
    """One chain, changed in place. Scales are logarithms of random-walk steps."""

    channel: np.ndarray  # (C, 5) logit theta, log(r - 1), log kappa, log k, u
    effects: np.ndarray  # (C,) in units of the KPI per unit of money
    hyper: np.ndarray  # (h,) log sigma, log taus, qs
    pool: np.ndarray  # (2,) mu, log t
    curves: Curves
    solved: Solved
    spare: Solved
    trial: Trial
    of_channel: Learnt  # every array with a leading dimension (C,)
    of_hyper: Learnt
    of_effects: Learnt
    jumps: Jumps
    kept: Curves  # what `parts.keep` keeps
    kept_channel: np.ndarray  # (C, 5)
    kept_hyper: np.ndarray  # (h,)
    common_scale: np.ndarray  # (4,) of moves of a curve parameter of all channels
    noise_scale: np.ndarray  # (h,) of hyperparameters given the baseline
    effect_scale: np.ndarray  # (C,)
    pool_scale: np.ndarray  # (2,)


def new_state(market: Market) -> State:
    """Empty memory of one chain."""
    design = market.design
    channels, periods = len(market.x), len(design.y)
    p, h, tests = len(design.zy), len(market.priors.hyper), len(market.tests.value)
    weeks = int(design.week_of.max()) + 1
    return State(
        channel=np.zeros((channels, DIMENSIONS)),
        effects=np.zeros(channels),
        hyper=np.zeros(h),
        pool=np.zeros(2),
        curves=_new_curves(channels, periods, p, tests),
        solved=_new_solved(channels, p, weeks),
        spare=_new_solved(channels, p, weeks),
        trial=Trial(
            parameters=np.zeros(DIMENSIONS),
            curve=np.zeros((EFFECT, 2)),
            weights=np.zeros(market.lags),
            f=np.zeros(periods),
            log_pressure=np.zeros(periods),
            acting=np.zeros(market.x.shape[1]),
            zf=np.zeros(p),
            w=np.zeros(p),
            ff=np.zeros(channels),
            row=np.zeros(channels),
            evidence=np.zeros(tests),
        ),
        of_channel=new_learnt((channels,), DIMENSIONS),
        of_hyper=new_learnt((), h),
        of_effects=new_learnt((), channels),
        jumps=new_jumps(channels),
        kept=_new_curves(channels, periods, p, tests),
        kept_channel=np.zeros((channels, DIMENSIONS)),
        kept_hyper=np.zeros(len(market.priors.hyper)),
        common_scale=np.full(EFFECT, math.log(0.5)),
        noise_scale=np.full(len(market.priors.hyper), math.log(0.2)),
        effect_scale=np.full(channels, math.log(0.5)),
        pool_scale=np.full(2, math.log(0.5)),
    )


def _new_curves(channels: int, periods: int, p: int, tests: int) -> Curves:
    return Curves(
        f=np.zeros((channels, periods)),
        zf=np.zeros((channels, p)),
        ff=np.zeros((channels, channels)),
        fy=np.zeros(channels),
        evidence=np.zeros((channels, tests)),
    )


def _new_solved(channels: int, p: int, weeks: int) -> Solved:
    return Solved(
        diagonal=np.zeros(weeks),
        cross=np.zeros((p - weeks, weeks)),
        lower=np.zeros((p - weeks, p - weeks)),
        w=np.zeros((channels, p)),
        wy=np.zeros(p),
        precision=np.zeros((channels, channels)),
        linear=np.zeros(channels),
        constant=np.zeros(1),
    )


def new_jumps(channels: int) -> Jumps:
    """Mixtures that are not fitted yet."""
    return Jumps(
        ready=np.zeros(1, np.int64),
        weight=np.zeros((channels, COMPONENTS)),
        mean=np.zeros((channels, COMPONENTS, DIMENSIONS)),
        factor=np.zeros((channels, COMPONENTS, DIMENSIONS, DIMENSIONS)),
    )


def new_learnt(leading: tuple[int, ...], n: int) -> Learnt:
    """Proposals of blocks of n numbers that have learnt nothing yet."""
    return Learnt(
        factor=np.zeros((*leading, n, n)),
        scale=np.zeros((*leading, 1)),
        seen=np.zeros((*leading, 1)),
        mean=np.zeros((*leading, n)),
        product=np.zeros((*leading, n, n)),
    )
