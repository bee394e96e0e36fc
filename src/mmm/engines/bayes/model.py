"""A problem as the kernel's numbers: scaled KPI, pressures, baseline, priors, soft evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.engines.bayes import priors
from mmm.engines.bayes.baseline import EVENT, FALLING, WEEK, Baseline
from mmm.engines.bayes.kernel import Design, Market, Priors, Tests
from mmm.engines.bayes.priors import CurvePrior, EffectPrior

#: Where nobody was reached there is no frequency to take the logarithm of.
_NO_FREQUENCY = 1e-6


@dataclass(frozen=True)
class Medium:
    """One channel. `pressure` (N,) is what acts, in any unit; `money` its spend over the window in
    the KPI's mean. `in_share`: counts in the media share of the KPI. `frequency` (N,) over its mean:
    the pressure is then the reach, and the curve's kappa and k are the frequency's.
    """

    pressure: np.ndarray
    money: float
    curve: CurvePrior = priors.CURVE
    effect: EffectPrior = priors.POOLED_EFFECT
    in_share: bool = True
    frequency: np.ndarray | None = None


@dataclass(frozen=True)
class LiftEvidence:
    """A lift test in units of the mean KPI over rows first..last; `factor` brings the rows' effect
    to the test's own days.
    """

    channels: tuple[int, ...]
    first: int
    last: int
    lift: float
    error: float
    factor: float = 1.0
    immediate: bool = False


@dataclass(frozen=True)
class KnownEffect:
    """What an earlier model knew of a channel's effect beyond its prior: N(mean, sd^2)."""

    channel: int
    mean: float
    sd: float


@dataclass(frozen=True)
class Known:
    """What an earlier model knew: of every channel's curve parameters middle and precision, (C, 4, 2),
    precision 0 for nothing; of some channels' effects.
    """

    curves: np.ndarray
    effects: tuple[KnownEffect, ...] = ()


def market(
    kpi: np.ndarray,
    media: Sequence[Medium],
    baseline: Baseline,
    week: float,
    lags: int,
    log_level: float,
    tests: Sequence[LiftEvidence] = (),
    share: tuple[float, float] | None = priors.SHARE,
    known: Known | None = None,
) -> Market:
    """The numbers of a problem. `kpi` (T,) is over its mean; `week` a period's length in weeks;
    `log_level` is mu0, the log of the effect that is expected per unit of money.
    """
    periods = len(kpi)
    pressures = np.array([medium.pressure for medium in media])
    means = pressures[:, -periods:].mean(axis=1, keepdims=True)
    return Market(
        x=np.ascontiguousarray(pressures / means),
        log_frequency=np.array([_log_frequency(medium) for medium in media]),
        by_frequency=np.array([medium.frequency is not None for medium in media], np.int64),
        money=np.array([medium.money for medium in media]),
        week=float(week),
        lags=int(lags),
        design=_design(np.asarray(kpi - baseline.prior_mean, float), baseline),
        tests=_soft_evidence(media, tests, share, known, periods),
        priors=_priors(media, baseline.groups, log_level, known),
    )


def _log_frequency(medium: Medium) -> np.ndarray:
    if medium.frequency is None:
        return np.zeros(len(medium.pressure))
    return log_frequency(medium.frequency)


def log_frequency(frequency: np.ndarray) -> np.ndarray:
    """Its logarithm, where nobody was reached a very low one."""
    return np.asarray(np.log(np.maximum(frequency, _NO_FREQUENCY)))


