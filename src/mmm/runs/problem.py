"""From an experiment and its table to the engine's problem, with everything checked before any training.

Each finding names the column and the row (counted from 1, without the header) and says what to do. All findings are
collected, so that one look at the message is enough to mend the table or the mapping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.data.holidays import holidays
from mmm.data.mapping import Mapping
from mmm.engines import load_engine
from mmm.engines.base import Factor, Holiday, LiftTest, PaidMedium, Problem, Variable
from mmm.errors import Finding, InvalidInput, UserError
from mmm.runs.config import Experiment

_ROWS_SHOWN = 5
_MOST_LEVELS = 30
_SPEND_TOLERANCE, _LEAST_CONFIDENCE = (0.9, 1.1), 0.8


def build_problem(experiment: Experiment, table: pa.Table) -> tuple[Problem, list[Finding]]:
    """The problem an engine is to solve, and warnings. Raises InvalidInput with every error found."""
    checks = _Checks()
    mapping = experiment.mapping
    _check_columns(checks, mapping, table)
    checks.stop(experiment)
    order, dates, step = _read_dates(checks, table, mapping.date)
    numbers = {name: _read_numbers(checks, table, name) for name in mapping.numeric_columns()}
    checks.stop(experiment)
    sorted_numbers = {name: values[order] for name, values in numbers.items()}
    _check_signs(checks, mapping, numbers, table)
    window = _window(checks, experiment, dates, step)
    checks.stop(experiment)
    _check_window(checks, mapping, sorted_numbers, window, dates)
    context = _context(checks, mapping, table, sorted_numbers, order)
    tests = _lift_tests(checks, experiment, sorted_numbers, dates, step, window)
    days_off = _holidays(checks, experiment, dates, step)
    checks.stop(experiment)
    problem = Problem(
        dates=dates,
        step_days=step,
        kpi_name=mapping.kpi,
        kpi=sorted_numbers[mapping.kpi],
        kpi_kind=mapping.kpi_kind,
        paid=tuple(
            PaidMedium(
                paid.spend,
                sorted_numbers[paid.spend],
                sorted_numbers[paid.exposure] if paid.exposure not in (None, paid.spend) else None,
                paid.exposure if paid.exposure != paid.spend else None,
                paid.sign,
            )
            for paid in mapping.paid
        ),
        window=window,
        organic=tuple(Variable(item.column, sorted_numbers[item.column], item.sign) for item in mapping.organic),
        context=context,
        holidays=days_off,
        lift_tests=tests,
        currency=experiment.currency,
    )
    checks.findings += load_engine(experiment.engine).check(problem, experiment.engine_settings())
    checks.stop(experiment)
    return problem, checks.findings


@dataclass
class _Checks:
    findings: list[Finding] = field(default_factory=list)

    def error(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("error", what, where, fix))

    def warn(self, what: str, where: str, fix: str = "") -> None:
        self.findings.append(Finding("warning", what, where, fix))

    def stop(self, experiment: Experiment) -> None:
        """Raise all errors found so far, if any."""
        errors = [finding for finding in self.findings if finding.level == "error"]
        if errors:
            raise InvalidInput(f"the data of {experiment.dataset.market!r} cannot be modelled as mapped:", errors)


def _rows(positions: np.ndarray | Sequence[int]) -> str:
    """Row numbers from 1, the first few."""
    shown = ", ".join(str(int(i) + 1) for i in positions[:_ROWS_SHOWN])
    more = len(positions) - _ROWS_SHOWN
    return f"row{'s' if len(positions) > 1 else ''} {shown}" + (f" and {more} more" if more > 0 else "")


def _column(name: str) -> str:
    return f"column {name!r}"


def _check_columns(checks: _Checks, mapping: Mapping, table: pa.Table) -> None:
    for name in mapping.columns():
        if name not in table.column_names:
            near = get_close_matches(name, table.column_names, n=3, cutoff=0.5)
            fix = (
                f"Did you mean {' or '.join(map(repr, near))}?" if near else f"It has: {', '.join(table.column_names)}."
            )
            checks.error("the table has no such column.", _column(name), fix)
    if table.num_rows == 0:
        checks.error("the table has no rows.", "table", "Load data first.")


def _read_dates(checks: _Checks, table: pa.Table, name: str) -> tuple[np.ndarray, np.ndarray, int]:
    """(order of the rows by date, sorted dates, step in days)."""
    dates = _parse_dates(checks, table[name].combine_chunks(), name)
    nothing = np.arange(0), np.array([], "datetime64[D]"), 0
    if dates is None:
        return nothing
    order = np.argsort(dates, kind="stable")
    ordered = dates[order]
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(repeated):
        day = ordered[repeated[0]]
        checks.error(
            f"{len(repeated)} dates occur more than once, first {day} in {_rows(np.flatnonzero(dates == day))}.",
            _column(name),
            "Give one row per period: add up or filter the table to one market.",
        )
        return nothing
    if len(ordered) < 3:
        checks.error(f"{len(ordered)} periods are too few to model.", _column(name), "Load a longer history.")
        return nothing
    return order, ordered, _step(checks, ordered, name)


def _parse_dates(checks: _Checks, column: pa.Array, name: str) -> np.ndarray | None:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count:
        missing = np.flatnonzero(np.asarray(column.is_null()))
        checks.error(f"no date in {_rows(missing)}.", _column(name), "Fill in the date or drop the row.")
        return None
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return np.asarray(column.cast(pa.timestamp("ns")).to_numpy(zero_copy_only=False), "datetime64[D]")
    found = np.empty(len(column), "datetime64[D]")
    wrong = []
    for i, text in enumerate(column.cast(pa.string()).to_pylist()):
        try:
            found[i] = np.datetime64(text.strip(), "D")
        except ValueError:
            wrong.append(i)
    if wrong:
        first = column[wrong[0]].as_py()
        checks.error(
            f"{_rows(wrong)} cannot be read as a date, first {first!r}.", _column(name), "Write dates as 2024-12-31."
        )
        return None
    return found


def _step(checks: _Checks, dates: np.ndarray, name: str) -> int:
    """Days between periods: 1, 7, or 28 to 31 for months. Gaps and other steps are errors."""
    steps = np.diff(dates).astype(int)
    usual = int(np.bincount(steps).argmax())
    if 28 <= usual <= 31:
        months = dates.astype("datetime64[M]").astype(int)
        uneven = np.flatnonzero(np.diff(months) != 1)
        same_day = len(np.unique((dates - dates.astype("datetime64[M]")).astype(int))) == 1
        if not same_day and not len(uneven):
            checks.error("monthly dates fall on different days.", _column(name), "Use the first day of each month.")
            return usual
        usual = int(steps[0])
    elif usual in (1, 7):
        uneven = np.flatnonzero(steps != usual)
    else:
        checks.error(
            f"the usual distance between dates is {usual} days.", _column(name), "Give daily, weekly or monthly rows."
        )
        return usual
    if len(uneven):
        at = uneven[0]
        checks.error(
            f"{len(uneven)} gaps or odd steps, first between {dates[at]} and {dates[at + 1]} (the usual step is "
            f"{usual} days).",
            _column(name),
            "Add the missing periods, with 0 only where nothing was spent.",
        )
    return usual


def _read_numbers(checks: _Checks, table: pa.Table, name: str) -> np.ndarray:
    """A column as float64, shape (T,), in the table's own order; findings for everything that is no number."""
    column = table[name].combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    nothing = np.full(table.num_rows, np.nan)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = _numbers_in_text(checks, column, name)
        if values is None:
            return nothing
    elif pa.types.is_boolean(column.type):
        values = np.asarray(column.cast(pa.float64(), safe=True).to_numpy(zero_copy_only=False))
    elif pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), float)
    else:
        checks.error(f"holds {column.type}, not numbers.", _column(name), "Map another column.")
        return nothing
    empty = np.asarray(column.is_null())
    not_a_number = np.isnan(values) & ~empty
    for positions, word in ((np.flatnonzero(empty), "no value"), (np.flatnonzero(not_a_number), "NaN")):
        if len(positions):
            checks.error(f"{word} in {_rows(positions)}.", _column(name), "Fill it in; write 0 only where it was 0.")
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        checks.error(f"an infinite value in {_rows(infinite)}.", _column(name), "Correct the source.")
    return np.asarray(values, float)


