"""A first recipe for a table and its mapping: which rule each column gets, and why nothing is
filled with 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from mmm.data.calendar import WEEKDAYS, Period, Weekday, find_cadence, weekday
from mmm.data.columns import read_times, require_columns
from mmm.data.long_form import LongForm, rank_of, role_of, spread, wide_name
from mmm.data.mapping import Mapping
from mmm.data.naming import DEFAULT_RULES, NamingRules, matches, words_of
from mmm.data.prepare.recipe import Aggregate, ColumnRule, MarketRule, Recipe, Sum
from mmm.data.profile import ColumnFacts, profile
from mmm.data.proposal import Proposal, propose
from mmm.data.quality.frame import media_columns
from mmm.errors import InvalidInput

#: Roles whose columns are added up over time; a table to be joined may lack one of the last two.
_SUMMED = ("kpi", "spend", "exposure", "organic")
_PART = ("role kpi", "role spend")


def propose_recipe(
    table: pa.Table,
    mapping: Mapping,
    period: Period,
    rules: NamingRules = DEFAULT_RULES,
    markets: str = "combine",
) -> Recipe:
    """A recipe for the mapped columns: spend, exposure, organic and KPI are added up, context is
    averaged, 0/1 flags take the largest, texts the first; names with a word for a rate (naming
    rules) are averaged. A gap is an error.
    """
    require_columns(table, mapping.all_columns(), "the mapping")
    names = [name for name in mapping.columns() if name != mapping.date]
    summed = {mapping.kpi, *media_columns(mapping)}
    made = _recipe(table, mapping.date, names, summed, period, rules)
    return made.model_copy(update={"market": _market_rule(mapping.market, markets)})


def propose_part_recipe(
    table: pa.Table, found: Proposal, period: Period, rules: NamingRules = DEFAULT_RULES
) -> Recipe:
    """As `propose_recipe` for a table that is to be joined with others, so that it may lack a KPI or
    spend: every column with a role, or where none has one every number. Raises InvalidInput for one
    without dates or numbers.
    """
    of: dict[str, list[str]] = {}
    for item in found.columns:
        of.setdefault(item.role, []).append(item.column)
    summed = [name for role in _SUMMED for name in of.get(role, [])]
    names = [*summed, *of.get("context", []), *of.get("factor", [])]
    if not names:
        facts = profile(table)
        names = [item.name for item in facts if item.kind in ("number", "flag")]
    errors = [item for item in found.findings if item.level == "error" and item.where not in _PART]
    if errors or not names:
        raise InvalidInput("no recipe can be proposed:", errors or list(found.findings))
    made = _recipe(table, of["date"][0], names, set(summed), period, rules)
    market = next(iter(of.get("market", [])), None)
    return made.model_copy(update={"market": _market_rule(market, "combine")})


def _market_rule(column: str | None, join: str) -> MarketRule | None:
    return None if column is None else MarketRule.model_validate({"column": column, "join": join})


def _recipe(
    table: pa.Table,
    date: str,
    names: Sequence[str],
    summed: set[str],
    period: Period,
    rules: NamingRules,
) -> Recipe:
    """The recipe of these columns, without markets."""
    facts = {item.name: item for item in profile(table.select(list(names)))}
    columns = tuple(
        ColumnRule(column=name, aggregate=_aggregate(facts[name], name in summed, rules))
        for name in names
    )
    starts = _week_starts(table, date)
    return Recipe(date=date, period=period, week_starts=starts, columns=columns)


def _aggregate(facts: ColumnFacts, summed: bool, rules: NamingRules) -> Aggregate:
    if facts.kind == "text":
        return "first"
    words = words_of(facts.name)
    if any(matches(word, "any", words) for word in rules.mean_words):
        return "mean"
    if summed:
        return "sum"
    return "max" if facts.kind == "flag" else "mean"


def _week_starts(table: pa.Table, date: str) -> Weekday:
    """The weekday weekly rows begin on; Monday for any other table."""
    times = read_times(table[date])
    days = (
        np.array([], "datetime64[D]")
        if times is None
        else np.unique(times.days[~np.isnat(times.days)])
    )
    cadence = find_cadence(days)
    return WEEKDAYS[int(weekday(days[:1])[0])] if cadence and cadence.period == "week" else "monday"


def propose_long_recipe(
    table: pa.Table, long: LongForm, period: Period, rules: NamingRules = DEFAULT_RULES
) -> Recipe:
    """A recipe that spreads a long table first. A channel without a row on a date had no value
    there: its gaps are filled with 0, which the recipe says. One without a KPI or spend is
    to be joined with others.
    """
    wide = spread(table, long.date, long.pivot)
    whole = _kpi_of_keys(long, rules)
    parts = {name: _parts(long, name) for name in long.pivot.values if name in _kpis(long, rules)}
    shown = wide.drop_columns([part for names in parts.values() for part in names])
    if whole is not None:
        shown = shown.append_column(whole, _added(wide, parts[whole]))
    found = propose(shown, rules)
    if found.mapping is not None:
        made = propose_recipe(shown, found.mapping, period, rules)
    else:
        made = propose_part_recipe(shown, found, period, rules)
    columns: list[ColumnRule] = []
    derived: tuple[Sum, ...] = ()
    for rule in made.columns:
        if rule.column == whole:
            derived = (Sum(kind="sum", name=whole, columns=parts[whole]),)
            hidden = [rule.model_copy(update={"column": n, "keep": False}) for n in parts[whole]]
            columns += hidden
        else:
            columns.append(rule)
    spread_out = set(wide.column_names) - {long.date, *long.pivot.columns()}
    filled = tuple(
        rule.model_copy(update={"gap": "zero"})
        if rule.column in spread_out and wide[rule.column].null_count
        else rule
        for rule in columns
    )
    return made.model_copy(update={"pivot": long.pivot, "columns": filled, "derived": derived})


def _kpis(long: LongForm, rules: NamingRules) -> list[str]:
    """The values of a long table that are named like a KPI, the likeliest first: each is one key's
    part only.
    """
    named = [name for name in long.pivot.values if role_of(name, rules) == "kpi"]
    if len(long.keys) < 2 or len(named) == len(long.pivot.values):
        return []
    return sorted(named, key=lambda name: rank_of(name, rules))


def _kpi_of_keys(long: LongForm, rules: NamingRules) -> str | None:
    """The KPI that is the sum of its keys' parts; None where one stands on all rows of a date."""
    if any(role_of(name, rules) == "kpi" for name in long.pivot.repeated):
        return None
    return next(iter(_kpis(long, rules)), None)


def _parts(long: LongForm, value: str) -> tuple[str, ...]:
    return tuple(wide_name(key, value, len(long.pivot.values)) for key in long.keys)


def _added(wide: pa.Table, names: Sequence[str]) -> pa.Array:
    """The sum of columns, an empty cell as nothing."""
    values = [np.nan_to_num(wide[name].to_numpy(zero_copy_only=False)) for name in names]
    return pa.array(np.sum(values, axis=0))
