"""From an experiment and its table to the engine's problem, with everything checked before any
training.

Each finding names the column and the row (counted from 1, without the header) and says what to do.
All findings are collected, so that one look at the message is enough to mend the table or the
mapping: what can be read is checked even where something else cannot.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from difflib import get_close_matches

import numpy as np
import pyarrow as pa

from mmm.data.columns import rows_text
from mmm.data.holidays import holidays
from mmm.data.mapping import Mapping
from mmm.engines import load_engine
from mmm.engines.base import Factor, Holiday, LiftTest, PaidMedium, PreviousModel, Problem, Variable
from mmm.errors import Finding, UserError
from mmm.experiments.columns import Checks, column_text, read_dates, read_levels, read_numbers
from mmm.experiments.config import Experiment, LiftTestConfig

_MOST_LEVELS = 30
_FEWEST_PERIODS = 3
_SPEND_TOLERANCE, _LEAST_CONFIDENCE = (0.9, 1.1), 0.8
_MONTH = 31
_STEPS = {1: "a day", 7: "a week", _MONTH: "a month"}

#: Values by column, each of shape (T,).
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Calendar:
    """The periods by date. `order` gives the table's row of each; `step` is 1, 7 or, for months,
    the first's days.
    """

    order: np.ndarray
    dates: np.ndarray
    step: int

    @property
    def first_day(self) -> date:
        return self.day(0)

    @property
    def last_day(self) -> date:
        return self.last_day_of(len(self.dates) - 1)

    def day(self, row: int) -> date:
        found: date = self.dates[row].item()
        return found

    def last_day_of(self, row: int) -> date:
        return self.day(row) + timedelta(days=self.step - 1)


def build_problem(
    experiment: Experiment, table: pa.Table, previous: PreviousModel | None = None
) -> tuple[Problem, list[Finding]]:
    """The problem an engine is to solve, and warnings. Raises InvalidInput with every error found.

    `previous` is the model that the experiment refreshes, as `mmm.models.refresh.previous_of` reads
    it.
    """
    mapping = experiment.mapping
    market = experiment.dataset.market
    checks = Checks(
        f"the data of {market!r} cannot be modelled as mapped (rows count from 1):",
        f"the experiment cannot be run on the data of {market!r} (rows count from 1):",
    )
    present = _present(checks, mapping, table)
    numbers, levels = _values(checks, mapping, table.select(sorted(present)))
    calendar = _calendar(checks, table, mapping.date) if mapping.date in present else None
    window = _window(checks, experiment, calendar) if calendar else None
    if calendar is None or window is None:
        _check_variation(checks, mapping, numbers, levels, "in every row")
        raise checks.refusal()
    numbers = {name: values[calendar.order] for name, values in numbers.items()}
    levels = {name: values[calendar.order] for name, values in levels.items()}
    _check_window(checks, mapping, numbers, levels, calendar, window)
    tests = _lift_tests(checks, experiment, numbers, calendar, window)
    days_off = _holidays(checks, experiment, calendar)
    checks.stop()
    problem = Problem(
        dates=calendar.dates,
        step_days=calendar.step,
        kpi_name=mapping.kpi,
        kpi=numbers[mapping.kpi],
        kpi_kind=mapping.kpi_kind,
        paid=_paid(mapping, numbers),
        window=window,
        organic=tuple(
            Variable(item.column, numbers[item.column], item.sign) for item in mapping.organic
        ),
        context=(
            *(Variable(item.column, numbers[item.column], item.sign) for item in mapping.context),
            *(
                Factor(item.column, tuple(levels[item.column].tolist()), item.sign)
                for item in mapping.factors
            ),
        ),
        holidays=days_off,
        lift_tests=tests,
        currency=experiment.currency,
        previous=previous,
        country=experiment.country,
        value_per_conversion=experiment.value_per_conversion,
        margin=experiment.margin,
    )
    checks.findings += load_engine(experiment.engine).check(problem, experiment.engine_settings())
    checks.stop()
    return problem, checks.findings


def _paid(mapping: Mapping, numbers: Columns) -> tuple[PaidMedium, ...]:
    """The paid media; an exposure that is the spend itself is none."""
    found = []
    for paid in mapping.paid:
        exposure = None if paid.exposure == paid.spend else paid.exposure
        values = None if exposure is None else numbers[exposure]
        found.append(PaidMedium(paid.spend, numbers[paid.spend], values, exposure, paid.sign))
    return tuple(found)


def _present(checks: Checks, mapping: Mapping, table: pa.Table) -> set[str]:
    """The mapped columns that can be read; findings for those the table does not have."""
    if table.num_rows == 0:
        checks.error("the table has no rows.", "table", "Load data first.")
        return set()
    for name in mapping.columns():
        if name not in table.column_names:
            near = get_close_matches(name, table.column_names, n=3, cutoff=0.5)
            fix = (
                f"Did you mean {' or '.join(map(repr, near))}?"
                if near
                else f"It has: {', '.join(table.column_names)}."
            )
            checks.error("the table has no such column.", column_text(name), fix)
    return set(mapping.columns()) & set(table.column_names)


def _values(checks: Checks, mapping: Mapping, table: pa.Table) -> tuple[Columns, Columns]:
    """(numbers, factors' levels) by column, in the table's order; without the columns that cannot
    be read.
    """
    read = {
        name: read_numbers(checks, table, name)
        for name in mapping.numeric_columns()
        if name in table.column_names
    }
    numbers = {name: values for name, values in read.items() if values is not None}
    _check_signs(checks, mapping, numbers)
    levels = {}
    for item in mapping.factors:
        found = (
            read_levels(checks, table, item.column) if item.column in table.column_names else None
        )
        if found is not None:
            levels[item.column] = found
            if (count := len(set(found))) > _MOST_LEVELS:
                what = f"has {count} levels; at most {_MOST_LEVELS} can be told apart."
                checks.error(what, column_text(item.column), "Group its levels.")
    return numbers, levels


def _check_signs(checks: Checks, mapping: Mapping, numbers: Columns) -> None:
    """Spends, exposures and organic media must not be negative."""
    for name, values in numbers.items():
        negative = np.flatnonzero(values < 0)
        if not len(negative):
            continue
        what = f"a negative value in {rows_text(negative)}, first {values[negative[0]]:g}."
        if name in _media(mapping):
            fix = "Spend and exposure cannot be negative: book refunds where the spend was, or turn the sign."
            checks.error(what, column_text(name), fix)
        elif name == mapping.kpi:
            checks.warn(what, column_text(name))


def _media(mapping: Mapping) -> set[str]:
    """Columns of paid and organic media."""
    paid = {name for item in mapping.paid for name in (item.spend, item.exposure) if name}
    return paid | {item.column for item in mapping.organic}


def _calendar(checks: Checks, table: pa.Table, name: str) -> _Calendar | None:
    """The periods by date; None when there are errors."""
    dates = read_dates(checks, table, name)
    if dates is None:
        return None
    order = np.argsort(dates, kind="stable")
    ordered = dates[order]
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if len(repeated):
        rows = np.flatnonzero(dates == repeated[0])
        what = f"{len(repeated)} date{'s occur' if len(repeated) > 1 else ' occurs'} more than once, first "
        fix = "Give one row per period: add up or filter the table to one market."
        checks.error(f"{what}{repeated[0]} in {rows_text(rows)}.", column_text(name), fix)
        return None
    if len(ordered) < _FEWEST_PERIODS:
        what = f"holds {_periods(len(ordered))}; {_FEWEST_PERIODS} are the least."
        checks.error(what, column_text(name), "Load a longer history.")
        return None
    step = _step(ordered)
    if step is None:
        usual = _usual(np.diff(ordered).astype(int))
        what = f"the usual distance between dates is {usual} days."
        checks.error(what, column_text(name), "Give daily, weekly or monthly rows.")
        return None
    if step == _MONTH:
        return _months(checks, order, ordered, name)
    _check_gaps(checks, np.diff(ordered).astype(int) != step, order, ordered, step, name)
    return _Calendar(order, ordered, step)


def _usual(steps: np.ndarray) -> int:
    """The most frequent distance in days."""
    values, counts = np.unique(steps, return_counts=True)
    return int(values[counts.argmax()])


def _step(dates: np.ndarray) -> int | None:
    """1, 7 or 31 (months) by the most frequent distance; None for any other. Four weeks each time
    are no month.
    """
    steps = np.diff(dates).astype(int)
    usual = _usual(steps)
    if usual in (1, 7):
        return usual
    return _MONTH if 28 <= usual <= 31 and not (len(steps) > 2 and (steps == 28).all()) else None


def _months(checks: Checks, order: np.ndarray, dates: np.ndarray, name: str) -> _Calendar:
    """Monthly periods, each on its month's first day."""
    months = dates.astype("datetime64[M]")
    starts = months.astype("datetime64[D]")
    _check_gaps(checks, np.diff(months).astype(int) != 1, order, dates, _MONTH, name)
    other = np.flatnonzero(starts != dates)
    if len(other):
        what = f"monthly dates count as the first day of their month, for example {dates[other[0]]} as "
        checks.warn(f"{what}{starts[other[0]]}.", column_text(name))
    return _Calendar(order, starts, int((starts[1] - starts[0]).astype(int)))


def _check_gaps(
    checks: Checks, odd: np.ndarray, order: np.ndarray, dates: np.ndarray, step: int, name: str
) -> None:
    """`odd` (T - 1,) marks the distances that are not the usual one."""
    if not odd.any():
        return
    at, count = int(odd.argmax()), int(odd.sum())
    what = (
        f"{count} gap{'s' * (count > 1)} or odd step{'s' * (count > 1)}, first from {dates[at]} (row {order[at] + 1}) "
        f"to {dates[at + 1]} (row {order[at + 1] + 1}); the usual step is {_STEPS[step]}."
    )
    checks.error(
        what, column_text(name), "Add the missing periods, with 0 only where nothing was spent."
    )


def _window(checks: Checks, experiment: Experiment, calendar: _Calendar) -> tuple[int, int] | None:
    """(first row, last row) of the modelling window; None when there are errors.

    A start within a period means the nearest one, as in Robyn; the end is the last period that has
    begun by then.
    """
    start, end = experiment.window.start, experiment.window.end
    first_day, last_day = calendar.first_day, calendar.last_day
    if start and start > last_day:
        what = f"starts on {start}, after the data's end on {last_day}."
        checks.error(what, "window.start", "Choose an earlier start.")
        return None
    if end and end < first_day:
        checks.error(
            f"ends on {end}, before the data's start on {first_day}.",
            "window.end",
            "Choose a later end.",
        )
        return None
    if start and start < first_day:
        checks.warn(
            f"starts on {start}; the data start on {first_day}, which is used.", "window.start"
        )
    if end and end > last_day:
        checks.warn(f"ends on {end}; the data end on {last_day}, which is used.", "window.end")
    dates = calendar.dates
    first = int(np.abs((dates - np.datetime64(start)).astype(int)).argmin()) if start else 0
    last = (
        int(np.searchsorted(dates, np.datetime64(end), side="right")) - 1 if end else len(dates) - 1
    )
    if last - first + 1 < _FEWEST_PERIODS:
        what = f"holds {_periods(max(0, last - first + 1))}; {_FEWEST_PERIODS} are the least."
        checks.error(what, "window", "Widen the window.")
        return None
    return first, last


def _periods(count: int) -> str:
    return f"{count} period{'s' * (count != 1)}"


def _check_window(
    checks: Checks,
    mapping: Mapping,
    numbers: Columns,
    levels: Columns,
    calendar: _Calendar,
    window: tuple[int, int],
) -> None:
    """Within the window every column must vary; spends and their exposures should go together."""
    rows = slice(window[0], window[1] + 1)
    period = f"in the window ({calendar.day(window[0])} to {calendar.last_day_of(window[1])})"
    inside = {name: values[rows] for name, values in numbers.items()}
    _check_variation(
        checks, mapping, inside, {name: values[rows] for name, values in levels.items()}, period
    )
    for paid in mapping.paid:
        if paid.exposure not in (None, paid.spend) and {paid.spend, paid.exposure} <= inside.keys():
            silent = np.flatnonzero((inside[paid.spend] > 0) & (inside[str(paid.exposure)] == 0))
            if len(silent):
                day = calendar.day(window[0] + int(silent[0]))
                what = f"{_periods(len(silent))} {period} with spend but no {paid.exposure!r}, first {day}."
                checks.warn(what, column_text(paid.spend))
    if len(mapping.paid) < 2:
        checks.warn("one paid channel alone leaves nothing to allocate.", "mapping.paid")


def _check_variation(
    checks: Checks, mapping: Mapping, numbers: Columns, levels: Columns, period: str
) -> None:
    """A column that never changes explains nothing, and nothing explains it."""
    exposed = {paid.spend for paid in mapping.paid if paid.exposure not in (None, paid.spend)}
    for name, values in numbers.items():
        value = float(values[0])
        if (values != value).any():
            continue
        if name == mapping.kpi:
            fix = "Map another column as the KPI."
        elif name in exposed and value > 0:
            # The exposure is modelled; the spend only gives its cost.
            checks.warn(
                f"is {value:g} {period}; its exposure alone shows its effect.", column_text(name)
            )
            continue
        elif name in _media(mapping):
            fix = "Leave it out of the mapping or widen the window."
        else:
            fix = "A constant explains nothing: leave it out."
        checks.error(f"is {value:g} everywhere {period}.", column_text(name), fix)
    for name, values in levels.items():
        if len(set(values)) == 1:
            what = f"has one level only {period}, {values[0]!r}."
            checks.error(what, column_text(name), "Leave the factor out.")


def _lift_tests(
    checks: Checks,
    experiment: Experiment,
    numbers: Columns,
    calendar: _Calendar,
    window: tuple[int, int],
) -> tuple[LiftTest, ...]:
    """Lift tests against the data: known channels, dates inside the window, spend near the data's."""
    paid = {item.spend for item in experiment.mapping.paid}
    media = paid | {item.column for item in experiment.mapping.organic}
    first, last = calendar.day(window[0]), calendar.last_day_of(window[1])
    for number, test in enumerate(experiment.lift_tests, start=1):
        where = f"lift_tests.{number}"
        for name in test.channels:
            if name not in media:
                checks.error(
                    f"unknown channel {name!r}.",
                    f"{where}.channels",
                    f"Use: {', '.join(sorted(media))}.",
                )
        if test.start < first or test.end > last:
            what = f"{test.start} to {test.end} is not inside the window, {first} to {last}."
            checks.error(what, where, "Widen the window, or leave the test out.")
        if test.lift == 0 and test.error is None:
            what = (
                "a lift of 0 without a standard error or an interval does not say how sure it is."
            )
            checks.error(what, f"{where}.lift", "Give the test's standard_error or its interval.")
        if test.error is None and test.confidence < _LEAST_CONFIDENCE:
            what = f"its confidence of {test.confidence:.0%} is below {_LEAST_CONFIDENCE:.0%}."
            checks.warn(what, f"{where}.confidence")
        if set(test.channels) <= paid & numbers.keys():
            _check_test_spend(checks, test, f"{where}.spend", numbers, calendar)
    return tuple(
        LiftTest(
            channels=test.channels,
            start=test.start,
            end=test.end,
            lift=test.lift,
            spend=test.spend,
            confidence=test.confidence,
            scope=test.scope,
            standard_error=test.error,
        )
        for test in experiment.lift_tests
    )


def _check_test_spend(
    checks: Checks, test: LiftTestConfig, where: str, numbers: Columns, calendar: _Calendar
) -> None:
    """The test's spend against the data's in its days; a period counts with the share of its days
    that belong to it.
    """
    starts = calendar.dates
    ends = np.append(starts[1:], np.datetime64(calendar.last_day + timedelta(days=1)))
    begin, stop = np.datetime64(test.start), np.datetime64(test.end + timedelta(days=1))
    days = np.clip((np.minimum(ends, stop) - np.maximum(starts, begin)).astype(int), 0, None)
    share = days / (ends - starts).astype(int)
    spend = float(sum((numbers[name] * share).sum() for name in test.channels))
    if not _SPEND_TOLERANCE[0] * spend <= test.spend <= _SPEND_TOLERANCE[1] * spend:
        checks.warn(
            f"{test.spend:,.0f} differs from the data's {spend:,.0f} by more than 10 %.", where
        )


def _holidays(checks: Checks, experiment: Experiment, calendar: _Calendar) -> tuple[Holiday, ...]:
    if experiment.country is None:
        return ()
    try:
        found = holidays(experiment.country, calendar.first_day, calendar.last_day)
    except UserError as error:
        checks.error(error.what, error.where, error.fix)
        return ()
    if not found:
        checks.warn(
            f"no holidays are known for {experiment.country} within the data's dates.", "country"
        )
    return tuple(Holiday(day, name) for day, name in found)
