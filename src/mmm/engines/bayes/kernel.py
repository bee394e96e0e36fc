"""The collapsed likelihood in compiled pieces: a channel's regressor, the baseline integrated out.

Model, with T periods, C channels, p baseline columns: y = Z gamma + sum_c beta_c f_c + e, with
gamma ~ N(0, D), e ~ N(0, sigma^2). With A = Z'Z + sigma^2 D^-1 = LL', W = L^-1 Z'F, G = F'F - W'W
and b = F'y - W'L^-1 Z'y,

    log p(y | ...) = -(T - p) log sigma - log|A| / 2 - log|D| / 2
                     - (y'y - |L^-1 Z'y|^2 - 2 b'beta + beta'G beta) / (2 sigma^2)    (no constant)

(Gaussian integration; e.g. Bishop 2006, sec. 3.5, with Woodbury's identity.) Calendar weeks are the
first s columns of Z; no two of them hold the same row, so that their block of A is diagonal and L is
[[diagonal, 0], [cross, lower]].

Functions are pure but for the arrays that they name as results, hold no lock, and sum in one order,
whatever the number of cores. They take the few arrays they need: passing whole tuples through many
small functions takes a minute to compile.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from mmm.engines.bayes import elementary

#: Sums may be re-associated and fused by the compiler: fixed per machine, and fast.
_OPTIONS: dict[str, Any] = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract"},
}
jit = njit(**_OPTIONS)
#: For what compiled code alone calls: without an entry from Python, which unpacks whole tuples, a
#: fifth of the time to compile is saved. Called from Python, it would crash the process:
#: tests/engines/test_inner.py finds such a call.
_INNER: dict[str, Any] = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
inner = njit(**_INNER)

#: A Hill curve's exponent beyond which its value counts as 0, as where there is no pressure.
_NO_RESPONSE = 700.0
#: A lag whose weight is below this share of all weights is left out.
_NEGLIGIBLE = 1e-6

#: What the number u behind an effect means: its logarithm with pooled or own mean, the logarithm of
#: its opposite, or the effect itself.
POOLED, OWN, NEGATIVE, NORMAL = 0, 1, 2, 3
#: A channel's parameters: logit of a week's theta, log(r - 1), log kappa, log k, u.
THETA, RHO, KAPPA, SHAPE, EFFECT = 0, 1, 2, 3, 4
DIMENSIONS = 5
#: Columns of `Priors.effect`.
MEAN, SD, ZERO_WEIGHT, ZERO_MEAN, ZERO_SD = 0, 1, 2, 3, 4


class Design(NamedTuple):
    """The baseline: KPI and columns of Z in the order weeks (s), events, dense; d = p - s."""

    y: np.ndarray  # (T,)
    week_of: np.ndarray  # (T,) the week column that holds a row, -1 without
    pointer: np.ndarray  # (events + 1,) where each event column's rows begin in `row`
    row: np.ndarray
    dense: np.ndarray  # (T, dense columns)
    gram: np.ndarray  # (p, p) Z'Z
    zy: np.ndarray  # (p,) Z'y
    log_scale: np.ndarray  # (p,) log prior sd of a column before its group's factor
    group: np.ndarray  # (p,) its group with a free sd, -1 without
    log_order: np.ndarray  # (p,) log of its order j in a group whose sd falls as j^-q
    power: np.ndarray  # (g,) position of the group's q among the hyperparameters, -1 without


class Tests(NamedTuple):
    """Soft evidence, J rows in standard errors: the media share, lift tests."""

    counts: np.ndarray  # (C, J) of a fixed row its coefficient; of a test 1 where a channel counts
    value: np.ndarray  # (J,) observed
    rows: np.ndarray  # (J, 2) first and last row of a test, -1 of a fixed row
    immediate: np.ndarray  # (J,) 1: only what the test days' own spend does
    factor: np.ndarray  # (J,) days of the test over days of its rows, over the standard error


class Priors(NamedTuple):
    """Normal priors but for the uniform q's."""

    hyper: np.ndarray  # (h, 2) mean and sd of log sigma and log taus; of q's the ends
    curve: np.ndarray  # (C, 4, 2) of the curve's parameters
    shared: np.ndarray  # (C, 4) share of a parameter's variance that channels have in common, or 0
    known: np.ndarray  # (C, 4, 2) middle and precision of what an earlier model knew of the curve
    kind: np.ndarray  # (C,) POOLED, OWN, NEGATIVE or NORMAL
    effect: np.ndarray  # (C, 5) of u: mean and sd, not used where pooled; mass, mean, sd of "none"
    pool: np.ndarray  # (2, 2) of mu and log t


