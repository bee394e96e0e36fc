"""Long tables: one row per date and channel (or variable), recognised, and spread into one row per
date.

A column tells the rows of a date apart like a market does. It is none where its values name
channels or variables, or where the KPI is the same on every row of a date: adding the KPI up over
them would count it several times.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from mmm.data.columns import read_numbers, read_texts, read_times, rows_text
from mmm.data.naming import NamingRules, matches, words_of
from mmm.data.profile import ColumnFacts
from mmm.errors import UserError
from mmm.workspace.tables import currencies_of, with_currencies

#: Words of a column's name that say its values name channels or variables.
_KEY_WORDS = frozenset(
    [
        "channel",
        "channels",
        "platform",
        "platforms",
        "medium",
        "media",
        "network",
        "vendor",
        "publisher",
        "kanal",
        "kanäle",
        "canal",
        "canale",
        "kanaal",
        "variable",
        "variablename",
        "metric",
        "measure",
        "mediachannel",
        "adplatform",
    ]
)
#: Words that say so only where each row of a date has another value: a campaign may also be a
#: categorical control.
_CAMPAIGN_WORDS = frozenset(
    [
        *("campaign", "campaigns", "kampagne", "kampagnen", "kampagnenname", "campagne", "campaña"),
        *("campanha", "campagna", "adset", "adgroup", "anzeigengruppe", "placement", "source"),
    ]
)
_PLAIN_VALUES = frozenset(
    [
        "value",
        "values",
        "amount",
        "wert",
        "betrag",
        "valeur",
        "valor",
        "valore",
        "waarde",
        "variablevalue",
        "metricvalue",
    ]
)
_MOST_KEYS = 300


class Pivot(BaseModel):
    """From long to wide: each value of `key` becomes a column of each of `values`; several rows of
    one date, market and key are added up. `repeated` columns are the same on all rows of a date
    (and `market`) and are kept once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str = Field(min_length=1)
    values: tuple[str, ...] = Field(min_length=1)
    repeated: tuple[str, ...] = ()
    market: str | None = None

    def columns(self) -> list[str]:
        """The columns of the long table that it needs, but for the date."""
        return [self.key, *self.values, *self.repeated, *([self.market] if self.market else [])]


@dataclass(frozen=True)
class LongForm:
    """A recognised long table: the pivot that makes it wide, and why."""

    date: str
    pivot: Pivot
    reason: str
    rows: int
    dates: int
    keys: tuple[str, ...]


def find_long(table: pa.Table, facts: Sequence[ColumnFacts], rules: NamingRules) -> LongForm | None:
    """The long form of a table; None for a table with one row per date (and market)."""
    date = next((item.name for item in facts if item.kind == "date"), None)
    times = read_times(table[date]) if date else None
    if date is None or times is None:
        return None
    days, row_day = np.unique(times.local, return_inverse=True)
    if len(days) == table.num_rows or len(days) < 2:
        return None
    texts = [f for f in facts if f.kind == "text" and 2 <= (f.distinct or 0) <= _MOST_KEYS]
    market = next((f.name for f in texts if role_of(f.name, rules) == "market"), None)
    dates = (date, row_day, len(days))
    for item in sorted(texts, key=lambda f: not _is_key_name(f.name)):
        if item.name == market and len(texts) > 1:
            continue
        for beside in _markets_beside(item.name, market, texts):
            found = _long_by(table, facts, rules, dates, item.name, beside)
            if found is not None:
                return found
    return None


def _markets_beside(key: str, market: str | None, texts: Sequence[ColumnFacts]) -> list[str | None]:
    """What may tell the rows of a key apart, in the order in which it is tried: the column named
    like a market; else each other text, since the KPI may repeat within its values only.
    """
    if market is not None and market != key:
        return [market]
    if market == key or not _is_key_name(key):
        return [None]
    others = [f.name for f in texts if f.name != key and not _is_key_name(f.name)]
    return [*others, None]


