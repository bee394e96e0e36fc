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

from mmm.engines.bayes.kernel import Design, dot, jit
from mmm.engines.bayes.parts import draw_residual, solve_spare, take_spare
from mmm.engines.bayes.proposals import WANTED_ONE, rescaled

_PASSES = 3


@jit
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


@jit
def _depends(design: Design, j: int, i: int) -> bool:
    """Whether the variance of column j depends on hyperparameter i >= 1."""
    group = design.group[j]
    return group >= 0 and (group == i - 1 or design.power[group] == i)


@jit
def _has_columns(design: Design, i: int) -> bool:
    """A panel's own levels and trends are none of the shared baseline's columns."""
    columns = 0
    for j in range(design.group.shape[0]):
        columns += int(_depends(design, j, i))
    return columns > 0


@jit
def _log_columns(design: Design, i: int, gamma: np.ndarray, hyper: np.ndarray) -> float:
    """Log density of the coefficients (p,) whose variance depends on hyperparameter i >= 1."""
    total = 0.0
    for j in range(gamma.shape[0]):
        if not _depends(design, j, i):
            continue
        group = design.group[j]
        log_sd = design.log_scale[j] + hyper[1 + group]
        if design.power[group] >= 0:
            log_sd -= hyper[design.power[group]] * design.log_order[j]
        z = gamma[j] * math.exp(-log_sd)
        total -= log_sd + 0.5 * z * z
    return total


@jit
def move_hyper_given_baseline(
    market: Any, state: Any, rng: np.random.Generator, rate: float
) -> None:
    """Random-walk steps of sigma and of what the baseline's variances depend on, one by one; then
    everything that follows from them anew.
    """
    design, hyper = market.design, state.kept_hyper
    gamma, rest = np.empty(design.zy.shape[0]), np.empty(design.y.shape[0])
    groups = design.power.shape[0]
    draw_residual(market, state, rng, gamma, rest)
    hyper[:] = state.hyper
    squares, periods = dot(rest, rest, rest.shape[0]), rest.shape[0]
    for _ in range(_PASSES):
        for i in range(hyper.shape[0]):
            if i > 0 and not _has_columns(design, i):
                continue
            old = hyper[i]
            before = log_hyper(market.priors.hyper, groups, hyper)
            if i == 0:
                before -= periods * old + 0.5 * squares * math.exp(-2.0 * old)
            else:
                before += _log_columns(design, i, gamma, hyper)
            hyper[i] = old + math.exp(state.noise_scale[i]) * rng.standard_normal()
            after = log_hyper(market.priors.hyper, groups, hyper)
            if after > -math.inf:
                if i == 0:
                    after -= periods * hyper[i] + 0.5 * squares * math.exp(-2.0 * hyper[i])
                else:
                    after += _log_columns(design, i, gamma, hyper)
            accepted = math.log(rng.random()) < after - before
            if not accepted:
                hyper[i] = old
            state.noise_scale[i] = rescaled(state.noise_scale[i], rate, accepted, WANTED_ONE)
    solve_spare(market, state, hyper)
    state.hyper[:] = hyper
    take_spare(market, state)
