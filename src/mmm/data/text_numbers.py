"""Columns that are named like numbers but hold texts: which cells stop them being numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from mmm.data.naming import NamingRules, matches
from mmm.data.proposed import Candidate
from mmm.errors import Finding
from mmm.sources.text_types import odd_numbers

_ROLES = ("kpi", "spend", "exposure")
_SHOWN = 3


def texts_named_like_numbers(
    found: Sequence[Candidate], table: pa.Table, rules: NamingRules
) -> list[Finding]:
    """One finding for each column of texts whose name says KPI, spend or exposure.

    An error where most of its cells are numbers: leaving the column out would lose a channel; a
    warning where it holds words only.
    """
    findings = []
    for item in found:
        if item.facts.kind != "text":
            continue
        role = next((role for role in _ROLES if _is_named(item, role, rules)), None)
        if role is None:
            continue
        name = item.facts.name
        column = table[name].cast(pa.string()).combine_chunks()
        odd = odd_numbers(column)
        if odd:
            findings.append(_stopped(name, role, column, odd))
        elif role != "exposure":
            what = f"named like {role}, but it holds texts such as {_first(column)!r}."
            fix = "Nothing to do if it is none; else correct the source."
            findings.append(Finding("warning", what, f"column {name!r}", fix))
    return findings


def _is_named(item: Candidate, role: str, rules: NamingRules) -> bool:
    for rule in rules.rules:
        if any(matches(word, rule.at, item.words) for word in rule.words):
            return rule.role == role and not rule.names_channel
    return False


def _stopped(name: str, role: str, column: pa.Array, odd: list[str]) -> Finding:
    texts = column.to_pylist()
    cells = [f"{text!r} (row {texts.index(text) + 1})" for text in odd[:_SHOWN]]
    count = sum(text in set(odd) for text in texts)
    more = ", ..." if len(odd) > _SHOWN else ""
    cell = "1 cell is" if count == 1 else f"{count} cells are"
    what = f"named like {role}, but it is text: {cell} no number, {', '.join(cells)}{more}."
    fix = (
        f"Correct the cells, or read the file again: --missing {odd[0]!r} where they mean no value, "
        f'--column "{name}=decimal-comma" (or decimal-point) for its numbers.'
    )
    return Finding("error", what, f"column {name!r}", fix)


def _first(column: pa.Array) -> str:
    return str(next(text for text in column.to_pylist() if text is not None))
