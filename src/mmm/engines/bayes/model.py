"""A problem as the kernel's numbers: scaled KPI, pressures, baseline, priors, soft evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.engines.bayes import priors
from mmm.engines.bayes.baseline import FALLING, Baseline
from mmm.engines.bayes.kernel import Market
from mmm.engines.bayes.priors import CurvePrior, EffectPrior


@dataclass(frozen=True)
class Medium:
    """One channel. `pressure` (N,) is what acts, in any unit; `money` its spend over the window in
    the KPI's mean. `in_share`: counts in the media share of the KPI.
    """

    pressure: np.ndarray
    money: float
    curve: CurvePrior = priors.CURVE
    effect: EffectPrior = priors.POOLED_EFFECT
    in_share: bool = True


@dataclass(frozen=True)
class Test:
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


def market(
    kpi: np.ndarray,
    media: Sequence[Medium],
    baseline: Baseline,
    week: float,
    lags: int,
    log_level: float,
    tests: Sequence[Test] = (),
    share: tuple[float, float] | None = priors.SHARE,
) -> Market:
    """The numbers of a problem. `kpi` (T,) is over its mean; `week` a period's length in weeks;
    `log_level` is mu0, the log of the effect that is expected per unit of money.
    """
    z = baseline.matrix
    periods = len(kpi)
    calendar = baseline.calendar_columns
    rows = [np.flatnonzero(z[:, j]) for j in range(calendar)]
    gram = z.T @ z
    groups = baseline.groups
    soft, value, soft_rows, scope, factor = _soft_evidence(media, tests, share, periods)
    effects = [medium.effect for medium in media]
    pressures = np.array([medium.pressure for medium in media])
    means = pressures[:, -periods:].mean(axis=1, keepdims=True)
    return Market(
        y=np.ascontiguousarray(kpi, float),
        x=np.ascontiguousarray(pressures / means),
        money=np.array([medium.money for medium in media]),
        week=float(week),
        lags=int(lags),
        dense=np.ascontiguousarray(z[:, calendar:]),
        pointer=np.cumsum([0, *(len(found) for found in rows)]).astype(np.int64),
        row=np.concatenate([np.empty(0, np.int64), *rows]).astype(np.int64),
        gram=gram,
        zy=z.T @ kpi,
        yy=float(kpi @ kpi),
        first=_envelope(gram),
        log_scale=np.log([column.base for column in baseline.columns]),
        group=np.array([_position(groups, column.group) for column in baseline.columns]),
        log_order=np.log([float(column.order) for column in baseline.columns]),
        power=_power_positions(groups),
        hyper_mean=np.array([priors.SIGMA[0], *(priors.TAU[name][0] for name in groups), *_mid(groups)]),
        hyper_sd=np.array([priors.SIGMA[1], *(priors.TAU[name][1] for name in groups), *_half(groups)]),
        q_range=np.array(priors.Q_RANGE),
        curve_mean=np.array([medium.curve.means for medium in media]),
        curve_sd=np.array([medium.curve.sds for medium in media]),
        kind=np.array([effect.kind for effect in effects], np.int64),
        effect_mean=np.array([effect.mean for effect in effects]),
        effect_sd=np.array([effect.sd for effect in effects]),
        zero_weight=np.array([effect.zero_weight for effect in effects]),
        zero_mean=np.full(len(media), log_level + np.log(priors.ZERO_LEVEL)),
        zero_sd=priors.ZERO_SD,
        pool_mean=np.array([log_level, priors.POOL_SPREAD[0]]),
        pool_sd=np.array([priors.POOL_MEAN_SD, priors.POOL_SPREAD[1]]),
        soft=soft,
        soft_value=value,
        soft_rows=soft_rows,
        soft_scope=scope,
        soft_factor=factor,
    )  # fmt: skip


def _soft_evidence(
    media: Sequence[Medium],
    tests: Sequence[Test],
    share: tuple[float, float] | None,
    periods: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The media share, N(mean, sd^2), and the tests, N(effect, error^2), as rows over their sd."""
    rows, values, spans, scopes, factors = [], [], [], [], []
    if share is not None:
        mean, sd = share
        rows.append([medium.in_share * medium.money / periods / sd for medium in media])
        values.append(mean / sd)
        spans.append((-1, -1))
        scopes.append(0)
        factors.append(1.0)
    for test in tests:
        rows.append([float(c in test.channels) for c in range(len(media))])
        values.append(test.lift / test.error)
        spans.append((test.first, test.last))
        scopes.append(int(test.immediate))
        factors.append(test.factor / test.error)
    return (
        np.array(rows, float).reshape(len(rows), len(media)),
        np.array(values, float),
        np.array(spans, np.int64).reshape(len(rows), 2),
        np.array(scopes, np.int64),
        np.array(factors, float),
    )


def _envelope(gram: np.ndarray) -> np.ndarray:
    """First column in which each row of Z'Z, and so of its Cholesky factor, is not 0."""
    return np.array([int(np.flatnonzero(gram[i, : i + 1])[0]) for i in range(len(gram))], np.int64)


def _position(groups: Sequence[str], group: str | None) -> int:
    return -1 if group is None else groups.index(group)


def _falling(groups: Sequence[str]) -> list[str]:
    return [group for group in groups if group in FALLING]


def _power_positions(groups: Sequence[str]) -> np.ndarray:
    """Where each group's q stands among (log sigma, log taus, qs); -1 for groups without."""
    falling = _falling(groups)
    positions = np.full(len(groups), -1, np.int64)
    for number, group in enumerate(falling):
        positions[groups.index(group)] = 1 + len(groups) + number
    return positions


def _mid(groups: Sequence[str]) -> list[float]:
    return [sum(priors.Q_RANGE) / 2.0 for _ in _falling(groups)]


def _half(groups: Sequence[str]) -> list[float]:
    return [(priors.Q_RANGE[1] - priors.Q_RANGE[0]) / 2.0 for _ in _falling(groups)]
