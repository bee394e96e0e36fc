"""Amounts of two currencies are never added up in a preparation, as far as the data say it: by a
column of currencies, or by the columns' names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from mmm.data.columns import listed, read_texts
from mmm.data.prepare.recipe import Recipe, Sum
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


def currency_notes(recipe: Recipe) -> list[str]:
    """A sentence where the kept columns' names say two currencies. Raises UserError where a derived
    sum would add them up.
    """
    for derived in recipe.derived:
        if isinstance(derived, Sum) and len(set(_named(derived.columns).values())) > 1:
            what = f"it would add up two currencies: {_said(_named(derived.columns))}."
            fix = "Multiply one of them by its exchange rate first."
            raise UserError(what, where=f"derived column {derived.name!r}", fix=fix)
    kept = [rule.column for rule in recipe.columns if rule.keep]
    named = _named([*kept, *(derived.name for derived in recipe.derived)])
    if len(set(named.values())) < 2:
        return []
    return [f"Two currencies by the columns' names: {_said(named)}. Convert them to one."]


def _named(columns: Sequence[str]) -> dict[str, str]:
    """The currency in each column's name, where there is one."""
    found = {name: currency_in_name(name) for name in columns}
    return {name: code for name, code in found.items() if code is not None}


def _said(named: dict[str, str]) -> str:
    return ", ".join(f"{name!r} is in {code}" for name, code in named.items())