def _numbers_in_text(checks: _Checks, column: pa.Array, name: str) -> np.ndarray | None:
    texts = column.to_pylist()
    values, wrong = np.full(len(texts), np.nan), []
    for i, text in enumerate(texts):
        if text is None:
            continue
        try:
            values[i] = float(text)
        except ValueError:
            wrong.append(i)
    if wrong:
        checks.error(
            f"{_rows(wrong)} hold no number, first {texts[wrong[0]]!r}.",
            _column(name),
            "Correct the cell or map another column.",
        )
        return None
    return values


def _check_signs(checks: _Checks, mapping: Mapping, numbers: dict[str, np.ndarray], table: pa.Table) -> None:
    """Spends, exposures and organic media must not be negative. Rows are the table's own."""
    names = [name for paid in mapping.paid for name in (paid.spend, paid.exposure) if name]
    names += [item.column for item in mapping.organic]
    for name in dict.fromkeys(names):
        negative = np.flatnonzero(numbers[name] < 0)
        if len(negative):
            checks.error(
                f"a negative value in {_rows(negative)}, first {numbers[name][negative[0]]:g}.",
                _column(name),
                "Spend and exposure cannot be negative: book refunds where the spend was, or turn the sign.",
            )
    if (numbers[mapping.kpi] < 0).any():
        negative = np.flatnonzero(numbers[mapping.kpi] < 0)
        checks.warn(f"the KPI is negative in {_rows(negative)}.", _column(mapping.kpi))


