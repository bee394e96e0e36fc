"""From rows to an even grid of periods without gaps: the source's own cadence, before anything is
resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.data.calendar import (
    PLAIN,
    Cadence,
    CalendarRule,
    Period,
    find_cadence,
    irregular,
    next_period,
    period_start,
)
from mmm.data.columns import Times, rows_text, stamps
from mmm.data.prepare.recipe import Gap
from mmm.errors import Finding, InvalidInput, UserError

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Grid:
    """Even periods: `days` (T,) the local day each begins on, `rows` (T,) the source row, -1 where
    it is missing.

    `labels` (T,) name the periods in messages. `first` and `last` are the days fully covered;
    `cadence` is None for steps below a day.
    """

    days: np.ndarray
    rows: np.ndarray
    labels: np.ndarray
    first: np.datetime64
    last: np.datetime64
    cadence: Cadence | None


def find_step(times: Times, where: str) -> Cadence | None:
    """The cadence of all rows' days; None for times within the day. Raises UserError for any other
    step.
    """
    days = np.unique(times.days)
    if len(np.unique(times.instants)) > len(days):
        return None
    cadence = find_cadence(days)
    if cadence is None:
        raise UserError(
            "one date alone has no step.",
            where=where,
            fix="Widen the window, or load more history.",
        )
    if cadence.period is None:
        fix = "Give daily, weekly, monthly or quarterly rows, or times within the day."
        raise UserError(
            f"the usual distance between dates is {cadence.days} days.", where=where, fix=fix
        )
    return cadence


def build_grid(
    times: Times,
    rows: np.ndarray,
    cadence: Cadence | None,
    zone: str | None,
    where: str,
    rule: CalendarRule = PLAIN,
) -> Grid:
    """The even grid of one market's rows. Raises InvalidInput for repeated and odd dates, naming
    their rows.
    """
    if cadence is None:
        return _within_days(times, rows, zone, where)
    days = times.days[rows]
    if cadence.fiscal:
        _require_fiscal(days, cadence, rule, where)
    elif cadence.period in ("month", "quarter"):
        days = period_start(days, cadence.period, replace(rule, fiscal=None))
    distinct = _once(days, rows, where)
    odd = irregular(distinct, cadence)[1]
    if len(odd):
        raise InvalidInput(
            f"{where} is not in step:",
            [
                Finding(
                    "error",
                    f"{len(odd)} dates fall out of the {cadence} step, first {odd[0]}.",
                    where,
                    "Correct them.",
                )
            ],
        )
    own_rule = rule if cadence.fiscal else replace(rule, fiscal=None)
    grid = _even(distinct, cadence, own_rule)
    found = np.full(len(grid), -1)
    found[np.searchsorted(grid, days)] = rows
    last = next_period(grid[-1:], cadence.period or "day", own_rule)[0] - _DAY
    return Grid(grid, found, grid, grid[0], last, cadence)


def _even(distinct: np.ndarray, cadence: Cadence, rule: CalendarRule) -> np.ndarray:
    """All periods from the first to the last one."""
    first, last = distinct[0], distinct[-1]
    if cadence.fiscal and rule.fiscal is not None:
        starts = rule.fiscal.starts_between(first, last, quarters=cadence.period == "quarter")
        return starts[(starts >= first) & (starts <= last)]
    if cadence.period in ("month", "quarter"):
        step = 1 if cadence.period == "month" else 3
        months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1, step)
        return months.astype("datetime64[D]")
    return np.arange(first, last + _DAY, np.timedelta64(cadence.days, "D"))


def _require_fiscal(days: np.ndarray, cadence: Cadence, rule: CalendarRule, where: str) -> None:
    """Rows of a fiscal calendar need the recipe to say which; they are named by their first days."""
    fix = 'Set "calendar", such as {"kind": "4-4-5", "starts": "2024-01-28"}, by its first days.'
    if rule.fiscal is None:
        what = f"the rows come {cadence}: periods of whole weeks, no calendar {cadence.period}s."
        raise UserError(what, where=where, fix=fix)
    period: Period = "quarter" if cadence.period == "quarter" else "month"
    other = days[period_start(days, period, rule) != days]
    if len(other):
        what = f"{other[0]} is no first day of a period of the {rule.fiscal.pattern} calendar."
        raise UserError(what, where=where, fix=fix)


def _within_days(times: Times, rows: np.ndarray, zone: str | None, where: str) -> Grid:
    """Hours or minutes: even in absolute time, so that a day with a clock change has its 23 or 25
    hours.
    """
    instants = times.instants[rows]
    distinct = _once(instants, rows, where)
    steps = np.diff(distinct).astype(np.int64)
    if not len(steps):
        raise UserError(
            "one time alone has no step.",
            where=where,
            fix="Widen the window, or load more history.",
        )
    sizes, counts = np.unique(steps, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    places, odd = np.divmod((instants - distinct[0]).astype(np.int64), step)
    if odd.any():
        at = int(np.flatnonzero(odd)[0])
        minutes = f"{step / 6e7:g} minutes"
        what = f"{rows_text(rows[np.flatnonzero(odd)])} fall out of the step of {minutes}, first {instants[at]}."
        raise InvalidInput(
            f"{where} is not in step:", [Finding("error", what, where, "Correct the times.")]
        )
    # One step more at both ends shows whether the first and the last day are whole.
    grid = distinct[0] + np.arange(-1, int(places.max()) + 2) * np.timedelta64(step, "us")
    local = _local(grid, zone)
    days = local.astype("datetime64[D]")
    found = np.full(len(grid), -1)
    found[places + 1] = rows
    inside = np.ones(len(grid), bool)
    inside[[0, -1]] = False
    if days[1] == days[0]:
        inside &= days > days[1]
    if days[-2] == days[-1]:
        inside &= days < days[-2]
    if not inside.any():
        raise UserError(
            "no day is covered from its beginning to its end.", where=where, fix="Widen the window."
        )
    days, found, local = days[inside], found[inside], local[inside]
    return Grid(days, found, local, days[0], days[-1], None)


def _local(instants: np.ndarray, zone: str | None) -> np.ndarray:
    """What the clock in the zone shows at these instants of UTC; without a zone they are local
    already.
    """
    if zone is None:
        return instants
    array = pa.array(instants).cast(pa.timestamp("us", "UTC")).cast(pa.timestamp("us", zone))
    return stamps(pc.local_timestamp(array))


def _once(keys: np.ndarray, rows: np.ndarray, where: str) -> np.ndarray:
    """The distinct keys in order. Raises InvalidInput where one comes twice."""
    distinct, counts = np.unique(keys, return_counts=True)
    if len(distinct) < len(keys):
        first = distinct[counts > 1][0]
        count = int((counts > 1).sum())
        what = f"{count:,} dates occur more than once, first {first} in {rows_text(rows[keys == first])}."
        fix = "Name the market column in the recipe, or remove the repeated rows."
        raise InvalidInput(
            f"{where} has no one row per period:", [Finding("error", what, where, fix)]
        )
    return distinct


def fill_gaps(
    values: np.ndarray,
    labels: np.ndarray,
    rule: Gap,
    column: str,
    where: str,
    fill: str | None = None,
) -> tuple[np.ndarray, list[str]]:
    """(values without gaps, notes). Numbers have NaN in their gaps, texts None; a text's `fill`
    takes the place of its rule. Raises InvalidInput under "error".
    """
    text = values.dtype == object
    empty = np.array([value is None for value in values]) if text else np.isnan(values)
    if not empty.any():
        return values, []
    at = np.flatnonzero(empty)
    gaps = f"{len(at):,} gap{'s' if len(at) > 1 else ''} (first {_label(labels[at[0]])})"
    if text and fill is not None:
        return np.where(empty, fill, values), [
            f"Column {column!r}: {gaps} read as {fill!r}{where}."
        ]
    if rule == "error":
        fix = "Fill them in the source, or declare a rule for gaps: zero, previous or interpolate."
        raise _cannot(column, where, f"{gaps} and its rule for gaps is error.", fix)
    if text and rule in ("zero", "interpolate"):
        raise _cannot(
            column,
            where,
            f"texts have no rule {rule!r} for gaps.",
            "Say what an empty cell means (fill), use previous, or flag the text.",
        )
    if rule == "zero":
        return np.where(empty, 0.0, values), [f"Column {column!r}: {gaps} filled with 0{where}."]
    known = np.flatnonzero(~empty)
    ends = [] if not len(known) else [empty[0], empty[-1] and rule == "interpolate"]
    if not ends or any(ends):
        side = "before the first" if not ends or ends[0] else "after the last"
        fix = "Begin the window later, end it earlier, or use another rule."
        raise _cannot(column, where, f"{gaps}, and there is no value {side} to fill from.", fix)
    if rule == "previous":
        places = np.maximum.accumulate(np.where(empty, 0, np.arange(len(values))))
        return values[places], [f"Column {column!r}: {gaps} filled with the value before{where}."]
    filled = np.interp(np.arange(len(values)), known, values[known])
    return filled, [f"Column {column!r}: {gaps} interpolated{where}."]


def _label(moment: np.datetime64) -> str:
    return (
        str(moment.astype("datetime64[m]"))
        if moment.dtype == np.dtype("datetime64[us]")
        else str(moment)
    )


def _cannot(column: str, where: str, what: str, fix: str) -> InvalidInput:
    return InvalidInput(
        f"column {column!r} cannot be prepared:",
        [Finding("error", what, f"column {column!r}{where}", fix)],
    )


def listed_days(days: Sequence[np.datetime64] | np.ndarray) -> str:
    """Up to three days in a sentence."""
    shown = ", ".join(str(day) for day in days[:3])
    return shown if len(days) <= 3 else f"{shown} and {len(days) - 3} more"
