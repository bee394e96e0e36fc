"""The baseline's columns: intercept, trend, slow waves, season, calendar, controls; and their prior.

Every column has a normal prior. A column in a group has sd = base x tau (x order^-q), where tau and q
are sampled: so the data choose between stiff and flexible trends, weak and strong seasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

#: Groups of columns with a free sd: slow waves of the trend, waves of the year, the weeks around
#: Black Friday and Christmas, other holidays and calendar weeks, weekdays of daily data.
GROUPS = ("trend", "season", "year_end", "calendar", "weekday")
#: Kinds of sparse columns.
WEEK, EVENT = "week", "event"
#: Those whose sd falls with the column's order.
FALLING = ("trend", "season")


@dataclass(frozen=True)
class Column:
    """One column of Z, (T,). `component` is what tables call its effect; `kind` as in the tables.
    `base` is the prior sd, or its factor beside the group's. `sparse`: WEEK columns are 0/1 and no
    two of them hold the same row, EVENT columns are 0/1. `mean` is the
    coefficient's prior mean.
    """

    name: str
    component: str
    kind: str
    values: np.ndarray
    base: float
    group: str | None = None
    order: int = 1
    sparse: str | None = None
    mean: float = 0.0


@dataclass(frozen=True)
class Baseline:
    """All columns in the kernel's order: weeks, events, dense ones."""

    columns: tuple[Column, ...]

    @property
    def matrix(self) -> np.ndarray:
        """Z, (T, p)."""
        return np.column_stack([column.values for column in self.columns])

    @property
    def means(self) -> np.ndarray:
        """Prior means of the coefficients, (p,)."""
        return np.array([column.mean for column in self.columns])

    @property
    def prior_mean(self) -> np.ndarray:
        """What the prior means of the coefficients explain, (T,)."""
        return np.asarray(self.matrix @ self.means)

    def first_rows(self, rows: int) -> Baseline:
        """The first rows; columns that are 0 there stay, and keep their prior."""
        return Baseline(tuple(replace(c, values=c.values[:rows]) for c in self.columns))

    def count(self, sparse: str) -> int:
        """How many columns are of a sparse kind."""
        return sum(column.sparse == sparse for column in self.columns)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that have columns, in the order of `GROUPS`."""
        used = {column.group for column in self.columns}
        return tuple(group for group in GROUPS if group in used)


def order_columns(columns: Sequence[Column]) -> Baseline:
    """Weeks first, then events, then all others, each in the order given."""
    by_kind: dict[str | None, list[Column]] = {WEEK: [], EVENT: [], None: []}
    for column in columns:
        by_kind[column.sparse].append(column)
    return Baseline((*by_kind[WEEK], *by_kind[EVENT], *by_kind[None]))


def trend_columns(periods: int, weeks: float, shortest: float = 13.0) -> list[Column]:
    """Intercept N(0, 1), linear trend N(0, 0.3^2) and cosines down to waves of `shortest` weeks.

    `weeks` is the window's length. The cosines are the discrete cosine transform's (orthogonal).
    """
    time = (np.arange(periods) + 0.5) / periods
    line = (time - 0.5) * np.sqrt(12.0)  # mean 0, variance 1
    columns = [
        Column("intercept", "intercept", "intercept", np.ones(periods), 1.0),
        Column("trend", "trend", "trend", line, 0.3),
    ]
    most = min(int(2.0 * weeks / shortest), periods - 1)
    for order in range(1, most + 1):
        wave = np.sqrt(2.0) * np.cos(np.pi * order * time)
        columns.append(Column(f"trend_{order}", "trend", "trend", wave, 1.0, "trend", order))
    return columns


def season_columns(dates: np.ndarray, pairs: int) -> list[Column]:
    """Fourier pairs of the year, by the day of the year."""
    days = dates.astype("datetime64[D]")
    of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(float)
    phase = 2.0 * np.pi * of_year / 365.25
    columns = []
    for order in range(1, pairs + 1):
        for name, wave in (("sin", np.sin(order * phase)), ("cos", np.cos(order * phase))):
            columns.append(
                Column(f"season_{name}_{order}", "season", "season", wave, 1.0, "season", order)
            )
    return columns