def _window(checks: _Checks, experiment: Experiment, dates: np.ndarray, step: int) -> tuple[int, int]:
    """(first row, last row) of the modelling window. A start within a period means the nearest one, as in Robyn."""
    start, end = experiment.window.start, experiment.window.end
    first_day = dates[0].item()
    last_day = dates[-1].item() + timedelta(days=max(step, 1) - 1)
    if start and start > last_day:
        checks.error(
            f"starts on {start}, after the data's end on {last_day}.", "window.start", "Choose an earlier start."
        )
    if end and end < first_day:
        checks.error(f"ends on {end}, before the data's start on {first_day}.", "window.end", "Choose a later end.")
    if start and start < first_day:
        checks.warn(f"starts on {start}; the data start on {first_day}, which is used.", "window.start")
    if end and end > last_day:
        checks.warn(f"ends on {end}; the data end on {last_day}, which is used.", "window.end")
    first = int(np.abs((dates - np.datetime64(start)).astype(int)).argmin()) if start else 0
    # The end names a day: the last period that has begun by then.
    last = max(0, int(np.searchsorted(dates, np.datetime64(end), side="right")) - 1) if end else len(dates) - 1
    return first, max(first, last)


def _check_window(
    checks: _Checks, mapping: Mapping, numbers: dict[str, np.ndarray], window: tuple[int, int], dates: np.ndarray
) -> None:
    """Within the window every column must vary, and there must be rows enough for the coefficients."""
    rows = slice(window[0], window[1] + 1)
    period = f"in the window ({dates[window[0]]} to {dates[window[1]]})"
    media = {name for paid in mapping.paid for name in (paid.spend, paid.exposure) if name}
    media |= {item.column for item in mapping.organic}
    for name, values in numbers.items():
        inside = values[rows]
        if inside.min() == inside.max():
            what = "is 0 everywhere" if inside[0] == 0 else f"is {inside[0]:g} everywhere"
            fix = (
                "Leave it out of the mapping or widen the window."
                if name in media
                else "A constant explains nothing: leave it out."
            )
            checks.error(f"{what} {period}.", _column(name), fix)
    for paid in mapping.paid:
        if paid.exposure and paid.exposure != paid.spend:
            silent = np.flatnonzero((numbers[paid.spend] > 0) & (numbers[paid.exposure] == 0))
            if len(silent):
                checks.warn(
                    f"{len(silent)} periods have spend without {paid.exposure!r}, first {dates[silent[0]]}.",
                    _column(paid.spend),
                )
    if len(mapping.paid) < 2:
        checks.warn("one paid channel alone leaves nothing to allocate.", "mapping.paid")