def _long_by(
    table: pa.Table,
    facts: Sequence[ColumnFacts],
    rules: NamingRules,
    dates: tuple[str, np.ndarray, int],
    key: str,
    market: str | None,
) -> LongForm | None:
    """The long form whose rows are told apart by one column; None where there is none."""
    date, row_day, count = dates
    _, names = read_texts(table[key])
    group = row_day
    if market is not None:
        market_codes, market_names = read_texts(table[market])
        group = row_day * (len(market_names) + 1) + market_codes + 1
    _, group = np.unique(group, return_inverse=True)
    if len(np.unique(group)) == table.num_rows:
        return None
    repeated, values = _split_numbers(table, facts, group, rules)
    values = _without_ratios([name for name in values if name != date], rules)
    kpis = [name for name in repeated if role_of(name, rules) == "kpi"]
    names_channels = (
        _is_key_name(key)
        or _name_channels(names, rules)
        or (_is_campaign(key) and _names_rows(table, key, group))
    )
    if not values or not (kpis or names_channels):
        return None
    guessed = market is not None and role_of(market, rules) != "market"
    if guessed and not _tells_more(table, facts, rules, row_day, kpis):
        return None
    if kpis:
        reason = f"{kpis[0]!r} is the same on all rows of a date, whatever {key!r} says"
    else:
        reason = f"the values of {key!r} name channels or variables ({', '.join(names[:3])})"
    pivot = Pivot(key=key, values=tuple(values), repeated=tuple(repeated), market=market)
    return LongForm(date, pivot, reason, table.num_rows, count, tuple(names))


def _tells_more(
    table: pa.Table,
    facts: Sequence[ColumnFacts],
    rules: NamingRules,
    row_day: np.ndarray,
    kpis: Sequence[str],
) -> bool:
    """Whether a KPI repeats within a guessed market's rows of a date, but not in the date's own."""
    repeated, _ = _split_numbers(table, facts, row_day, rules)
    return any(name not in repeated for name in kpis)


def _split_numbers(
    table: pa.Table, facts: Sequence[ColumnFacts], group: np.ndarray, rules: NamingRules
) -> tuple[list[str], list[str]]:
    """(number columns that are the same on all rows of a group, the others). A KPI may stand on one
    row of a group alone, with the others empty.
    """
    repeated: list[str] = []
    values: list[str] = []
    for item in facts:
        if item.kind not in ("number", "flag") or item.counts_rows:
            continue
        numbers = read_numbers(table[item.name])
        if numbers is None:
            continue
        empty = np.isnan(numbers.values)
        given = numbers.values[_first_given(numbers.values, group)][group]
        may_be_empty = np.isnan(given) | (role_of(item.name, rules) == "kpi")
        equal = (numbers.values == given) | (empty & may_be_empty)
        (repeated if equal.all() else values).append(item.name)
    return repeated, values