class Market(NamedTuple):
    """One problem in numbers, read-only. `x` has N rows up to the window's end; the last T are
    fitted.
    """

    x: np.ndarray  # (C, N) pressure over its mean; of a channel with a frequency its reach
    log_frequency: np.ndarray  # (C, N) frequency over its mean, where a channel has one
    by_frequency: np.ndarray  # (C,) 1 where it has
    money: np.ndarray  # (C,) a channel's spend over the KPI's mean: the sum of its f
    week: float  # a period's length in weeks
    lags: int
    design: Design
    tests: Tests
    priors: Priors


class Curves(NamedTuple):
    """What depends on the channels' curves alone."""

    f: np.ndarray  # (C, T)
    zf: np.ndarray  # (C, p) Z'f
    ff: np.ndarray  # (C, C) F'F
    fy: np.ndarray  # (C,)
    evidence: np.ndarray  # (C, J) effect per unit of ROI in each row of soft evidence


class Solved(NamedTuple):
    """What depends on sigma and the baseline's variances as well. The effects' likelihood is
    exp(constant + v'beta - beta'P beta / 2).
    """

    diagonal: np.ndarray  # (s,) of L
    cross: np.ndarray  # (d, s)
    lower: np.ndarray  # (d, d)
    w: np.ndarray  # (C, p)
    wy: np.ndarray  # (p,)
    precision: np.ndarray  # (C, C) P
    linear: np.ndarray  # (C,) v
    constant: np.ndarray  # (1,)


@inner
def dot(a: np.ndarray, b: np.ndarray, n: int) -> float:
    """Inner product of the first n numbers."""
    total = 0.0
    for i in range(n):
        total += a[i] * b[i]
    return total


@inner
def copy(source: np.ndarray, out: np.ndarray) -> None:
    """The numbers of `source` (n,) into the start of `out`."""
    for i in range(source.shape[0]):
        out[i] = source[i]


@jit
def lag_weights(theta: float, r: float, out: np.ndarray) -> int:
    """Weights (r)_l theta^l / l! of the lags l into `out`, summing to 1 (negative binomial: r = 1 is
    geometric, r > 1 peaks near lag theta (r - 1) / (1 - theta)); returns how many count.
    """
    weight = 1.0
    total = 1.0
    out[0] = 1.0
    for lag in range(1, out.shape[0]):
        weight *= (r + lag - 1.0) / lag * theta
        out[lag] = weight
        total += weight
    used = out.shape[0]
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
    cut = min(out.shape[0], max(0, used - 1 - start))
    for t in range(cut):
        total = 0.0
        for lag in range(start + t + 1):
            total += weights[lag] * x[start + t - lag]
        out[t] = total
    # Rows with data at every lag, four lags at a time: a row is then read and written less often.
    rest, first = out[cut:], start + cut
    rest[:] = 0.0
    fours = used - used % 4
    for lag in range(0, fours, 4):
        past = x[first - lag - 3 :]
        w0, w1, w2, w3 = weights[lag], weights[lag + 1], weights[lag + 2], weights[lag + 3]
        for t in range(rest.shape[0]):
            later = w0 * past[t + 3] + w1 * past[t + 2]
            rest[t] += later + (w2 * past[t + 1] + w3 * past[t])
    for lag in range(fours, used):
        past, weight = x[first - lag :], weights[lag]
        for t in range(rest.shape[0]):
            rest[t] += weight * past[t]


@jit
def theta_of(logit: float, week: float) -> float:
    """Theta of one period of `week` weeks from the logit of a week's."""
    return math.exp(-week * math.log1p(math.exp(-logit)))


@inner
def effect_of(kind: int, u: float) -> float:
    """A channel's effect (ROI) from the number that is sampled."""
    if kind == NORMAL:
        return u
    if kind == NEGATIVE:
        return -math.exp(u)
    return math.exp(u)


