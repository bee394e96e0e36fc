"""The panel's likelihood against brute force, and against the national one where it has one geo."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from mmm.engines.base import LiftTest, PaidMedium, Problem, Variable
from mmm.engines.bayes.kernel import baseline_course, log_likelihood
from mmm.engines.bayes.moves import draw_prior, first_proposals
from mmm.engines.bayes.panel.model import PanelMarket
from mmm.engines.bayes.panel.moves import move_factors, residuals, run_panel
from mmm.engines.bayes.panel.setup import PanelSetup, relative_noise, set_up_panel
from mmm.engines.bayes.panel.state import PanelState, new_panel_state
from mmm.engines.bayes.panel.steps import draw_baseline, place_panel
from mmm.engines.bayes.prior_draws import design_matrix as matrix_of
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.bayes.state import new_state
from mmm.engines.bayes.steps import place
from mmm.engines.panel import Panel

PERIODS, GEOS = 40, 3


def small_problem(geos: int) -> Problem:
    """Two channels, a control that differs between geos, a total and an immediate lift test."""
    rng = np.random.default_rng(11)
    population = np.array([5.0, 3.0, 1.0])[:geos]
    spend = {
        name: rng.lognormal(0.0, 0.5, (geos, PERIODS)) * population[:, None] * mean
        for name, mean in (("tv", 10.0), ("search", 4.0))
    }
    price = rng.normal(0.0, 1.0, (geos, PERIODS))
    noise = rng.normal(0.0, 3.0, (geos, PERIODS)) * population[:, None]
    kpi = 100.0 * population[:, None] + 0.8 * spend["tv"] - 2.0 * price + noise
    panel = Panel(
        tuple("abc"[:geos]), population, kpi, spend, {}, {}, {"price": price} if geos > 1 else {}
    )
    tests = (
        LiftTest(("tv",), date(2024, 3, 4), date(2024, 3, 24), 250.0, 300.0, scope="total"),
        LiftTest(("search",), date(2024, 6, 3), date(2024, 6, 16), 40.0, 60.0),
    )
    return Problem(
        dates=np.datetime64("2024-01-01") + 7 * np.arange(PERIODS),
        step_days=7,
        kpi_name="revenue",
        kpi=kpi.sum(axis=0),
        kpi_kind="revenue",
        paid=tuple(PaidMedium(name, values.sum(axis=0)) for name, values in spend.items()),
        window=(4, PERIODS - 1),
        context=(Variable("price", population @ price / population.sum()),),
        lift_tests=tests,
        panel=panel,
    )


@pytest.fixture(scope="module")
def setup() -> PanelSetup:
    return set_up_panel(small_problem(GEOS), BayesSettings())


def placed(market: PanelMarket, seed: int) -> PanelState:
    """A chain's state at a draw from the prior, with factors around 1."""
    state = new_panel_state(market)
    rng = np.random.Generator(np.random.PCG64(seed))
    draw_prior(market.priors, market.design.power, state.channel, state.hyper, state.pool, rng)
    state.spread[0] = math.log(0.2)
    state.factors[: len(market.x)] += 0.2 * rng.standard_normal((len(market.x), len(market.y)))
    place_panel(market, state)
    return state


def design_matrix(market: Any) -> np.ndarray:
    return matrix_of(market)


def likelihood(state: PanelState) -> float:
    solved = state.solved
    return float(log_likelihood(solved.constant, solved.linear, solved.precision, state.effects))


def baseline_sd(market: PanelMarket, hyper: np.ndarray) -> np.ndarray:
    design = market.design
    log_sd = design.log_scale.copy()
    for group, power in enumerate(design.power):
        inside = design.group == group
        fall = hyper[power] if power >= 0 else 0.0
        log_sd[inside] += hyper[1 + group] - fall * design.log_order[inside]
    return np.exp(log_sd)


