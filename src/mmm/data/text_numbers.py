"""Columns that are named like numbers but hold texts: which cells stop them being numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pyarrow as pa

from mmm.data.columns import listed
from mmm.data.naming import NamingRules, matches
from mmm.data.proposed import Candidate
from mmm.errors import Finding
from mmm.sources.text_types import is_marker, odd_numbers
from mmm.sources.written_numbers import is_number, looks

_ROLES = ("kpi", "spend", "exposure")
_SHOWN = 3
#: Columns with more different texts are not searched for numbers unless their name asks for it.
_MOST_DISTINCT = 5_000


def texts_named_like_numbers(
    found: Sequence[Candidate], table: pa.Table, rules: NamingRules
) -> list[Finding]:
    """One finding for each column of texts whose name says KPI, spend or exposure, and for each
    that nothing else claims and whose cells are mostly numbers.

    An error where most cells are numbers and the name says what they are: leaving the column out
    would lose a channel. A warning where it holds words only, or is named like nothing known.
    """
    findings = []
    for item in found:
        if item.facts.kind != "text":
            continue
        role = next((role for role in _ROLES if _is_named(item, role, rules)), None)
        if role is None and (item.role != "unused" or (item.facts.distinct or 0) > _MOST_DISTINCT):
            continue
        name = item.facts.name
        column = table[name].cast(pa.string()).combine_chunks()
        odd = odd_numbers(column)
        if odd:
            findings.append(_stopped(name, role, column, odd))
        elif _all_numbers(column):
            findings.append(_written_in_ways(name, role, column))
        elif role in ("kpi", "spend") and not _names_channel_only(item, rules):
            what = f"named like {role}, but it holds texts such as {_first(column)!r}."
            fix = "Nothing to do if it is none; else correct the source."
            findings.append(Finding("warning", what, f"column {name!r}", fix))
    return findings


def _all_numbers(column: pa.Array) -> bool:
    texts = [text for text in column.unique().to_pylist() if text and not is_marker(text)]
    return bool(texts) and all(is_number(text) for text in texts[:_MOST_DISTINCT])


def _written_in_ways(name: str, role: str | None, column: pa.Array) -> Finding:
    texts = [text for text in column.unique().to_pylist() if text]
    signs = looks(texts[:_MOST_DISTINCT], ".").currencies
    why = "its numbers are written in different ways"
    if len(signs) > 1:
        why = f"its amounts are in {listed(sorted(signs))}"
    what = f"{_named(role)}it is text: {why}, {texts[0]!r} and {texts[-1]!r}."
    fix = (
        "Give each currency a column of its own, or convert them, before the file is read."
        if len(signs) > 1
        else f'Read the file again with --column "{name}=decimal-comma" (or decimal-point).'
    )
    return Finding(_level(role), what, f"column {name!r}", fix)


def _named(role: str | None) -> str:
    return "" if role is None else f"named like {role}, but "


def _level(role: str | None) -> Literal["error", "warning"]:
    return "warning" if role is None else "error"


def _is_named(item: Candidate, role: str, rules: NamingRules) -> bool:
    for rule in rules.rules:
        if any(matches(word, rule.at, item.words) for word in rule.words):
            return rule.role == role
    return False


def _names_channel_only(item: Candidate, rules: NamingRules) -> bool:
    for rule in rules.rules:
        if any(matches(word, rule.at, item.words) for word in rule.words):
            return rule.names_channel
    return False


def _stopped(name: str, role: str | None, column: pa.Array, odd: list[str]) -> Finding:
    texts = column.to_pylist()
    cells = [f"{text!r} (row {texts.index(text) + 1})" for text in odd[:_SHOWN]]
    count = sum(text in set(odd) for text in texts)
    more = ", ..." if len(odd) > _SHOWN else ""
    cell = "1 cell is" if count == 1 else f"{count} cells are"
    what = f"{_named(role)}it is text: {cell} no number, {', '.join(cells)}{more}."
    fix = (
        f"Correct the cells, or read the file again: --missing {odd[0]!r} where they mean no value, "
        f'--column "{name}=decimal-comma" (or decimal-point) for its numbers.'
    )
    return Finding(_level(role), what, f"column {name!r}", fix)


def _first(column: pa.Array) -> str:
    return str(next(text for text in column.to_pylist() if text is not None))
