"""Posterior draws with all that follows from them: effects by period, baseline, responses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import solve_triangular

from mmm.engines.bayes.chains import Draws
from mmm.engines.bayes.courses import adstocked, reach_courses, response_sums
from mmm.engines.bayes.kernel import (
    KAPPA,
    RHO,
    SHAPE,
    THETA,
)
from mmm.engines.bayes.model import log_frequency
from mmm.engines.bayes.setup import Setup
from mmm.engines.bayes.state import State, new_state
from mmm.engines.bayes.steps import place


@dataclass(frozen=True)
class Posterior:
    """K draws, M media, T rows of the window, p baseline columns; effects in units of the KPI."""

    setup: Setup
    channel: np.ndarray  # (K, M, 5)
    pool: np.ndarray  # (K, 2)
    hyper: np.ndarray  # (K, h)
    #: (K, M) KPI per period at the ceiling of the Hill curve; with a frequency, per mean reach
    coefficient: np.ndarray
    gamma: np.ndarray  # (K, p) baseline coefficients, KPI over its mean

    @property
    def size(self) -> int:
        return len(self.channel)

    @property
    def theta(self) -> np.ndarray:
        """Of one period, (K, M)."""
        week = self.setup.week
        return np.asarray((1.0 + np.exp(-self.channel[:, :, THETA])) ** -week)

    @property
    def delay(self) -> np.ndarray:
        return np.asarray(1.0 + np.exp(self.channel[:, :, RHO]))

    @property
    def kappa(self) -> np.ndarray:
        return np.asarray(np.exp(self.channel[:, :, KAPPA]))

    @property
    def shape(self) -> np.ndarray:
        return np.asarray(np.exp(self.channel[:, :, SHAPE]))

    @property
    def sigma(self) -> np.ndarray:
        """Noise in units of the KPI, (K,)."""
        return np.asarray(np.exp(self.hyper[:, 0]) * self.setup.scale)

    @cached_property
    def mean_input(self) -> np.ndarray:
        """Mean modelled input over the trained rows, (M,): one unit of pressure."""
        first = self.setup.problem.window[0]
        return np.asarray(self.setup.given[:, first : first + self.setup.trained].mean(axis=1))

    def pressure(self, c: int) -> tuple[np.ndarray, np.ndarray]:
        """Adstocked pressure of a medium in the window by draw (K, T), and the weight of a period's
        own (K,).
        """
        return pressures(self.setup, self.own(c), self.channel[:, c], self.setup.periods)

    def own(self, c: int) -> np.ndarray:
        """A medium's pressure before adstock, up to the window's end."""
        end = self.setup.problem.window[1] + 1
        return np.ascontiguousarray(self.setup.given[c, :end] / self.mean_input[c])

    def media_effects(self, c: int) -> tuple[np.ndarray, np.ndarray]:
        """Effects of a medium by draw and period, and the part that earlier periods caused, (K, T)
        each.
        """
        scale = self.coefficient[:, c, None]
        if self.setup.frequencies[c] is not None:
            reach, parameters = self.own(c), self.channel[:, c]
            total, own = reach_by_draw(self.setup, c, reach, parameters, self.setup.periods)
            return scale * total, scale * (total - own)
        own = self.own(c)[-self.setup.periods :]
        total, first_weight = self.pressure(c)
        before = np.maximum(total - first_weight[:, None] * own, 0.0)
        k, kappa = self.shape[:, c, None], self.kappa[:, c, None]
        effects = scale * _hill(total, kappa, k)
        carried = scale * _hill(before, kappa, k)
        return effects, carried

    def scaled_responses(self, c: int, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean effect per period when all input is multiplied by each factor (n,), and its
        derivative by the factor: (K, n) each.
        """
        periods = self.setup.periods
        parameters = self.channel[:, c]
        response, slope = responses(self.setup, c, self.own(c), parameters, periods, factors)
        scale = self.coefficient[:, c, None] / periods
        response *= scale
        slope *= scale
        return response, slope

    @property
    def component_kinds(self) -> dict[str, str]:
        """The kind of each component of the baseline."""
        return {column.component: column.kind for column in self.setup.baseline.columns}

    @property
    def control_coefficients(self) -> dict[str, np.ndarray]:
        """Coefficients of controls by draw, (K,) each, in units of the KPI."""
        return {
            column.name: self.gamma[:, j] * self.setup.scale
            for j, column in enumerate(self.setup.baseline.columns)
            if column.kind == "context"
        }

    def baseline_effects(self) -> dict[str, np.ndarray]:
        """Effects of the baseline's components by draw and period, (K, T) each."""
        columns = self.setup.baseline.columns
        matrix = self.setup.baseline.matrix
        found: dict[str, np.ndarray] = {}
        for component in dict.fromkeys(column.component for column in columns):
            inside = [j for j, column in enumerate(columns) if column.component == component]
            found[component] = self.gamma[:, inside] @ matrix[:, inside].T * self.setup.scale
        return found


def _hill(pressure: np.ndarray, kappa: np.ndarray, k: np.ndarray) -> np.ndarray:
    power = pressure**k
    return np.asarray(power / (power + kappa**k))


