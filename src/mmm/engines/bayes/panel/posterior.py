"""Posterior draws of a panel: what every geo does, and the nation as their sum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmm.engines.bayes.chains import Draws
from mmm.engines.bayes.kernel import KAPPA
from mmm.engines.bayes.panel.courses import geo_pressures, hill_values, weighted_responses
from mmm.engines.bayes.panel.model import PanelMarket
from mmm.engines.bayes.panel.moves import residuals
from mmm.engines.bayes.panel.setup import PanelSetup
from mmm.engines.bayes.panel.state import PanelState, new_panel_state
from mmm.engines.bayes.panel.steps import draw_baseline, place_panel
from mmm.engines.bayes.posterior import Posterior, thin

#: Points of all geos' courses that stand for more when their response is scaled.
_POINTS = 480


@dataclass(frozen=True)
class PanelPosterior(Posterior):
    """K draws, M media, G geos, T rows of the window. What `Posterior` says is of the nation, whose
    `setup` is the panel's; `coefficient` is the nation's at the ceiling of the curve.
    """

    panel: PanelSetup
    factors: np.ndarray  # (K, M, G) a geo's effect over the nation's
    ceiling: np.ndarray  # (K, M) KPI per period at the ceiling, for all geos with factor 1
    slow: np.ndarray  # (K, G, J) coefficients of B, KPI of the geo over its mean
    wide: np.ndarray  # (K, k) coefficients of controls that differ between geos

    @property
    def sigma(self) -> np.ndarray:
        """Noise of the nation's KPI, (K,): the sum of all geos', whose mean by precision has sd
        exp(hyper[0]).
        """
        unit = self.panel.unit
        size = self.panel.mean_kpi / unit
        along = size @ unit / np.sqrt((unit**2).sum())
        nation = along**2 * (unit**2).sum() * np.exp(2.0 * self.hyper[:, 0])
        own = np.exp(2.0 * self.hyper[:, self.panel.market.own])
        return np.asarray(np.sqrt(nation + (size @ size - along**2) * own))

    def geo_pressure(self, c: int, draw: int) -> np.ndarray:
        """Adstocked pressure per size of all geos in the window, (G, T)."""
        out = np.empty((self.panel.geos, self.setup.periods))
        weights = np.empty(self.setup.lags)
        geo_pressures(self.geo_input(c), self.channel[draw, c], self.setup.week, weights, out)
        return out

    def geo_input(self, c: int) -> np.ndarray:
        """A medium's pressure per size before adstock, up to the window's end: (G, N)."""
        end = self.setup.problem.window[1] + 1
        scale = self.panel.size[:, None] * self.mean_input[c]
        return np.ascontiguousarray(self.panel.given[c, :, :end] / scale)

    def geo_scale(self, c: int) -> np.ndarray:
        """KPI per period at the curve's ceiling by draw and geo, (K, G)."""
        return np.asarray(
            self.ceiling[:, c, None] * self.panel.size * self.factors[:, c],
        )

    def geo_effects(self, c: int) -> tuple[np.ndarray, np.ndarray]:
        """Effects of a medium by draw, geo and period, and the part that earlier periods caused:
        (K, G, T) each.
        """
        shape = (self.size, self.panel.geos, self.setup.periods)
        effects, carried = np.empty(shape), np.empty(shape)
        own = self.geo_input(c)[:, -self.setup.periods :]
        weights = np.empty(self.setup.lags)
        total = np.empty(shape[1:])
        x, scales = self.geo_input(c), self.geo_scale(c)
        for draw in range(self.size):
            parameters = self.channel[draw, c]
            geo_pressures(x, parameters, self.setup.week, weights, total)
            hill_values(total, parameters, effects[draw])
            hill_values(np.maximum(total - weights[0] * own, 0.0), parameters, carried[draw])
            effects[draw] *= scales[draw, :, None]
            carried[draw] *= scales[draw, :, None]
        return effects, carried

    def media_effects(self, c: int) -> tuple[np.ndarray, np.ndarray]:
        effects, carried = self.geo_effects(c)
        return effects.sum(axis=1), carried.sum(axis=1)

    def scaled_responses(self, c: int, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        response = np.empty((self.size, len(factors)))
        slope = np.empty_like(response)
        scales = self.geo_scale(c) / self.setup.periods
        for draw in range(self.size):
            points, weights = condensed(self.geo_pressure(c, draw), scales[draw])
            weighted_responses(
                points,
                weights,
                self.channel[draw, c, KAPPA],
                self.shape[draw, c],
                factors,
                response[draw],
                slope[draw],
            )
        return response, slope

    @cached_property
    def slow_course(self) -> np.ndarray:
        """B over the window, (J, T): after the trained rows it stays where it was."""
        trained = self.panel.slow
        after = np.repeat(trained[:, -1:], self.setup.periods - trained.shape[1], axis=1)
        return np.concatenate([trained, after], axis=1)

    def geo_baseline(self) -> np.ndarray:
        """All of a geo's KPI but the media, by draw and period, in units of the KPI: (K, G, T)."""
        course = self.gamma @ self.setup.baseline.matrix.T
        effects = course[:, None, :] + self.slow @ self.slow_course
        for number, item in enumerate(self.panel.wide):
            effects += self.wide[:, number, None, None] * item.values
        return np.asarray(effects * self.panel.mean_kpi[:, None])

    def geo_noise(self, rng: np.random.Generator) -> np.ndarray:
        """Noise by draw, geo and period in units of the KPI, (K, G, T)."""
        unit = self.panel.unit
        length = np.sqrt((unit**2).sum())
        direction = unit / length
        shape = (self.size, self.panel.geos, self.setup.periods)
        own = np.exp(self.hyper[:, self.panel.market.own])[:, None, None]
        apart = own * rng.standard_normal(shape)
        apart -= direction[:, None] * (direction @ apart)[:, None, :]
        nation = length * np.exp(self.hyper[:, 0])[:, None] * rng.standard_normal(shape[::2])
        whitened = apart + direction[:, None] * nation[:, None, :]
        return np.asarray(whitened * (self.panel.mean_kpi / unit)[:, None])

    def baseline_effects(self) -> dict[str, np.ndarray]:
        found = super().baseline_effects()
        own = np.einsum("g,kgj->kj", self.panel.mean_kpi, self.slow)
        found["intercept"] = found["intercept"] + own[:, :1] * self.slow_course[0]
        found["trend"] = found["trend"] + own[:, 1:] @ self.slow_course[1:]
        for number, item in enumerate(self.panel.wide):
            course = self.panel.mean_kpi @ item.values
            found[item.name] = self.wide[:, number, None] * course
        return found

    @property
    def component_kinds(self) -> dict[str, str]:
        return {**super().component_kinds, **{item.name: "context" for item in self.panel.wide}}

    @property
    def control_coefficients(self) -> dict[str, np.ndarray]:
        own = {
            item.name: self.wide[:, number] * self.setup.scale
            for number, item in enumerate(self.panel.wide)
        }
        return {**super().control_coefficients, **own}


def condensed(pressure: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pressures (G, T) with the geos' scales (G,) as points and weights; many are thinned to means
    of neighbours by size.
    """
    values = pressure.ravel()
    weights = np.repeat(scale, pressure.shape[1])
    if len(values) <= 2 * _POINTS:
        return values, weights
    order = np.argsort(values, kind="stable")
    starts = np.linspace(0, len(order), _POINTS, endpoint=False).astype(int)
    sums = np.add.reduceat(weights[order], starts)
    counts = np.diff(np.append(starts, len(order)))
    return np.add.reduceat(values[order], starts) / counts, sums


def panel_posterior(panel: PanelSetup, draws: Draws, wanted: int, seed: int) -> PanelPosterior:
    """Thinned draws with shared baseline, own levels and trends drawn from their conditionals."""
    channel, pool, rows = thin(draws, wanted)
    market, setup = panel.market, panel.nation
    state = new_panel_state(market)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, 1_000_003))))
    size, media, geos = len(channel), len(market.x), panel.geos
    known = len(market.priors.hyper)
    factors = rows[:, known + 1 :].reshape(size, media, geos)
    gamma = np.empty((size, len(setup.baseline.columns)))
    wide = np.empty((size, len(panel.wide)))
    slow = np.empty((size, geos, len(market.slow)))
    ceiling = np.empty((size, media))
    for draw in range(size):
        state.channel[:], state.pool[:], state.hyper[:] = (
            channel[draw],
            pool[draw],
            rows[draw, :known],
        )
        state.factors[:media] = factors[draw]
        place_panel(market, state)
        draw_baseline(market, state, rng, gamma[draw], wide[draw])
        slow[draw] = _draw_slow(market, state, gamma[draw], wide[draw], rng)
        ceiling[draw] = state.effects * _ceilings(market, state) * setup.scale
    return PanelPosterior(
        setup=setup,
        channel=channel,
        pool=pool,
        hyper=np.ascontiguousarray(rows[:, :known]),
        coefficient=ceiling * (factors @ panel.size),
        gamma=gamma + setup.baseline.means,
        panel=panel,
        factors=factors,
        ceiling=ceiling,
        slow=slow,
        wide=wide + np.array([item.mean for item in panel.wide]),
    )


def _ceilings(market: PanelMarket, state: PanelState) -> np.ndarray:
    """The Hill curve's national factor of every channel: money over the sum of size times Hill."""
    found = np.empty(len(market.x))
    pressure = np.empty_like(market.y)
    values = np.empty_like(market.y)
    weights = np.empty(market.lags)
    for c in range(len(found)):
        geo_pressures(market.x[c], state.channel[c], market.week, weights, pressure)
        hill_values(pressure, state.channel[c], values)
        found[c] = market.money[c] / (market.size @ values).sum()
    return found


def _draw_slow(
    market: PanelMarket,
    state: PanelState,
    gamma: np.ndarray,
    wide: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Own levels and trends (G, J), KPI over its mean, given all else."""
    rest = np.empty_like(market.y)
    residuals(market, state, gamma, wide, rest)
    shrink = state.solved.shrink
    own = np.exp(state.hyper[market.own])
    # The posterior of a column's coefficient: mean shrink B'r, variance own^2 shrink.
    drawn = shrink * (rest @ market.slow.T)
    drawn = drawn + own * np.sqrt(shrink) * rng.standard_normal(drawn.shape)
    direction = market.unit / market.length
    drawn -= direction[:, None] * (direction @ drawn)
    return np.asarray(drawn / market.unit[:, None])
