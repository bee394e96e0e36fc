"""A table as the checks see it: rows as they are, and one series per column with a value for each
period.

With a market column the series are all markets together (media and KPI added up, context averaged),
as a model of the whole sees them; or one market's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import pyarrow as pa

from mmm.data.calendar import Cadence, distinct_days, find_cadence, repeated_rows
from mmm.data.columns import (
    Numbers,
    Times,
    is_text,
    kind_text,
    listed,
    read_dates,
    read_numbers,
    read_texts,
    require_columns,
    rows_text,
    without_blanks,
)
from mmm.data.mapping import Mapping
from mmm.data.markets import Markets, read_markets
from mmm.data.quality.currencies import Currencies, find_currencies
from mmm.data.quality.result import CannotTell
from mmm.errors import UserError


@dataclass(frozen=True)
class Unreadable:
    """Why a column does not hold what its role needs, and what to do; `rows` where single cells are
    wrong.
    """

    what: str
    fix: str
    rows: np.ndarray = field(default_factory=lambda: np.array([], np.int64))


@dataclass(frozen=True)
class Frame:
    """Mapped columns of a table.

    Rows: `days` (rows,), `markets` codes (rows,) into `market_names`
    (`market_notes` say which were written in several ways, `market_doubts` (what, fix) which may be
    one), `numbers` and `levels` by
    column, `repeated` rows (rows,) that share date and market with an earlier row. Periods:
    `periods` (T,) are the distinct days in order, `row_period` (rows,) the period of each row (-1
    without a date). `unreadable` says why a column cannot play its role. `window` is the part of the
    data this frame was cut to, None for all.
    """

    mapping: Mapping
    rows: int
    times: Times | None
    days: np.ndarray
    markets: np.ndarray
    market_names: tuple[str, ...]
    market_notes: tuple[str, ...]
    market_doubts: tuple[tuple[str, str], ...]
    numbers: dict[str, Numbers]
    levels: dict[str, tuple[np.ndarray, list[str]]]
    unreadable: dict[str, Unreadable]
    periods: np.ndarray
    row_period: np.ndarray
    repeated: np.ndarray
    cadence: Cadence | None
    currencies: Currencies
    window: tuple[date, date] | None = None
    _series: dict[str, np.ndarray] = field(default_factory=dict, compare=False)

    @property
    def span_text(self) -> str:
        """The time this frame is about, in words."""
        if self.window is None:
            return "in the data"
        return f"in the window ({self.window[0]} to {self.window[1]})"

    def cut(self, first: date, last: date, last_day: date) -> Frame:
        """The rows of the periods from `first` to `last`; `last_day` is the last one's last day."""
        kept = (self.days >= np.datetime64(first)) & (self.days <= np.datetime64(last))
        days, row_period = distinct_days(self.days[kept])
        numbers = {name: _cut_numbers(item, kept) for name, item in self.numbers.items()}
        levels = {name: (codes[kept], texts) for name, (codes, texts) in self.levels.items()}
        return replace(
            self,
            rows=int(kept.sum()),
            days=self.days[kept],
            markets=self.markets[kept],
            numbers=numbers,
            levels=levels,
            periods=days,
            row_period=row_period,
            repeated=repeated_rows(row_period, self.markets[kept], len(days)),
            window=(first, last_day),
            _series={},
        )

    def series(self, column: str) -> np.ndarray:
        """A number column by period, shape (T,), NaN where a cell is empty. Raises CannotTell where
        there is none.
        """
        self.need_periods()
        if column in self.unreadable:
            raise CannotTell(f"column {column!r}: {self.unreadable[column].what}.")
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


def _cut_numbers(numbers: Numbers, kept: np.ndarray) -> Numbers:
    wrong = np.zeros(len(kept), bool)
    wrong[numbers.wrong] = True
    return replace(numbers, values=numbers.values[kept], wrong=np.flatnonzero(wrong[kept]))


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


