"""What a refresh's data hold otherwise than the data of the model it brings up to date: old periods
whose numbers changed, and new columns of spend that the model does not use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mmm.data.columns import kind_text, read_numbers
from mmm.data.long_form import role_of
from mmm.data.mapping import Mapping
from mmm.data.naming import DEFAULT_RULES, NamingRules
from mmm.data.proposal import propose
from mmm.data.quality.frame import build_frame
from mmm.data.quality.result import CannotTell
from mmm.errors import Finding

#: Numbers that differ by less than this share are the same, stored more narrowly.
_SAME = 1e-9


@dataclass(frozen=True)
class _Revision:
    """A column's old periods whose numbers changed: how many, the first, their sums."""

    column: str
    count: int
    first: np.datetime64
    before: float
    after: float


def data_changes(
    old: pa.Table, new: pa.Table, mapping: Mapping, rules: NamingRules = DEFAULT_RULES
) -> list[Finding]:
    """Warnings on a refresh's data `new` against the previous model's `old`, with the amounts."""
    return [*_revised(old, new, mapping), *_unused_spend(old, new, mapping, rules)]


def _revised(old: pa.Table, new: pa.Table, mapping: Mapping) -> list[Finding]:
    plain = mapping.model_copy(update={"market": None})
    before, after = (build_frame(table, plain, lacking=True) for table in (old, new))
    shared, old_rows, new_rows = np.intersect1d(
        before.periods, after.periods, assume_unique=True, return_indices=True
    )
    found = []
    for name in mapping.numeric_columns():
        try:
            was, now = before.series(name)[old_rows], after.series(name)[new_rows]
        except CannotTell:
            continue
        other = ~np.isclose(was, now, rtol=_SAME, atol=0.0, equal_nan=True)
        if other.any():
            first = shared[other][0]
            sums = float(np.nansum(was[other])), float(np.nansum(now[other]))
            found.append(_Revision(name, int(other.sum()), first, *sums))
    return [_said(item) for item in found]


def _said(item: _Revision) -> Finding:
    periods = f"{item.count:,} old period{'s' * (item.count != 1)}"
    change = item.after - item.before
    share = f", {100 * change / item.before:+.1f} %" if item.before else ""
    what = (
        f"{periods} changed since the previous model, first {item.first}: together "
        f"{item.before:,.6g} before, {item.after:,.6g} now ({change:+,.6g}{share})."
    )
    fix = "The refresh learns from the new numbers; find out why they changed."
    return Finding("warning", what, f"column {item.column!r}", fix, "revised")


def _unused_spend(
    old: pa.Table, new: pa.Table, mapping: Mapping, rules: NamingRules
) -> list[Finding]:
    """Columns named like spend that neither the model uses nor the old data had."""
    added = [
        name
        for name in new.column_names
        if name not in old.column_names and name not in mapping.columns()
    ]
    if not added:
        return []
    proposal = propose(new, rules)
    found = []
    for name in added:
        numbers = read_numbers(new[name])
        # A spend of one period alone "never varies", and is proposed as unused.
        amounts = numbers is not None and bool(np.nan_to_num(numbers.values).any())
        named = amounts and role_of(name, rules) == "spend"
        if proposal.column(name).role != "spend" and not named:
            continue
        amount = kind_text(new[name].type)
        if numbers is not None:
            used = numbers.values[np.nan_to_num(numbers.values) > 0]
            amount = f"{float(used.sum()):,.6g} in {len(used):,} period{'s' * (len(used) != 1)}"
        what = f"the data have this new column, named like spend ({amount}); the model has no part for it."
        fix = "Submit a new experiment that maps it; a refresh models the same columns."
        found.append(Finding("warning", what, f"column {name!r}", fix, "new_spend"))
    return found