@inner
def hill(log_kappa: float, k: float, pressure: np.ndarray, f: np.ndarray) -> float:
    """Hill curve a^k / (a^k + kappa^k) of the pressure a (T,) into `f` (T,); returns its sum. The
    pressure becomes its logarithm.
    """
    for t in range(f.shape[0]):
        pressure[t] = elementary.log(pressure[t])
    total = 0.0
    for t in range(f.shape[0]):
        exponent = k * (log_kappa - pressure[t])
        value = 1.0 / (1.0 + elementary.exp(exponent))
        if exponent > _NO_RESPONSE:
            value = 0.0
        f[t] = value
        total += value
    return total


@jit
def reached(
    x: np.ndarray, log_frequency: np.ndarray, log_kappa: float, k: float, out: np.ndarray
) -> None:
    """Reach times the Hill curve of its frequency, (N,), into `out`: the input of a channel with a
    frequency (Zhang et al. 2023, "Bayesian Hierarchical Media Mix Model Incorporating Reach and
    Frequency Data").
    """
    for n in range(x.shape[0]):
        exponent = min(k * (log_kappa - log_frequency[n]), _NO_RESPONSE)
        out[n] = x[n] / (1.0 + elementary.exp(exponent))


@inner
def channel_regressor(
    x: np.ndarray,
    log_frequency: np.ndarray,
    by_frequency: int,
    money: float,
    week: float,
    parameters: np.ndarray,
    weights: np.ndarray,
    f: np.ndarray,
    log_pressure: np.ndarray,
    acting: np.ndarray,
) -> float:
    """f of a channel (T,), whose coefficient is the ROI: its Hill curve a^k / (a^k + kappa^k),
    scaled to sum to the money; or, with a frequency, what its reach does, carried over.

    `weights` (lags,), `log_pressure` (T,) and, with a frequency, `acting` (N,), the input before
    carryover, are results as well. Returns the factor of the curve; 0 where the curve gives no
    effect at all (it then cannot be scaled).
    """
    theta = theta_of(parameters[THETA], week)
    used = lag_weights(theta, 1.0 + math.exp(parameters[RHO]), weights)
    log_kappa, k = parameters[KAPPA], math.exp(parameters[SHAPE])
    if by_frequency == 1:
        reached(x, log_frequency, log_kappa, k, acting)
        convolve(acting, weights, used, f)
        total = f.sum()
    else:
        convolve(x, weights, used, log_pressure)
        total = hill(log_kappa, k, log_pressure, f)
    if not total > 1e-200:
        return 0.0
    factor = money / total
    for t in range(f.shape[0]):
        f[t] *= factor
    return factor


@inner
def carried_sum(
    x: np.ndarray,
    parameters: np.ndarray,
    first_weight: float,
    factor: float,
    log_pressure: np.ndarray,
    first: int,
    last: int,
) -> float:
    """Sum over rows first..last of what earlier periods' pressure alone would have brought of f."""
    start = x.shape[0] - log_pressure.shape[0]
    log_kappa, k = parameters[KAPPA], math.exp(parameters[SHAPE])
    total = 0.0
    for t in range(first, last + 1):
        carried = math.exp(log_pressure[t]) - first_weight * x[start + t]
        logarithm = math.log(max(carried, 0.0))
        total += factor / (1.0 + math.exp(k * (log_kappa - logarithm)))
    return total


@inner
def own_sum(
    acting: np.ndarray, first_weight: float, factor: float, periods: int, first: int, last: int
) -> float:
    """Sum over rows first..last of the f that each row's own reach brings."""
    start = acting.shape[0] - periods
    total = 0.0
    for t in range(first, last + 1):
        total += acting[start + t]
    return total * first_weight * factor


@inner
def evidence_of(
    tests: Tests,
    c: int,
    by_frequency: int,
    x: np.ndarray,
    parameters: np.ndarray,
    first_weight: float,
    factor: float,
    f: np.ndarray,
    log_pressure: np.ndarray,
    acting: np.ndarray,
    out: np.ndarray,
) -> None:
    """A channel's soft evidence (J,): effect per unit of ROI over a test, in standard errors.

    Scope immediate leaves out what earlier spend alone would have done.
    """
    for j in range(out.shape[0]):
        out[j] = tests.counts[c, j]
        first, last = tests.rows[j, 0], tests.rows[j, 1]
        if first < 0 or out[j] == 0.0:
            continue
        total = 0.0
        for t in range(first, last + 1):
            total += f[t]
        if tests.immediate[j] == 1 and by_frequency == 1:
            total = own_sum(acting, first_weight, factor, f.shape[0], first, last)
        elif tests.immediate[j] == 1:
            total -= carried_sum(x, parameters, first_weight, factor, log_pressure, first, last)
        out[j] *= total * tests.factor[j]


