"""A panel as numbers: G geos' KPIs over their means, whitened by their noise, around one baseline.

y_g = KPI_g / m_g follows the same baseline Z gamma and the same channels as a nation, and a level and
a slow trend of its own. With v_g the relative noise of geo g, u_g = 1 / v_g, w = u / |u|, y~_g =
u_g y_g, the covariance of the stacked y~ given channels is

    w w' (x) |u|^2 (sigma^2 I + Z D Z')  +  (I - w w') (x) (own^2 I + B D_B B')

The first direction is the nation: the precision-weighted mean of all geos follows the national model
with its own noise, so that shocks common to all geos are no evidence. The second holds what geos
differ by: own levels and slow trends that sum to nothing over geos. With one geo it vanishes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmm.engines.bayes.kernel import Design, Priors, Tests


class PanelMarket(NamedTuple):
    """A panel in numbers, read-only. `x` has N periods; the last T are fitted."""

    x: np.ndarray  # (C, G, N) pressure per size over the nation's mean
    size: np.ndarray  # (G,) a geo's share of the nation's size, sums to 1
    whole: np.ndarray  # (G,) a geo's KPI over the nation's, by means: money in y_g becomes national
    unit: np.ndarray  # (G,) u_g
    length: float  # |u|
    money: np.ndarray  # (C,) national spend over the nation's mean KPI
    week: float  # a period's length in weeks
    lags: int
    y: np.ndarray  # (G, T) whitened
    slow: np.ndarray  # (J, T) orthogonal columns of B with squares summing to T
    slow_log_scale: np.ndarray  # (J,) log prior sd before the free factor
    slow_log_order: np.ndarray  # (J,)
    slow_free: np.ndarray  # (J,) 1 where the sd has the free factor
    own: int  # position of log own among the hyperparameters; log tau of B after it, its q the last
    wide: np.ndarray  # (k, G, T) whitened controls that differ between geos
    wide_sd: np.ndarray  # (k,) prior sd of their coefficients
    design: Design  # of the nation's direction: y is the precision-weighted mean
    tests: Tests
    priors: Priors
    spread: np.ndarray  # (2,) mean and sd of the log sd of the geos' effects


class PanelCurves(NamedTuple):
    """What depends on curves and on the geos' factors. R = C + k: channels, then wide controls.
    Sums "apart" are over geos without the nation's direction.
    """

    f: np.ndarray  # (R, G, T) whitened, without the geos' factors
    slow: np.ndarray  # (R, G, J) B'f
    mean: np.ndarray  # (R, T) precision-weighted mean, with the factors
    zf: np.ndarray  # (R, p) Z'mean
    mm: np.ndarray  # (R, R) mean'mean
    my: np.ndarray  # (R,) mean'y
    ff: np.ndarray  # (R, R) f'f apart
    fy: np.ndarray  # (R,) f'y apart
    bb: np.ndarray  # (R, R, J) products of B'f apart
    by: np.ndarray  # (R, J) products of B'f and B'y apart
    evidence: np.ndarray  # (C, tests) with the factors
    geo_evidence: np.ndarray  # (C, G, tests) of lift tests, without the factors


class PanelSolved(NamedTuple):
    """As `kernel.Solved`, with what the wide controls take: the effects' likelihood is
    exp(constant + v'beta - beta'P beta / 2).
    """

    diagonal: np.ndarray  # (s,)
    cross: np.ndarray  # (d, s)
    lower: np.ndarray  # (d, d)
    w: np.ndarray  # (R, p)
    wy: np.ndarray  # (p,)
    shrink: np.ndarray  # (J,) share of B'B that own levels and trends explain, over T
    wide_lower: np.ndarray  # (k, k) factor of the controls' precision
    q: np.ndarray  # (C, k) what channels share with the controls
    qy: np.ndarray  # (k,)
    precision: np.ndarray  # (C, C) P
    linear: np.ndarray  # (C,) v
    constant: np.ndarray  # (1,)


class PanelTrial(NamedTuple):
    """Scratch memory of one proposal: a channel's quantities."""

    parameters: np.ndarray  # (5,)
    curve: np.ndarray  # (4, 2)
    weights: np.ndarray  # (lags,)
    f: np.ndarray  # (G, T)
    log_pressure: np.ndarray  # (G, T)
    slow: np.ndarray  # (G, J)
    mean: np.ndarray  # (T,)
    zf: np.ndarray  # (p,)
    w: np.ndarray  # (p,)
    mm: np.ndarray  # (R,)
    ff: np.ndarray  # (R,)
    bb: np.ndarray  # (R, J)
    sums: np.ndarray  # (2 + J,) my, fy, by
    row: np.ndarray  # (C,)
    q: np.ndarray  # (k,)
    evidence: np.ndarray  # (tests,)
    geo_evidence: np.ndarray  # (G, tests)
