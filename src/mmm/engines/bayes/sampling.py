"""Sampling until the chains agree, or as long as is allowed; with progress and time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from mmm.cores import usable_cores
from mmm.engines.base import Progress, ProgressListener
from mmm.engines.bayes.chains import Chain, Draws, collect, share_jumps, stretches
from mmm.engines.bayes.convergence import Agreement, agreements, falls_short
from mmm.engines.bayes.setup import Setup

#: About so many draws of each chain are kept of its first length.
_KEPT = 1000
_TOLD_EVERY = 0.25

NewChain = Callable[[int, int], Chain]


@dataclass(frozen=True)
class Sampled:
    """All kept draws, what was looked at, and what still falls short. `rounds`: lengths of `sweeps`
    that were run.
    """

    draws: Draws
    agreements: list[Agreement]
    short: list[Agreement]
    rounds: int


def sample_until_agreed(
    setup: Setup,
    stage: str,
    progress: ProgressListener,
    *,
    longest: int | None = None,
    new_chain: NewChain | None = None,
) -> Sampled:
    """Draws of all chains; a round more as long as they disagree and `longest` allows it.

    `new_chain` makes chains of another kind from a number and how many sweeps a kept draw stands
    for.
    """
    settings = setup.settings
    every = max(1, settings.sweeps // _KEPT)
    most = settings.longest if longest is None else longest
    make = new_chain or _of_nation(setup)
    chains = [make(number, every) for number in range(settings.chains)]
    workers = min(usable_cores(), settings.chains)
    first = settings.warm_up + settings.sweeps
    with ThreadPoolExecutor(workers) as pool:
        told = _Told(stage, progress, first * len(chains))
        for length, shared in stretches(settings.warm_up, settings.sweeps):
            _advance(chains, pool, length, told)
            if shared:
                share_jumps(chains)
        rounds = 1
        while True:
            draws = collect(chains)
            found = agreements(setup, draws)
            short = falls_short(found)
            if not short or rounds >= most:
                return Sampled(draws, found, short, rounds)
            worst = short[0]
            message = (
                f"chains disagree on {worst.channel or 'the model'} ({worst.quantity}): longer"
            )
            # Doubling: few rounds are looked at, and the last is as long as all before it.
            more = min(rounds, most - rounds)
            told = _Told(stage, progress, more * settings.sweeps * len(chains), message)
            _advance(chains, pool, more * settings.sweeps, told)
            rounds += more


def _of_nation(setup: Setup) -> NewChain:
    settings = setup.settings
    return lambda number, every: Chain(setup.market, settings.seed, number, settings.warm_up, every)


class _Told:
    """Progress of all chains over one length that is known."""

    def __init__(
        self, stage: str, progress: ProgressListener, total: int, message: str = ""
    ) -> None:
        self.stage, self.progress, self.total, self.message = stage, progress, total, message
        self.before, self.begun = 0, time.monotonic()

    def tell(self, made: int) -> None:
        """So many sweeps of this stretch are made."""
        done = self.before + made
        spent = time.monotonic() - self.begun
        left = spent * (self.total - done) / done if done else None
        self.progress(Progress(self.stage, done, self.total, left, self.message))


def _advance(chains: list[Chain], pool: ThreadPoolExecutor, sweeps: int, told: _Told) -> None:
    """So many sweeps of every chain, told of from this thread."""
    done = [0] * len(chains)

    def counter(number: int) -> Callable[[int], None]:
        def count(block: int) -> None:
            done[number] += block

        return count

    futures: list[Future[None]] = [
        pool.submit(chain.advance, sweeps, counter(number)) for number, chain in enumerate(chains)
    ]
    try:
        waiting = set(futures)
        while waiting:
            _, waiting = wait(waiting, timeout=_TOLD_EVERY)
            told.tell(sum(done))
    except BaseException:
        for chain in chains:
            chain.stopped = True
        raise
    for future in futures:
        future.result()
    told.before += sweeps * len(chains)
