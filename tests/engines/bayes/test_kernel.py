"""The compiled likelihood against brute force, and chains that do not depend on the machine."""

from __future__ import annotations

import numpy as np
from scipy.stats import multivariate_normal, norm

from mmm.engines.bayes.chains import sample
from mmm.engines.bayes.common import log_channels_prior
from mmm.engines.bayes.kernel import EFFECT, Design, Market, log_likelihood
from mmm.engines.bayes.moves import curve_given_others, draw_prior, first_proposals, run
from mmm.engines.bayes.state import State, new_state
from mmm.engines.bayes.steps import draw_nation_residual, place


def placed(market: Market, seed: int) -> State:
    """A chain's state at a draw from the prior."""
    state = new_state(market)
    rng = np.random.Generator(np.random.PCG64(seed))
    draw_prior(market.priors, market.design.power, state.channel, state.hyper, state.pool, rng)
    place(market, state)
    return state


def likelihood(state: State) -> float:
    solved = state.solved
    return log_likelihood(solved.constant, solved.linear, solved.precision, state.effects)


def baseline_matrix(design: Design) -> np.ndarray:
    """Z from its weeks, events and dense part."""
    weeks = (design.week_of[:, None] == np.arange(design.week_of.max() + 1)).astype(float)
    events = np.zeros((len(design.y), len(design.pointer) - 1))
    for j in range(events.shape[1]):
        events[design.row[design.pointer[j] : design.pointer[j + 1]], j] = 1.0
    return np.hstack([weeks, events, design.dense])


def plain_regressor(
    market: Market, c: int, parameters: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """f of a channel and the part that earlier pressure alone brings, by the formulas' letter."""
    theta = (1.0 / (1.0 + np.exp(-parameters[0]))) ** market.week
    r, kappa, k = 1.0 + np.exp(parameters[1]), np.exp(parameters[2]), np.exp(parameters[3])
    weights = np.ones(market.lags)
    for lag in range(1, market.lags):
        weights[lag] = weights[lag - 1] * (r + lag - 1) / lag * theta
    weights[weights < 1e-6 * weights.sum()] = 0.0
    weights /= weights.sum()
    if market.by_frequency[c]:
        return reach_regressor(market, c, weights, kappa, k)
    pressure = np.convolve(market.x[c], weights)[: market.x.shape[1]]
    carried = pressure - weights[0] * market.x[c]
    window = slice(market.x.shape[1] - len(market.design.y), None)
    hill = pressure[window] ** k / (pressure[window] ** k + kappa**k)
    carried_hill = carried[window] ** k / (carried[window] ** k + kappa**k)
    factor = market.money[c] / hill.sum()
    return factor * hill, factor * carried_hill


def reach_regressor(
    market: Market, c: int, weights: np.ndarray, kappa: float, k: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same of a channel with a frequency: what reach times the frequency's Hill curve does."""
    frequency = np.exp(market.log_frequency[c])
    acting = market.x[c] * frequency**k / (frequency**k + kappa**k)
    window = slice(len(acting) - len(market.design.y), None)
    total = np.convolve(acting, weights)[: len(acting)][window]
    factor = market.money[c] / total.sum()
    return factor * total, factor * (total - weights[0] * acting[window])


def brute_force(market: Market, state: State) -> float:
    """log p(y, soft evidence) from the T-variate normal, less the constant of 2 pi."""
    design, tests = market.design, market.tests
    z = baseline_matrix(design)
    sigma, groups = np.exp(state.hyper[0]), len(design.power)
    sd = np.exp(design.log_scale)
    for group in range(groups):
        inside = design.group == group
        factor = np.exp(state.hyper[1 + group])
        power = design.power[group]
        fall = state.hyper[power] if power >= 0 else 0.0
        sd[inside] *= factor * np.exp(-fall * design.log_order[inside])
    covariance = (z * sd**2) @ z.T + sigma**2 * np.eye(len(market.design.y))
    both = [plain_regressor(market, c, state.channel[c]) for c in range(len(market.x))]
    f, carried = (np.array(part) for part in zip(*both, strict=True))
    total = multivariate_normal.logpdf(market.design.y, state.effects @ f, covariance)
    total += len(market.design.y) * np.log(2.0 * np.pi) / 2.0
    for j in range(len(tests.value)):
        first, last = tests.rows[j]
        if first < 0:
            expected = tests.counts[:, j] @ state.effects
        else:
            effect = f - carried if tests.immediate[j] else f
            sums = effect[:, first : last + 1].sum(axis=1) * tests.factor[j]
            expected = (tests.counts[:, j] * sums) @ state.effects
        total += norm.logpdf(tests.value[j], expected) + np.log(2.0 * np.pi) / 2.0
    return float(total)


def test_collapsed_likelihood_equals_brute_force(small_market: Market) -> None:
    for seed in range(5):
        state = placed(small_market, seed)
        got = likelihood(state)
        assert abs(got - brute_force(small_market, state)) < 1e-8 * max(1.0, abs(got))


def test_incremental_changes_equal_a_fresh_start(small_market: Market) -> None:
    state = placed(small_market, 1)
    first_proposals(small_market, state)
    kept = np.empty((200, state.channel.size + 2 + len(state.hyper)))
    run(small_market, state, np.random.Generator(np.random.PCG64(2)), 200, 0, 100, 1, kept)
    incremental = likelihood(state)
    assert np.unique(kept[:100, 0]).size > 5  # it moved
    place(small_market, state)
    assert abs(likelihood(state) - incremental) < 1e-8 * abs(incremental)


def test_chains_are_bit_identical_on_any_number_of_threads(small_market: Market) -> None:
    one, two, again, other = (
        sample(small_market, seed, chains=3, warm_up=60, sweeps=60, workers=workers)
        for seed, workers in ((5, 1), (5, 3), (5, 2), (6, 2))
    )
    assert one.channel.tobytes() == two.channel.tobytes() == again.channel.tobytes()
    assert one.hyper.tobytes() == two.hyper.tobytes()
    assert one.channel.tobytes() != other.channel.tobytes()
    assert not np.array_equal(one.channel[0], one.channel[1])


def test_a_curves_prior_given_the_other_channels_is_the_conditional_of_a_joint_normal(
    small_market: Market,
) -> None:
    """Against the joint covariance (1 - s) I + s 11' of all channels, inverted as a whole."""
    channels = len(small_market.x)
    shared = np.full((channels, EFFECT), 0.6)
    shared[0, 1] = 0.0  # an analyst's own prior stands alone
    priors = small_market.priors._replace(shared=shared)
    rng = np.random.default_rng(5)
    values = rng.normal(size=(channels, EFFECT + 1))
    found = np.empty((EFFECT, 2))
    for c in range(channels):
        curve_given_others(priors, values, c, found)
        for i in range(EFFECT):
            together = [d for d in range(channels) if shared[d, i] > 0.0 and shared[c, i] > 0.0]
            sd = priors.curve[:, i, 1]
            if c not in together:
                assert found[i].tolist() == priors.curve[c, i].tolist()
                continue
            others = [d for d in together if d != c]
            covariance = np.outer(sd, sd) * 0.6 + np.diag(sd**2 * 0.4)
            weights = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, c])
            gap = values[others, i] - priors.curve[others, i, 0]
            mean = priors.curve[c, i, 0] + weights @ gap
            variance = sd[c] ** 2 - weights @ covariance[others, c]
            np.testing.assert_allclose(found[i], [mean, np.sqrt(variance)], rtol=1e-12)


