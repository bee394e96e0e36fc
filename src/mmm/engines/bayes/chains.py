"""Several chains side by side, one thread each: the same numbers on any number of cores."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from mmm.engines.bayes.kernel import DIMENSIONS, Market
from mmm.engines.bayes.moves import draw_prior, first_proposals, place, run
from mmm.engines.bayes.state import State, new_state

_BLOCK = 100


@dataclass(frozen=True)
class Draws:
    """Kept draws of all chains: (chains, n, C, 5), (chains, n, 2), (chains, n, h)."""

    channel: np.ndarray
    pool: np.ndarray
    hyper: np.ndarray


class Chain:
    """One chain that can be run on: its own random numbers, by (seed, number)."""

    def __init__(self, market: Market, seed: int, number: int, warm_up: int, every: int) -> None:
        self.market, self.warm_up, self.every, self.done = market, warm_up, every, 0
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, number))))
        self.state: State = new_state(market)
        self.rows: list[np.ndarray] = []
        self.stopped = False  # set by another thread: the chain ends after its block
        state = self.state
        draw_prior(
            market.priors, market.design.power, state.channel, state.hyper, state.pool, self.rng
        )
        place(market, state)
        first_proposals(market, state)

    def advance(self, sweeps: int, told: Callable[[int], None]) -> None:
        """So many sweeps more; `told` hears of every block that is done."""
        width = self.state.channel.size + 2 + len(self.state.hyper)
        while sweeps > 0 and not self.stopped:
            block = min(_BLOCK, sweeps)
            kept = np.empty((block // self.every + 1, width))
            count = run(
                self.market, self.state, self.rng, block, self.done, self.warm_up, self.every, kept
            )
            self.rows.append(kept[:count])
            self.done += block
            sweeps -= block
            told(block)


def sample(
    market: Market,
    seed: int,
    chains: int = 4,
    warm_up: int = 1500,
    sweeps: int = 3000,
    every: int = 3,
    workers: int = 2,
    told: Callable[[int], None] = lambda block: None,
) -> Draws:
    """Draws of `chains` chains: `sweeps` after `warm_up`, every `every`-th kept."""
    every_chain = [Chain(market, seed, number, warm_up, every) for number in range(chains)]
    with ThreadPoolExecutor(min(workers, chains)) as pool:
        futures = [pool.submit(chain.advance, warm_up + sweeps, told) for chain in every_chain]
        for future in futures:
            future.result()
    return collect(every_chain)


def collect(chains: list[Chain]) -> Draws:
    """What chains of equal length have kept."""
    rows = np.array([np.concatenate(chain.rows) for chain in chains])
    channels = len(chains[0].market.x)
    split = channels * DIMENSIONS
    return Draws(
        channel=rows[:, :, :split].reshape(*rows.shape[:2], channels, DIMENSIONS),
        pool=rows[:, :, split : split + 2],
        hyper=rows[:, :, split + 2 :],
    )
