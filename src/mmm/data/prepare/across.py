"""Several markets' periods as one: added up, averaged, or the highest, each column by its rule. What
would count twice is refused: a column that is the same in all markets, a market that is the sum of
the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmm.data.markets import sum_of_others
from mmm.data.prepare.recipe import ColumnRule
from mmm.errors import UserError

_FEWEST_PERIODS = 3


def across(
    stacks: dict[str, np.ndarray],
    rules: Sequence[ColumnRule],
    markets: Sequence[str],
    starts: np.ndarray,
) -> dict[str, np.ndarray]:
    """Each column's (markets, P) as (P,). Raises UserError naming column or market."""
    _require_no_total(stacks, rules, markets)
    return {rule.column: _across(stacks[rule.column], rule, starts) for rule in rules}


def _across(stack: np.ndarray, rule: ColumnRule, starts: np.ndarray) -> np.ndarray:
    """(markets, P) to (P,)."""
    if stack.dtype == object:
        differs = np.flatnonzero((stack != stack[0]).any(axis=0))
        if len(differs):
            fix = "Flag its values, or leave the column out."
            what = f"holds different texts in different markets, first on {starts[differs[0]]}."
            raise UserError(what, where=f"column {rule.column!r}", fix=fix)
        return stack[0]
    join = _join(rule)
    if join == "sum" and _repeats(stack):
        raise UserError(
            f"is the same in all {len(stack)} markets on every date; added up it would count "
            f"{len(stack)} times.",
            where=f"column {rule.column!r}",
            fix='Where the "markets" are channels, spread them with a pivot (`mmm propose --recipe` '
            'prints one); else set "across" to "mean" or "max" for this column.',
        )
    if join == "sum":
        return np.asarray(stack.sum(axis=0))
    return np.asarray(stack.max(axis=0) if join == "max" else stack.mean(axis=0))


def _join(rule: ColumnRule) -> str:
    return rule.across or rule.aggregate


def _varies(values: np.ndarray) -> bool:
    return len(values) >= _FEWEST_PERIODS and bool((values != values[0]).any())


def _repeats(stack: np.ndarray) -> bool:
    """Whether a column that varies over time is the same in all markets, (markets, P)."""
    return len(stack) > 1 and _varies(stack[0]) and bool((stack == stack[0]).all())


def _require_no_total(
    stacks: dict[str, np.ndarray], rules: Sequence[ColumnRule], markets: Sequence[str]
) -> None:
    """No market may be the sum of the others, as an "All" or "Total" in the market column is."""
    added = [stacks[rule.column] for rule in rules if _join(rule) == "sum"]
    telling = [stack for stack in added if stack.dtype != object and _varies(stack[0])]
    if not telling:
        return
    totals = np.flatnonzero(np.all([sum_of_others(stack) for stack in telling], axis=0))
    if not len(totals):
        return
    name = markets[totals[0]]
    raise UserError(
        f"market {name!r} is the sum of the other {len(markets) - 1} on every date; added up, all "
        "would count twice.",
        where="market",
        fix=f'Name the markets to "keep": all but {name!r}, or {name!r} alone.',
    )
