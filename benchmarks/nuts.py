"""The engine bayes against NUTS (NumPyro) on the same density, on data sets drawn from the prior.

    pip install numpyro        (in an environment of its own, beside the package)
    python -m benchmarks.nuts [--sets 3] [--draws 4000]

The density is written anew in JAX from the formulas: curves, the baseline integrated out by the
covariance of the KPI (T x T), priors, the soft media share. For every sampled number the means and
the squared deviations of both samplers are compared in Monte Carlo standard errors: where both have
the same density, about 5 % of the differences lie beyond 2.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jax.scipy.stats import norm
from numpyro.infer import MCMC, NUTS

from benchmarks.sbc import CHANNELS, NAMES, WEEKS, baseline, numbers
from mmm.engines.bayes.chains import sample
from mmm.engines.bayes.diagnostics import effective
from mmm.engines.bayes.kernel import Market
from mmm.engines.bayes.prior_draws import design_matrix, prior_draws, simulate

jax.config.update("jax_enable_x64", True)
_CHAINS = 4


def density(market: Market) -> Callable[[dict[str, Any]], Any]:
    """Minus the log density of the numbers in `start`, all of them unbounded."""
    z = jnp.asarray(design_matrix(market))
    design, prior, tests = market.design, market.priors, market.tests
    groups = len(design.power)
    low, high = prior.hyper[1 + groups :, 0], prior.hyper[1 + groups :, 1]

    def regressor(c: int, parameters: Any) -> Any:
        theta = jax.nn.sigmoid(parameters[0]) ** market.week
        r = 1.0 + jnp.exp(parameters[1])
        lag = jnp.arange(1.0, market.lags)
        weights = jnp.append(1.0, jnp.cumprod(theta * (r + lag - 1.0) / lag))
        weights = weights / weights.sum()
        pressure = jnp.convolve(jnp.asarray(market.x[c]), weights)[: len(market.x[c])]
        pressure = pressure[-len(design.y) :]
        k = jnp.exp(parameters[3])
        hill = jax.nn.sigmoid(k * (jnp.log(pressure) - parameters[2]))
        return market.money[c] * hill / hill.sum()

    def potential(at: dict[str, Any]) -> Any:
        common, own = at["common"], at["own"]
        shared = jnp.asarray(prior.shared)
        mixed = jnp.sqrt(shared) * common + jnp.sqrt(1.0 - shared) * own
        curve = prior.curve[:, :, 0] + prior.curve[:, :, 1] * mixed
        log_p = norm.logpdf(common).sum() + norm.logpdf(own).sum()
        pool, u = at["pool"], at["u"]
        log_p += norm.logpdf(pool, prior.pool[:, 0], prior.pool[:, 1]).sum()
        weight, none, spread = (prior.effect[:, i] for i in (2, 3, 4))
        some = jnp.log1p(-weight) + norm.logpdf(u, pool[0], jnp.exp(pool[1]))
        log_p += jnp.logaddexp(some, jnp.log(weight) + norm.logpdf(u, none, spread)).sum()
        log_sd = at["normal"]
        normal = prior.hyper[: 1 + groups]
        log_p += norm.logpdf(log_sd, normal[:, 0], normal[:, 1]).sum()
        # q on the real line by its logit, with the Jacobian.
        share = jax.nn.sigmoid(at["fall"])
        log_p += (jnp.log(share) + jnp.log1p(-share)).sum()
        hyper = jnp.concatenate([log_sd, low + (high - low) * share])
        effects = jnp.exp(u)
        off = tests.value - effects @ tests.counts
        log_p -= 0.5 * (off**2).sum()
        column = jnp.asarray(design.log_scale)
        for group, power in enumerate(design.power):
            fall = hyper[power] if power >= 0 else 0.0
            inside = design.group == group
            column += jnp.where(inside, hyper[1 + group] - fall * design.log_order, 0.0)
        scaled = z * jnp.exp(column)
        covariance = scaled @ scaled.T + jnp.exp(2.0 * hyper[0]) * jnp.eye(len(design.y))
        mean = sum(effects[c] * regressor(c, curve[c]) for c in range(len(market.x)))
        lower = jnp.linalg.cholesky(covariance)
        rest = solve_triangular(lower, jnp.asarray(design.y) - mean, lower=True)
        log_p -= 0.5 * (rest**2).sum() + jnp.log(jnp.diag(lower)).sum()
        return -log_p

    return potential


def by_nuts(market: Market, draws: int, seed: int) -> dict[str, np.ndarray]:
    """Draws by NUTS of every number that the engine samples, (chains, n) each."""
    prior, groups = market.priors, len(market.design.power)
    channels, falls = len(market.x), len(prior.hyper) - 1 - groups
    rng = np.random.default_rng(seed)
    level = prior.pool[0, 0]
    start = {
        "common": 0.1 * rng.standard_normal((_CHAINS, 4)),
        "own": 0.1 * rng.standard_normal((_CHAINS, channels, 4)),
        "pool": prior.pool[:, 0] + 0.1 * rng.standard_normal((_CHAINS, 2)),
        "u": level + 0.3 * rng.standard_normal((_CHAINS, channels)),
        "normal": prior.hyper[: 1 + groups, 0] + 0.1 * rng.standard_normal((_CHAINS, 1 + groups)),
        "fall": 0.1 * rng.standard_normal((_CHAINS, falls)),
    }
    kernel = NUTS(potential_fn=density(market), target_accept_prob=0.9)
    run = MCMC(
        kernel,
        num_warmup=draws // 2,
        num_samples=draws,
        num_chains=_CHAINS,
        chain_method="sequential",
        progress_bar=False,
    )
    run.run(jax.random.PRNGKey(seed), init_params=start)
    found = {name: np.asarray(v) for name, v in run.get_samples(group_by_chain=True).items()}
    shared = prior.shared
    mixed = np.sqrt(shared) * found["common"][:, :, None] + np.sqrt(1.0 - shared) * found["own"]
    curve = prior.curve[:, :, 0] + prior.curve[:, :, 1] * mixed
    named = {"sigma": found["normal"][:, :, 0]}
    named |= {"mu": found["pool"][:, :, 0], "t": found["pool"][:, :, 1]}
    for c in range(channels):
        for i, name in enumerate(NAMES[:4]):
            named[f"{name} {c + 1}"] = curve[:, :, c, i]
        named[f"{NAMES[4]} {c + 1}"] = found["u"][:, :, c]
    return named


def by_engine(market: Market, seed: int, sweeps: int) -> dict[str, np.ndarray]:
    """The engine's draws of the same numbers."""
    draws = sample(market, seed, chains=_CHAINS, warm_up=2000, sweeps=sweeps, every=5)
    named = {"sigma": draws.hyper[:, :, 0], "mu": draws.pool[:, :, 0], "t": draws.pool[:, :, 1]}
    for c in range(len(market.x)):
        for i, name in enumerate(NAMES):
            named[f"{name} {c + 1}"] = draws.channel[:, :, c, i]
    return named


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    """Of two means, in Monte Carlo standard errors."""
    error = a.var() / effective(a) + b.var() / effective(b)
    return float((a.mean() - b.mean()) / np.sqrt(error))


