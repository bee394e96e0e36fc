"""Before and after a preparation: what became of each column's numbers, and the column as two
series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.data.columns import is_text, read_numbers, read_times
from mmm.data.long_form import spread
from mmm.data.markets import read_markets
from mmm.data.prepare import Prepared
from mmm.data.prepare.recipe import Recipe


@dataclass(frozen=True)
class Figures:
    """A column's numbers: how many, their sum, mean and range; null where there are none."""

    values: int
    total: float | None = None
    mean: float | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class BeforeAfter:
    """One column. `rule` is how it was made; `before` is null for a derived column or a flag."""

    column: str
    rule: str
    before: Figures | None
    after: Figures


def before_after(table: pa.Table, recipe: Recipe, prepared: Prepared) -> tuple[BeforeAfter, ...]:
    """Every number column of the prepared table, in order, beside the source's rows in the window."""
    source = _source(table, recipe, prepared)
    rules: dict[str, str] = {item.name: item.kind for item in recipe.derived}
    for rule in recipe.columns:
        rules[rule.column] = rule.aggregate + (", sign turned" if rule.negate else "")
    found = []
    for name in prepared.table.column_names:
        after = read_numbers(prepared.table[name])
        if name == recipe.date or after is None or is_text(prepared.table[name].type):
            continue
        before = read_numbers(source[name]) if name in source.column_names else None
        found.append(
            BeforeAfter(
                name,
                rules[name],
                None if before is None else _figures(before.values),
                _figures(after.values),
            )
        )
    return tuple(found)


def series(
    table: pa.Table, recipe: Recipe, prepared: Prepared, column: str
) -> tuple[pa.Table | None, pa.Table]:
    """(`date` and the column in the source, rows of one day added up; the same in the prepared
    table).
    """
    after = prepared.table.select([recipe.date, column]).rename_columns(["date", column])
    source = _source(table, recipe, prepared)
    numbers = read_numbers(source[column]) if column in source.column_names else None
    times = read_times(source[recipe.date], recipe.zone)
    if numbers is None or times is None:
        return None, after
    days, place = np.unique(times.days, return_inverse=True)
    values = np.bincount(place, weights=np.nan_to_num(numbers.values), minlength=len(days))
    return pa.table({"date": pa.array(days, pa.date32()), column: values}), after


def _source(table: pa.Table, recipe: Recipe, prepared: Prepared) -> pa.Table:
    """The rows that went into the prepared table: its market's, in the window."""
    if recipe.pivot is not None:
        table = spread(table, recipe.date, recipe.pivot)
    if recipe.market is not None:
        markets = read_markets(table[recipe.market.column]).joined(recipe.market.same)
        kept = (prepared.market,) if prepared.market else recipe.market.keep
        if kept:
            found = [markets.find(name) for name in kept]
            wanted = [code for code in found if code is not None]
            table = table.filter(pa.array(np.isin(markets.codes, wanted)))
    times = read_times(table[recipe.date], recipe.zone)
    assert times is not None  # noqa: S101 - prepare has read them
    inside = np.ones(table.num_rows, bool)
    if recipe.start:
        inside &= times.days >= np.datetime64(recipe.start)
    if recipe.end:
        inside &= times.days <= np.datetime64(recipe.end)
    return table if inside.all() else table.filter(pa.array(inside))


def _figures(values: np.ndarray) -> Figures:
    here = values[~np.isnan(values)]
    if not len(here):
        return Figures(0)
    return Figures(
        len(here), float(here.sum()), float(here.mean()), float(here.min()), float(here.max())
    )
