"""Sigma, the baseline's variances and their fall, given a draw of the baseline's coefficients.

With the baseline integrated out they move together and slowly. Given its coefficients gamma, drawn
from their exact conditional and forgotten afterwards, each has a likelihood of its own that costs
next to nothing: sigma that of the residuals, a group's variance that of the group's coefficients.
Both kinds of updates leave the posterior as it is; they are slow in different directions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mmm.engines.bayes.kernel import copy, dot, inner
from mmm.engines.bayes.parts import draw_residual, solve_spare, take_spare
from mmm.engines.bayes.proposals import WANTED_ONE, rescaled

#: Steps of each number in a row.
_PASSES = 2


@inner
def log_hyper(prior: np.ndarray, groups: int, hyper: np.ndarray) -> float:
    """Log prior of log sigma, log taus and qs; minus infinity outside of a q's range."""
    total = 0.0
    for i in range(hyper.shape[0]):
        if i <= groups:
            z = (hyper[i] - prior[i, 0]) / prior[i, 1]
            total -= 0.5 * z * z
        elif hyper[i] < prior[i, 0] or hyper[i] > prior[i, 1]:
            return -math.inf
    return total


@inner
def _tau_and_fall(group: np.ndarray, power: np.ndarray, of: np.ndarray) -> None:
    """Which hyperparameters each column's variance depends on, log tau and q, into `of` (2, p); 0
    where it does not.
    """
    for j in range(group.shape[0]):
        of[0, j], of[1, j] = 0, 0
        if group[j] >= 0:
            of[0, j] = 1 + group[j]
            of[1, j] = max(power[group[j]], 0)


@inner
def _log_part(
    i: int,
    squares: float,
    periods: int,
    of: np.ndarray,
    log_scale: np.ndarray,
    log_order: np.ndarray,
    gamma: np.ndarray,
    hyper: np.ndarray,
) -> float:
    """Log density of what depends on hyperparameter i: of residuals with this sum of squares, or of
    the coefficients (p,) whose variance it is in.
    """
    if i == 0:
        return -periods * hyper[0] - 0.5 * squares * math.exp(-2.0 * hyper[0])
    total = 0.0
    for j in range(gamma.shape[0]):
        if of[0, j] != i and of[1, j] != i:
            continue
        log_sd = log_scale[j] + hyper[of[0, j]]
        if of[1, j] > 0:
            log_sd -= hyper[of[1, j]] * log_order[j]
        z = gamma[j] * math.exp(-log_sd)
        total -= log_sd + 0.5 * z * z
    return total


@inner
def move_hyper_given_baseline(
    market: Any, state: Any, rng: np.random.Generator, rate: float
) -> None:
    """Random-walk steps of sigma and of what the baseline's variances depend on, one by one; then
    everything that follows from them anew.
    """
    design, hyper, prior = market.design, state.kept_hyper, market.priors.hyper
    group, log_scale, log_order = design.group, design.log_scale, design.log_order
    gamma, rest = np.empty(group.shape[0]), np.empty(design.y.shape[0])
    of, groups = np.empty((2, group.shape[0]), np.int64), design.power.shape[0]
    draw_residual(market, state, rng, gamma, rest)
    _tau_and_fall(group, design.power, of)
    copy(state.hyper, hyper)
    squares, periods = dot(rest, rest, rest.shape[0]), rest.shape[0]
    for i in range(hyper.shape[0]):
        # A panel's own levels and trends are none of the shared baseline's columns.
        if i > 0 and not (of == i).any():
            continue
        for _ in range(_PASSES):
            old = hyper[i]
            before = log_hyper(prior, groups, hyper)
            before += _log_part(i, squares, periods, of, log_scale, log_order, gamma, hyper)
            hyper[i] = old + math.exp(state.noise_scale[i]) * rng.standard_normal()
            after = log_hyper(prior, groups, hyper)
            if after > -math.inf:
                after += _log_part(i, squares, periods, of, log_scale, log_order, gamma, hyper)
            accepted = math.log(rng.random()) < after - before
            if not accepted:
                hyper[i] = old
            state.noise_scale[i] = rescaled(state.noise_scale[i], rate, accepted, WANTED_ONE)
    solve_spare(market, state, hyper)
    copy(hyper, state.hyper)
    take_spare(market, state)