def _context(
    checks: _Checks, mapping: Mapping, table: pa.Table, numbers: dict[str, np.ndarray], order: np.ndarray
) -> tuple[Variable | Factor, ...]:
    found: list[Variable | Factor] = [
        Variable(item.column, numbers[item.column], item.sign) for item in mapping.context
    ]
    for item in mapping.factors:
        column = table[item.column].combine_chunks()
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        texts = [str(value) for value in pc.fill_null(column.cast(pa.string()), "(empty)").to_pylist()]
        levels = len(set(texts))
        if levels < 2:
            checks.error(f"has one level only, {texts[0]!r}.", _column(item.column), "Leave the factor out.")
        elif levels > _MOST_LEVELS:
            checks.error(
                f"has {levels} levels; at most {_MOST_LEVELS} can be told apart.",
                _column(item.column),
                "Group its levels.",
            )
        if column.null_count:
            checks.warn(f"{column.null_count} empty cells count as a level of their own.", _column(item.column))
        found.append(Factor(item.column, tuple(texts[i] for i in order), item.sign))
    return tuple(found)


def _lift_tests(
    checks: _Checks,
    experiment: Experiment,
    numbers: dict[str, np.ndarray],
    dates: np.ndarray,
    step: int,
    window: tuple[int, int],
) -> tuple[LiftTest, ...]:
    """Lift tests against the data: known channels, dates inside the window, spend near the data's."""
    mapping = experiment.mapping
    paid, organic = {item.spend for item in mapping.paid}, {item.column for item in mapping.organic}
    first, last = dates[window[0]].item(), dates[window[1]].item() + timedelta(days=max(step, 1) - 1)
    tests = []
    for number, test in enumerate(experiment.lift_tests, start=1):
        where = f"lift_tests {number} ({' + '.join(test.channels)})"
        unknown = [name for name in test.channels if name not in paid | organic]
        if unknown:
            checks.error(f"unknown channel {unknown[0]!r}.", where, f"Use: {', '.join(sorted(paid | organic))}.")
        if test.end < test.start:
            checks.error(f"ends on {test.end}, before it starts on {test.start}.", where)
        elif test.start < first or test.end > last:
            checks.error(
                f"{test.start} to {test.end} is not inside the window {first} to {last}.", where, "Widen the window."
            )
        if test.lift == 0:
            checks.error("a lift of 0 gives no scale for the error.", where, "Leave the test out or give its lift.")
        if test.confidence < _LEAST_CONFIDENCE:
            checks.warn(f"its confidence of {test.confidence:.0%} is below {_LEAST_CONFIDENCE:.0%}.", where)
        if not unknown and not set(test.channels) & organic:
            rows = (dates >= np.datetime64(test.start)) & (dates <= np.datetime64(test.end))
            spend = float(sum(numbers[name][rows].sum() for name in test.channels))
            if not _SPEND_TOLERANCE[0] * spend <= test.spend <= _SPEND_TOLERANCE[1] * spend:
                checks.warn(
                    f"its spend of {test.spend:,.0f} differs from the data's {spend:,.0f} by more than 10 %.", where
                )
        tests.append(LiftTest(test.channels, test.start, test.end, test.lift, test.spend, test.confidence, test.scope))
    return tuple(tests)


def _holidays(checks: _Checks, experiment: Experiment, dates: np.ndarray, step: int) -> tuple[Holiday, ...]:
    if experiment.country is None:
        return ()
    try:
        found = holidays(experiment.country, dates[0].item(), dates[-1].item() + timedelta(days=max(step, 1) - 1))
    except UserError as error:
        checks.error(error.what, error.where, error.fix)
        return ()
    if not found:
        checks.warn(f"no holidays are known for {experiment.country} within the data's dates.", "country")
    return tuple(Holiday(day, name) for day, name in found)