def parts(market: PanelMarket, hyper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nation's covariance without its baseline's part, and that apart: (T, T) each."""
    log_sd = market.slow_log_scale + market.slow_free * (
        hyper[market.own + 1] - hyper[-1] * market.slow_log_order
    )
    periods = market.y.shape[1]
    apart = np.exp(2.0 * hyper[market.own]) * np.eye(periods)
    apart += (market.slow.T * np.exp(2.0 * log_sd)) @ market.slow
    return market.length**2 * np.exp(2.0 * hyper[0]) * np.eye(periods), apart


def covariance(market: PanelMarket, hyper: np.ndarray, baseline: bool) -> np.ndarray:
    """Of the stacked whitened KPIs given channels, by the letter of `panel.model`."""
    nation, apart = parts(market, hyper)
    if baseline:
        z = design_matrix(market)
        nation = nation + market.length**2 * (z * baseline_sd(market, hyper) ** 2) @ z.T
    w = market.unit / market.length
    found = np.kron(np.outer(w, w), nation) + np.kron(np.eye(len(w)) - np.outer(w, w), apart)
    if baseline:
        for values, sd in zip(market.wide, market.wide_sd, strict=True):
            found += sd**2 * np.outer(values.ravel(), values.ravel())
    return found


def plain_hill(x: np.ndarray, parameters: np.ndarray, week: float, lags: int) -> np.ndarray:
    """The Hill curve of the adstocked pressure; lags of hardly any weight do not count."""
    theta = (1.0 + math.exp(-parameters[0])) ** -week
    r, kappa, k = (float(np.exp(value)) for value in parameters[1:4])
    r += 1.0
    lag = np.arange(1.0, lags)
    weights = np.append(1.0, np.cumprod(theta * (r + lag - 1.0) / lag))
    weights[weights < 1e-6 * weights.sum()] = 0.0
    power = np.convolve(x, weights / weights.sum())[: len(x)] ** k
    return np.asarray(power / (power + kappa**k))


def plain_regressors(market: PanelMarket, state: PanelState) -> np.ndarray:
    """Whitened f of all channels without the factors, by the formulas' letter: (C, G, T)."""
    geos, periods = market.y.shape
    found = np.empty((len(market.x), geos, periods))
    for c, parameters in enumerate(state.channel):
        hill = np.array(
            [plain_hill(x, parameters, market.week, market.lags)[-periods:] for x in market.x[c]]
        )
        national = market.money[c] / (market.size @ hill).sum()
        scale = national * market.size / market.whole * market.unit
        found[c] = scale[:, None] * hill
    return found


def brute_force(market: PanelMarket, state: PanelState) -> float:
    """log p of the stacked KPIs and the soft evidence of totals, but for constants."""
    f = plain_regressors(market, state)
    expected = np.einsum("c,cg,cgt->gt", state.effects, state.factors[: len(f)], f)
    total = multivariate_normal.logpdf(
        market.y.ravel(), expected.ravel(), covariance(market, state.hyper, baseline=True)
    )
    tests = market.tests
    national = f * (state.factors[: len(f)] * market.whole / market.unit)[:, :, None]
    for j in range(len(tests.value)):
        first, last = tests.rows[j]
        if first < 0:
            share = tests.counts[:, j] @ state.effects
        else:
            sums = national[:, :, first : last + 1].sum(axis=(1, 2)) * tests.factor[j]
            share = (tests.counts[:, j] * sums) @ state.effects
        total -= 0.5 * (tests.value[j] - share) ** 2
    return float(total)


def of_totals(problem: Problem) -> Problem:
    return replace(problem, lift_tests=problem.lift_tests[:1])


def test_likelihood_equals_brute_force() -> None:
    market = set_up_panel(of_totals(small_problem(GEOS)), BayesSettings()).market
    assert len(market.wide) == 1
    assert (market.tests.rows[:, 0] >= 0).sum() == 1
    off = []
    for seed in range(6):
        state = placed(market, seed)
        off.append(likelihood(state) - brute_force(market, state))
    # The constants are the same at every state.
    assert np.ptp(off) < 1e-8 * max(1.0, abs(off[0]))


def test_one_geo_is_the_nation() -> None:
    problem = small_problem(1)
    setup = set_up_panel(problem, BayesSettings())
    market, national = setup.market, setup.nation.market
    own = market.own
    for seed in range(4):
        state, other = placed(market, seed), new_state(national)
        state.factors[:] = 1.0
        place_panel(market, state)
        other.channel[:], other.pool[:] = state.channel, state.pool
        other.hyper[:] = np.delete(state.hyper, [own, own + 1, len(state.hyper) - 1])
        place(national, other)
        solved = other.solved
        expected = log_likelihood(solved.constant, solved.linear, solved.precision, other.effects)
        assert likelihood(state) == pytest.approx(expected, rel=1e-10)
        np.testing.assert_allclose(state.solved.precision, solved.precision, rtol=1e-9)


def test_sweeps_keep_all_sums_right(setup: PanelSetup) -> None:
    market = setup.market
    state = placed(market, 3)
    first_proposals(market, state)
    rng = np.random.Generator(np.random.PCG64(5))
    kept = np.empty((60, 5 * len(market.x) + 2 + len(state.hyper) + 1 + state.factors[:2].size))
    before = state.channel.copy()
    assert run_panel(market, state, rng, 60, 100, 100, 2, kept) == 30
    assert (state.channel != before).any(axis=1).all()
    again = new_panel_state(market)
    again.channel[:], again.pool[:], again.hyper[:] = state.channel, state.pool, state.hyper
    again.factors[:] = state.factors
    place_panel(market, again)
    for name in ("precision", "linear", "constant", "q", "w"):
        np.testing.assert_allclose(
            getattr(state.solved, name), getattr(again.solved, name), rtol=1e-7, atol=1e-7
        )


def test_factors_follow_their_conditional(setup: PanelSetup) -> None:
    """The mean of many draws of one geo's factors is the conditional's, by dense algebra."""
    market = setup.market
    state = placed(market, 2)
    rng = np.random.Generator(np.random.PCG64(8))
    gamma, wide = np.empty(len(market.design.zy)), np.empty(len(market.wide))
    draw_baseline(market, state, rng, gamma, wide)
    rest, course = np.empty_like(market.y), np.empty(market.y.shape[1])
    residuals(market, state, gamma, wide, rest)
    baseline_course(market.design, gamma, course)
    np.testing.assert_allclose(course, design_matrix(market) @ gamma, atol=1e-12)
    f = plain_regressors(market, state)
    factors = state.factors[: len(f)]
    plain = market.y - market.unit[:, None] * course - np.tensordot(wide, market.wide, 1)
    plain = plain - np.einsum("c,cg,cgt->gt", state.effects, factors, f)
    np.testing.assert_allclose(rest, plain, atol=1e-9)


def test_factors_are_learnt_where_geos_differ() -> None:
    """A geo whose effect is twice the others' gets a larger factor, and the prior draws it back."""
    problem = small_problem(GEOS)
    panel = problem.panel
    assert panel is not None
    kpi = panel.kpi.copy()
    kpi[0] += 3.0 * panel.spend["tv"][0]
    changed = replace(problem, kpi=kpi.sum(axis=0), panel=replace(panel, kpi=kpi), lift_tests=())
    market = set_up_panel(changed, BayesSettings()).market
    state = placed(market, 4)
    state.channel[:, :4] = np.array([-2.0, -2.0, np.log(3.0), 0.0])
    state.channel[:, 4] = np.log([2.0, 0.1])
    state.hyper[0], state.hyper[market.own], state.spread[0] = -3.0, -3.0, np.log(0.4)
    place_panel(market, state)
    rng = np.random.Generator(np.random.PCG64(9))
    drawn = []
    for _ in range(200):
        move_factors(market, state, rng)
        drawn.append(state.factors[0].copy())
    mean = np.mean(drawn, axis=0)
    assert mean[0] > mean[1] + 0.3
    assert mean[0] > mean[2] + 0.3


def test_noise_is_told_by_bends() -> None:
    rng = np.random.default_rng(3)
    kpi = 1.0 + rng.normal(0.0, 1.0, (2, 300)) * np.array([[0.02], [0.08]])
    noise = relative_noise(kpi)
    # Four times as much, drawn to the mean of both.
    assert 2.5 < noise[1] / noise[0] < 4.0
    assert np.log(noise).sum() == pytest.approx(0.0, abs=1e-12)
