"""The compiled likelihood against brute force, and chains that do not depend on the machine."""

from __future__ import annotations

import numpy as np
from scipy.stats import multivariate_normal, norm

from mmm.engines.bayes.chains import sample
from mmm.engines.bayes.kernel import Market, log_likelihood
from mmm.engines.bayes.moves import draw_prior, place
from mmm.engines.bayes.state import State, new_state


def placed(market: Market, seed: int) -> State:
    """A chain's state at a draw from the prior."""
    state = new_state(market)
    draw_prior(market, state, np.random.Generator(np.random.PCG64(seed)))
    place(market, state)
    return state


def baseline_matrix(market: Market) -> np.ndarray:
    """Z from the kernel's sparse and dense parts."""
    sparse = np.zeros((len(market.y), len(market.pointer) - 1))
    for j in range(sparse.shape[1]):
        sparse[market.row[market.pointer[j] : market.pointer[j + 1]], j] = 1.0
    return np.hstack([sparse, market.dense])


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
    pressure = np.convolve(market.x[c], weights)[: market.x.shape[1]]
    carried = pressure - weights[0] * market.x[c]
    window = slice(market.x.shape[1] - len(market.y), None)
    hill = pressure[window] ** k / (pressure[window] ** k + kappa**k)
    carried_hill = carried[window] ** k / (carried[window] ** k + kappa**k)
    factor = market.money[c] / hill.sum()
    return factor * hill, factor * carried_hill


def brute_force(market: Market, state: State) -> float:
    """log p(y, soft evidence) from the T-variate normal, less the constant of 2 pi."""
    z = baseline_matrix(market)
    sigma, groups = np.exp(state.hyper[0]), len(market.power)
    sd = np.exp(market.log_scale)
    for group in range(groups):
        inside = market.group == group
        factor = np.exp(state.hyper[1 + group])
        power = market.power[group]
        fall = state.hyper[power] if power >= 0 else 0.0
        sd[inside] *= factor * np.exp(-fall * market.log_order[inside])
    covariance = (z * sd**2) @ z.T + sigma**2 * np.eye(len(market.y))
    both = [plain_regressor(market, c, state.channel[c]) for c in range(len(market.x))]
    f, carried = (np.array(part) for part in zip(*both, strict=True))
    total = multivariate_normal.logpdf(market.y, state.effects @ f, covariance)
    total += len(market.y) * np.log(2.0 * np.pi) / 2.0
    for j in range(len(market.soft)):
        first, last = market.soft_rows[j]
        if first < 0:
            expected = market.soft[j] @ state.effects
        else:
            effect = f - carried if market.soft_scope[j] else f
            sums = effect[:, first : last + 1].sum(axis=1) * market.soft_factor[j]
            expected = (market.soft[j] * sums) @ state.effects
        total += norm.logpdf(market.soft_value[j], expected) + np.log(2.0 * np.pi) / 2.0
    return float(total)


def test_collapsed_likelihood_equals_brute_force(small_market: Market) -> None:
    for seed in range(5):
        state = placed(small_market, seed)
        got = log_likelihood(state.solved, state.effects)
        assert abs(got - brute_force(small_market, state)) < 1e-8 * max(1.0, abs(got))


def test_incremental_changes_equal_a_fresh_start(small_market: Market) -> None:
    from mmm.engines.bayes.moves import first_proposals, run

    state = placed(small_market, 1)
    first_proposals(small_market, state)
    kept = np.empty((200, state.channel.size + 2 + len(state.hyper)))
    run(small_market, state, np.random.Generator(np.random.PCG64(2)), 200, 0, 100, 1, kept)
    incremental = log_likelihood(state.solved, state.effects)
    assert np.unique(kept[:100, 0]).size > 5  # it moved
    place(small_market, state)
    assert abs(log_likelihood(state.solved, state.effects) - incremental) < 1e-8 * abs(incremental)


def test_chains_are_bit_identical_on_any_number_of_threads(small_market: Market) -> None:
    one, two, again, other = (
        sample(small_market, seed, chains=3, warm_up=60, sweeps=60, workers=workers)
        for seed, workers in ((5, 1), (5, 3), (5, 2), (6, 2))
    )
    assert one.channel.tobytes() == two.channel.tobytes() == again.channel.tobytes()
    assert one.hyper.tobytes() == two.hyper.tobytes()
    assert one.channel.tobytes() != other.channel.tobytes()
    assert not np.array_equal(one.channel[0], one.channel[1])