def _first_given(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """For each group 0, 1, ... the first row that holds a value, else its first row."""
    order = np.lexsort((np.arange(len(group)), np.isnan(values), group))
    return order[np.unique(group[order], return_index=True)[1]]


def _is_key_name(name: str) -> bool:
    words = words_of(name)
    return bool(set(words) & _KEY_WORDS) or "".join(words) in _KEY_WORDS


def _is_campaign(name: str) -> bool:
    words = words_of(name)
    pairs = {first + second for first, second in itertools.pairwise(words)}
    return bool({*words, *pairs} & _CAMPAIGN_WORDS)


def _names_rows(table: pa.Table, key: str, group: np.ndarray) -> bool:
    """Whether group and key together name every row once."""
    codes, names = read_texts(table[key])
    rows = group * (len(names) + 1) + codes + 1
    return len(np.unique(rows)) == table.num_rows


def _without_ratios(values: list[str], rules: NamingRules) -> list[str]:
    """Without what no rule would model (ratios, numbers of accounts), where anything else is left."""
    kept = [name for name in values if role_of(name, rules) != "unused"]
    return kept or values


def role_of(name: str, rules: NamingRules) -> str:
    """The role of the first rule that speaks for a name; "" where none does."""
    rank = rank_of(name, rules)
    return rules.rules[rank].role if rank < len(rules.rules) else ""


def rank_of(name: str, rules: NamingRules) -> int:
    """The number of the first rule that speaks for a name; that of rules where none does."""
    words = words_of(name)
    for rank, rule in enumerate(rules.rules):
        if any(matches(word, rule.at, words) for word in rule.words):
            return rank
    return len(rules.rules)


def _name_channels(names: Sequence[str], rules: NamingRules) -> bool:
    """Whether at least half of the values are named like channels, spends or exposures."""
    media = [rule for rule in rules.rules if rule.role in ("spend", "exposure")]
    named = 0
    for name in names:
        words = words_of(name)
        named += any(matches(word, "any", words) for rule in media for word in rule.words)
    return len(names) > 1 and named * 2 >= len(names)


def spread(table: pa.Table, date: str, pivot: Pivot) -> pa.Table:
    """The wide table: date, market, repeated columns, and one column per key and value (null where
    a date has no row of the key). Raises UserError where a column that should repeat does not.
    """
    times = read_times(table[date])
    if times is None:
        raise UserError("holds no dates.", where=f"column {date!r}", fix="Name the date's column.")
    group = np.unique(times.local, return_inverse=True)[1]
    if pivot.market is not None:
        codes, names = read_texts(table[pivot.market])
        group = group * (len(names) + 1) + codes + 1
    _, first, place = np.unique(group, return_index=True, return_inverse=True)
    kept = pa.array(first)
    columns = {date: table[date].take(kept)}
    if pivot.market is not None:
        columns[pivot.market] = table[pivot.market].take(kept)
    for name in pivot.repeated:
        columns[name] = table[name].take(pa.array(_repeated_rows(table, name, first, place)))
    codes, keys = read_texts(table[pivot.key])
    _require_keys(table, pivot, codes)
    known = currencies_of(table)
    currencies = {name: known[name] for name in columns if name in known}
    for value in pivot.values:
        numbers = _numbers_of(table, value)
        for code, key in enumerate(keys):
            name = wide_name(key, value, len(pivot.values))
            if name in columns:
                what = f"spreading gives two columns named {name!r}."
                raise UserError(what, where=f"column {pivot.key!r}", fix="Rename a value.")
            columns[name] = pa.array(_summed(numbers, place, codes == code, len(first)))
            if value in known:
                currencies[name] = known[value]
    return with_currencies(pa.table(columns), currencies)


def _repeated_rows(table: pa.Table, name: str, first: np.ndarray, place: np.ndarray) -> np.ndarray:
    """The row of each group from which a repeated column is taken; raises UserError where the group
    has two values.
    """
    numbers = read_numbers(table[name])
    if numbers is None:
        return first
    values = numbers.values
    rows = _first_given(values, place)
    odd = np.flatnonzero((values != values[rows][place]) & ~np.isnan(values))
    if len(odd):
        raise UserError(
            f"is not the same on all rows of a date, first in row {odd[0] + 1}.",
            where=f"column {name!r}",
            fix='Move it from "repeated" to "values" in the pivot.',
        )
    return rows


def _require_keys(table: pa.Table, pivot: Pivot, codes: np.ndarray) -> None:
    """UserError where a row without a key holds a value, which no column would take."""
    for value in pivot.values:
        numbers = np.nan_to_num(_numbers_of(table, value))
        lost = np.flatnonzero((codes < 0) & (numbers != 0))
        if len(lost):
            what = (
                f"is empty in {rows_text(lost)}, where {value!r} holds {numbers[lost].sum():,.6g}."
            )
            fix = 'Fill it in, such as "other", or remove the rows.'
            raise UserError(what, where=f"column {pivot.key!r}", fix=fix)


def _numbers_of(table: pa.Table, name: str) -> np.ndarray:
    numbers = read_numbers(table[name])
    if numbers is None or len(numbers.wrong):
        raise UserError("holds other values than numbers.", where=f"column {name!r}")
    return numbers.values


def _summed(values: np.ndarray, place: np.ndarray, chosen: np.ndarray, size: int) -> pa.Array:
    """The chosen rows' values added up by place, (size,); null where there is none."""
    here = chosen & ~np.isnan(values)
    total = np.bincount(place[here], weights=values[here], minlength=size)
    there = np.bincount(place[here], minlength=size) > 0
    return pa.array(total, pa.float64(), mask=~there)


def wide_name(key: str, value: str, values: int) -> str:
    """The name of a key's column: "tv" and "spend" give tv_spend, "tv_spend" stays."""
    named = re.sub(r"\W+", "_", key.strip()).strip("_")
    words = words_of(value)
    plain = "".join(words) in _PLAIN_VALUES
    if values == 1 and (plain or set(words) <= set(words_of(key))):
        return named
    return f"{named}_{re.sub(r'[^0-9A-Za-z_]+', '_', value.strip())}"
