"""Sums of a Hill curve over periods when all pressures are multiplied by a factor."""

from __future__ import annotations

import math

import numpy as np

from mmm.engines.bayes.kernel import jit


@jit
def response_sums(
    pressure: np.ndarray,
    log_kappa: float,
    k: float,
    factors: np.ndarray,
    response: np.ndarray,
    slope: np.ndarray,
) -> None:
    """For each factor m (n,): sum over t of h(m a_t), and of its derivative by m, into `response`
    and `slope` (n,). The derivative at 0 is that of a very small factor, as it may be infinite.
    """
    logs = np.empty(pressure.shape[0])
    for t in range(pressure.shape[0]):
        logs[t] = k * math.log(pressure[t])
    for i in range(factors.shape[0]):
        factor = max(factors[i], 1e-9)
        shift = k * (log_kappa - math.log(factor))
        total = 0.0
        change = 0.0
        for t in range(pressure.shape[0]):
            value = 1.0 / (1.0 + math.exp(shift - logs[t]))
            total += value
            change += k * value * (1.0 - value)
        response[i] = total if factors[i] > 0.0 else 0.0
        slope[i] = change / factor
