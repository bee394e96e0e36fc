"""Multi-objective search: differential evolution with non-dominated sorting, whole generations at a
time.

Robyn asks Nevergrad's TwoPointsDE for one candidate per core and tells it a scalar made of the
losses. Here every trial keeps a population and evaluates a generation at once; survivors are chosen
by front (Kukkonen and Lampinen 2005, GDE3) and, within a front, by the area only they dominate
(Beume et al. 2007, SMS-EMOA). All trials advance together, each with a generator of its own, so
that a trial's candidates depend on the seed and the trial's number alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mmm.engines.adstock_hill.transforms import inner, jit

#: Candidates of one generation. Small, since a few thousand candidates in twenty dimensions call
#: for many generations; chosen with the shares below by hypervolume on two data sets
#: (benchmarks/search_quality.py).
POPULATION = 20
_BEST_SHARE, _EXPLORE_SHARE, _WEIGHTS = 0.25, 0.4, (0.4, 1.0)
#: Losses beyond this are of no interest; the dominated area is measured up to it (Robyn:
#: MultiobjectiveReference).
_REFERENCE = 1.0


class Evolution:
    """One trial: `ask` for points in [0, 1]^d, `tell` their losses (B, objectives). Smaller is
    better, NaN is worst.
    """

    def __init__(
        self, dimensions: int, rng: np.random.Generator, population: int = POPULATION
    ) -> None:
        self._d = dimensions
        self._rng = rng
        self._size = population
        self._points = np.empty((0, dimensions))
        self._losses = np.empty((0, 0))
        self._asked = np.empty((0, dimensions))

    def ask(self, count: int) -> np.ndarray:
        """The next generation, at most `count` points, shape (B, d)."""
        count = min(count, self._size)
        self._asked = self._first(count) if len(self._points) < 4 else self._next(count)
        return self._asked

    def _first(self, count: int) -> np.ndarray:
        """A Latin hypercube: every coordinate's range is covered evenly."""
        cells = np.array([self._rng.permutation(count) for _ in range(self._d)]).T.reshape(
            count, self._d
        )
        return (cells + self._rng.random((count, self._d))) / count

    def _next(self, count: int) -> np.ndarray:
        rng, points = self._rng, self._points
        size = len(points)
        base = points[rng.permutation(size)[:count]] if count < size else points
        count = len(base)
        best = points[rng.integers(0, max(2, int(size * _BEST_SHARE)), count)]
        a, b, c = (points[rng.integers(0, size, count)] for _ in range(3))
        weight = rng.uniform(*_WEIGHTS, (count, 1))
        # Most go towards one of the best (current-to-best/1), the others keep exploring (rand/1).
        explore = rng.random((count, 1)) < _EXPLORE_SHARE
        mutant = np.where(explore, c, base + weight * (best - base)) + weight * (a - b)
        rate = rng.choice([0.2, 0.5, 0.9], (count, 1))
        take = rng.random((count, self._d)) < rate
        take[np.arange(count), rng.integers(0, self._d, count)] = True
        child = np.where(take, mutant, base)
        # Reflect at the borders: clipping would gather candidates on them.
        child = np.abs(child)
        child = np.where(child > 1.0, 2.0 - child, child)
        return np.asarray(np.clip(child, 0.0, 1.0))

    def tell(self, losses: np.ndarray) -> None:
        """Keep the best of the old and the new points, ordered best first."""
        losses = np.where(np.isfinite(losses), losses, np.inf)
        points = np.vstack([self._points, self._asked])
        losses = np.vstack([self._losses, losses]) if len(self._losses) else losses
        order = rank_by_front(losses)[: self._size]
        self._points, self._losses = points[order], losses[order]


def rank_by_front(losses: np.ndarray) -> np.ndarray:
    """Indices ordered by front, within a front the least dispensable first. `losses` (B,
    objectives).
    """
    fronts = fronts_by_domination(losses)
    spread = spread_by_area if losses.shape[1] == 2 else _by_crowding
    return np.concatenate(
        [spread(losses, np.flatnonzero(fronts == front)) for front in np.unique(fronts)]
    )