@inner
def project(
    week_of: np.ndarray,
    weeks: int,
    pointer: np.ndarray,
    row: np.ndarray,
    dense: np.ndarray,
    f: np.ndarray,
    out: np.ndarray,
) -> None:
    """Z'f into `out` (p,), by the three kinds of columns."""
    events = pointer.shape[0] - 1
    out[:] = 0.0
    for t in range(f.shape[0]):
        if week_of[t] >= 0:
            out[week_of[t]] += f[t]
    for j in range(events):
        for i in range(pointer[j], pointer[j + 1]):
            out[weeks + j] += f[row[i]]
    rest = out[weeks + events :]
    fours = f.shape[0] - f.shape[0] % 4
    for t in range(0, fours, 4):
        f0, f1, f2, f3 = f[t], f[t + 1], f[t + 2], f[t + 3]
        z0, z1, z2, z3 = dense[t], dense[t + 1], dense[t + 2], dense[t + 3]
        for j in range(rest.shape[0]):
            rest[j] += (f0 * z0[j] + f1 * z1[j]) + (f2 * z2[j] + f3 * z3[j])
    for t in range(fours, f.shape[0]):
        value, columns = f[t], dense[t]
        for j in range(rest.shape[0]):
            rest[j] += value * columns[j]


@inner
def column_precision(
    hyper: np.ndarray,
    log_scale: np.ndarray,
    group: np.ndarray,
    log_order: np.ndarray,
    power: np.ndarray,
    out: np.ndarray,
) -> float:
    """sigma^2 D^-1 into `out` (p,); returns log|D| / 2."""
    half_log = 0.0
    for j in range(out.shape[0]):
        log_sd = log_scale[j]
        if group[j] >= 0:
            log_sd += hyper[1 + group[j]]
            if power[group[j]] >= 0:
                log_sd -= hyper[power[group[j]]] * log_order[j]
        half_log += log_sd
        out[j] = math.exp(2.0 * (hyper[0] - log_sd))
    return half_log


@inner
def factorise(
    gram: np.ndarray,
    added: np.ndarray,
    diagonal: np.ndarray,
    cross: np.ndarray,
    lower: np.ndarray,
) -> float:
    """The three blocks of L for A = gram + diag(added); returns log|A| / 2."""
    weeks, rest = diagonal.shape[0], lower.shape[0]
    half_log = 0.0
    for j in range(weeks):
        diagonal[j] = math.sqrt(gram[j, j] + added[j])
        half_log += math.log(diagonal[j])
    for i in range(rest):
        original, crossed, row = gram[weeks + i], cross[i], lower[i]
        for j in range(weeks):
            crossed[j] = original[j] / diagonal[j]
        for j in range(i):
            total = original[weeks + j] - dot(crossed, cross[j], weeks)
            row[j] = (total - dot(row, lower[j], j)) / lower[j, j]
        total = original[weeks + i] + added[weeks + i] - dot(crossed, crossed, weeks)
        row[i] = math.sqrt(total - dot(row, row, i))
        half_log += math.log(row[i])
    return half_log


@inner
def forward(
    diagonal: np.ndarray,
    cross: np.ndarray,
    lower: np.ndarray,
    right: np.ndarray,
    out: np.ndarray,
) -> None:
    """L^-1 right into `out` (p,)."""
    weeks = diagonal.shape[0]
    rest = out[weeks:]
    for j in range(weeks):
        out[j] = right[j] / diagonal[j]
    for i in range(lower.shape[0]):
        total = right[weeks + i] - dot(cross[i], out, weeks)
        rest[i] = (total - dot(lower[i], rest, i)) / lower[i, i]


@inner
def backward(
    diagonal: np.ndarray, cross: np.ndarray, lower: np.ndarray, values: np.ndarray
) -> None:
    """L'^-1 `values` (p,), in place."""
    weeks = diagonal.shape[0]
    rest = values[weeks:]
    for i in range(rest.shape[0] - 1, -1, -1):
        rest[i] /= lower[i, i]
        for j in range(i):
            rest[j] -= lower[i, j] * rest[i]
        for j in range(weeks):
            values[j] -= cross[i, j] * rest[i]
    for j in range(weeks):
        values[j] /= diagonal[j]


