"""A first recipe for a table and its mapping: which rule each column gets, and why nothing is
filled with 0.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from mmm.data.calendar import WEEKDAYS, Period, Weekday, find_cadence, weekday
from mmm.data.columns import read_times, require_columns
from mmm.data.long_form import LongForm, spread
from mmm.data.mapping import Mapping
from mmm.data.naming import DEFAULT_RULES, NamingRules, matches, words_of
from mmm.data.prepare.recipe import Aggregate, ColumnRule, MarketRule, Recipe
from mmm.data.profile import ColumnFacts, profile
from mmm.data.proposal import propose
from mmm.data.quality.frame import media_columns
from mmm.errors import InvalidInput


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
    facts = {item.name: item for item in profile(table.select(mapping.columns()))}
    summed = {mapping.kpi, *media_columns(mapping)}
    columns = tuple(
        ColumnRule(column=name, aggregate=_aggregate(facts[name], name in summed, rules))
        for name in mapping.columns()
        if name != mapping.date
    )
    market = None
    if mapping.market:
        market = MarketRule.model_validate({"column": mapping.market, "join": markets})
    return Recipe(
        date=mapping.date,
        period=period,
        week_starts=_week_starts(table, mapping.date),
        market=market,
        columns=columns,
    )


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
    there: its gaps are filled with 0, which the recipe says. Raises InvalidInput where the wide
    table lacks a KPI or a spend.
    """
    wide = spread(table, long.date, long.pivot)
    found = propose(wide, rules)
    if found.mapping is None:
        errors = [item for item in found.findings if item.level == "error"]
        names = ", ".join(wide.column_names[:20])
        raise InvalidInput(f"spread into columns ({names}) the table still lacks:", errors)
    made = propose_recipe(wide, found.mapping, period, rules)
    spread_out = set(wide.column_names) - {long.date, *long.pivot.columns()}
    columns: list[ColumnRule] = []
    for rule in made.columns:
        has_gap = rule.column in spread_out and wide[rule.column].null_count > 0
        columns.append(rule.model_copy(update={"gap": "zero"}) if has_gap else rule)
    return made.model_copy(update={"pivot": long.pivot, "columns": tuple(columns)})