def thin(draws: Draws, wanted: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """About `wanted` draws of all chains, evenly spaced: channel, pool and hyperparameters."""
    chains, length = draws.channel.shape[:2]
    each = min(length, -(-wanted // chains))
    rows = np.linspace(0, length - 1, each).round().astype(int)
    return tuple(
        np.ascontiguousarray(np.concatenate(values[:, rows]))
        for values in (draws.channel, draws.pool, draws.hyper)
    )  # type: ignore[return-value]


def posterior(setup: Setup, draws: Draws, wanted: int, seed: int) -> Posterior:
    """Thinned draws with the baseline's coefficients drawn from their exact conditional."""
    channel, pool, hyper = thin(draws, wanted)
    market = setup.market
    state = new_state(market)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, 1_000_003))))
    gamma = np.empty((len(channel), len(setup.baseline.columns)))
    means = setup.baseline.means
    effects = np.empty(channel.shape[:2])
    for draw in range(len(channel)):
        state.channel[:], state.pool[:], state.hyper[:] = channel[draw], pool[draw], hyper[draw]
        place(market, state)
        gamma[draw] = means + _draw_gamma(state, rng)
        effects[draw] = state.effects
    coefficient = effects * _ceilings(setup, channel) * setup.scale
    return Posterior(setup, channel, pool, hyper, coefficient, gamma)


def _ceilings(setup: Setup, channel: np.ndarray) -> np.ndarray:
    """What the curve is multiplied by, per unit of ROI, so that its sum is the money, (K, M)."""
    found = np.empty(channel.shape[:2])
    for c in range(channel.shape[1]):
        found[:, c] = setup.market.money[c] / curve_sums(setup, c, channel[:, c])
    return found


def curve_sums(setup: Setup, c: int, parameters: np.ndarray) -> np.ndarray:
    """Sum over the trained rows, by draw of a medium's parameters (K, 5), of what its coefficient is
    multiplied by: its Hill curve or, with a frequency, what its reach does. (K,)
    """
    own = setup.market.x[c]
    if setup.frequencies[c] is not None:
        return np.asarray(reach_by_draw(setup, c, own, parameters, setup.trained)[0].sum(axis=1))
    pressure, _ = pressures(setup, own, parameters, setup.trained)
    kappa, k = np.exp(parameters[:, KAPPA, None]), np.exp(parameters[:, SHAPE, None])
    return np.asarray(_hill(pressure, kappa, k).sum(axis=1))


def responses(
    setup: Setup,
    c: int,
    own: np.ndarray,
    parameters: np.ndarray,
    periods: int,
    factors: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """`curve_sums` over the last `periods` rows of `own` (N,) when it is multiplied by each factor
    (n,), and its derivative by the factor: (K, n) each. A frequency stays as it was: more money
    reaches more people.
    """
    if setup.frequencies[c] is not None:
        total, _ = reach_by_draw(setup, c, own, parameters, periods)
        slope = np.repeat(total.sum(axis=1)[:, None], len(factors), axis=1)
        return slope * factors, slope
    response = np.empty((len(parameters), len(factors)))
    slope = np.empty_like(response)
    pressure, _ = pressures(setup, own, parameters, periods)
    response_sums(pressure, np.ascontiguousarray(parameters), factors, response, slope)
    return response, slope


def reach_by_draw(
    setup: Setup, c: int, reach: np.ndarray, parameters: np.ndarray, periods: int
) -> tuple[np.ndarray, np.ndarray]:
    """See `courses.reach_courses`: of the last `periods` rows of the reach (N,) by draw of the
    parameters (K, 5).
    """
    frequency = setup.frequencies[c]
    if frequency is None:
        raise ValueError(f"{setup.names[c]} has no frequency")
    shape = (len(parameters), periods)
    total, immediate = np.empty(shape), np.empty(shape)
    parameters = np.ascontiguousarray(parameters)
    logs = log_frequency(frequency[: len(reach)])
    reach_courses(reach, logs, parameters, setup.week, setup.lags, total, immediate)
    return total, immediate


def pressures(
    setup: Setup, own: np.ndarray, parameters: np.ndarray, periods: int
) -> tuple[np.ndarray, np.ndarray]:
    """Adstocked pressure of the last `periods` rows of `own` by draw of the parameters (K, 5): (K,
    `periods`), and the weight of a period's own (K,).
    """
    out, first_weight = np.empty((len(parameters), periods)), np.empty(len(parameters))
    parameters = np.ascontiguousarray(parameters)
    adstocked(own, parameters, setup.week, setup.lags, out, first_weight)
    return out, first_weight


def _draw_gamma(state: State, rng: np.random.Generator) -> np.ndarray:
    """The baseline's coefficients (p,) given all else: N(A^-1 Z'(y - F beta), sigma^2 A^-1)."""
    solved = state.solved
    weeks = len(solved.diagonal)
    target = solved.wy - state.effects @ solved.w
    target = target + np.exp(state.hyper[0]) * rng.standard_normal(len(target))
    rest = solve_triangular(np.tril(solved.lower), target[weeks:], lower=True, trans="T")
    first = (target[:weeks] - solved.cross.T @ rest) / solved.diagonal
    return np.concatenate([first, rest])
