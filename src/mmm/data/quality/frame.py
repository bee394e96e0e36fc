"""A table as the checks see it: rows as they are, and one series per column with a value for each
period.

With a market column the series are all markets together (media and KPI added up, context averaged),
as a model of the whole sees them; or one market's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa

from mmm.data.calendar import Cadence, distinct_days, find_cadence, repeated_rows
from mmm.data.columns import (
    Numbers,
    Times,
    is_text,
    listed,
    read_numbers,
    read_texts,
    read_times,
    require_columns,
)
from mmm.data.mapping import Mapping
from mmm.data.markets import Markets, read_markets
from mmm.data.quality.result import CannotTell
from mmm.errors import UserError


@dataclass(frozen=True)
class Frame:
    """Mapped columns of a table.

    Rows: `days` (rows,), `markets` codes (rows,) into `market_names`
    (`market_notes` say which were written in several ways), `numbers` and `levels` by
    column, `repeated` rows (rows,) that share date and market with an earlier row. Periods:
    `periods` (T,) are the distinct days in order, `row_period` (rows,) the period of each row (-1
    without a date). `unreadable` says why a column has no numbers.
    """

    mapping: Mapping
    rows: int
    times: Times | None
    days: np.ndarray
    markets: np.ndarray
    market_names: tuple[str, ...]
    market_notes: tuple[str, ...]
    numbers: dict[str, Numbers]
    levels: dict[str, tuple[np.ndarray, list[str]]]
    unreadable: dict[str, str]
    periods: np.ndarray
    row_period: np.ndarray
    repeated: np.ndarray
    cadence: Cadence | None
    _series: dict[str, np.ndarray] = field(default_factory=dict, compare=False)

    def series(self, column: str) -> np.ndarray:
        """A number column by period, shape (T,), NaN where a cell is empty. Raises CannotTell where
        there is none.
        """
        self.need_periods()
        if column in self.unreadable:
            raise CannotTell(f"column {column!r} {self.unreadable[column]}.")
        if column not in self._series:
            self._series[column] = self._by_period(column)
        return self._series[column]

    def need_periods(self) -> None:
        """Raise CannotTell unless each market has one row per date."""
        if self._no_periods:
            raise CannotTell(self._no_periods)

    @cached_property
    def _no_periods(self) -> str:
        """Why there is no series; empty where there is one."""
        if self.times is None or len(self.times.wrong) or len(self.times.missing):
            return f"column {self.mapping.date!r} has rows without a readable date."
        return (
            "dates occur more than once, so there is no series to look at."
            if len(self.repeated)
            else ""
        )

    def spread(self, columns: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(periods where none of the columns is empty, their values (periods, columns))."""
        values = np.column_stack([self.series(column) for column in columns])
        whole = ~np.isnan(values).any(axis=1)
        return self.periods[whole], values[whole]

    def _by_period(self, column: str) -> np.ndarray:
        values = self.numbers[column].values
        total = np.bincount(self.row_period, weights=values, minlength=len(self.periods))
        if column not in {item.column for item in self.mapping.context}:
            return total
        return total / np.bincount(self.row_period, minlength=len(self.periods))


def media_columns(mapping: Mapping) -> list[str]:
    """Spends, exposures and organic media, in order, once each."""
    names = [name for paid in mapping.paid for name in (paid.spend, paid.exposure) if name]
    return list(dict.fromkeys([*names, *(item.column for item in mapping.organic)]))


def modelled_columns(mapping: Mapping) -> list[str]:
    """The number columns that become regressors: each paid medium's exposure or spend, organic
    media, context.
    """
    names = [paid.exposure or paid.spend for paid in mapping.paid]
    return [*names, *(item.column for item in (*mapping.organic, *mapping.context))]


def build_frame(table: pa.Table, mapping: Mapping, market: str | None = None) -> Frame:
    """Read the mapped columns. Raises InvalidInput for columns the table lacks or has twice and for
    an empty table.
    """
    require_columns(
        table, [*mapping.columns(), *([mapping.market] if mapping.market else [])], "the mapping"
    )
    if market is not None:
        table = _one_market(table, mapping, market)
    times = read_times(table[mapping.date])
    days = (
        np.full(table.num_rows, np.datetime64("NaT"), "datetime64[D]")
        if times is None
        else times.days
    )
    markets = _markets(table, mapping)
    numbers, unreadable = _numbers(table, mapping)
    # Times of one day are periods of their own only in that they repeat its date: a model needs
    # whole days.
    periods, row_period = distinct_days(days)
    return Frame(
        mapping=mapping,
        rows=table.num_rows,
        times=times,
        days=days,
        markets=markets.codes,
        market_names=markets.names,
        market_notes=tuple(markets.notes()),
        numbers=numbers,
        levels={item.column: read_texts(_as_text(table[item.column])) for item in mapping.factors},
        unreadable=unreadable,
        periods=periods,
        row_period=row_period,
        repeated=repeated_rows(row_period, markets.codes, len(periods)),
        cadence=find_cadence(periods),
    )


def _numbers(table: pa.Table, mapping: Mapping) -> tuple[dict[str, Numbers], dict[str, str]]:
    found, unreadable = {}, {}
    for name in mapping.numeric_columns():
        numbers = read_numbers(table[name])
        if numbers is None:
            unreadable[name] = f"holds {table[name].type}, not numbers"
            continue
        found[name] = numbers
        if len(numbers.wrong):
            unreadable[name] = (
                f"has {len(numbers.wrong):,} cells that are no numbers, first {numbers.first_wrong}"
            )
    return found, unreadable


def _one_market(table: pa.Table, mapping: Mapping, market: str) -> pa.Table:
    if mapping.market is None:
        raise UserError(
            "the mapping has no market column.",
            where="market",
            fix="Map one, or leave the market out.",
        )
    markets = read_markets(table[mapping.market])
    code = markets.find(market)
    if code is None:
        raise UserError(
            f"there is no market {market!r}.",
            where=f"column {mapping.market!r}",
            fix=f"It has: {listed(list(markets.names))}.",
        )
    return table.filter(pa.array(markets.codes == code))


def _markets(table: pa.Table, mapping: Mapping) -> Markets:
    """The rows' markets; empty cells are one more, `(empty)`."""
    if mapping.market is None:
        return Markets(np.zeros(table.num_rows, np.int64), ("",), {})
    found = read_markets(table[mapping.market])
    if not (found.codes < 0).any():
        return found
    codes = np.where(found.codes < 0, len(found.names), found.codes)
    return Markets(codes, (*found.names, "(empty)"), found.spellings)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if is_text(kind):
        return column.cast(pa.string()) if pa.types.is_dictionary(kind) else column
    return column.cast(pa.string())
