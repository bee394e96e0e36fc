"""A problem and its settings as the model: media with priors, baseline, lift tests, scales."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from mmm.engines.base import Factor, Holiday, LiftTest, PaidMedium, Problem, Variable
from mmm.engines.bayes import priors
from mmm.engines.bayes.baseline import (
    Baseline,
    Column,
    order_columns,
    season_columns,
    trend_columns,
)
from mmm.engines.bayes.calendar import (
    Event,
    easter,
    event_columns,
    month_columns,
    week_columns,
    weekday_columns,
    year_end_events,
)
from mmm.engines.bayes.kernel import NEGATIVE, NORMAL, OWN, POOLED, Market
from mmm.engines.bayes.model import Known, LiftEvidence, Medium, market
from mmm.engines.bayes.priors import CurvePrior, EffectPrior
from mmm.engines.bayes.settings import BayesSettings, ChannelPrior

_DAYS_OF_MONTH = 365.25 / 12.0
#: Lags reach so many days.
_REACH_DAYS = 112


@dataclass(frozen=True)
class Setup:
    """What a training works on: M media (paid first), T rows of the window, the first `trained` of
    which are fitted.
    """

    problem: Problem
    settings: BayesSettings
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    given: np.ndarray  # (M, N) modelled input on all rows: spend, exposure in money, the variable
    spend: np.ndarray  # (P, N) money in the books
    baseline: Baseline  # over the whole window
    trained: int
    tests: tuple[tuple[int, LiftTest, LiftEvidence], ...]  # number from 1, as given, as evidence
    media: tuple[Medium, ...]
    log_level: float
    #: (N,) frequency over its mean in the trained rows, None of media without
    frequencies: tuple[np.ndarray | None, ...]
    known: Known | None = None  # what an earlier model knew, in a refresh

    @property
    def window(self) -> slice:
        return self.problem.window_rows

    @property
    def periods(self) -> int:
        return self.problem.window[1] - self.problem.window[0] + 1

    @property
    def paid(self) -> int:
        return len(self.spend)

    @property
    def scale(self) -> float:
        """The KPI's mean over the trained rows: one unit of the model."""
        return float(np.mean(self.problem.kpi[self.window][: self.trained]))

    def mean_frequency(self, c: int) -> float:
        """Exposures of a person reached in a period, over the trained rows, of channel c."""
        first = self.problem.window[0]
        return mean_frequency(self.problem.paid[c], slice(first, first + self.trained))

    @property
    def week(self) -> float:
        return period_days(self.problem.step_days) / 7.0

    @property
    def lags(self) -> int:
        return max(2, round(_REACH_DAYS / period_days(self.problem.step_days)))

    @property
    def kpi(self) -> np.ndarray:
        """The KPI in the window over its mean, (T,)."""
        return np.asarray(self.problem.kpi[self.window] / self.scale, float)

    @cached_property
    def market(self) -> Market:
        """The kernel's numbers, of the trained rows."""
        first = self.baseline.first_rows(self.trained)
        return market(
            self.kpi[: self.trained],
            self.media,
            first,
            self.week,
            self.lags,
            self.log_level,
            [evidence for _, _, evidence in self.tests],
            share_prior(self.settings) if self.paid else None,
            self.known,
        )


def _usual_level(problem: Problem, spend: float, fitted: slice) -> float:
    """The logarithm of the ROI at which all spend earns the expected share of the KPI; 0 where
    there is no paid channel to have one.
    """
    if not problem.paid:
        return 0.0
    return math.log(priors.EXPECTED_SHARE * problem.kpi[fitted].sum() / spend)


def period_days(step_days: int) -> float:
    """Mean days of a period: of months and longer steps the calendar's."""
    if step_days >= 28:
        return max(1, round(step_days / _DAYS_OF_MONTH)) * _DAYS_OF_MONTH
    return float(step_days)


def share_prior(settings: BayesSettings) -> tuple[float, float]:
    """Mean and sd of the media share; the default range stands for N(0.25, 0.15^2)."""
    low, high = settings.media_share
    if settings.media_share == BayesSettings.model_fields["media_share"].default:
        return priors.SHARE
    return (low + high) / 2.0, max(high - low, 0.01) / (2.0 * priors.Z90)


