"""Hill curves of the geos' adstocked pressures, compiled: by period, and summed when all is scaled."""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes import elementary
from mmm.engines.bayes.kernel import KAPPA, RHO, SHAPE, THETA, convolve, jit, lag_weights, theta_of


@jit
def geo_pressures(
    x: np.ndarray, parameters: np.ndarray, week: float, weights: np.ndarray, out: np.ndarray
) -> None:
    """Adstocked pressure of every geo in the last T rows of x (G, N), into `out` (G, T); `weights`
    (lags,) are overwritten.
    """
    theta = theta_of(parameters[THETA], week)
    used = lag_weights(theta, 1.0 + math.exp(parameters[RHO]), weights)
    for g in range(x.shape[0]):
        convolve(x[g], weights, used, out[g])


@jit
def hill_values(pressure: np.ndarray, parameters: np.ndarray, out: np.ndarray) -> None:
    """The Hill curve of each pressure (G, T)."""
    log_kappa, k = parameters[KAPPA], math.exp(parameters[SHAPE])
    for g in range(out.shape[0]):
        for t in range(out.shape[1]):
            out[g, t] = 1.0 / (
                1.0 + elementary.exp(k * (log_kappa - elementary.log(pressure[g, t])))
            )


@jit
def weighted_responses(
    pressure: np.ndarray,
    weights: np.ndarray,
    log_kappa: float,
    k: float,
    factors: np.ndarray,
    response: np.ndarray,
    slope: np.ndarray,
) -> None:
    """For each factor m (n,): weighted sum of the Hill curve at m times the pressures (points,), and
    its derivative by m, as `response_sums` does for one market.
    """
    for i in range(factors.shape[0]):
        factor = max(factors[i], 1e-9)
        shift = k * (log_kappa - math.log(factor))
        total, change = 0.0, 0.0
        for t in range(pressure.shape[0]):
            value = 1.0 / (1.0 + elementary.exp(shift - k * elementary.log(pressure[t])))
            total += weights[t] * value
            change += weights[t] * k * value * (1.0 - value)
        response[i] = total if factors[i] > 0.0 else 0.0
        slope[i] = change / factor
