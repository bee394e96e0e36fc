"""Adstocked pressures of a medium by draw, and sums of their Hill curves, compiled."""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes import elementary
from mmm.engines.bayes.kernel import (
    KAPPA,
    RHO,
    SHAPE,
    THETA,
    convolve,
    jit,
    lag_weights,
    reached,
    theta_of,
)


@jit
def adstocked(
    own: np.ndarray,
    parameters: np.ndarray,
    week: float,
    lags: int,
    pressure: np.ndarray,
    first_weight: np.ndarray,
) -> None:
    """Adstocked pressure of the last T periods of `own` (N,) by draw of the `parameters` (K, 5), into
    `pressure` (K, T); the weight of a period's own into `first_weight` (K,).
    """
    weights = np.empty(lags)
    for draw in range(pressure.shape[0]):
        theta = theta_of(parameters[draw, THETA], week)
        used = lag_weights(theta, 1.0 + math.exp(parameters[draw, RHO]), weights)
        convolve(own, weights, used, pressure[draw])
        first_weight[draw] = weights[0]


@jit
def reach_courses(
    reach: np.ndarray,
    log_frequency: np.ndarray,
    parameters: np.ndarray,
    week: float,
    lags: int,
    total: np.ndarray,
    immediate: np.ndarray,
) -> None:
    """Of a medium with a frequency, by draw of the `parameters` (K, 5): its `reach` (N,) times what
    the frequency does, carried over, in the last T periods (`total`), and the part that is each
    period's own (`immediate`), (K, T) both.
    """
    periods = total.shape[1]
    start = reach.shape[0] - periods
    weights, acting = np.empty(lags), np.empty(reach.shape[0])
    for draw in range(total.shape[0]):
        theta = theta_of(parameters[draw, THETA], week)
        used = lag_weights(theta, 1.0 + math.exp(parameters[draw, RHO]), weights)
        k = math.exp(parameters[draw, SHAPE])
        reached(reach, log_frequency, parameters[draw, KAPPA], k, acting)
        convolve(acting, weights, used, total[draw])
        for t in range(periods):
            immediate[draw, t] = weights[0] * acting[start + t]


@jit
def response_sums(
    pressure: np.ndarray,
    parameters: np.ndarray,
    factors: np.ndarray,
    response: np.ndarray,
    slope: np.ndarray,
) -> None:
    """For each draw and factor m (n,): sum over t of h(m a_t), and of its derivative by m, into
    `response` and `slope` (K, n). The derivative at 0 is that of a very small factor, as it may be
    infinite.
    """
    periods = pressure.shape[1]
    logs = np.empty(periods)
    for draw in range(pressure.shape[0]):
        log_kappa, k = parameters[draw, KAPPA], math.exp(parameters[draw, SHAPE])
        for t in range(periods):
            logs[t] = k * elementary.log(pressure[draw, t])
        for i in range(factors.shape[0]):
            factor = max(factors[i], 1e-9)
            shift = k * (log_kappa - math.log(factor))
            total = 0.0
            change = 0.0
            for t in range(periods):
                value = 1.0 / (1.0 + elementary.exp(shift - logs[t]))
                total += value
                change += k * value * (1.0 - value)
            response[draw, i] = total if factors[i] > 0.0 else 0.0
            slope[draw, i] = change / factor
