"""The effect of holidays in the periods ahead: that of the past, at the holidays' own new dates.

A model's holiday component is taken apart by least squares into what each holiday does in the
periods around it; ahead the same effects stand around the days on which the holidays will be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

#: The days of each holiday by name, those of the past and those ahead.
Occasions = Mapping[str, tuple[date, ...]]
#: Periods around a holiday that a component of its own may reach.
_AROUND = range(-4, 5)
#: A component of which the holidays' days explain less than this is not moved with them.
_EXPLAINED = 0.9
#: So many days beyond the data a holiday is looked for, to see what lies around it.
_HALF_YEAR = 182.0


@dataclass(frozen=True)
class Moved:
    """A component's effect in the window (W,) as its holidays' days make it, and ahead (H,)."""

    inside: np.ndarray
    ahead: np.ndarray


def moved(
    name: str, effect: np.ndarray, dates: np.ndarray, ahead: np.ndarray, occasions: Occasions
) -> Moved | None:
    """The holiday component `name` with its `effect` (W,) over `dates` (W,), carried on to `ahead`
    (H,) the next dates at the same step; None where the days of `occasions` do not explain it.

    A component that is called after one holiday reaches some periods around it; any other is made of
    all holidays, each in its own period (as Prophet's is).
    """
    own = {name: occasions[name]} if name in occasions else dict(occasions)
    around = _AROUND if name in occasions else range(1)
    whole = np.concatenate([dates, ahead])
    columns = [np.ones(len(whole))] if name not in occasions else []
    for days in own.values():
        rows = rows_of(whole, days)
        columns += [_flags(rows + offset, len(whole)) for offset in around]
    if not columns:
        return None
    design = np.array(columns).T
    known = design[: len(dates)]
    found, *_ = np.linalg.lstsq(known, effect, rcond=None)
    inside = known @ found
    spread = float(((effect - effect.mean()) ** 2).sum())
    if spread <= 0 or float(((effect - inside) ** 2).sum()) > (1.0 - _EXPLAINED) * spread:
        return None
    return Moved(np.asarray(inside), np.asarray(design[len(dates) :] @ found))


def rows_of(dates: np.ndarray, days: tuple[date, ...]) -> np.ndarray:
    """The rows of the periods that hold the days, each once. A day up to half a year before the
    first period or after the last one counts as in the period that would hold it, so that what lies
    around it is seen.
    """
    step = float(np.median(np.diff(dates).astype(int)))
    reach = round(_HALF_YEAR / step)
    wanted = np.array(sorted(set(days)), "datetime64[D]")
    rows = np.searchsorted(dates, wanted, side="right") - 1
    before = np.floor((wanted - dates[0]).astype(float) / step).astype(int)
    beyond = np.floor((wanted - dates[-1]).astype(float) / step).astype(int) + len(dates) - 1
    rows = np.where(rows < 0, before, rows)
    rows = np.where(wanted >= dates[-1], np.maximum(beyond, len(dates) - 1), rows)
    return np.unique(rows[(rows >= -reach) & (rows < len(dates) + reach)])


def _flags(rows: np.ndarray, count: int) -> np.ndarray:
    found = np.zeros(count)
    found[rows[(rows >= 0) & (rows < count)]] = 1.0
    return found
