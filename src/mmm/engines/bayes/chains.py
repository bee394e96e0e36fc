"""Several chains side by side, one thread each: the same numbers on any number of cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmm.engines.bayes.kernel import DIMENSIONS, Market
from mmm.engines.bayes.mixture import fit_mixture
from mmm.engines.bayes.moves import draw_prior, first_proposals, run
from mmm.engines.bayes.state import new_state
from mmm.engines.bayes.steps import place

_BLOCK = 100
#: Every so many sweeps of the warm-up are kept for the jumps.
_WARM_EVERY = 2


@dataclass(frozen=True)
class Draws:
    """Kept draws of all chains: (chains, n, C, 5), (chains, n, 2), (chains, n, h)."""

    channel: np.ndarray
    pool: np.ndarray
    hyper: np.ndarray


class Chain:
    """One chain that can be run on: its own random numbers, by (seed, number)."""

    def __init__(self, market: Any, seed: int, number: int, warm_up: int, every: int) -> None:
        self.market, self.warm_up, self.every, self.done = market, warm_up, every, 0
        self.rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, number))))
        self.state = self._new_state()
        self.rows: list[np.ndarray] = []
        self.warm_rows: list[np.ndarray] = []
        self.stopped = False  # set by another thread: the chain ends after its block
        state = self.state
        draw_prior(
            market.priors, market.design.power, state.channel, state.hyper, state.pool, self.rng
        )
        self._place()
        first_proposals(market, state)

    def advance(self, sweeps: int, told: Callable[[int], None]) -> None:
        """So many sweeps more; `told` hears of every block that is done."""
        width = self._width()
        while sweeps > 0 and not self.stopped:
            block = min(_BLOCK, sweeps, self._to_next_end())
            every = self.every if self.done >= self.warm_up else _WARM_EVERY
            kept = np.empty((block // every + 1, width))
            count = self._run(block, every, kept)
            rows = self.rows if self.done >= self.warm_up else self.warm_rows
            rows.append(kept[:count])
            self.done += block
            sweeps -= block
            told(block)

    def _new_state(self) -> Any:
        """Empty memory for the market: what a chain over another kind of market has otherwise."""
        return new_state(self.market)

    def _place(self) -> None:
        place(self.market, self.state)

    def _width(self) -> int:
        """Numbers of a kept state."""
        return int(self.state.channel.size) + 2 + len(self.state.hyper)

    def _run(self, sweeps: int, every: int, kept: np.ndarray) -> int:
        return int(
            run(self.market, self.state, self.rng, sweeps, self.done, self.warm_up, every, kept)
        )

    def _to_next_end(self) -> int:
        """Sweeps to the warm-up's end, or very many after it."""
        return self.warm_up - self.done if self.done < self.warm_up else _BLOCK

    def warm_draws(self) -> np.ndarray:
        """What was kept of the warm-up since this was last asked for: (n, C, 5)."""
        rows = np.concatenate(self.warm_rows)
        self.warm_rows.clear()
        channels = len(self.market.x)
        return rows[:, : channels * DIMENSIONS].reshape(-1, channels, DIMENSIONS)


def share_jumps(chains: Sequence[Chain]) -> None:
    """Fit the jumps of all chains to where they have been in the part of the warm-up just ended.

    All chains get the same, in the order of their numbers, so that threads cannot change it.
    """
    draws = np.concatenate([chain.warm_draws() for chain in chains])
    for c in range(draws.shape[1]):
        weight, mean, factor = fit_mixture(draws[:, c])
        for chain in chains:
            jumps = chain.state.jumps
            jumps.weight[c], jumps.mean[c], jumps.factor[c] = weight, mean, factor
            jumps.ready[0] = 1


def stretches(warm_up: int, sweeps: int) -> list[tuple[int, bool]]:
    """How many sweeps to make in a row, and whether the jumps are to be fitted after them."""
    first = warm_up // 2
    return [(first, True), (warm_up - first, True), (sweeps, False)]


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
        for length, shared in stretches(warm_up, sweeps):
            futures = [pool.submit(chain.advance, length, told) for chain in every_chain]
            for future in futures:
                future.result()
            if shared:
                share_jumps(every_chain)
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