@jit
def fronts_by_domination(losses: np.ndarray) -> np.ndarray:
    """Front number from 0 of each row, by repeated removal of the undominated ones. For
    populations, not for all.
    """
    count, objectives = losses.shape
    fronts = np.full(count, -1)
    left, number = count, 0
    while left > 0:
        for i in range(count):
            if fronts[i] >= 0:
                continue
            undominated = True
            for j in range(count):
                if 0 <= fronts[j] < number:
                    continue
                no_worse, better = True, False
                for k in range(objectives):
                    no_worse = no_worse and losses[j, k] <= losses[i, k]
                    better = better or losses[j, k] < losses[i, k]
                if no_worse and better:
                    undominated = False
                    break
            if undominated:
                fronts[i] = number
                left -= 1
        number += 1
    return fronts


def spread_by_area(losses: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Members of one front of two losses, by removing again and again the one that adds the least
    dominated area.
    """
    ordered = members[np.lexsort((losses[members, 1], losses[members, 0]))]
    return np.asarray(ordered[_removal_order(losses[ordered, 0], losses[ordered, 1])])


@jit
def _removal_order(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positions in a front ordered by its first loss, the last removed first. A removal changes its
    two neighbours' areas alone; the first of equals goes first.
    """
    count = x.shape[0]
    after, before = np.arange(1, count + 1), np.arange(-1, count - 1)
    right, upper = max(_REFERENCE, x[count - 1]), max(_REFERENCE, y[0])
    areas, order, there = np.empty(count), np.empty(count, np.int64), np.ones(count, np.bool_)
    for i in range(count):
        areas[i] = _alone(x, y, i, before[i], after[i], right, upper)
    for place in range(count - 1, -1, -1):
        least = -1
        for i in range(count):
            if there[i] and (least < 0 or areas[i] < areas[least]):
                least = i
        order[place] = least
        there[least] = False
        previous, following = before[least], after[least]
        if previous >= 0:
            after[previous] = following
            areas[previous] = _alone(x, y, previous, before[previous], following, right, upper)
        if following < count:
            before[following] = previous
            areas[following] = _alone(x, y, following, previous, after[following], right, upper)
    return order


@inner
def _alone(x, y, i, previous, following, right, upper):  # type: ignore[no-untyped-def]
    """The area that only point i dominates, between its neighbours."""
    width = (x[following] if following < x.shape[0] else right) - x[i]
    height = (y[previous] if previous >= 0 else upper) - y[i]
    product = width * height
    return product if product == product else 0.0  # infinite losses add nothing


def _by_crowding(losses: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Members of one front of any number of losses, by falling crowding distance (Deb et al. 2002,
    NSGA-II).
    """
    distance = np.zeros(len(members))
    for objective in range(losses.shape[1]):
        order = np.argsort(losses[members, objective], kind="stable")
        values = losses[members[order], objective]
        spread = values[-1] - values[0]
        if not np.isfinite(spread) or spread <= 0:
            continue
        gaps = np.full(len(values), np.inf)
        gaps[1:-1] = (values[2:] - values[:-2]) / spread
        distance[order] += gaps
    return members[np.argsort(-distance, kind="stable")]


def search(
    dimensions: int,
    trials: int,
    iterations: int,
    seed: int,
    losses: Callable[[np.ndarray], np.ndarray],
) -> Iterator[int]:
    """Run all trials side by side; yields the number of points evaluated so far in every trial.

    `losses` gets points (trials x B, d), trial by trial, and returns losses (trials x B,
    objectives).
    """
    evolutions = [
        Evolution(dimensions, np.random.default_rng([seed, trial]))
        for trial in range(1, trials + 1)
    ]
    done = 0
    while done < iterations:
        asked = [evolution.ask(iterations - done) for evolution in evolutions]
        found = losses(np.vstack(asked))
        batch = len(asked[0])
        for number, evolution in enumerate(evolutions):
            evolution.tell(found[number * batch : (number + 1) * batch])
        done += batch
        yield done
