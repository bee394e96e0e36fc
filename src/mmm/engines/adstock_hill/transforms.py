"""Adstock and saturation, one function per published transformation, compiled.

All functions take and return float64 arrays of shape (T,) and are pure. They mirror Robyn 3.12.1's
`adstock_geometric`, `adstock_weibull` and `saturation_hill` to rounding; differences are named
where they occur.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from mmm.engines.adstock_hill.curves import DELAYED_LAGS

GEOMETRIC, WEIBULL_CDF, WEIBULL_PDF = 0, 1, 2
ADSTOCK_CODES = {"geometric": GEOMETRIC, "weibull_cdf": WEIBULL_CDF, "weibull_pdf": WEIBULL_PDF}

#: A lagged weight below this share of the largest possible sum cannot change a float64 result; the
#: tail stops there.
_NEGLIGIBLE = 1e-20

_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
jit = njit(**_OPTIONS)
#: For what compiled code alone calls: without an entry from Python it compiles faster. Called from
#: Python, it would crash the process: tests/engines/test_inner.py finds such a call.
_INNER: dict[str, Any] = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner = njit(**_INNER)


@inner
def adstock_geometric(x: np.ndarray, theta: float, out: np.ndarray) -> None:
    """a_1 = x_1, a_t = x_t + theta a_{t-1}, into `out`."""
    carried = 0.0
    for t in range(x.shape[0]):
        carried = x[t] + theta * carried
        out[t] = carried


@jit
def weibull_weights(length: int, kind: int, shape: float, scale: float, out: np.ndarray) -> int:
    """Weights of the lags 0..length-1 into `out`; returns how many matter. 0: no adstock (shape or
    scale is 0).

    As in Robyn the scale is a fraction of the series' length, so that the same scale means another
    curve on a longer series; the scale in periods is the rounded (half to even) type-7 quantile of
    1..length.
    """
    if shape == 0.0 or scale == 0.0 or length == 1:
        for k in range(length):
            out[k] = 0.0
        return 0
    periods = np.rint(1.0 + (length - 1) * scale)
    if kind == WEIBULL_PDF:
        low, high = np.inf, -np.inf
        for k in range(1, length + 1):
            u = k / periods
            density = (shape / periods) * u ** (shape - 1.0) * math.exp(-(u**shape))
            out[k - 1] = density
            low = min(low, density)
            high = max(high, density)
        if high == low:
            for k in range(length):
                out[k] = 0.0
            out[0] = 1.0
            return 1
        for k in range(length):
            out[k] = (out[k] - low) / (high - low)
    else:
        out[0] = 1.0
        for k in range(1, length):
            out[k] = out[k - 1] * (1.0 + math.expm1(-((k / periods) ** shape)))
    used = length
    while used > 1 and out[used - 1] < _NEGLIGIBLE:
        used -= 1
    return used


@jit
def convolve_lags(x: np.ndarray, weights: np.ndarray, used: int, out: np.ndarray) -> None:
    """out_t = sum over lags j < used of x_{t-j} weights_j."""
    out.fill(0.0)
    for s in range(x.shape[0]):
        value = x[s]
        if value != 0.0:
            for j in range(min(used, x.shape[0] - s)):
                out[s + j] += value * weights[j]


@jit
def adstock_into(
    x: np.ndarray, kind: int, first: float, second: float, weights: np.ndarray, out: np.ndarray
) -> float:
    """Adstock `x` into `out`; returns the immediate weight, so that the immediate part is x times
    it.

    `first` is theta, or shape; `second` is scale. `weights` is working memory of the length of `x`
    or more.
    """
    if kind == GEOMETRIC:
        adstock_geometric(x, first, out)
        return 1.0
    used = weibull_weights(x.shape[0], kind, first, second, weights)
    if used == 0:
        for t in range(x.shape[0]):
            out[t] = x[t]
        return 1.0
    convolve_lags(x, weights, used, out)
    return weights[0] if kind == WEIBULL_PDF else 1.0


@jit
def hill(z: float, alpha: float, inflexion: float) -> float:
    """z^alpha / (z^alpha + g^alpha); NaN for 0/0, as in Robyn's `saturation_hill`."""
    power = z**alpha
    return power / (power + inflexion**alpha)


@jit
def hill_into(z: np.ndarray, alpha: float, inflexion: float, out: np.ndarray) -> None:
    half = inflexion**alpha
    for t in range(z.shape[0]):
        power = z[t] ** alpha
        out[t] = power / (power + half)


def adstock(
    x: np.ndarray, kind: str, first: float, second: float = 0.0, lags: int = DELAYED_LAGS
) -> tuple[np.ndarray, np.ndarray]:
    """(adstocked, immediate) of `x`, shape (T,) each. `first` is theta or the Weibull shape, `second`
    the Weibull scale or the delay, `lags` the last lag of the kind `delayed`.
    """
    x = np.ascontiguousarray(x, dtype=np.float64)
    out = np.empty_like(x)
    if kind == "delayed":
        weights = delayed_weights(first, second, lags)
        convolve_lags(x, weights, len(weights), out)
        return out, x * weights[0]
    immediate_weight = adstock_into(x, ADSTOCK_CODES[kind], first, second, np.empty_like(x), out)
    return out, x * immediate_weight


def delayed_weights(theta: float, delay: float, lags: int = DELAYED_LAGS) -> np.ndarray:
    """Weights of the lags 0..`lags`, summing to 1: proportional to (r)_l / l! theta^l with r the
    `delay` and (r)_l its rising factorial. r = 1 is geometric, r > 1 peaks near the lag
    theta (r - 1) / (1 - theta).
    """
    lag = np.arange(1.0, lags + 1.0)
    weights = np.append(1.0, np.cumprod(theta * (delay + lag - 1.0) / lag))
    return np.asarray(weights / weights.sum())


def adstock_weights(
    length: int, kind: str, first: float, second: float = 0.0, lags: int = DELAYED_LAGS
) -> np.ndarray:
    """Weights of the lags 0..length-1 (`delayed`: as many as it has). Robyn's reported geometric
    vector starts at theta; this one at lag 0 with 1. Delayed weights are shares of their largest.
    """
    if kind == "delayed":
        delayed = delayed_weights(first, second, lags)[:length]
        return np.asarray(delayed / delayed.max())
    if kind == "geometric":
        return np.asarray(float(first) ** np.arange(length))
    weights = np.empty(length)
    if weibull_weights(length, ADSTOCK_CODES[kind], first, second, weights) == 0:
        weights[0] = 1.0
    return weights
