"""Joining: two or more datasets (spend, KPI, control variables) as one, by date and market.

Rows meet where day and market are the same. Months count by the month, whatever day they are
written on; a market is the same however it is spelt. What has no partner is kept with empty cells or
left out, as the recipe says, and is named either way.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmm.data.calendar import (
    WEEKDAYS,
    Cadence,
    distinct_days,
    find_cadence,
    period_start,
    repeated_rows,
    weekday,
)
from mmm.data.columns import counted, listed, read_dates, require_columns, rows_text
from mmm.data.markets import doubtful, folded, read_markets, taken_for
from mmm.data.proposal import propose
from mmm.errors import Finding, InvalidInput, UserError
from mmm.workspace.tables import currencies_of, with_currencies

_SHOWN = 3
#: Roles of amounts, which belong to their own period and market alone.
AMOUNTS = frozenset(["kpi", "spend", "exposure", "organic"])


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JoinPart(_Part):
    """One dataset (MARKET/ID): its date, its market where it has one, and the columns to take (none
    named: all others), called with a `prefix` where names would clash. A part without a market goes
    to every market of the others. `repeat`: a monthly or quarterly level (an index, a price, never
    spend or KPI) stands in every day or week that begins in its month, not on its first one alone.
    `same` are its markets by the names that the others have: {"Germany": "DE"}.
    """

    dataset: str = Field(min_length=1)
    date: str = Field(min_length=1)
    market: str | None = None
    columns: tuple[str, ...] = ()
    prefix: str = ""
    repeat: bool = False
    same: dict[str, str] = Field(default_factory=dict)


class JoinRecipe(_Part):
    """Which datasets become one. `keep` "all" keeps every date and market that any of them has, with
    empty cells; "shared" only those that all have.
    """

    schema_version: Literal[1] = 1
    parts: tuple[JoinPart, ...] = Field(min_length=2)
    keep: Literal["all", "shared"] = "all"

    @model_validator(mode="after")
    def _distinct(self) -> JoinRecipe:
        named = [part.dataset for part in self.parts]
        if len(set(named)) < len(named):
            raise ValueError("a dataset is named twice")
        return self


@dataclass(frozen=True)
class Joined:
    """The joined table, sorted by market and date, and what did not match."""

    table: pa.Table
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """One part's rows: day (rows,) as a number, market (rows,) as a code, -1 for all markets."""

    part: JoinPart
    table: pa.Table
    days: np.ndarray
    markets: np.ndarray
    cadence: Cadence | None


def parse_join(text: str | bytes, *, where: str = "join") -> JoinRecipe:
    """Read a join from JSON. Raises InvalidInput with one finding per wrong field."""
    try:
        return JoinRecipe.model_validate(json.loads(text))
    except ValidationError as error:
        findings = [
            Finding(
                "error",
                item["msg"].removeprefix("Value error, "),
                ".".join(map(str, item["loc"])) or "(whole)",
            )
            for item in error.errors()
        ]
        raise InvalidInput(f"{where} is not valid:", findings) from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"is not JSON ({error}).", where=where) from None


