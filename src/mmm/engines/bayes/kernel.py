"""The collapsed likelihood in compiled pieces: one channel's regressor, and the baseline integrated.

Model, with T periods, C channels, p baseline columns: y = Z gamma + sum_c beta_c f_c + e, with
gamma ~ N(0, D), e ~ N(0, sigma^2). With A = Z'Z + sigma^2 D^-1 = LL', W = L^-1 Z'F, G = F'F - W'W
and b = F'y - W'L^-1 Z'y,

    log p(y | ...) = -(T - p) log sigma - log|A| / 2 - log|D| / 2
                     - (y'y - |L^-1 Z'y|^2 - 2 b'beta + beta'G beta) / (2 sigma^2)    (no constant)

(Gaussian integration; e.g. Bishop 2006, sec. 3.5, with Woodbury's identity). Functions are pure but
for the arrays named as results, hold no lock, and sum in one order, whatever the number of cores.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

#: Sums may be re-associated and fused by the compiler: fixed per machine, and fast.
jit = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})

#: A lag whose weight is below this share of all weights is left out.
_NEGLIGIBLE = 1e-6

#: What the number behind an effect means: its logarithm with pooled or own mean, the logarithm of
#: its opposite, or the effect itself.
POOLED, OWN, NEGATIVE, NORMAL = 0, 1, 2, 3
#: Columns of `State.channel`: logit of weekly theta, log(r - 1), log kappa, log k, the effect's u.
THETA, RHO, KAPPA, SHAPE, EFFECT = 0, 1, 2, 3, 4
DIMENSIONS = 5


class Market(NamedTuple):
    """One problem in numbers, read-only. `x` has N rows up to the window's end, of which the last T
    are fitted; columns of Z are the sparse 0/1 ones (by row index), then the dense ones.
    """

    y: np.ndarray  # (T,)
    x: np.ndarray  # (C, N) pressure over its mean
    money: np.ndarray  # (C,) a channel's spend over the KPI's mean: the sum of its f
    week: float  # a period's length in weeks
    lags: int
    dense: np.ndarray  # (T, p - s)
    pointer: np.ndarray  # (s + 1,) where each sparse column's rows begin in `row`
    row: np.ndarray
    gram: np.ndarray  # (p, p) Z'Z
    zy: np.ndarray  # (p,) Z'y
    yy: float
    first: np.ndarray  # (p,) first column that a row of L can differ from 0 in
    log_scale: np.ndarray  # (p,) log prior sd of a column before its group's factor
    group: np.ndarray  # (p,) its group with a free sd, -1 without
    log_order: np.ndarray  # (p,) log of its order j within a group whose sd falls as j^-q
    power: np.ndarray  # (g,) position of the group's q among the hyperparameters, -1 without
    hyper_mean: np.ndarray  # (h,) log sigma, log tau of g groups, then q's: prior means
    hyper_sd: np.ndarray  # (h,)
    q_range: np.ndarray  # (2,) q's are uniform here
    curve_mean: np.ndarray  # (C, 4) normal priors of the curve's parameters
    curve_sd: np.ndarray
    kind: np.ndarray  # (C,) POOLED, OWN, NEGATIVE or NORMAL
    effect_mean: np.ndarray  # (C,) of u, where it is not pooled
    effect_sd: np.ndarray
    zero_weight: np.ndarray  # (C,) prior mass of channels without effect
    zero_mean: np.ndarray  # (C,) of u for those
    zero_sd: float
    pool_mean: np.ndarray  # (2,) of mu and log t
    pool_sd: np.ndarray
    soft: np.ndarray  # (J, C) rows that don't depend on curves (share), or 1 where a test counts
    soft_value: np.ndarray  # (J,) observed, over its standard error
    soft_rows: np.ndarray  # (J, 2) first and last row of a test, (-1, -1) for a fixed row
    soft_scope: np.ndarray  # (J,) 1: only what the test days' own spend does
    soft_factor: np.ndarray  # (J,) of a test's effect: days of the test over days of its rows, / se


class Curves(NamedTuple):
    """What depends on the channels' curves alone."""

    f: np.ndarray  # (C, T)
    zf: np.ndarray  # (C, p) Z'f
    ff: np.ndarray  # (C, C) F'F
    fy: np.ndarray  # (C,)
    evidence: np.ndarray  # (C, J) soft evidence's rows
    log_pressure: np.ndarray  # (C, T) log of the adstocked pressure


class Solved(NamedTuple):
    """What depends on sigma and the baseline's variances as well. The effects' likelihood is
    exp(constant + v'beta - beta'P beta / 2).
    """

    lower: np.ndarray  # (p, p) L
    w: np.ndarray  # (C, p)
    wy: np.ndarray  # (p,)
    precision: np.ndarray  # (C, C) P
    linear: np.ndarray  # (C,) v
    constant: np.ndarray  # (1,)