def compare(number: int, draws: int, sweeps: int) -> list[float]:
    """Prints both samplers' middles and spreads on one data set; the differences."""
    columns = baseline()
    rng = np.random.default_rng((number, 78))
    spends = rng.lognormal(0.0, 0.8, (CHANNELS, WEEKS)) * (rng.random((CHANNELS, WEEKS)) < 0.8)
    blank = numbers(np.ones(WEEKS), spends, columns)
    true = prior_draws(blank.priors, blank.tests, len(blank.design.power), 1, rng)
    market = numbers(simulate(blank, true, 0, rng), spends, columns)
    begun = time.process_time()
    ours = by_engine(market, number, sweeps)
    between = time.process_time()
    theirs = by_nuts(market, draws, number)
    ended = time.process_time()
    print(f"data set {number}: engine {between - begun:.0f}, NUTS {ended - between:.0f} CPU s")
    found = []
    for name, values in ours.items():
        other = theirs[name]
        middle = other.mean()
        pair = (
            _difference(values, other),
            _difference((values - middle) ** 2, (other - middle) ** 2),
        )
        found += pair
        print(
            f"  {name:<8} engine {values.mean():8.4f} sd {values.std():.4f}   NUTS {middle:8.4f} "
            f"sd {other.std():.4f}   {pair[0]:+.1f} {pair[1]:+.1f}   effective "
            f"{effective(values):.0f} {effective(other):.0f}",
            flush=True,
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=3)
    parser.add_argument("--draws", type=int, default=4000)
    parser.add_argument("--sweeps", type=int, default=20_000)
    options = parser.parse_args()
    found: list[float] = []
    for number in range(1, options.sets + 1):
        found += compare(number, options.draws, options.sweeps)
    sizes = np.abs(found)
    print(
        f"{len(sizes)} differences: largest {sizes.max():.1f} standard errors, beyond 2: "
        f"{(sizes > 2.0).mean():.1%}"
    )


if __name__ == "__main__":
    main()
