"""Where one chain of a panel is: as `bayes.state`, with the geos' factors."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mmm.engines.bayes.kernel import DIMENSIONS, EFFECT
from mmm.engines.bayes.panel.model import PanelCurves, PanelMarket, PanelSolved, PanelTrial
from mmm.engines.bayes.state import Jumps, Learnt, new_jumps, new_learnt


class PanelState(NamedTuple):
    """One chain, changed in place; names as in `bayes.state.State`, which the moves rely on."""

    channel: np.ndarray  # (C, 5)
    effects: np.ndarray  # (C,)
    hyper: np.ndarray  # (h,)
    pool: np.ndarray  # (2,)
    curves: PanelCurves
    solved: PanelSolved
    spare: PanelSolved
    trial: PanelTrial
    of_channel: Learnt
    of_hyper: Learnt
    of_effects: Learnt
    jumps: Jumps
    kept: PanelCurves  # what `parts.keep` keeps
    kept_channel: np.ndarray  # (C, 5)
    kept_hyper: np.ndarray  # (h,)
    common_scale: np.ndarray  # (4,) of moves of a curve parameter of all channels
    noise_scale: np.ndarray  # (h,) of hyperparameters given the baseline
    effect_scale: np.ndarray  # (C,)
    pool_scale: np.ndarray  # (2,)
    factors: np.ndarray  # (R, G) a geo's effect over the nation's; 1 of wide controls
    spread: np.ndarray  # (1,) log sd of the factors around 1
    spread_scale: np.ndarray  # (1,)
    y_slow: np.ndarray  # (G, J) B'y
    y_apart: np.ndarray  # (1 + J,) y'y and products of B'y apart from the nation's direction


def new_panel_state(market: PanelMarket) -> PanelState:
    """Empty memory of one chain; all factors are 1."""
    channels, geos, _ = market.x.shape
    wide, periods, slow = len(market.wide), market.y.shape[1], len(market.slow)
    regressors = channels + wide
    p, tests = len(market.design.zy), len(market.tests.value)
    return PanelState(
        channel=np.zeros((channels, DIMENSIONS)),
        effects=np.zeros(channels),
        hyper=np.zeros(len(market.priors.hyper)),
        pool=np.zeros(2),
        curves=_new_curves(market),
        solved=_new_solved(market),
        spare=_new_solved(market),
        trial=PanelTrial(
            parameters=np.zeros(DIMENSIONS),
            curve=np.zeros((EFFECT, 2)),
            weights=np.zeros(market.lags),
            f=np.zeros((geos, periods)),
            log_pressure=np.zeros((geos, periods)),
            slow=np.zeros((geos, slow)),
            mean=np.zeros(periods),
            zf=np.zeros(p),
            w=np.zeros(p),
            mm=np.zeros(regressors),
            ff=np.zeros(regressors),
            bb=np.zeros((regressors, slow)),
            sums=np.zeros(2 + slow),
            row=np.zeros(channels),
            q=np.zeros(wide),
            evidence=np.zeros(tests),
            geo_evidence=np.zeros((geos, tests)),
        ),
        of_channel=new_learnt((channels,), DIMENSIONS),
        of_hyper=new_learnt((), len(market.priors.hyper)),
        of_effects=new_learnt((), channels),
        jumps=new_jumps(channels),
        kept=_new_curves(market),
        kept_channel=np.zeros((channels, DIMENSIONS)),
        kept_hyper=np.zeros(len(market.priors.hyper)),
        common_scale=np.full(EFFECT, math.log(0.5)),
        noise_scale=np.full(len(market.priors.hyper), math.log(0.2)),
        effect_scale=np.full(channels, math.log(0.5)),
        pool_scale=np.full(2, math.log(0.5)),
        factors=np.ones((regressors, geos)),
        spread=np.zeros(1),
        spread_scale=np.full(1, math.log(0.3)),
        y_slow=np.zeros((geos, slow)),
        y_apart=np.zeros(1 + slow),
    )


def _new_curves(market: PanelMarket) -> PanelCurves:
    channels, geos, _ = market.x.shape
    regressors, periods, slow = channels + len(market.wide), market.y.shape[1], len(market.slow)
    p, tests = len(market.design.zy), len(market.tests.value)
    return PanelCurves(
        f=np.zeros((regressors, geos, periods)),
        slow=np.zeros((regressors, geos, slow)),
        mean=np.zeros((regressors, periods)),
        zf=np.zeros((regressors, p)),
        mm=np.zeros((regressors, regressors)),
        my=np.zeros(regressors),
        ff=np.zeros((regressors, regressors)),
        fy=np.zeros(regressors),
        bb=np.zeros((regressors, regressors, slow)),
        by=np.zeros((regressors, slow)),
        evidence=np.zeros((channels, tests)),
        geo_evidence=np.zeros((channels, geos, tests)),
    )


def _new_solved(market: PanelMarket) -> PanelSolved:
    channels, wide, slow = len(market.x), len(market.wide), len(market.slow)
    p, weeks = len(market.design.zy), int(market.design.week_of.max()) + 1
    return PanelSolved(
        diagonal=np.zeros(weeks),
        cross=np.zeros((p - weeks, weeks)),
        lower=np.zeros((p - weeks, p - weeks)),
        w=np.zeros((channels + wide, p)),
        wy=np.zeros(p),
        shrink=np.zeros(slow),
        wide_lower=np.zeros((wide, wide)),
        q=np.zeros((channels, wide)),
        qy=np.zeros(wide),
        precision=np.zeros((channels, channels)),
        linear=np.zeros(channels),
        constant=np.zeros(1),
    )
