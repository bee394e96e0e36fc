"""A problem with a panel as the panel model: the nation's setup, and the geos' numbers beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mmm.engines.base import Factor, Problem
from mmm.engines.bayes import priors
from mmm.engines.bayes.baseline import trend_columns
from mmm.engines.bayes.kernel import Design, Market, Priors
from mmm.engines.bayes.panel.model import PanelMarket
from mmm.engines.bayes.prior_draws import design_matrix
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.bayes.setup import Setup, problem_baseline, set_up
from mmm.engines.panel import Panel

#: Log sd of a geo's own noise as a share of its mean KPI, and of its slow trend.
OWN, SLOW = (math.log(0.06), 1.0), (math.log(0.03), 1.0)
#: Sd of a geo's own level; the shortest wave of its own trend in weeks.
LEVEL_SD, SHORTEST = 0.2, 26.0
#: Log sd of a geo's effect over the nation's.
SPREAD = (math.log(0.15), 0.5)
#: So many periods' worth of the mean noise stand beside each geo's own when it is measured.
_SHRINK = 20.0


@dataclass(frozen=True)
class Wide:
    """A control that differs between geos: its name and component, centred values (G, T) over the
    window, prior mean and sd of its coefficient.
    """

    name: str
    values: np.ndarray
    mean: float
    sd: float


@dataclass(frozen=True)
class PanelSetup:
    """What the training of a panel works on. `nation` is the setup of the sums, whose baseline
    leaves out the `wide` controls.
    """

    nation: Setup
    panel: Panel
    given: np.ndarray  # (M, G, N) modelled input in the nation's money or unit
    spend: np.ndarray  # (P, G, N)
    size: np.ndarray  # (G,) sums to 1
    mean_kpi: np.ndarray  # (G,) over the trained rows
    noise: np.ndarray  # (G,) relative noise v_g
    wide: tuple[Wide, ...]

    @property
    def geos(self) -> int:
        return len(self.panel.geos)

    @property
    def unit(self) -> np.ndarray:
        return np.asarray(1.0 / self.noise)

    @cached_property
    def slow(self) -> np.ndarray:
        """B over the window, (J, T): a constant and slow cosines; orthogonal over all its rows."""
        setup = self.nation
        weeks = setup.trained * setup.week
        columns = trend_columns(setup.trained, weeks, max(SHORTEST, setup.settings.trend_wave))
        kept = [column.values for column in columns if column.name != "trend"]
        return np.array(kept)

    @cached_property
    def market(self) -> PanelMarket:
        """The kernel's numbers, of the trained rows."""
        setup, rows = self.nation, slice(0, self.nation.trained)
        own = setup.market
        window = setup.problem.window
        end = window[0] + setup.trained
        fitted = slice(window[0], end)
        first = setup.baseline.first_rows(setup.trained)
        y = self.panel.kpi[:, fitted] / self.mean_kpi[:, None] - first.prior_mean
        wide = np.array([item.values[:, rows] for item in self.wide])
        wide = wide.reshape(len(self.wide), self.geos, setup.trained)
        for item, values in zip(self.wide, wide, strict=True):
            y = y - item.mean * values
        mean = (self.unit[:, None] ** 2 * y).sum(axis=0) / (self.unit**2).sum()
        inputs = self.given[:, :, :end] / self.size[None, :, None]
        national = self.given[:, :, fitted].sum(axis=1).mean(axis=1)
        groups = len(own.design.power)
        orders = np.arange(1.0, len(self.slow))
        return PanelMarket(
            x=np.ascontiguousarray(inputs / national[:, None, None]),
            size=self.size,
            whole=self.mean_kpi / self.mean_kpi.sum(),
            unit=self.unit,
            length=float(np.sqrt((self.unit**2).sum())),
            money=own.money,
            week=own.week,
            lags=own.lags,
            y=np.ascontiguousarray(y * self.unit[:, None]),
            slow=self.slow,
            slow_log_scale=np.append(math.log(LEVEL_SD), np.zeros(len(orders))),
            slow_log_order=np.append(0.0, np.log(orders)),
            slow_free=np.append(0.0, np.ones(len(orders))),
            own=1 + groups,
            wide=np.ascontiguousarray(wide * self.unit[:, None]),
            wide_sd=np.array([item.sd for item in self.wide], float),
            design=_design(own, mean),
            tests=own.tests,
            priors=_priors(own),
            spread=np.array(SPREAD),
        )


