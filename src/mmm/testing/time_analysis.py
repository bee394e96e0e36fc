"""A test in time after it was held: what the KPI moved by for the money that the test moved, by interrupted
time series and as models say it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.errors import UserError
from mmm.format import fixed, percent
from mmm.testing.time_design import fitted, smeared

#: A change of spend below this share of the usual one is no test.
_LEAST_CHANGE = 0.02
INTERRUPTED = "interrupted time series"


@dataclass(frozen=True)
class Spent:
    """A channel's spend per period: `usual` outside of the test's changed periods, `changed` in them;
    `periods` is how many were changed.
    """

    usual: float
    changed: float
    periods: int

    @property
    def moved(self) -> float:
        """The money that the test moved, below 0 where it held back."""
        return (self.changed - self.usual) * self.periods


@dataclass(frozen=True)
class Opinion:
    """What one way says of the KPI for each unit of money that the test moved; NaN where it gives no
    interval.
    """

    how: str
    ratio: float
    low: float
    high: float

    @property
    def width(self) -> float:
        return self.high - self.low


def spent(spend: np.ndarray, first: int, on: Sequence[bool]) -> Spent:
    """From a channel's spend (T,), with the pattern `on` from row `first`: usual is the mean of the
    test's other periods and of as many before it as the test has. UserError where the data do not
    hold the test, or show no change.
    """
    length = len(on)
    if first < length or first + length > len(spend):
        what = "the data do not hold it with as many periods before it."
        raise UserError(what, where="the test", fix="Choose a run of data that hold the test.")
    marked = np.zeros(len(spend), dtype=bool)
    marked[first : first + length] = on
    near = np.arange(len(spend)) >= first - length
    near &= np.arange(len(spend)) < first + length
    found = Spent(
        float(spend[near & ~marked].mean()), float(spend[marked].mean()), int(marked.sum())
    )
    if abs(found.changed - found.usual) <= _LEAST_CHANGE * max(found.usual, found.changed):
        what = (
            f"the channel's spend is {found.changed:,.4g} a period in its changed periods and "
            f"{found.usual:,.4g} in the others: nothing was tested."
        )
        raise UserError(what, where="the test", fix="Correct the test's dates.")
    return found


def interrupted(
    series: np.ndarray, first: int, on: Sequence[bool], carryover: Sequence[float], money: Spent
) -> Opinion:
    """By a regression of a series (T,), the KPI without what others than the channel did, on a level,
    a line and the test's pattern after carryover, with errors of autocorrelation one.
    """
    marked = np.zeros(len(series))
    marked[first : first + len(on)] = on
    weights = np.asarray(carryover, float) / float(np.sum(carryover))
    found = fitted(series, smeared(marked, weights))
    change = money.changed - money.usual
    half = found.half_width / abs(change)
    ratio = found.effect / change
    return Opinion(INTERRUPTED, ratio, ratio - half, ratio + half)


def verdict(before: Opinion, after: Opinion, second: Opinion) -> str:
    """What the test taught, in words: the model with it beside the one without, and whether the second
    opinion agrees.
    """
    told = f"KPI per unit of money moved from {_said(before)} without the test to {_said(after)} with it"
    narrower = ""
    if np.isfinite(before.width) and before.width > 0:
        change = 1.0 - after.width / before.width
        word = "narrower" if change >= 0 else "wider"
        narrower = f", an interval {percent(abs(change))} {word}"
    apart = second.low > after.high or second.high < after.low
    agrees = "Interrupted time series agrees"
    if not np.isfinite(after.width):
        apart = not second.low <= after.ratio <= second.high
    if apart:
        agrees = "Interrupted time series says otherwise"
    return f"{told}{narrower}. {agrees}: {_said(second)}."


def _said(one: Opinion) -> str:
    if not np.isfinite(one.width):
        return fixed(one.ratio, 2)
    return f"{fixed(one.ratio, 2)} ({fixed(one.low, 2)} to {fixed(one.high, 2)})"


HEADINGS = ("HOW", "KPI PER UNIT OF MONEY", "90 % INTERVAL")


def shown(opinions: Sequence[Opinion]) -> list[tuple[str, ...]]:
    """A row a way."""
    rows: list[tuple[str, ...]] = []
    for one in opinions:
        between = "-"
        if np.isfinite(one.width):
            between = f"{fixed(one.low, 2)} to {fixed(one.high, 2)}"
        rows.append((one.how, fixed(one.ratio, 2), between))
    return rows
