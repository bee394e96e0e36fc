"""A problem's panel: the same periods of every geo, whose sums are the problem's own series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Panel:
    """G geos by N rows, the rows being the problem's. `population` (G,) is None where the data have
    none; `paid` holds spend and exposure by channel, (G, N) each; `organic` and `controls` (G, N) by
    variable, the latter only those that differ between geos. `shared` names media that were given
    for the whole nation and shared out.
    """

    geos: tuple[str, ...]
    population: np.ndarray | None
    kpi: np.ndarray
    spend: Mapping[str, np.ndarray]
    exposure: Mapping[str, np.ndarray]
    organic: Mapping[str, np.ndarray]
    controls: Mapping[str, np.ndarray]
    shared: tuple[str, ...] = ()