def _design(own: Market, mean: np.ndarray) -> Design:
    """The nation's design for the precision-weighted mean, with the place of two more parameters
    (own noise and slow trend) before the falls.
    """
    design = own.design
    matrix = design_matrix(own)
    power = np.where(design.power >= 0, design.power + 2, -1)
    last = len(own.priors.hyper) + 2
    return design._replace(
        y=np.ascontiguousarray(mean),
        zy=matrix.T @ mean,
        power=np.concatenate([power, [-1, last]]).astype(np.int64),
    )


def _priors(own: Market) -> Priors:
    """The nation's priors; log own noise and log tau of the slow trend after its groups, the slow
    trend's fall at the end.
    """
    hyper, groups = own.priors.hyper, len(own.design.power)
    middle, last = np.array([OWN, SLOW]), np.array([priors.Q_RANGE])
    added = np.vstack([hyper[: 1 + groups], middle, hyper[1 + groups :], last])
    return own.priors._replace(hyper=np.ascontiguousarray(added))


def set_up_panel(problem: Problem, settings: BayesSettings) -> PanelSetup:
    """The panel model of a problem; its `panel` must not be None."""
    panel = problem.panel
    if panel is None:
        raise ValueError("the problem has no panel")
    nation = set_up(problem, settings)
    window = problem.window_rows
    differing = tuple(item for item in problem.context if item.name in panel.controls)
    rest = tuple(item for item in problem.context if item.name not in panel.controls)
    baseline = problem_baseline(
        replace(problem, context=rest), window, nation.periods, settings.trend_wave
    )
    nation = replace(nation, baseline=baseline)
    fitted = slice(problem.window[0], problem.window[0] + nation.trained)
    mean_kpi = panel.kpi[:, fitted].mean(axis=1)
    size = mean_kpi if panel.population is None else panel.population
    spend = np.array([panel.spend[medium.name] for medium in problem.paid])
    given = [_money(panel, medium.name, fitted) for medium in problem.paid]
    given += [panel.organic[variable.name] for variable in problem.organic]
    wide = []
    for item in differing:
        if isinstance(item, Factor):
            continue
        found = _wide(item.name, panel.controls[item.name][:, window], item.sign)
        if found is not None:
            wide.append(found)
    return PanelSetup(
        nation=nation,
        panel=panel,
        given=np.array(given),
        spend=spend,
        size=size / size.sum(),
        mean_kpi=mean_kpi,
        noise=relative_noise(panel.kpi[:, fitted] / mean_kpi[:, None]),
        wide=tuple(wide),
    )


def _money(panel: Panel, name: str, fitted: slice) -> np.ndarray:
    """A channel's modelled series by geo in money, (G, N): exposures at the nation's mean cost."""
    spend = panel.spend[name]
    if name not in panel.exposure:
        return np.asarray(spend, float)
    exposure = panel.exposure[name]
    return np.asarray(exposure * (spend[:, fitted].sum() / exposure[:, fitted].sum()), float)


def relative_noise(kpi: np.ndarray) -> np.ndarray:
    """Each geo's noise relative to the others' (G,), of KPIs over their means (G, T): by what three
    periods in a row depart from a line, drawn to the mean of all geos.
    """
    if len(kpi) == 1 or kpi.shape[1] < 4:
        return np.ones(len(kpi))
    bends = np.diff(kpi, n=2, axis=1) / math.sqrt(6.0)
    variance = (bends**2).mean(axis=1)
    periods = kpi.shape[1]
    variance = (periods * variance + _SHRINK * variance.mean()) / (periods + _SHRINK)
    return np.asarray(np.sqrt(variance / np.exp(np.log(variance).mean())))


def _wide(name: str, values: np.ndarray, sign: str) -> Wide | None:
    """A control by geo: centred in each geo; in standard deviations of all unless it is a flag."""
    centred = values - values.mean(axis=1, keepdims=True)
    if centred.std() == 0.0:
        return None
    sd = priors.FLAG_SD
    if not set(np.unique(values)) <= {0.0, 1.0}:
        centred, sd = centred / centred.std(), priors.CONTROL_SD
    mean = 0.0
    if sign in ("positive", "negative"):
        mean = sd * 0.8 * (1.0 if sign == "positive" else -1.0)
        sd *= 0.62
    return Wide(name, centred, mean, sd)
