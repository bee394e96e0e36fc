"""Adding up where the data lie: a recipe's sums, flags, window and markets as one SELECT, grouped by
day and market (and by the key of a long table), so that a warehouse's billion rows arrive as a few
thousand.

The answer has one row per day and market. What is left of the recipe (calendar periods, gaps,
derived columns) is done here on those, by the same code as ever: edges and gaps are judged as they
are for a file, and the result equals the local one. Values are bound by the driver; names are quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmm.data.markets import folded
from mmm.data.prepare.recipe import Aggregate, Flag, MarketRule, Recipe
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
    key = key_name(recipe)
    date, rows = dialect.quoted([recipe.date]), rows_of(recipe, table, dialect, parameters)
    by = [date, *(dialect.quoted([name]) for name in _grouped(recipe, key))]
    selected = [date]
    for name in _texts(recipe):
        shown = dialect.quoted([name])
        selected.append(shown if shown in by else f"MIN({shown}) AS {shown}")
    for name, function in _measures(recipe).items():
        shown = dialect.quoted([name])
        selected.append(f"{function}({shown}) AS {shown}")
    lines = [
        "SELECT " + ",\n       ".join(selected),
        rows,
        f"GROUP BY {', '.join(by)}",
        f"ORDER BY {', '.join(by)}",
    ]
    market = recipe.market and recipe.market.model_copy(update={"same": {}})
    rest = recipe.model_copy(update={"market": market})
    if recipe.pivot is None:
        rest = rest.model_copy(update={"flags": ()})
    return Pushdown(Query("\n".join(lines), parameters), rest, recipe, tuple(table))


def rows_of(
    recipe: Recipe, table: Sequence[str], dialect: Dialect, parameters: dict[str, str]
) -> str:
    """The FROM of what is added up: the recipe's rows with their day, their market and the key by
    which its spellings are one, the texts and the numbers. Values are bound in here alone: databases
    that count their placeholders would not see one in GROUP BY as the one in SELECT.
    """
    selected = [f"{day_of(recipe, dialect)} AS {dialect.quoted([recipe.date])}"]
    for name in _texts(recipe):
        text = text_of(name, dialect)
        if recipe.market and name == recipe.market.column:
            text = _renamed(recipe.market, text, str, dialect, parameters)
        selected.append(f"{text} AS {dialect.quoted([name])}")
    if recipe.market:
        _, key = market_text_and_key(recipe, dialect, parameters)
        selected.append(f"{key} AS {dialect.quoted([key_name(recipe)])}")
    flags = {flag.name: flag for flag in recipe.flags}
    for name in _measures(recipe):
        if name in flags:
            flag = _flag(flags[name], dialect, parameters)
            selected.append(f"{flag} AS {dialect.quoted([name])}")
        elif name not in _texts(recipe):
            selected.append(dialect.quoted([name]))
    conditions = conditions_of(recipe, dialect, parameters)
    where = [f"WHERE {' AND '.join(conditions)}"] if conditions else []
    inner = ["SELECT " + ", ".join(selected), f"FROM {dialect.quoted(table)}", *where]
    return "FROM (\n" + "\n".join(inner) + "\n) AS of_recipe"


def key_name(recipe: Recipe) -> str:
    """The name of the key by which a market's spellings are one; no column of the recipe's."""
    name = "market_key"
    while name in recipe.source_columns() or name in {flag.name for flag in recipe.flags}:
        name += "_"
    return name


def _grouped(recipe: Recipe, key: str) -> list[str]:
    """What is grouped by beside the day: the key of the market, and of the pivot's own."""
    own = recipe.market.column if recipe.market else None
    return [*([key] if recipe.market else []), *(n for n in _texts(recipe) if n != own)]


def _folded(name: str, dialect: Dialect) -> str:
    """The SQL of a text without case and blanks at its ends, as `mmm.data.markets.folded` does it."""
    return f"LOWER(TRIM({text_of(name, dialect)}))"