@jit
def lag_weights(theta: float, r: float, lags: int, out: np.ndarray) -> int:
    """Weights (r)_l theta^l / l! of the lags l < `lags` into `out`, summing to 1 (negative binomial:
    r = 1 is geometric, r > 1 peaks near lag theta (r - 1) / (1 - theta)); returns how many count.
    """
    weight = 1.0
    total = 1.0
    out[0] = 1.0
    for lag in range(1, lags):
        weight *= (r + lag - 1.0) / lag * theta
        out[lag] = weight
        total += weight
    used = lags
    while used > 1 and out[used - 1] < _NEGLIGIBLE * total:
        used -= 1
    total = 0.0
    for lag in range(used):
        total += out[lag]
    for lag in range(used):
        out[lag] /= total
    return used


@jit
def convolve(x: np.ndarray, weights: np.ndarray, used: int, out: np.ndarray) -> None:
    """Adstocked pressure of the last T rows of x (N,) into `out` (T,); before the data it is 0."""
    start = x.shape[0] - out.shape[0]
    out[:] = 0.0
    for lag in range(used):
        weight = weights[lag]
        for t in range(max(0, lag - start), out.shape[0]):
            out[t] += weight * x[start + t - lag]


@jit
def hill_of_log(log_pressure: np.ndarray, log_kappa: float, k: float, out: np.ndarray) -> float:
    """a^k / (a^k + kappa^k) of log a (T,) into `out`, 0 where a is 0; returns the sum."""
    total = 0.0
    for t in range(out.shape[0]):
        out[t] = 1.0 / (1.0 + math.exp(k * (log_kappa - log_pressure[t])))
    for t in range(out.shape[0]):
        total += out[t]
    return total


@jit
def theta_of(logit: float, week: float) -> float:
    """Theta of one period from the logit of a week's."""
    return math.exp(-week * math.log1p(math.exp(-logit)))


@jit
def effect_of(kind: int, u: float) -> float:
    """A channel's effect (ROI) from the number that is sampled."""
    if kind == NORMAL:
        return u
    if kind == NEGATIVE:
        return -math.exp(u)
    return math.exp(u)


@jit
def project(market: Market, f: np.ndarray, out: np.ndarray) -> None:
    """Z'f into `out` (p,)."""
    sparse = market.pointer.shape[0] - 1
    for j in range(sparse):
        total = 0.0
        for i in range(market.pointer[j], market.pointer[j + 1]):
            total += f[market.row[i]]
        out[j] = total
    out[sparse:] = 0.0
    dense = market.dense
    for t in range(f.shape[0]):
        value = f[t]
        for j in range(dense.shape[1]):
            out[sparse + j] += value * dense[t, j]


@jit
def channel_regressor(
    market: Market,
    c: int,
    parameters: np.ndarray,
    weights: np.ndarray,
    f: np.ndarray,
    log_pressure: np.ndarray,
) -> float:
    """f of channel c (T,), whose coefficient is the ROI: its Hill curve scaled to sum to the money.

    `weights` (lags,) and `log_pressure` (T,) are results as well. Returns the factor of the Hill
    curve; 0 where the curve gives no effect at all (it then cannot be scaled).
    """
    theta = theta_of(parameters[THETA], market.week)
    r = 1.0 + math.exp(parameters[RHO])
    used = lag_weights(theta, r, market.lags, weights)
    convolve(market.x[c], weights, used, log_pressure)
    for t in range(log_pressure.shape[0]):
        log_pressure[t] = math.log(log_pressure[t])
    total = hill_of_log(log_pressure, parameters[KAPPA], math.exp(parameters[SHAPE]), f)
    if not total > 1e-200:
        return 0.0
    factor = market.money[c] / total
    for t in range(f.shape[0]):
        f[t] *= factor
    return factor


@jit
def carried_sum(
    market: Market,
    c: int,
    parameters: np.ndarray,
    first_weight: float,
    factor: float,
    log_pressure: np.ndarray,
    first: int,
    last: int,
) -> float:
    """Sum over rows of what earlier periods' pressure alone would have brought of f."""
    start = market.x.shape[1] - log_pressure.shape[0]
    k = math.exp(parameters[SHAPE])
    total = 0.0
    for t in range(first, last + 1):
        carried = math.exp(log_pressure[t]) - first_weight * market.x[c, start + t]
        logarithm = math.log(max(carried, 0.0))
        total += factor / (1.0 + math.exp(k * (parameters[KAPPA] - logarithm)))
    return total