def test_draws_from_the_prior_resemble_each_other_as_declared(small_market: Market) -> None:
    state, draws = new_state(small_market), []
    rng = np.random.default_rng(6)
    for _ in range(4000):
        draw_prior(
            small_market.priors,
            small_market.design.power,
            state.channel,
            state.hyper,
            state.pool,
            rng,
        )
        draws.append(state.channel.copy())
    values = np.array(draws)
    for i in range(EFFECT):
        np.testing.assert_allclose(
            values[:, :, i].std(axis=0), small_market.priors.curve[:, i, 1], rtol=0.06
        )
        found = np.corrcoef(values[:, 0, i], values[:, 1, i])[0, 1]
        assert abs(found - small_market.priors.shared[0, i]) < 0.05


def test_the_prior_of_all_channels_is_the_product_of_their_conditionals(
    small_market: Market,
) -> None:
    """One channel's curve changes: the joint prior by as much as its prior given the others."""
    channels = len(small_market.x)
    shared = np.full((channels, EFFECT), 0.6)
    shared[0, 1] = 0.0
    priors = small_market.priors._replace(shared=shared)
    rng = np.random.default_rng(5)
    values, pool = rng.normal(size=(channels, EFFECT + 1)), np.array([0.1, -0.5])
    given = np.empty((EFFECT, 2))
    for c in range(channels):
        moved = values.copy()
        moved[c, :EFFECT] += rng.normal(size=EFFECT)
        curve_given_others(priors, values, c, given)
        change = norm.logpdf(moved[c, :EFFECT], given[:, 0], given[:, 1])
        change -= norm.logpdf(values[c, :EFFECT], given[:, 0], given[:, 1])
        got = log_channels_prior(priors, moved, pool) - log_channels_prior(priors, values, pool)
        assert abs(got - change.sum()) < 1e-9


def test_what_is_left_of_the_kpi_is_drawn_from_its_conditional(small_market: Market) -> None:
    """Mean and covariance of the baseline's coefficients against the normal equations."""
    state, design = placed(small_market, 3), small_market.design
    z = baseline_matrix(design)
    f = state.curves.f
    factor = np.zeros((z.shape[1], z.shape[1]))
    weeks = len(state.solved.diagonal)
    factor[:weeks, :weeks] = np.diag(state.solved.diagonal)
    factor[weeks:, :weeks] = state.solved.cross
    factor[weeks:, weeks:] = np.tril(state.solved.lower)
    precision = factor @ factor.T
    mean = np.linalg.solve(precision, z.T @ (design.y - state.effects @ f))
    rng = np.random.Generator(np.random.PCG64(4))
    gamma, rest = np.empty(z.shape[1]), np.empty(len(design.y))
    draws = np.empty((4000, z.shape[1]))
    for row in draws:
        draw_nation_residual(small_market, state, rng, gamma, rest)
        row[:] = gamma
    assert np.allclose(rest, design.y - z @ gamma - state.effects @ f)
    covariance = np.linalg.inv(precision) * np.exp(2.0 * state.hyper[0])
    standardised = (draws - mean) @ np.linalg.cholesky(np.linalg.inv(covariance))
    assert np.abs(standardised.mean(axis=0)).max() < 5.0 / np.sqrt(len(draws))
    assert np.abs(standardised.std(axis=0) - 1.0).max() < 0.06