def set_up(problem: Problem, settings: BayesSettings) -> Setup:
    """The model of a problem."""
    window = problem.window_rows
    periods = problem.window[1] - problem.window[0] + 1
    trained = max(2, round(settings.train_size * periods))
    end = problem.window[0] + trained
    fitted = slice(problem.window[0], end)
    scale = float(np.mean(problem.kpi[fitted]))
    spend = np.array([medium.spend for medium in problem.paid], float).reshape(
        len(problem.paid), problem.rows
    )
    given = [_money(medium.spend, medium.exposure, fitted) for medium in problem.paid]
    given += [np.asarray(variable.values, float) for variable in problem.organic]
    level = _usual_level(problem, spend[:, fitted].sum(), fitted)
    frequencies = tuple(_relative_frequency(medium, fitted) for medium in problem.paid)
    media = []
    for medium, values, relative in zip(problem.paid, given, frequencies, strict=False):
        prior = settings.media.get(medium.name, ChannelPrior())
        usual = priors.CURVE
        if relative is not None:
            usual = priors.frequency_curve(mean_frequency(medium, fitted))
        media.append(
            Medium(
                pressure=values[:end],
                money=float(medium.spend[fitted].sum() / scale),
                curve=curve_prior(prior, usual),
                effect=paid_prior(prior, medium.sign, level),
                frequency=None if relative is None else relative[:end],
            )
        )
    for variable, values in zip(problem.organic, given[len(problem.paid) :], strict=True):
        prior = settings.media.get(variable.name, ChannelPrior())
        effect = organic_prior(prior, variable.sign)
        media.append(
            Medium(values[:end], float(trained), curve_prior(prior), effect, in_share=False)
        )
    return Setup(
        problem=problem,
        settings=settings,
        names=(*(m.name for m in problem.paid), *(v.name for v in problem.organic)),
        kinds=("paid",) * len(problem.paid) + ("organic",) * len(problem.organic),
        given=np.array(given),
        spend=spend,
        baseline=problem_baseline(problem, window, periods, settings.trend_wave),
        trained=trained,
        tests=tuple(_tests(problem, trained, scale)),
        media=tuple(media),
        log_level=level,
        frequencies=(*frequencies, *(None for _ in problem.organic)),
    )


def _money(spend: np.ndarray, exposure: np.ndarray | None, fitted: slice) -> np.ndarray:
    """The modelled series in money, (N,): the spend, or the exposure times its mean cost."""
    if exposure is None:
        return np.asarray(spend, float)
    cost = spend[fitted].sum() / exposure[fitted].sum()
    return np.asarray(exposure * cost, float)


def mean_frequency(medium: PaidMedium, rows: slice) -> float:
    """Exposures of a person reached in a period, the mean over all who were reached in `rows`."""
    if medium.frequency is None or medium.exposure is None:
        raise ValueError(f"{medium.name} has no frequency")
    reach = medium.exposure[rows]
    return float(reach @ medium.frequency[rows] / reach.sum())


def _relative_frequency(medium: PaidMedium, rows: slice) -> np.ndarray | None:
    if medium.frequency is None:
        return None
    return np.asarray(medium.frequency / mean_frequency(medium, rows), float)


def curve_prior(prior: ChannelPrior, parts: CurvePrior = priors.CURVE) -> CurvePrior:
    """The curve's priors, with what the analyst says of half-life and saturation; `parts` is what
    is expected where nothing is said. With a frequency the saturation is that at its mean.
    """
    theta, kappa = parts.theta, parts.kappa
    if prior.half_life is not None:
        weeks = [days / 7.0 for days in prior.half_life]
        theta = priors.from_range(*(priors.logit(0.5 ** (1.0 / each)) for each in weeks))
    if prior.saturation is not None:
        # At today's mean pressure, 1, the curve is 1 / (1 + kappa^k); k at its prior's middle.
        k = math.exp(parts.shape[0])
        low, high = prior.saturation
        kappa = priors.from_range(-priors.logit(high) / k, -priors.logit(low) / k)
    return CurvePrior(theta=theta, rho=parts.rho, kappa=kappa, shape=parts.shape)


def paid_prior(prior: ChannelPrior, sign: str, level: float) -> EffectPrior:
    """The prior of a paid channel's ROI. Ranges that reach 0 make it a normal one."""
    unconstrained = prior.may_be_negative or sign in ("default", "unconstrained")
    usual = math.exp(level)
    if prior.roi is None:
        if sign == "negative":
            return EffectPrior(NEGATIVE, level, 1.0, priors.ZERO_WEIGHT)
        if unconstrained:
            return EffectPrior(NORMAL, 0.5 * usual, usual)
        return EffectPrior(POOLED, zero_weight=priors.ZERO_WEIGHT)
    low, high = prior.roi
    if unconstrained or low <= 0.0:
        mean, sd = priors.from_range(low, high)
        return EffectPrior(NORMAL, mean, max(sd, 1e-6 * usual))
    mean, sd = priors.from_range(math.log(low), math.log(high))
    return EffectPrior(OWN, mean, sd)


def organic_prior(prior: ChannelPrior, sign: str) -> EffectPrior:
    """The prior of an organic variable's share of the KPI."""
    if sign == "unconstrained" or prior.may_be_negative:
        if prior.roi is not None:
            return EffectPrior(NORMAL, *priors.from_range(*prior.roi))
        return EffectPrior(NORMAL, *priors.ORGANIC_NORMAL)
    if prior.roi is not None and prior.roi[0] > 0.0:
        mean, sd = priors.from_range(math.log(prior.roi[0]), math.log(prior.roi[1]))
        return EffectPrior(OWN, mean, sd)
    kind = NEGATIVE if sign == "negative" else OWN
    none = priors.ORGANIC_LOG[0] + math.log(priors.ZERO_LEVEL)
    return EffectPrior(kind, *priors.ORGANIC_LOG, priors.ZERO_WEIGHT, none)