def _spelled(names: Sequence[str], parameters: dict[str, str]) -> str:
    """Placeholders for all that a folded column may say for one of the names."""
    found = [text for name in names for text in (folded(name), name.strip().lower())]
    return _bound(list(dict.fromkeys(found)), "market", parameters)


def market_text_and_key(
    recipe: Recipe, dialect: Dialect, parameters: dict[str, str]
) -> tuple[str, str]:
    """The SQL of a row's market as it is written there, and of the key that all its names share."""
    rule = recipe.market
    assert rule is not None  # noqa: S101 - asked for where there is one
    key = _renamed(rule, _folded(rule.column, dialect), folded, dialect, parameters)
    return text_of(rule.column, dialect), key


def _renamed(
    rule: MarketRule,
    text: str,
    named: Callable[[str], str],
    dialect: Dialect,
    parameters: dict[str, str],
) -> str:
    """The SQL of a market with those of `same` under the name of the other."""
    if not rule.same:
        return text
    cases = []
    for name, other in rule.same.items():
        spelled = _spelled([name], parameters)
        target = _bound([named(other)], "same", parameters)
        kind = dialect.text_type
        cases.append(
            f"WHEN {_folded(rule.column, dialect)} IN ({spelled}) THEN CAST({target} AS {kind})"
        )
    return f"CASE {' '.join(cases)} ELSE {text} END"


def table_rows(source: DatabaseSource, table: str) -> int:
    """How many rows a table has, counted where it lies."""
    name = source.dialect.quoted(source.dialect.parse(table))
    answer = source.preview(Query(f"SELECT COUNT(*) AS n FROM {name}"))  # noqa: S608 - a quoted name
    return int(answer.column(0)[0].as_py())


def _require_plain(recipe: Recipe) -> None:
    if recipe.zone not in (None, "UTC"):
        what = "times are not moved to another zone in a warehouse."
        fix = 'Give local dates and no zone, "UTC" for days of UTC, or prepare the dataset here.'
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


def _texts(recipe: Recipe) -> list[str]:
    """What tells rows apart beside the day: the market, and the key that a pivot spreads."""
    names = [recipe.market.column] if recipe.market else []
    if recipe.pivot is not None:
        names += [recipe.pivot.key, *([recipe.pivot.market] if recipe.pivot.market else [])]
    return list(dict.fromkeys(names))


def _measures(recipe: Recipe) -> dict[str, str]:
    """The SQL function of each number: a long table's values are added up, what repeats is taken
    once.
    """
    pivot = recipe.pivot
    if pivot is None:
        return {rule.column: _FUNCTIONS[rule.aggregate] for rule in recipe.columns}
    found = dict.fromkeys(pivot.values, "SUM")
    return found | dict.fromkeys(pivot.repeated, "MAX")


def text_of(name: str, dialect: Dialect) -> str:
    """The SQL of a column as text."""
    return f"CAST({dialect.quoted([name])} AS {dialect.text_type})"


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
    """The SQL of the recipe's window and markets; their values go into `parameters`. Rows without a
    date or a market stay, so that they are refused as those of a file are.
    """
    found, day = [], day_of(recipe, dialect)
    for limit, sign in ((recipe.start, ">="), (recipe.end, "<=")):
        if limit is not None:
            value = _bound([limit.isoformat()], "day", parameters)
            found.append(f"({day} {sign} CAST({value} AS DATE) OR {day} IS NULL)")
    rule = recipe.market
    if rule and rule.keep:
        wanted = {folded(name) for name in rule.keep}
        others = [name for name, other in rule.same.items() if folded(other) in wanted]
        kept = _spelled([*rule.keep, *others], parameters)
        key = _folded(rule.column, dialect)
        found.append(f"({key} IN ({kept}) OR {key} IS NULL OR {key} = '')")
    return found