def build_frame(
    table: pa.Table, mapping: Mapping, market: str | None = None, *, lacking: bool = False
) -> Frame:
    """Read the mapped columns. Raises InvalidInput for columns the table lacks or has twice and for
    an empty table; with `lacking` columns it lacks are told as unreadable instead.
    """
    known = set(table.column_names)
    names = mapping.all_columns()
    wanted = [name for name in names if name in known] if lacking else names
    require_columns(table, wanted, "the mapping")
    if market is not None:
        table = _one_market(table, mapping, market)
    unreadable = {
        name: Unreadable("the table has no such column", _near(name, table.column_names))
        for name in names
        if name not in known
    }
    times = _times(table, mapping.date, unreadable)
    days = np.full(table.num_rows, np.datetime64("NaT"), "datetime64[D]")
    if times is not None:
        days = times.days
    markets = _markets(table, mapping)
    numbers = _numbers(table, mapping, unreadable)
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
        market_doubts=tuple(markets.doubtful()),
        numbers=numbers,
        levels=_levels(table, mapping, unreadable),
        unreadable=unreadable,
        periods=periods,
        row_period=row_period,
        repeated=repeated_rows(row_period, markets.codes, len(periods)),
        cadence=find_cadence(periods),
        currencies=find_currencies(table, mapping),
    )


def _near(name: str, present: Sequence[str]) -> str:
    near = get_close_matches(name, present, n=3, cutoff=0.5)
    if near:
        return f"Did you mean {' or '.join(map(repr, near))}?"
    return f"It has: {', '.join(present)}."


def _times(table: pa.Table, name: str, unreadable: dict[str, Unreadable]) -> Times | None:
    if name in unreadable:
        return None
    times = read_dates(table[name])
    if times is None:
        what = f"holds {kind_text(table[name].type)}, not dates"
        unreadable[name] = Unreadable(what, "Map another column as the date.")
    elif len(times.wrong):
        what = f"{rows_text(times.wrong)} cannot be read as a date, first {times.first_wrong}"
        unreadable[name] = Unreadable(what, "Write dates as 2024-12-31.", times.wrong)
    return times


def _numbers(
    table: pa.Table, mapping: Mapping, unreadable: dict[str, Unreadable]
) -> dict[str, Numbers]:
    found = {}
    for name in mapping.numeric_columns():
        if name in unreadable:
            continue
        column = without_blanks(table[name])
        if pa.types.is_null(column.type):
            column = column.cast(pa.float64())
        numbers = read_numbers(column)
        if numbers is None:
            what = f"holds {kind_text(column.type)}, not numbers"
            unreadable[name] = Unreadable(what, "Map another column.")
            continue
        found[name] = numbers
        if not len(numbers.wrong):
            continue
        what, fix = f"an infinite value in {rows_text(numbers.wrong)}", "Correct it at its source."
        if numbers.text:
            what = f"no finite number (first {numbers.first_wrong}) in {rows_text(numbers.wrong)}"
            fix = "Correct the cell, give the decimal mark when reading the file, or map another column."
        unreadable[name] = Unreadable(what, fix, numbers.wrong)
    return found


def _levels(
    table: pa.Table, mapping: Mapping, unreadable: dict[str, Unreadable]
) -> dict[str, tuple[np.ndarray, list[str]]]:
    found = {}
    for item in mapping.factors:
        if item.column in unreadable:
            continue
        kind = table[item.column].type
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            what = f"holds {kind_text(kind)}, not levels"
            unreadable[item.column] = Unreadable(what, "Map another column.")
            continue
        found[item.column] = read_texts(_as_text(table[item.column]))
    return found


def _one_market(table: pa.Table, mapping: Mapping, market: str) -> pa.Table:
    if mapping.parts is None:
        raise UserError(
            "the mapping has no market column.",
            where="market",
            fix="Map one, or leave the market out.",
        )
    markets = read_markets(table[mapping.parts])
    code = markets.find(market)
    if code is None:
        raise UserError(
            f"there is no market {market!r}.",
            where=f"column {mapping.parts!r}",
            fix=f"It has: {listed(list(markets.names))}.",
        )
    return table.filter(pa.array(markets.codes == code))


def _markets(table: pa.Table, mapping: Mapping) -> Markets:
    """The rows' markets; empty cells are one more, `(empty)`."""
    if mapping.parts is None or mapping.parts not in table.column_names:
        return Markets(np.zeros(table.num_rows, np.int64), ("",), {})
    found = read_markets(table[mapping.parts])
    if not (found.codes < 0).any():
        return found
    codes = np.where(found.codes < 0, len(found.names), found.codes)
    return Markets(codes, (*found.names, "(empty)"), found.spellings)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if is_text(kind):
        return column.cast(pa.string()) if pa.types.is_dictionary(kind) else column
    return column.cast(pa.string())