def problem_baseline(problem: Problem, window: slice, periods: int, trend_wave: float) -> Baseline:
    """All columns of Z over the window's T rows; the trend's waves down to `trend_wave` weeks."""
    dates, step = problem.dates[window], problem.step_days
    days = period_days(step)
    columns: list[Column] = []
    if step < 28:
        columns += week_columns(dates, step)
        pairs = 6
    else:
        columns += month_columns(dates)
        pairs = max(1, min(5, round(365.25 / days / 2.0) - 1))
    if step == 1:
        columns += weekday_columns(dates)
    columns += event_columns(dates, step, problem_events(problem, dates))
    columns += trend_columns(periods, periods * days / 7.0, trend_wave)
    columns += season_columns(dates, pairs)
    for item in problem.context:
        columns += _context_columns(item, window)
    return order_columns(columns)


def problem_events(problem: Problem, dates: np.ndarray) -> list[Event]:
    """Year-end and Easter in every country, and the holidays of the problem's own."""
    first, last = (int(str(day)[:4]) for day in (dates[0], dates[-1]))
    years = range(first - 1, last + 2)
    events = year_end_events(years)
    events.append(Event("Easter", tuple(map(easter, years)), "calendar", (0, -1)))
    events.append(Event("Valentine's Day", tuple(date(y, 2, 14) for y in years), "calendar"))
    for name, days in _by_name(problem.holidays).items():
        events.append(Event(name, days, "calendar"))
    return events


def _by_name(holidays: tuple[Holiday, ...]) -> dict[str, tuple[date, ...]]:
    found: dict[str, list[date]] = defaultdict(list)
    for holiday in holidays:
        found[holiday.name.replace(" (Observed)", "")].append(holiday.date)
    return {name: tuple(days) for name, days in found.items()}


def _context_columns(item: Variable | Factor, window: slice) -> list[Column]:
    """A control standardised, a 0/1 flag centred, a factor as flags of all but its commonest level."""
    if isinstance(item, Factor):
        levels = np.array(item.levels)[window]
        names, counts = np.unique(levels, return_counts=True)
        commonest = names[int(np.argmax(counts))]
        found = []
        for level in names:
            if level != commonest:
                flag = (levels == level).astype(float)
                name = f"{item.name} = {level}"
                found.append(_context(name, item.name, flag, "default"))
        return [column for column in found if column is not None]
    column = _context(item.name, item.name, np.asarray(item.values[window], float), item.sign)
    return [] if column is None else [column]


def _context(name: str, component: str, values: np.ndarray, sign: str) -> Column | None:
    if values.std() == 0.0:
        return None
    centred = values - values.mean()
    sd = priors.FLAG_SD
    if not set(np.unique(values)) <= {0.0, 1.0}:
        centred, sd = centred / values.std(), priors.CONTROL_SD
    mean = 0.0
    if sign in ("positive", "negative"):
        # A normal prior nine tenths of which have the sign: the baseline is integrated out exactly,
        # which a prior cut at 0 would not allow.
        mean = sd * 0.8 * (1.0 if sign == "positive" else -1.0)
        sd *= 0.62
    return Column(name, component, "context", centred, sd, mean=mean)


def _tests(
    problem: Problem, trained: int, scale: float
) -> list[tuple[int, LiftTest, LiftEvidence]]:
    """Tests within the trained rows; `mmm.experiments.problem` has warned of others."""
    names = [medium.name for medium in problem.paid]
    selected = [medium.selected for medium in problem.paid]
    found = []
    for number, test in enumerate(problem.lift_tests, start=1):
        rows = _test_rows(problem, trained, test)
        channels = [
            c
            for c, pair in enumerate(zip(names, selected, strict=True))
            if set(pair) & set(test.channels)
        ]
        if rows is None or not channels or not test.error > 0.0:
            continue
        first, last, factor = rows
        evidence = LiftEvidence(
            channels=tuple(channels),
            first=first,
            last=last,
            lift=test.lift / scale,
            error=test.error / scale,
            factor=factor,
            immediate=test.scope == "immediate",
        )
        found.append((number, test, evidence))
    return found


def _test_rows(problem: Problem, trained: int, test: LiftTest) -> tuple[int, int, float] | None:
    """(first row, last row, days of the test over days of its rows) within the window; None where
    the test does not lie in the trained rows.
    """
    dates = problem.dates[problem.window_rows].astype("datetime64[D]")
    starts = np.append(dates, dates[-1] + np.timedelta64(_last_days(dates, problem), "D"))
    start, end = np.datetime64(test.start, "D"), np.datetime64(test.end, "D")
    first = int(np.searchsorted(dates, start, side="right")) - 1
    last = int(np.searchsorted(dates, end, side="right")) - 1
    if first < 0 or last < first or last >= trained or end >= starts[-1]:
        return None
    covered = int((starts[last + 1] - starts[first]).astype(int))
    tested = (test.end - test.start + timedelta(days=1)).days
    return first, last, min(1.0, tested / covered)


def _last_days(dates: np.ndarray, problem: Problem) -> int:
    if problem.step_days >= 28 and len(dates) > 1:
        return int((dates[-1] - dates[-2]).astype(int))
    return problem.step_days