@jit
def evidence_of(
    market: Market,
    c: int,
    parameters: np.ndarray,
    first_weight: float,
    factor: float,
    f: np.ndarray,
    log_pressure: np.ndarray,
    out: np.ndarray,
) -> None:
    """Column c of the soft evidence (J,): effect per unit of ROI over a test, in standard errors.

    Scope immediate leaves out what earlier spend alone would have done.
    """
    for j in range(market.soft.shape[0]):
        first, last = market.soft_rows[j, 0], market.soft_rows[j, 1]
        out[j] = market.soft[j, c]
        if first < 0 or out[j] == 0.0:
            continue
        total = 0.0
        for t in range(first, last + 1):
            total += f[t]
        if market.soft_scope[j] == 1:
            total -= carried_sum(
                market, c, parameters, first_weight, factor, log_pressure, first, last
            )
        out[j] *= total * market.soft_factor[j]


@jit
def dot(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(a.shape[0]):
        total += a[i] * b[i]
    return total


@jit
def column_log_sd(market: Market, hyper: np.ndarray, j: int) -> float:
    """Log prior sd of baseline column j."""
    group = market.group[j]
    value = market.log_scale[j]
    if group >= 0:
        value += hyper[1 + group]
        if market.power[group] >= 0:
            value -= hyper[market.power[group]] * market.log_order[j]
    return value


@jit
def factorise(market: Market, hyper: np.ndarray, lower: np.ndarray) -> float:
    """L of A within its envelope (George and Liu 1981) into `lower`; returns log|A|/2 + log|D|/2.

    Calendar columns come first and hardly overlap, so that most of their rows of L are one number.
    """
    variance = math.exp(2.0 * hyper[0])
    half_log = 0.0
    for i in range(market.gram.shape[0]):
        log_sd = column_log_sd(market, hyper, i)
        half_log += log_sd
        low = market.first[i]
        for j in range(low, i):
            begin = max(low, market.first[j])
            total = market.gram[i, j]
            total -= dot(lower[i, begin:j], lower[j, begin:j])
            lower[i, j] = total / lower[j, j]
        total = market.gram[i, i] + variance * math.exp(-2.0 * log_sd)
        total -= dot(lower[i, low:i], lower[i, low:i])
        lower[i, i] = math.sqrt(total)
        half_log += math.log(lower[i, i])
    return half_log


@jit
def forward(market: Market, lower: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
    """L^-1 right into `out` (p,)."""
    for i in range(right.shape[0]):
        low = market.first[i]
        out[i] = (right[i] - dot(lower[i, low:i], out[low:i])) / lower[i, i]


@jit
def solve(market: Market, curves: Curves, hyper: np.ndarray, solved: Solved) -> None:
    """Everything in `solved` anew, for given curves and hyperparameters."""
    periods, p = market.y.shape[0], market.gram.shape[0]
    half_log = factorise(market, hyper, solved.lower)
    forward(market, solved.lower, market.zy, solved.wy)
    precision_of_noise = math.exp(-2.0 * hyper[0])
    constant = -(periods - p) * hyper[0] - half_log
    constant -= 0.5 * (market.yy - dot(solved.wy, solved.wy)) * precision_of_noise
    constant -= 0.5 * dot(market.soft_value, market.soft_value)
    solved.constant[0] = constant
    for c in range(curves.f.shape[0]):
        forward(market, solved.lower, curves.zf[c], solved.w[c])
        linear = (curves.fy[c] - dot(solved.w[c], solved.wy)) * precision_of_noise
        solved.linear[c] = linear + dot(market.soft_value, curves.evidence[c])
        for d in range(c + 1):
            value = (curves.ff[c, d] - dot(solved.w[c], solved.w[d])) * precision_of_noise
            value += dot(curves.evidence[c], curves.evidence[d])
            solved.precision[c, d] = value
            solved.precision[d, c] = value


@jit
def log_likelihood(solved: Solved, effects: np.ndarray) -> float:
    """The collapsed log likelihood of y and the soft evidence, without its constant of 2 pi."""
    total = solved.constant[0]
    for c in range(effects.shape[0]):
        row = dot(solved.precision[c], effects)
        total += effects[c] * (solved.linear[c] - 0.5 * row)
    return total


@jit
def log_effect_prior(market: Market, c: int, u: float, pool: np.ndarray) -> float:
    """Log prior of a channel's u, without its constant; pool holds mu and log t."""
    kind = market.kind[c]
    mean, sd = market.effect_mean[c], market.effect_sd[c]
    if kind == POOLED:
        mean, sd = pool[0], math.exp(pool[1])
    z = (u - mean) / sd
    weight = market.zero_weight[c]
    value = -0.5 * z * z - math.log(sd)
    if weight == 0.0:
        return value
    z = (u - market.zero_mean[c]) / market.zero_sd
    none = -0.5 * z * z - math.log(market.zero_sd) + math.log(weight)
    some = value + math.log1p(-weight)
    high = max(none, some)
    return high + math.log(math.exp(none - high) + math.exp(some - high))
