"""What must hold of a warehouse's rows before they are added up there. One row per day and market comes
back: afterwards nobody could see that two currencies, or a KPI that stands on every row of a day, went
into a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.data.prepare.one_currency import require_one_currency
from mmm.data.prepare.pushdown import Pushdown, conditions_of, day_of, text_of
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


def require_addable(source: DatabaseSource, pushed: Pushdown) -> None:
    """UserError where a sum would add up two currencies, or count a repeated value several times."""
    column = currency_column(source.preview(_all_rows(pushed, source.dialect), _LOOKED_AT))
    if column is not None:
        pairs = source.preview(currencies_query(pushed, column, source.dialect), _MOST_PAIRS)
        require_one_currency(pairs, _parts(pairs, pushed.recipe), column)
    query = repeats_query(pushed, source.dialect)
    if query is not None:
        _require_none_repeated(source.preview(query), pushed.recipe)


def _all_rows(pushed: Pushdown, dialect: Dialect) -> Query:
    return Query(f"SELECT * FROM {dialect.quoted(pushed.table)}")  # noqa: S608 - a quoted name


def currencies_query(pushed: Pushdown, column: str, dialect: Dialect) -> Query:
    """The distinct currencies, by market where the recipe has one."""
    market = pushed.recipe.market
    names = list(dict.fromkeys([*([market.column] if market else []), column]))
    texts = [text_of(name, dialect) for name in names]
    shown = [f"{text} AS {dialect.quoted([name])}" for text, name in zip(texts, names, strict=True)]
    where, parameters = _where(pushed, dialect)
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
    markets = np.array(pairs[recipe.market.column].to_pylist(), dtype=object)
    return [rows[markets == name] for name in dict.fromkeys(markets)]


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
    summed column on how many of them all rows have one value, with the smallest and largest of all.
    """
    names = summed(pushed.recipe)
    if not names:
        return None
    market = pushed.recipe.market
    by = [day_of(pushed.recipe, dialect), *([text_of(market.column, dialect)] if market else [])]
    inner, outer = ["COUNT(*) AS n"], ["COUNT(*) AS n_groups", "MAX(n) AS most"]
    for i, name in enumerate(names):
        column = dialect.quoted([name])
        inner += [f"COUNT({column}) AS c{i}", f"MIN({column}) AS l{i}", f"MAX({column}) AS h{i}"]
        same = f"CASE WHEN c{i} = n AND l{i} = h{i} THEN 1 ELSE 0 END"
        outer += [f"SUM({same}) AS same{i}", f"MIN(l{i}) AS low{i}", f"MAX(h{i}) AS high{i}"]
    where, parameters = _where(pushed, dialect)
    sql = (
        f"SELECT {', '.join(outer)}\nFROM (\n"
        f"SELECT {', '.join(inner)}\nFROM {dialect.quoted(pushed.table)}\n"
        f"{where}GROUP BY {', '.join(by)}\nHAVING COUNT(*) > 1\n) days"
    )
    return Query(sql, parameters)


def _require_none_repeated(answer: pa.Table, recipe: Recipe) -> None:
    found = list(answer.slice(0, 1).to_pylist()[0].values())
    groups, most, values = int(found[0]), found[1], found[2:]
    if groups < _FEWEST_GROUPS:
        return
    for name, (same, low, high) in zip(summed(recipe), _triples(values), strict=True):
        if int(same) == groups and low != high:
            of = "a day" if recipe.market is None else "a day and market"
            what = f"is the same on all rows of {of}; added up it would count up to {most} times."
            fix = (
                'Where the rows are channels, spread them with a "pivot" (`mmm propose --recipe` prints '
                'one); else aggregate the column by "mean" or "max".'
            )
            raise UserError(what, where=f"column {name!r}", fix=fix)


def _triples(values: Sequence[Any]) -> list[tuple[Any, Any, Any]]:
    return [(values[i], values[i + 1], values[i + 2]) for i in range(0, len(values), 3)]


def _where(pushed: Pushdown, dialect: Dialect) -> tuple[str, dict[str, str]]:
    parameters: dict[str, str] = {}
    found = conditions_of(pushed.recipe, dialect, parameters)
    return (f"WHERE {' AND '.join(found)}\n" if found else ""), parameters
