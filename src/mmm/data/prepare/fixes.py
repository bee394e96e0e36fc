"""Mends of a recipe for what the data checks found: each says in words what it will do, is done by
one click, and can be taken back. Nothing is mended unasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmm.data.columns import counted, listed
from mmm.data.mapping import Mapping
from mmm.data.prepare.recipe import Recipe
from mmm.data.profile import ColumnFacts
from mmm.data.quality import QualityReport
from mmm.data.quality.result import Light, Place

#: What an empty cell of a categorical control is read as.
NO_LEVEL = "none"
_NAMES_SHOWN = 4

#: What a rule's fields are without a mend.
_UNMENDED: dict[str, Any] = {"gap": "error", "fill": None, "negate": False}

#: A recipe's fields as plain data, as the form that edits them holds them; they may be incomplete.
Fields = dict[str, Any]


@dataclass(frozen=True)
class Fix:
    """`check` is the id of the check it answers, `label` says what it does, `rules` gives the fields
    of the columns' rules that it sets.
    """

    check: str
    label: str
    rules: dict[str, dict[str, Any]]

    def done(self, fields: Fields) -> bool:
        """Whether the recipe has it already."""
        known = {rule["column"]: rule for rule in fields["columns"]}
        return all(
            column in known and set(rule.items()) <= set(known[column].items())
            for column, rule in self.rules.items()
        )

    def applied(self, fields: Fields) -> Fields:
        """The recipe's fields with it."""
        columns = [rule | self.rules.get(rule["column"], {}) for rule in fields["columns"]]
        return fields | {"columns": columns}

    def undone(self, fields: Fields) -> Fields:
        """The recipe's fields without it: a gap is an error again, a sign as it is."""
        columns: list[dict[str, Any]] = []
        for rule in fields["columns"]:
            mended = self.rules.get(rule["column"], {})
            columns.append(rule | {name: _UNMENDED[name] for name in mended})
        return fields | {"columns": columns}


def fixes_for(
    report: QualityReport, mapping: Mapping, facts: Sequence[ColumnFacts], recipe: Recipe
) -> list[Fix]:
    """The mends for signs that were turned, for empty cells, by role, and for periods that are not
    in the table. `report` is of the data as they are, `recipe` the one proposed for them.
    """
    empty = {place.column: place for place in report.check("missing").places if place.column}
    found = [*_empty_cells(empty, mapping, facts)]
    mended = {column for fix in found for column in fix.rules}
    found += _turned_signs(report, facts)
    absent = [place for place in report.check("cadence").places if place.absent]
    if absent:
        found.append(_absent(absent, recipe, facts, mended))
    return found


def _turned_signs(report: QualityReport, facts: Sequence[ColumnFacts]) -> list[Fix]:
    """Media that are nowhere above 0: an export that books spend as negative."""
    red = [place.column for place in report.check("negative").places if place.light is Light.RED]
    names = [item.name for item in facts if item.name in red and item.all_negative]
    if not names:
        return []
    label = f"{listed(names, most=_NAMES_SHOWN)}: nowhere above 0 = sign turned"
    return [Fix("negative", label, {name: {"negate": True} for name in names})]


def _empty_cells(
    empty: dict[str, Place], mapping: Mapping, facts: Sequence[ColumnFacts]
) -> list[Fix]:
    flags = {item.name for item in facts if item.kind == "flag"}
    spends = [paid.spend for paid in mapping.paid]
    exposures = [paid.exposure for paid in mapping.paid if paid.exposure not in (None, paid.spend)]
    seen = [*exposures, *(item.column for item in mapping.organic)]
    context = [item.column for item in mapping.context]
    between = [mapping.kpi, *(name for name in context if name not in flags)]
    groups: list[tuple[list[Any], str, dict[str, Any]]] = [
        (spends, "empty = 0 spent", {"gap": "zero"}),
        (seen, "empty = 0", {"gap": "zero"}),
        ([name for name in context if name in flags], "empty = 0", {"gap": "zero"}),
        ([item.column for item in mapping.factors], f"empty = {NO_LEVEL}", {"fill": NO_LEVEL}),
    ]
    found = []
    for columns, words, rule in groups:
        names = [name for name in columns if name in empty]
        if names:
            label = f"{listed(names, most=_NAMES_SHOWN)}: {words}"
            found.append(Fix("missing", label, dict.fromkeys(names, rule)))
    for name in between:
        if name in empty:
            cells = counted(empty[name].count, "empty cell")
            label = f"{name}: {cells} = between the values before and after"
            found.append(Fix("missing", label, {name: {"gap": "interpolate"}}))
    return found


def _absent(
    places: Sequence[Place], recipe: Recipe, facts: Sequence[ColumnFacts], mended: set[str]
) -> Fix:
    """Rows that are not there: numbers between their neighbours, texts as before; a column that
    another mend fills is filled by that.
    """
    texts = {item.name for item in facts if item.kind == "text"}
    rules: dict[str, dict[str, Any]] = {}
    for rule in recipe.columns:
        if rule.column not in mended:
            rules[rule.column] = {"gap": "previous" if rule.column in texts else "interpolate"}
    count = sum(place.count for place in places)
    other = " (columns mended above: as there)" if mended else ""
    label = f"{counted(count, 'missing period')} = between the values before and after{other}"
    return Fix("cadence", label, rules)


def open_lights(report: QualityReport) -> list[str]:
    """The titles of the checks that stop a training."""
    return [result.title for result in report.checks if result.light is Light.RED]