def _design(kpi: np.ndarray, baseline: Baseline) -> Design:
    z = baseline.matrix
    weeks = baseline.count(WEEK)
    sparse = weeks + baseline.count(EVENT)
    week_of = np.full(len(kpi), -1, np.int64)
    for j in range(weeks):
        week_of[z[:, j] != 0.0] = j
    rows = [np.flatnonzero(z[:, j]) for j in range(weeks, sparse)]
    groups = baseline.groups
    return Design(
        y=kpi,
        week_of=week_of,
        pointer=np.cumsum([0, *(len(found) for found in rows)]).astype(np.int64),
        row=np.concatenate([np.empty(0, np.int64), *rows]).astype(np.int64),
        dense=np.ascontiguousarray(z[:, sparse:]),
        gram=z.T @ z,
        zy=z.T @ kpi,
        log_scale=np.log([column.base for column in baseline.columns]),
        group=np.array([_position(groups, column.group) for column in baseline.columns]),
        log_order=np.log([float(column.order) for column in baseline.columns]),
        power=_power_positions(groups),
    )


def _priors(
    media: Sequence[Medium], groups: Sequence[str], log_level: float, known: Known | None
) -> Priors:
    falling = [group for group in groups if group in FALLING]
    zero_mean = log_level + np.log(priors.ZERO_LEVEL)
    hyper = [priors.SIGMA, *(priors.TAU[group] for group in groups)]
    hyper += [priors.Q_RANGE for _ in falling]
    effects = [medium.effect for medium in media]
    curves = np.array([medium.curve.pairs for medium in media])
    return Priors(
        hyper=np.array(hyper),
        curve=curves,
        shared=np.array([_shared(medium.curve) for medium in media]),
        known=np.zeros_like(curves) if known is None else known.curves,
        kind=np.array([effect.kind for effect in effects], np.int64),
        effect=np.array([_effect_row(effect, zero_mean) for effect in effects]),
        pool=np.array([(log_level, priors.POOL_MEAN_SD), priors.POOL_SPREAD]),
    )


def _shared(curve: CurvePrior) -> list[float]:
    """Which of a curve's parameters are pooled with other channels': those nobody has set."""
    pairs = zip(curve.pairs, priors.CURVE.pairs, priors.SHARED, strict=True)
    return [share if pair == usual else 0.0 for pair, usual, share in pairs]


def _effect_row(effect: EffectPrior, zero_mean: float) -> tuple[float, ...]:
    none = zero_mean if effect.zero_mean is None else effect.zero_mean
    return effect.mean, effect.sd, effect.zero_weight, none, priors.ZERO_SD


def _soft_evidence(
    media: Sequence[Medium],
    tests: Sequence[LiftEvidence],
    share: tuple[float, float] | None,
    known: Known | None,
    periods: int,
) -> Tests:
    """The media share and effects known before, N(mean, sd^2), and the tests, N(effect, error^2), as
    rows over their sd.
    """
    rows, values, spans, scopes, factors = [], [], [], [], []
    if share is not None:
        mean, sd = share
        rows.append([medium.in_share * medium.money / periods / sd for medium in media])
        values.append(mean / sd)
        spans.append((-1, -1))
        scopes.append(0)
        factors.append(1.0)
    for effect in () if known is None else known.effects:
        rows.append([(c == effect.channel) / effect.sd for c in range(len(media))])
        values.append(effect.mean / effect.sd)
        spans.append((-1, -1))
        scopes.append(0)
        factors.append(1.0)
    for test in tests:
        rows.append([float(c in test.channels) for c in range(len(media))])
        values.append(test.lift / test.error)
        spans.append((test.first, test.last))
        scopes.append(int(test.immediate))
        factors.append(test.factor / test.error)
    counts = np.array(rows, float).reshape(len(rows), len(media))
    return Tests(
        counts=np.ascontiguousarray(counts.T),
        value=np.array(values, float),
        rows=np.array(spans, np.int64).reshape(len(rows), 2),
        immediate=np.array(scopes, np.int64),
        factor=np.array(factors, float),
    )


def _position(groups: Sequence[str], group: str | None) -> int:
    return -1 if group is None else groups.index(group)


def _power_positions(groups: Sequence[str]) -> np.ndarray:
    """Where each group's q stands among (log sigma, log taus, qs); -1 for groups without."""
    positions = np.full(len(groups), -1, np.int64)
    next_position = 1 + len(groups)
    for number, group in enumerate(groups):
        if group in FALLING:
            positions[number] = next_position
            next_position += 1
    return positions
