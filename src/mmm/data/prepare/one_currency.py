"""Amounts of two currencies are never added up in a preparation, as far as the data say it: by a
column of currencies, by the columns' names, or by the signs in their cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from mmm.data.columns import listed, read_texts
from mmm.data.prepare.recipe import Lag, Recipe, Sum, inputs
from mmm.data.quality.currencies import currency_column, currency_in_name
from mmm.errors import UserError

FIX_ROWS = "Convert them to one currency, keep the markets of one, or split by market."


def require_one_currency(
    table: pa.Table, parts: Sequence[np.ndarray], column: str | None = None
) -> None:
    """Rows that become one must be in one currency, as far as a column says it: the one that is named,
    else the one that is found. `parts` are the row numbers of each table that is made.
    """
    column = column or currency_column(table)
    if column is None:
        return
    codes, names = read_texts(table[column])
    for rows in parts:
        found = sorted({names[code].strip().upper() for code in codes[rows] if code >= 0})
        if len(found) > 1:
            what = f"the rows that would be added up are in {listed(found)}."
            raise UserError(what, where=f"column {column!r}", fix=FIX_ROWS)


def currencies_after(recipe: Recipe, known: Mapping[str, str]) -> dict[str, str]:
    """The currency of each column of the recipe's result, as the source's cells (`known`) and the
    columns' names say it. A ratio and a product have none.
    """
    found = {}
    for rule in recipe.columns:
        code = known.get(rule.column) or currency_in_name(rule.column)
        if code is not None:
            found[rule.column] = code
    for derived in recipe.derived:
        codes = {found[name] for name in inputs(derived) if name in found}
        own = codes.pop() if len(codes) == 1 else None
        if not isinstance(derived, Sum | Lag):
            own = None
        code = own or currency_in_name(derived.name)
        if code is not None:
            found[derived.name] = code
    return found


def currency_notes(recipe: Recipe, currencies: Mapping[str, str]) -> list[str]:
    """A sentence where the kept columns are in two currencies. Raises UserError where a derived sum
    would add them up.
    """
    for derived in recipe.derived:
        summed = _of(derived.columns, currencies) if isinstance(derived, Sum) else {}
        if len(set(summed.values())) > 1:
            what = f"it would add up two currencies: {_said(summed)}."
            fix = "Multiply one of them by its exchange rate first."
            raise UserError(what, where=f"derived column {derived.name!r}", fix=fix)
    kept = [rule.column for rule in recipe.columns if rule.keep]
    money = _of([*kept, *(derived.name for derived in recipe.derived)], currencies)
    if len(set(money.values())) < 2:
        return []
    return [f"Columns are in two currencies: {_said(money)}. Convert them to one."]


def _of(columns: Sequence[str], currencies: Mapping[str, str]) -> dict[str, str]:
    return {name: currencies[name] for name in columns if name in currencies}


def _said(named: dict[str, str]) -> str:
    return ", ".join(f"{name!r} is in {code}" for name, code in named.items())
