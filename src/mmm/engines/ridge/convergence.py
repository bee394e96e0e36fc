"""Did the search settle? Robyn's rule (robyn_converge): 20 equal parts of all trials' candidates in
their order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PARTS, _FIRST = 20, 3
#: The last fifth of a search must enlarge the dominated area by less than this share.
_GROWTH = 0.005


@dataclass(frozen=True)
class Convergence:
    """One error's course. `median` and `sd` per part (20,); converged when both fell clearly from
    first to last.
    """

    error: str
    median: np.ndarray
    sd: np.ndarray
    count: np.ndarray
    converged: bool

    @property
    def text(self) -> str:
        first_sd = self.sd[:_FIRST].mean()
        threshold = abs(abs(self.median[0]) - 2 * first_sd)
        verdict = "converged" if self.converged else "has not converged"
        return (
            f"{self.error} {verdict}: the last part's SD is {self.sd[-1]:.2g} (first parts: {first_sd:.2g}), "
            f"its median {abs(self.median[-1]):.2g} (threshold {threshold:.2g})."
        )


def convergence(error: str, values: np.ndarray, trial: np.ndarray) -> Convergence | None:
    """Course of an error over the candidates, (B,) in order, numbered within their trial. None
    without usable values.

    Only positive finite values count. The last part ends at the largest number of usable candidates
    in a trial.
    """
    usable = np.isfinite(values) & (values > 0)
    values, trial = values[usable], trial[usable]
    if not len(values):
        return None
    number = np.empty(len(values))
    for name in np.unique(trial):
        members = trial == name
        number[members] = np.arange(1, members.sum() + 1)
    part = np.ceil(number / number.max() * _PARTS).astype(int) - 1
    count = np.zeros(_PARTS, int)
    median, sd = np.full(_PARTS, np.nan), np.full(_PARTS, np.nan)
    for i in range(_PARTS):
        inside = values[part == i]
        count[i] = len(inside)
        if len(inside):
            median[i] = np.median(inside)
        if len(inside) > 1:
            sd[i] = inside.std(ddof=1)
    first_sd = sd[:_FIRST].mean()
    settled = bool(sd[-1] < first_sd and abs(median[-1]) < abs(abs(median[0]) - 2 * first_sd))
    return Convergence(error, median, sd, count, settled)


def dominated_area(loss: np.ndarray, reference: float = 1.0) -> float:
    """Area of losses (B, 2) better than `reference` that at least one candidate dominates
    (hypervolume).
    """
    inside = loss[(loss < reference).all(axis=1)]
    inside = inside[np.lexsort((inside[:, 1], inside[:, 0]))]
    if not len(inside):
        return 0.0
    lowest = np.minimum.accumulate(np.append(reference, inside[:, 1]))
    return float(((reference - inside[:, 0]) * (lowest[:-1] - lowest[1:])).sum())


def settled(loss: np.ndarray, iteration: np.ndarray) -> tuple[float, bool]:
    """(growth of the dominated area over the last fifth of the iterations, as a share; is it small
    enough).

    Robyn's rule compares the first twentieth of the candidates with the last; a search that is good
    by then already counts as not converged. This one asks whether more candidates would still help.
    """
    before = dominated_area(loss[iteration <= 0.8 * iteration.max()])
    after = dominated_area(loss)
    growth = (after - before) / after if after > 0 else 0.0
    return growth, growth < _GROWTH
