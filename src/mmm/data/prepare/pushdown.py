"""Adding up where the data lie: a recipe's sums, flags, window and markets as one SELECT, grouped by
day and market (and by the key of a long table), so that a warehouse's billion rows arrive as a few
thousand.

The answer has one row per day and market. What is left of the recipe (calendar periods, gaps,
derived columns) is done here on those, by the same code as ever: edges and gaps are judged as they
are for a file, and the result equals the local one. Values are bound by the driver; names are quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmm.data.prepare.recipe import Aggregate, Flag, Recipe
from mmm.errors import UserError
from mmm.sources.base import Query
from mmm.sources.database import DatabaseSource
from mmm.sources.sql import Dialect

#: A table of more rows is proposed to be added up in the warehouse.
PROPOSED_FROM_ROWS = 2_000_000
_FUNCTIONS: dict[Aggregate, str] = {"sum": "SUM", "mean": "AVG", "max": "MAX"}


@dataclass(frozen=True)
class Pushdown:
    """`query` is what the warehouse computes of `table` (its name's parts) by the `recipe`, `rest` the
    recipe for its answer.
    """

    query: Query
    rest: Recipe
    recipe: Recipe
    table: tuple[str, ...]


def pushdown(recipe: Recipe, table: Sequence[str], dialect: Dialect) -> Pushdown:
    """The recipe on a warehouse's table (its name's parts). Raises UserError for rules that need the
    rows in their order (first, last) and for times that have to be moved to another zone.
    """
    _require_plain(recipe)
    parameters: dict[str, str] = {}
    groups = _groups(recipe)
    day = day_of(recipe, dialect)
    selected = [f"{day} AS {dialect.quoted([recipe.date])}"]
    selected += [f"{text_of(name, dialect)} AS {dialect.quoted([name])}" for name in groups]
    flags = {flag.name: flag for flag in recipe.flags}
    for name, function in _measures(recipe).items():
        inner = dialect.quoted([name])
        if name in flags:
            inner = _flag(flags[name], dialect, parameters)
        selected.append(f"{function}({inner}) AS {dialect.quoted([name])}")
    conditions = conditions_of(recipe, dialect, parameters)
    by = ", ".join([day, *(text_of(name, dialect) for name in groups)])
    lines = [
        "SELECT " + ",\n       ".join(selected),
        f"FROM {dialect.quoted(table)}",  # a quoted name
        *([f"WHERE {' AND '.join(conditions)}"] if conditions else []),
        f"GROUP BY {by}",
        f"ORDER BY {by}",
    ]
    rest = recipe.model_copy(update={"flags": ()})
    return Pushdown(Query("\n".join(lines), parameters), rest, recipe, tuple(table))


def table_rows(source: DatabaseSource, table: str) -> int:
    """How many rows a table has, counted where it lies."""
    name = source.dialect.quoted(source.dialect.parse(table))
    answer = source.preview(Query(f"SELECT COUNT(*) AS n FROM {name}"))  # noqa: S608 - a quoted name
    return int(answer.column(0)[0].as_py())


def _require_plain(recipe: Recipe) -> None:
    if recipe.zone is not None:
        what = "times are not moved to another zone in a warehouse."
        fix = "Leave the zone out and give local dates, or prepare the dataset here."
        raise UserError(what, where="recipe.zone", fix=fix)
    for rule in recipe.columns:
        if rule.aggregate not in _FUNCTIONS:
            what = f"{rule.aggregate!r} needs the rows in their order, which a warehouse has not."
            fix = "Use sum, mean or max, or prepare the dataset here."
            raise UserError(what, where=f"column {rule.column!r}", fix=fix)
        if rule.negate and rule.aggregate == "max":
            what = "the largest value is not the largest once its sign is turned."
            fix = "Use sum or mean, or prepare the dataset here."
            raise UserError(what, where=f"column {rule.column!r}", fix=fix)


def _groups(recipe: Recipe) -> list[str]:
    """What is grouped by beside the day: the market, and the key that a pivot spreads."""
    names = [recipe.market.column] if recipe.market else []
    pivot = getattr(recipe, "pivot", None)
    if pivot is not None:
        names += [pivot.key, *([pivot.market] if pivot.market else [])]
    return list(dict.fromkeys(names))


def _measures(recipe: Recipe) -> dict[str, str]:
    """The SQL function of each number: a long table's values are added up, what repeats is taken
    once.
    """
    pivot = getattr(recipe, "pivot", None)
    if pivot is None:
        return {rule.column: _FUNCTIONS[rule.aggregate] for rule in recipe.columns}
    found = dict.fromkeys(pivot.values, "SUM")
    return found | dict.fromkeys(pivot.repeated, "MAX")


def text_of(name: str, dialect: Dialect) -> str:
    """The SQL of a column as text."""
    return f"CAST({dialect.quoted([name])} AS VARCHAR)"


def _bound(values: Sequence[str], prefix: str, parameters: dict[str, str]) -> str:
    """Placeholders for the values, which go into `parameters`."""
    names = []
    for value in values:
        name = f"{prefix}_{len(parameters) + 1}"
        parameters[name] = value
        names.append(f":{name}")
    return ", ".join(names)


def _flag(flag: Flag, dialect: Dialect, parameters: dict[str, str]) -> str:
    """1 where the text is one of the flag's values, empty where there is none."""
    column = dialect.quoted([flag.column])
    values = _bound(flag.values, "flag", parameters)
    text = text_of(flag.column, dialect)
    return f"CASE WHEN {column} IS NULL THEN NULL WHEN {text} IN ({values}) THEN 1 ELSE 0 END"


def day_of(recipe: Recipe, dialect: Dialect) -> str:
    """The SQL of a row's day."""
    return f"CAST({dialect.quoted([recipe.date])} AS DATE)"


def conditions_of(recipe: Recipe, dialect: Dialect, parameters: dict[str, str]) -> list[str]:
    """The SQL of the recipe's window and markets; their values go into `parameters`."""
    found, day = [], day_of(recipe, dialect)
    for limit, sign in ((recipe.start, ">="), (recipe.end, "<=")):
        if limit is not None:
            value = _bound([limit.isoformat()], "day", parameters)
            found.append(f"{day} {sign} CAST({value} AS DATE)")
    if recipe.market and recipe.market.keep:
        same = recipe.market.same
        others = [name for name, other in same.items() if other in recipe.market.keep]
        kept = _bound([*recipe.market.keep, *others], "market", parameters)
        found.append(f"{text_of(recipe.market.column, dialect)} IN ({kept})")
    return found