def join(recipe: JoinRecipe, tables: Sequence[pa.Table]) -> Joined:
    """The tables, in the order of the recipe's parts, as one. Raises UserError naming dataset, column
    and rows.
    """
    names: dict[str, str] = {}
    rows = [_rows(part, table, names) for part, table in zip(recipe.parts, tables, strict=True)]
    rows, repeats = _repeated_levels(rows)
    _require_one_step(rows)
    with_market = any(item.part.market for item in rows)
    if with_market:
        repeats += [*_in_every_market(rows, len(names)), *_same_country(list(names.values()))]
        rows = [_in_all_markets(item, len(names)) for item in rows]
    width = int(max(item.days.max() for item in rows)) + 1
    keys = [item.markets.astype(np.int64) * width + item.days for item in rows]
    every = np.unique(np.concatenate(keys))
    in_all = every
    for own in keys:
        in_all = np.intersect1d(in_all, own)
    if not len(in_all):
        raise _nothing_shared(rows, list(names.values()))
    market_names = list(names.values())
    notes = _unmatched(rows, keys, every, width, market_names if with_market else [])
    kept = every if recipe.keep == "all" else in_all
    if recipe.keep == "shared" and len(every) > len(in_all):
        notes.append(f"Left out: {counted(len(every) - len(in_all), 'row')} that not all have.")
    arrays: dict[str, pa.Array | pa.ChunkedArray] = {}
    first = rows[0].part
    arrays[first.date] = pa.array((kept % width).astype("datetime64[D]"), pa.date32())
    if with_market:
        column = next(item.part.market for item in rows if item.part.market)
        arrays[str(column)] = pa.array([market_names[code] for code in kept // width])
    for item, own in zip(rows, keys, strict=True):
        _take(item, own, kept, arrays)
    table = with_currencies(pa.table(arrays), _currencies(rows))
    return Joined(table, (*repeats, *notes, *_two_currencies(table)))


def _currencies(rows: Sequence[_Rows]) -> dict[str, str]:
    """The currency of each column of the result, as its dataset knows it."""
    found: dict[str, str] = {}
    for item in rows:
        known = currencies_of(item.table)
        found |= {f"{item.part.prefix}{name}": code for name, code in known.items()}
    return found


def _two_currencies(table: pa.Table) -> list[str]:
    known = currencies_of(table)
    if len(set(known.values())) < 2:
        return []
    said = listed([f"{name} ({code})" for name, code in known.items()])
    return [f"Columns are in two currencies: {said}. Convert them to one."]


def _rows(part: JoinPart, table: pa.Table, names: dict[str, str]) -> _Rows:
    wanted = [part.date, *([part.market] if part.market else []), *part.columns]
    require_columns(table, wanted, f"the join of {part.dataset}")
    where = f"{part.dataset}, column {part.date!r}"
    times = read_dates(table[part.date])
    if times is None or len(times.wrong):
        said = "" if times is None else f": {rows_text(times.wrong)} hold {times.first_wrong}"
        raise UserError(f"holds no dates{said}.", where=where, fix="Name the column of dates.")
    if len(times.missing):
        raise UserError(
            f"no date in {rows_text(times.missing)}.", where=where, fix="Drop the rows."
        )
    cadence = find_cadence(np.unique(times.days))
    days = times.days
    if cadence is not None and cadence.period == "month" and not cadence.fiscal:
        days = period_start(days, "month")
    codes = np.full(table.num_rows, -1)
    if part.market:
        own = read_markets(table[part.market])
        taken_for(own, {name: name for name in part.same}, f"{part.dataset}, {part.market!r}")
        called = {folded(name): other for name, other in part.same.items()}
        shown = [called.get(folded(name), name) for name in own.names]
        for name in shown:
            names.setdefault(folded(name), name)
        places = [list(names).index(folded(name)) for name in shown]
        codes = np.array([*places, -1])[own.codes]
        if (codes < 0).any():
            what = f"no market in {rows_text(np.flatnonzero(codes < 0))}."
            column = f"{part.dataset}, column {part.market!r}"
            raise UserError(what, where=column, fix="Fill it in, or drop the rows.")
    periods, row_period = distinct_days(days)
    repeated = repeated_rows(row_period, codes + 1, len(periods))
    if len(repeated):
        per = "date and market" if part.market else "date"
        what = f"{rows_text(repeated)} repeat the {per} of an earlier row."
        fix = "Name its market column, or add up or spread its rows first."
        raise UserError(what, where=part.dataset, fix=fix)
    return _Rows(part, table, days.astype(np.int64), codes, cadence)


def _repeated_levels(rows: list[_Rows]) -> tuple[list[_Rows], list[str]]:
    """The parts that are to be repeated, on each date of the others that begins in their period."""
    others = [item.days for item in rows if not item.part.repeat]
    if len(others) in (0, len(rows)):
        return rows, []
    days = np.unique(np.concatenate(others))
    found, notes = [], []
    for item in rows:
        period = item.cadence.period if item.cadence is not None else None
        if not item.part.repeat or period not in ("month", "quarter"):
            found.append(item)
            continue
        begins = period_start(days.astype("datetime64[D]"), period).astype(np.int64)
        own = period_start(item.days.astype("datetime64[D]"), period).astype(np.int64)
        row, place = np.nonzero(own[:, None] == begins[None, :])
        table = item.table.take(pa.array(row))
        found.append(_Rows(item.part, table, days[place], item.markets[row], None))
        notes.append(
            f"{item.part.dataset} is {item.cadence}: its values stand on every date that begins in "
            f"their {period}."
        )
    return found, notes


def _require_one_step(rows: Sequence[_Rows]) -> None:
    """Raise UserError where parts have steps of different length."""
    steps = {str(item.cadence): item.part.dataset for item in rows if item.cadence is not None}
    if len(steps) > 1:
        told = ", ".join(f"{dataset} is {step}" for step, dataset in steps.items())
        fix = (
            "Prepare them to the longest of these first: `mmm propose --recipe`, then `mmm prepare`. A "
            'monthly level (an index, a price) can stand in all weeks of its month: "repeat": true '
            "in its part of the join's recipe."
        )
        raise UserError(f"the datasets have different steps: {told}.", where="join", fix=fix)


def _in_every_market(rows: Sequence[_Rows], markets: int) -> list[str]:
    """Amounts that would be counted once for each market."""
    found = []
    for item in rows:
        if item.part.market or markets < 2:
            continue
        amounts = [
            column.column
            for column in propose(item.table).columns
            if column.role in AMOUNTS
            and (not item.part.columns or column.column in item.part.columns)
        ]
        if amounts:
            found.append(
                f"{item.part.dataset} has no market: {listed(amounts)} stand in each of the {markets} "
                f"markets, and count {markets} times where these are added up. Join a table that has "
                "them by market, or one market alone."
            )
    return found


def _same_country(names: Sequence[str]) -> list[str]:
    return [
        f'{what}. If they are one, say so in that part of the join: "same": {{"Germany": "DE"}}.'
        for what, _ in doubtful(names, [0] * len(names))
    ]


def _in_all_markets(item: _Rows, markets: int) -> _Rows:
    """A part without a market, once for each of them."""
    if item.part.market:
        return item
    count = len(item.days)
    table = pa.concat_tables([item.table] * markets)
    codes = np.repeat(np.arange(markets), count)
    return _Rows(item.part, table, np.tile(item.days, markets), codes, item.cadence)


def _nothing_shared(rows: Sequence[_Rows], names: Sequence[str]) -> UserError:
    """Where dates overlap, it is the markets that do not meet."""
    met = set.intersection(*(set(item.days.tolist()) for item in rows))
    if met:
        told = []
        for item in rows:
            own = [names[code] for code in np.unique(item.markets)]
            told.append(f"{item.part.dataset} has {listed(own)}")
        fix = (
            'Where two names are one market, say so in that part of the join: "same": '
            '{"Germany": "DE"}.'
        )
        what = f"no market is in all of them: {'; '.join(told)}."
        return UserError(what, where="join", fix=fix)
    spans = [
        f"{item.part.dataset} covers {_day(item.days.min())} to {_day(item.days.max())}"
        for item in rows
    ]
    starts = [
        WEEKDAYS[int(weekday(item.days[:1].astype("datetime64[D]"))[0])]
        for item in rows
        if item.cadence is not None and item.cadence.period == "week"
    ]
    if len(set(starts)) > 1:
        spans.append(f"their weeks begin on {' and on '.join(dict.fromkeys(starts))}")
    fix = "Choose datasets of the same time and markets, with weeks that begin on one day."
    return UserError(
        f"no date and market is in all of them: {'; '.join(spans)}.", where="join", fix=fix
    )


def _day(number: int) -> str:
    return str(np.datetime64(int(number), "D"))


def _unmatched(
    rows: Sequence[_Rows],
    keys: Sequence[np.ndarray],
    every: np.ndarray,
    width: int,
    names: list[str],
) -> list[str]:
    """One sentence for each part that lacks what another has."""
    notes = []
    for item, own in zip(rows, keys, strict=True):
        lacking = np.setdiff1d(every, own)
        if not len(lacking):
            continue
        shown = []
        for key in lacking[:_SHOWN]:
            of = f" in {names[key // width]!r}" if names else ""
            shown.append(f"{_day(key % width)}{of}")
        more = f" and {len(lacking) - _SHOWN:,} more" if len(lacking) > _SHOWN else ""
        notes.append(
            f"{item.part.dataset} has no row for {counted(len(lacking), 'period')} that others "
            f"have: {', '.join(shown)}{more}."
        )
        if names:
            absent = sorted(set(range(len(names))) - set((own // width).tolist()))
            if absent:
                lost = listed([names[code] for code in absent])
                notes.append(f"{item.part.dataset} does not know the market {lost}.")
    return notes


def _take(
    item: _Rows,
    own: np.ndarray,
    kept: np.ndarray,
    arrays: dict[str, pa.Array | pa.ChunkedArray],
) -> None:
    """Put the part's columns in the order of the kept rows, null where it has none."""
    part = item.part
    taken = {part.date, part.market}
    wanted = part.columns or [name for name in item.table.column_names if name not in taken]
    order = np.argsort(own, kind="stable")
    places = np.searchsorted(own[order], kept)
    places = np.minimum(places, len(own) - 1)
    found = own[order][places] == kept
    rows = pa.array(order[places], mask=~found)
    for name in wanted:
        called = f"{part.prefix}{name}"
        if called in arrays:
            fix = 'Give one of the datasets a "prefix", or name the "columns" to take.'
            raise UserError(
                f"the column {called!r} is in two datasets.", where=part.dataset, fix=fix
            )
        arrays[called] = item.table[name].take(rows)