@jit
def baseline_course(design: Design, gamma: np.ndarray, out: np.ndarray) -> None:
    """Z gamma, (T,)."""
    events = design.pointer.shape[0] - 1
    weeks = gamma.shape[0] - events - design.dense.shape[1]
    dense = gamma[weeks + events :]
    for t in range(out.shape[0]):
        out[t] = dot(design.dense[t], dense, dense.shape[0])
        if design.week_of[t] >= 0:
            out[t] += gamma[design.week_of[t]]
    for j in range(events):
        for i in range(design.pointer[j], design.pointer[j + 1]):
            out[design.row[i]] += gamma[weeks + j]


@jit
def left_over(
    design: Design, gamma: np.ndarray, effects: np.ndarray, f: np.ndarray, out: np.ndarray
) -> None:
    """y - Z gamma - sum_c effects_c f_c, (T,)."""
    baseline_course(design, gamma, out)
    for t in range(out.shape[0]):
        out[t] = design.y[t] - out[t]
    for c in range(effects.shape[0]):
        for t in range(out.shape[0]):
            out[t] -= effects[c] * f[c, t]


@inner
def solve(
    design: Design,
    yy: float,
    soft_value: np.ndarray,
    curves: Curves,
    hyper: np.ndarray,
    solved: Solved,
) -> None:
    """Everything in `solved` anew, for given curves and hyperparameters. `yy` is y'y."""
    periods, p, tests = design.y.shape[0], design.zy.shape[0], soft_value.shape[0]
    diagonal, cross, lower = solved.diagonal, solved.cross, solved.lower
    w, wy = solved.w, solved.wy
    # wy serves as memory for sigma^2 D^-1 until L is known.
    half_log = column_precision(
        hyper, design.log_scale, design.group, design.log_order, design.power, wy
    )
    half_log += factorise(design.gram, wy, diagonal, cross, lower)
    forward(diagonal, cross, lower, design.zy, wy)
    noise = math.exp(-2.0 * hyper[0])
    constant = -(periods - p) * hyper[0] - half_log
    constant -= 0.5 * (yy - dot(wy, wy, p)) * noise
    constant -= 0.5 * dot(soft_value, soft_value, tests)
    solved.constant[0] = constant
    for c in range(w.shape[0]):
        forward(diagonal, cross, lower, curves.zf[c], w[c])
        linear = (curves.fy[c] - dot(w[c], wy, p)) * noise
        solved.linear[c] = linear + dot(soft_value, curves.evidence[c], tests)
        for d in range(c + 1):
            value = (curves.ff[c, d] - dot(w[c], w[d], p)) * noise
            value += dot(curves.evidence[c], curves.evidence[d], tests)
            solved.precision[c, d] = value
            solved.precision[d, c] = value


@jit
def log_likelihood(
    constant: np.ndarray, linear: np.ndarray, precision: np.ndarray, effects: np.ndarray
) -> float:
    """The collapsed log likelihood of y and the soft evidence, without its constants of 2 pi."""
    channels = effects.shape[0]
    total = constant[0]
    for c in range(channels):
        total += effects[c] * (linear[c] - 0.5 * dot(precision[c], effects, channels))
    return total


@inner
def log_effect_prior(prior: np.ndarray, mean: float, sd: float, u: float) -> float:
    """Log prior of u without its constant: N(mean, sd^2), and the part of channels without effect
    as in `prior` (columns of `Priors.effect`).
    """
    z = (u - mean) / sd
    some = -0.5 * z * z - math.log(sd)
    weight = prior[ZERO_WEIGHT]
    if weight == 0.0:
        return some
    z = (u - prior[ZERO_MEAN]) / prior[ZERO_SD]
    none = -0.5 * z * z - math.log(prior[ZERO_SD]) + math.log(weight)
    some += math.log1p(-weight)
    high = max(none, some)
    return high + math.log(math.exp(none - high) + math.exp(some - high))


@inner
def pooled(prior: np.ndarray, kind: int, pool: np.ndarray) -> tuple[float, float]:
    """Mean and sd of u outside of its part without effect."""
    if kind == POOLED:
        return pool[0], math.exp(pool[1])
    return prior[MEAN], prior[SD]
