"""What must hold of a warehouse's rows before they are added up there. One row per day and market comes
back: afterwards nobody could see that two currencies, or a KPI that stands on every row of a day, went
into a sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.data.columns import is_text, listed
from mmm.data.long_form import Pivot
from mmm.data.markets import read_markets, taken_for
from mmm.data.prepare.one_currency import require_one_currency
from mmm.data.prepare.pushdown import (
    Pushdown,
    conditions_of,
    key_name,
    market_text_and_key,
    rows_of,
    text_of,
)
from mmm.data.prepare.recipe import Recipe
from mmm.data.quality.currencies import currency_column
from mmm.errors import UserError
from mmm.sources.base import Query
from mmm.sources.database import DatabaseSource
from mmm.sources.sql import Dialect

#: Rows that are looked at for a column of currencies, and the most pairs of market and currency.
_LOOKED_AT, _MOST_PAIRS = 1000, 10_000
#: On so many days and markets of several rows a column must be the same before it counts as repeated.
_FEWEST_GROUPS = 3
#: ... and on this share of them: a wrong cell here and there does not make it a sum.
_REPEATS = 0.98


def require_addable(source: DatabaseSource, pushed: Pushdown) -> None:
    """UserError where a sum would add up two currencies or count a repeated value several times, and
    where the database would read dates or tell markets apart in another way than it is done here.
    """
    first_rows = source.preview(_all_rows(pushed, source.dialect), _LOOKED_AT)
    _require_days(source, pushed, first_rows)
    _require_same_markets(source, pushed)
    column = currency_column(first_rows)
    if column is not None:
        pairs = source.preview(currencies_query(pushed, column, source.dialect), _MOST_PAIRS)
        require_one_currency(pairs, _parts(pairs, pushed.recipe), column)
    query = repeats_query(pushed, source.dialect)
    if query is not None:
        _require_none_repeated(source.preview(query), pushed.recipe)
    if pushed.recipe.pivot is not None and pushed.recipe.pivot.repeated:
        answer = source.preview(differing_query(pushed, pushed.recipe.pivot, source.dialect))
        _require_none_differs(answer, pushed.recipe.pivot)


def _require_days(source: DatabaseSource, pushed: Pushdown, first_rows: pa.Table) -> None:
    """UserError for a date column whose days depend on how the database reads it: texts in another
    form than 2024-12-31, times with a zone where the recipe does not say which days count.
    """
    name = pushed.recipe.date
    if name not in first_rows.column_names:
        return  # the database says what it has
    kind = first_rows[name].type
    where = f"column {name!r}"
    if pa.types.is_timestamp(kind) and kind.tz is not None and pushed.recipe.zone is None:
        what = "holds times with a zone, whose days in the database are those of UTC."
        fix = (
            'Set "zone" to "UTC" if those are meant, give local dates, or prepare the dataset here.'
        )
        raise UserError(what, where=where, fix=fix)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        fix = "Read dates in a view of the database, or prepare the dataset here."
        raise UserError(f"holds {kind}, not dates.", where=where, fix=fix)
    if not is_text(kind):
        return
    column = source.dialect.quoted([name])
    odd = f"{text_of(name, source.dialect)} NOT LIKE '____-__-__%'"
    table = source.dialect.quoted(pushed.table)
    sql = f"SELECT COUNT(*) AS n, MIN({column}) AS one FROM {table} WHERE {odd}"  # noqa: S608 - names
    count, one = source.preview(Query(sql)).to_pylist()[0].values()
    if int(count):
        what = f"{int(count):,} rows hold texts such as {one!r}, which databases read differently."
        fix = "Read dates in a view of the database, or prepare the dataset here."
        raise UserError(what, where=where, fix=fix)


def _require_same_markets(source: DatabaseSource, pushed: Pushdown) -> None:
    """UserError for unknown names in `same`, and where the database takes two names for one market,
    or one for two, other than `mmm.data.markets` does: it folds texts by its own collation.
    """
    rule = pushed.recipe.market
    if rule is None:
        return
    where = f"column {rule.column!r}"
    found = source.preview(markets_query(pushed, source.dialect), _MOST_PAIRS)
    texts, keys = found.column(0), found.column(1).to_pylist()
    markets = read_markets(texts)
    taken_for(markets, rule.same, where)
    codes = markets.joined(rule.same).codes
    pairs = {(int(code), key) for code, key in zip(codes, keys, strict=True) if code >= 0}
    for place in (0, 1):
        once = Counter(pair[place] for pair in pairs)
        twice = [value for value, times in once.items() if times > 1]
        if not twice:
            continue
        rows = zip(texts.to_pylist(), codes, keys, strict=True)
        named = sorted(text for text, *pair in rows if pair[place] == twice[0])
        what = f"{listed(named)} are told apart in the database otherwise than here."
        raise UserError(what, where=where, fix="Write one market in one way, or prepare it here.")


def markets_query(pushed: Pushdown, dialect: Dialect) -> Query:
    """Each text of the market column, and the key by which it is grouped."""
    rule = pushed.recipe.market
    assert rule is not None  # noqa: S101 - asked for where there is one
    plain = pushed.recipe.model_copy(update={"market": rule.model_copy(update={"keep": ()})})
    plain = plain.model_copy(update={"start": None, "end": None})
    parameters: dict[str, str] = {}
    text, key = market_text_and_key(plain, dialect, parameters)
    shown = f"SELECT {text} AS market_text, {key} AS market_key"
    rows = f"(\n{shown}\nFROM {dialect.quoted(pushed.table)}\n) AS markets"
    sql = f"SELECT DISTINCT market_text, market_key FROM {rows}"  # noqa: S608 - quoted names
    return Query(sql, parameters)


def differing_query(pushed: Pushdown, pivot: Pivot, dialect: Dialect) -> Query:
    """Per repeated column of a long table: on how many days (and markets) it has two values."""
    parameters: dict[str, str] = {}
    rows = rows_of(pushed.recipe, pushed.table, dialect, parameters)
    by = [pushed.recipe.date, *([pivot.market] if pivot.market else [])]
    inner, outer = [], []
    for i, name in enumerate(pivot.repeated):
        column = dialect.quoted([name])
        inner.append(f"CASE WHEN MIN({column}) < MAX({column}) THEN 1 ELSE 0 END AS d{i}")
        outer.append(f"SUM(d{i}) AS d{i}")
    groups = ", ".join(dialect.quoted([name]) for name in by)
    sql = (
        f"SELECT {', '.join(outer)}\nFROM (\nSELECT {', '.join(inner)}\n{rows}\n"
        f"GROUP BY {groups}\n) AS days"
    )
    return Query(sql, parameters)


def _require_none_differs(answer: pa.Table, pivot: Pivot) -> None:
    counts = answer.slice(0, 1).to_pylist()[0].values()
    for name, count in zip(pivot.repeated, counts, strict=True):
        if count:
            raise UserError(
                f"is not the same on all rows of a date, on {int(count):,} dates.",
                where=f"column {name!r}",
                fix='Move it from "repeated" to "values" in the pivot.',
            )


def _all_rows(pushed: Pushdown, dialect: Dialect) -> Query:
    return Query(f"SELECT * FROM {dialect.quoted(pushed.table)}")  # noqa: S608 - a quoted name


def currencies_query(pushed: Pushdown, column: str, dialect: Dialect) -> Query:
    """The distinct currencies, by market where the recipe has one."""
    market = pushed.recipe.market
    names = list(dict.fromkeys([*([market.column] if market else []), column]))
    texts = [text_of(name, dialect) for name in names]
    shown = [f"{text} AS {dialect.quoted([name])}" for text, name in zip(texts, names, strict=True)]
    parameters: dict[str, str] = {}
    conditions = conditions_of(pushed.recipe, dialect, parameters)
    where = f"WHERE {' AND '.join(conditions)}\n" if conditions else ""
    sql = (
        f"SELECT {', '.join(shown)}\nFROM {dialect.quoted(pushed.table)}\n"
        f"{where}GROUP BY {', '.join(texts)}\nORDER BY {', '.join(texts)}"
    )
    return Query(sql, parameters)


def _parts(pairs: pa.Table, recipe: Recipe) -> list[np.ndarray]:
    """The rows of `pairs` that become one table each."""
    rows = np.arange(pairs.num_rows)
    if recipe.market is None or recipe.market.join != "split":
        return [rows]
    codes = read_markets(pairs[recipe.market.column]).joined(recipe.market.same).codes
    return [rows[codes == code] for code in np.unique(codes)]


def summed(recipe: Recipe) -> list[str]:
    """The columns that are added up over the rows of a day and market."""
    flags = {flag.name for flag in recipe.flags}
    if recipe.pivot is not None:
        return []
    return [
        rule.column
        for rule in recipe.columns
        if rule.aggregate == "sum" and rule.column not in flags
    ]


def repeats_query(pushed: Pushdown, dialect: Dialect) -> Query | None:
    """Of the days and markets with several rows: how many there are, the most rows of one, and per
    summed column on how many of them several rows hold values other than 0, on how many of those all
    hold the same one, and the smallest and largest of all.
    """
    names = summed(pushed.recipe)
    if not names:
        return None
    parameters: dict[str, str] = {}
    rows = rows_of(pushed.recipe, pushed.table, dialect, parameters)
    by = [pushed.recipe.date, *([key_name(pushed.recipe)] if pushed.recipe.market else [])]
    groups = ", ".join(dialect.quoted([name]) for name in by)
    inner, outer = ["COUNT(*) AS n"], ["COUNT(*) AS n_groups", "MAX(n) AS most"]
    for i, name in enumerate(names):
        column = dialect.quoted([name])
        inner += [f"COUNT({column}) AS c{i}", f"MIN({column}) AS l{i}", f"MAX({column}) AS h{i}"]
        telling = f"c{i} > 1 AND (l{i} <> 0 OR h{i} <> 0)"
        outer += [
            f"SUM(CASE WHEN {telling} THEN 1 ELSE 0 END) AS telling{i}",
            f"SUM(CASE WHEN {telling} AND l{i} = h{i} THEN 1 ELSE 0 END) AS same{i}",
            f"MIN(l{i}) AS low{i}",
            f"MAX(h{i}) AS high{i}",
        ]
    sql = (
        f"SELECT {', '.join(outer)}\nFROM (\nSELECT {', '.join(inner)}\n{rows}\n"
        f"GROUP BY {groups}\nHAVING COUNT(*) > 1\n) AS days"
    )
    return Query(sql, parameters)


def _require_none_repeated(answer: pa.Table, recipe: Recipe) -> None:
    groups, most, *values = answer.slice(0, 1).to_pylist()[0].values()
    if not groups:
        return
    for name, (telling, same, low, high) in zip(summed(recipe), _fours(values), strict=True):
        if telling >= _FEWEST_GROUPS and same >= _REPEATS * telling and low != high:
            of = "a day" if recipe.market is None else "a day and market"
            what = f"is the same on all rows of {of}; added up it would count up to {most} times."
            fix = (
                'Where the rows are channels, spread them with a "pivot" (`mmm propose --recipe` prints '
                'one); else aggregate the column by "mean" or "max".'
            )
            raise UserError(what, where=f"column {name!r}", fix=fix)


def _fours(values: Sequence[Any]) -> list[tuple[Any, Any, Any, Any]]:
    places = range(0, len(values), 4)
    return [(float(values[i]), float(values[i + 1]), values[i + 2], values[i + 3]) for i in places]
