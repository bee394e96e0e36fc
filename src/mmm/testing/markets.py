"""Sets of geos that could be treated: each geo with those that move most like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def candidate_sets(
    kpi: np.ndarray, sizes: Sequence[int], must: np.ndarray, never: np.ndarray
) -> list[tuple[int, ...]]:
    """Different sets of places of geos, sorted, from kpi (T, N). Each holds all of `must` (N,) and
    none of `never` (N,); with each geo in turn come those whose KPI correlates most with the set's
    first, until the set has one of `sizes`.
    """
    likeness = _correlations(kpi)
    needed = tuple(int(place) for place in np.flatnonzero(must))
    allowed = [int(place) for place in np.flatnonzero(~never)]
    found: set[tuple[int, ...]] = set()
    for base in allowed:
        start = needed if base in needed else (*needed, base)
        others = [place for place in allowed if place not in start]
        others.sort(key=lambda place: -likeness[base, place])
        for size in sizes:
            missing = size - len(start)
            if 0 <= missing <= len(others):
                found.add(tuple(sorted((*start, *others[:missing]))))
    return sorted(found)


def _correlations(kpi: np.ndarray) -> np.ndarray:
    """Of the series of each two geos (N, N); 0 with a series that does not move."""
    centred = kpi - kpi.mean(axis=0)
    sizes = np.sqrt((centred**2).sum(axis=0))
    scaled = centred / np.where(sizes > 0, sizes, 1.0)
    return np.asarray(scaled.T @ scaled)
