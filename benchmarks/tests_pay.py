"""Whether two tests chosen by value make the advised budget better, on simulated posteriors.

    python -m benchmarks.tests_pay [MARKETS]      # figures in docs/testing.md

No engine is trained: a market is a posterior of 400 draws of 5 channels with root responses, and the truth is
one more draw of the same distribution, so the posterior is right by construction. Channels differ in size
and in how well they are known. Each way of choosing holds two tests one after the other (go dark in a
quarter of the market for four weeks, standard error 1 % of the tested geos' KPI): their results are the
truth's with that error, and each draw counts by its likelihood. Then the split of today's budget is
advised as in `mmm next-test`. Regret is what the best split for the truth would bring more, as a share.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from mmm.format import Labels
from mmm.planning.history import History
from mmm.planning.problem import Known
from mmm.planning.sides import PlannedWith
from mmm.testing.next_test import Design, next_tests
from mmm.testing.value import Measured, posterior

_CHANNELS, _DRAWS, _PERIODS = 5, 400, 60
_DARK = Design("go dark in 25 % of the market for 4 weeks", 0.0, 0.25, 4)
_PRECISION = 0.01
_LABELS = Labels(kpi_name="revenue", kpi_kind="revenue", currency="EUR", step_days=7)
_NAMES = tuple(f"channel {number}" for number in range(_CHANNELS))


@dataclass(frozen=True)
class Roots:
    """Draws (K, P) of coefficients times the root of the spend, with weights (K,)."""

    betas: np.ndarray
    weights: np.ndarray
    channels: tuple[str, ...] = _NAMES

    def response(self, spend: np.ndarray) -> np.ndarray:
        spend = np.asarray(spend, float)
        betas = self.betas if spend.ndim == 1 else self.betas[:, None, :]
        return np.asarray(betas * np.sqrt(spend))

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        spend = np.asarray(spend, float)
        betas = self.betas if spend.ndim == 1 else self.betas[:, None, :]
        return np.asarray(betas * 0.5 / np.sqrt(np.maximum(spend, 1e-9)))


@dataclass(frozen=True)
class Market:
    truth: np.ndarray
    betas: np.ndarray
    spend: np.ndarray
    kpi: float

    @classmethod
    def drawn(cls, seed: int) -> Market:
        rng = np.random.default_rng([2, seed])
        spend = 100.0 * np.exp(rng.normal(0.0, 0.6, _CHANNELS))
        middle = 2.0 * np.sqrt(spend) * np.exp(rng.normal(0.0, 0.3, _CHANNELS))
        known = rng.uniform(0.1, 0.8, _CHANNELS)
        draws = middle * np.exp(known * rng.normal(0.0, 1.0, (_DRAWS + 1, _CHANNELS)))
        media = float((middle * np.sqrt(spend)).sum())
        return cls(draws[0], draws[1:], spend, 4.0 * media)

    def best(self, betas: np.ndarray) -> np.ndarray:
        """The best split (P,) of today's budget for coefficients (P,), free of bounds."""
        return np.asarray(self.spend.sum() * betas**2 / (betas**2).sum())

    def regret(self, weights: np.ndarray) -> float:
        """Of the split that the weighted draws advise, by the truth."""
        advised = self.best(weights @ self.betas)
        reached, possible = (
            float(self.truth @ np.sqrt(split)) for split in (advised, self.best(self.truth))
        )
        return 1.0 - reached / possible

    def tested(self, weights: np.ndarray, place: int, rng: np.random.Generator) -> np.ndarray:
        """The draws' weights after a test of a channel."""
        size = _DARK.share * _DARK.periods
        effects = -self.betas[:, place] * np.sqrt(self.spend[place]) * size
        error = _PRECISION * self.kpi * size
        true = -self.truth[place] * np.sqrt(self.spend[place]) * size
        return posterior(Measured(effects, error), weights, true + error * rng.normal())

    def by_value(self, weights: np.ndarray, done: list[int]) -> int:
        """The channel that the tool would test next."""
        dates = np.datetime64("2025-01-06") + 7 * np.arange(_PERIODS)
        spend = np.repeat(self.spend[:, None], _PERIODS, axis=1)
        history = History(dates, np.arange(_PERIODS), _NAMES, spend)
        model = Roots(self.betas, weights)
        known = Known(dict.fromkeys(_NAMES, "low"), 1.0)
        planned = PlannedWith("posterior", lambda rows, carryover: model, known=known)
        tests = next_tests(
            history, planned, _LABELS, self.kpi, precision=_PRECISION, offered=(_DARK,)
        )
        open_tests = [one for one in tests if _NAMES.index(one.channel) not in done]
        return _NAMES.index(max(open_tests, key=lambda one: one.value).channel)


Choose = Callable[[Market, np.ndarray, list[int], np.random.Generator], int]


def _random(market: Market, weights: np.ndarray, done: list[int], rng: np.random.Generator) -> int:
    return int(rng.choice([place for place in range(_CHANNELS) if place not in done]))


def _largest(market: Market, weights: np.ndarray, done: list[int], rng: np.random.Generator) -> int:
    return next(int(place) for place in np.argsort(-market.spend) if place not in done)


def _valued(market: Market, weights: np.ndarray, done: list[int], rng: np.random.Generator) -> int:
    return market.by_value(weights, done)


WAYS: dict[str, Choose] = {
    "chosen by value": _valued,
    "at random": _random,
    "the largest channels": _largest,
}


def main(markets: int = 50) -> None:
    started = time.process_time()
    even = np.full(_DRAWS, 1.0 / _DRAWS)
    before: list[float] = []
    after: dict[str, list[float]] = {way: [] for way in WAYS}
    with threadpool_limits(1):
        for seed in range(markets):
            market = Market.drawn(seed)
            before.append(market.regret(even))
            for way, choose in WAYS.items():
                rng, weights = np.random.default_rng([3, seed]), even
                done: list[int] = []
                for _ in range(2):
                    place = choose(market, weights, done, rng)
                    weights = market.tested(weights, place, rng)
                    done.append(place)
                after[way].append(market.regret(weights))
    print(f"{markets} markets, {time.process_time() - started:.0f} CPU s")
    print(f"regret without a test: {np.mean(before):.2%}")
    for way, found in after.items():
        print(f"{way}: {np.mean(found):.2%}, {1 - np.mean(found) / np.mean(before):.0%} lower")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
