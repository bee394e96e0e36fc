"""From an experiment and its table to the engine's problem, with everything checked before any
training.

What is wrong with the data say the data checks (`mmm.data.quality`), the same that the quality page
shows: red ones refuse, orange ones are warnings. Here is checked what only an experiment has: its
window, lift tests, country and settings. All findings are collected, so that one look at the message
is enough to correct the table or the mapping.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from mmm.data.holidays.regional import holidays_of
from mmm.data.mapping import Mapping
from mmm.data.quality import (
    CHANNELS,
    ROW_CHECKS,
    SERIES_CHECKS,
    Check,
    Light,
    findings_of,
    findings_of_channels,
    run_checks,
)
from mmm.data.quality.frame import Frame, build_frame
from mmm.data.quality.money import OneCurrency, Units
from mmm.data.quality.rows import Length, ObservationsPerParameter
from mmm.data.quality.values import NeverVaries
from mmm.engines import load_engine
from mmm.engines.base import Factor, Holiday, PaidMedium, PreviousModel, Problem, Variable
from mmm.engines.capabilities import CountsTerms, TakesFrequency, offered
from mmm.errors import Finding, UserError
from mmm.experiments.checks import Checks, column_text
from mmm.experiments.config import EventConfig, Experiment
from mmm.experiments.lift_tests import lift_tests
from mmm.experiments.panels import read_geos, without_geo
from mmm.experiments.periods import Periods, periods_of

_FEWEST_PERIODS = 3

#: Values by column, each of shape (T,).
Columns = dict[str, np.ndarray]
#: An event of so large a share of the days is hardly one.
_ALL_DAYS = 0.9


def build_problem(
    experiment: Experiment, table: pa.Table, previous: PreviousModel | None = None
) -> tuple[Problem, list[Finding]]:
    """The problem an engine is to solve, and warnings. Raises InvalidInput with every error found.

    `previous` is the model that the experiment refreshes, as `mmm.models.refresh.previous_of` reads
    it.
    """
    market = experiment.dataset.market
    checks = Checks(
        f"the data of {market!r} cannot be modelled as mapped (rows count from 1):",
        f"the experiment cannot be run on the data of {market!r} (rows count from 1):",
    )
    if table.num_rows == 0:
        checks.error("the table has no rows.", "table", "Load data first.")
        checks.stop()
    panel = None
    if experiment.mapping.geo is not None:
        geos = read_geos(checks, table, experiment.mapping)
        table, panel = geos.nation, geos.panel
        experiment = experiment.model_copy(update={"mapping": geos.mapping})
    # No engine models several markets: a date that comes once for each of them comes twice here.
    mapping = without_geo(experiment.mapping)
    frame = build_frame(table, mapping, lacking=True)
    rows = run_checks(frame, ROW_CHECKS)
    checks.findings += findings_of(rows)
    lights = {result.check: result.light for result in rows}
    if any(lights[name] is Light.RED for name in ("cadence", "duplicates", "length")) or not (
        _has_dates(frame)
    ):
        checks.findings += findings_of(run_checks(frame, (NeverVaries(),)))
        raise checks.refusal()
    periods = periods_of(frame)
    if periods.renamed:
        checks.warn(periods.renamed, column_text(mapping.date))
    window = _window(checks, experiment, periods)
    if window is None:
        raise checks.refusal()
    first, last = (frame.days[periods.order[row]].item() for row in window)
    inside = frame.cut(first, last, periods.last_day_of(window[1]))
    if checks.errors():
        checks.findings += findings_of(run_checks(inside, (NeverVaries(),)))
        raise checks.refusal()
    numbers = {name: item.values[periods.order] for name, item in frame.numbers.items()}
    _check_frequencies(checks, mapping, numbers, periods)
    tests = lift_tests(checks, experiment, numbers, periods, window)
    days_off = _holidays(checks, experiment, periods)
    problem = _problem(experiment, frame, periods, numbers, window)
    if offered(load_engine(experiment.engine), TakesFrequency) is None:
        problem = _by_impressions(checks, experiment, problem)
    problem = replace(problem, lift_tests=tests, holidays=days_off, previous=previous, panel=panel)
    _check_series(checks, experiment, inside, problem)
    if not mapping.paid:
        checks.warn("no paid channel: no ROAS, CPA or plan comes of it.", "mapping.paid")
    elif len(mapping.paid) == 1:
        checks.warn("one paid channel alone leaves nothing to allocate.", "mapping.paid")
    checks.stop()
    engine = load_engine(experiment.engine)
    checks.findings += engine.check(problem, experiment.engine_settings())
    checks.stop()
    return problem, checks.findings


def _has_dates(frame: Frame) -> bool:
    times = frame.times
    return times is not None and not len(times.wrong) and not len(times.missing)


def _check_series(checks: Checks, experiment: Experiment, inside: Frame, problem: Problem) -> None:
    """The data checks within the window, told what only the experiment knows."""
    counted = ObservationsPerParameter()
    engine = offered(load_engine(experiment.engine), CountsTerms)
    if engine is not None:
        terms = engine.own_terms(problem, experiment.engine_settings())
        counted = ObservationsPerParameter(own_terms=len(terms))
        if "season" not in terms:
            checks.findings = [item for item in checks.findings if item.check != Length.name]
    told: dict[str, Check] = {
        counted.name: counted,
        OneCurrency.name: OneCurrency(currency=experiment.currency),
        Units.name: Units(value=experiment.value_per_conversion),
    }
    found = findings_of(
        run_checks(inside, tuple(told.get(check.name, check) for check in SERIES_CHECKS))
    )
    for finding in found:
        if finding.level == "error" and finding.check in experiment.accept:
            finding = replace(finding, level="warning", fix=f"Accepted ({finding.check}).")
        checks.findings.append(finding)
    checks.findings += findings_of_channels(CHANNELS.run(inside))


def _problem(
    experiment: Experiment,
    frame: Frame,
    periods: Periods,
    numbers: Columns,
    window: tuple[int, int],
) -> Problem:
    """The problem as the table alone gives it."""
    mapping = experiment.mapping
    levels = {name: _level_texts(*item)[periods.order] for name, item in frame.levels.items()}
    variables = [Variable(item.column, numbers[item.column], item.sign) for item in mapping.context]
    factors = [
        Factor(item.column, tuple(levels[item.column].tolist()), item.sign)
        for item in mapping.factors
    ]
    return Problem(
        dates=periods.dates,
        step_days=periods.step,
        kpi_name=mapping.kpi,
        kpi=numbers[mapping.kpi],
        kpi_kind=mapping.kpi_kind,
        paid=_paid(mapping, numbers),
        window=window,
        organic=tuple(
            Variable(item.column, numbers[item.column], item.sign) for item in mapping.organic
        ),
        context=(*variables, *factors),
        currency=experiment.currency,
        country=experiment.country,
        value_per_conversion=experiment.value_per_conversion,
        margin=experiment.margin,
    )


def _level_texts(codes: np.ndarray, texts: list[str]) -> np.ndarray:
    """A factor's level of each row; empty cells are one of their own."""
    return np.array([*texts, "(empty)"], object)[codes]


def _paid(mapping: Mapping, numbers: Columns) -> tuple[PaidMedium, ...]:
    """The paid media; an exposure that is the spend itself is none."""
    found = []
    for paid in mapping.paid:
        exposure = None if paid.exposure == paid.spend else paid.exposure
        values = None if exposure is None else numbers[exposure]
        frequency = None if paid.frequency is None else numbers[paid.frequency]
        found.append(
            PaidMedium(
                name=paid.spend,
                spend=numbers[paid.spend],
                exposure=values,
                exposure_name=exposure,
                sign=paid.sign,
                frequency=frequency,
                frequency_name=paid.frequency,
            )
        )
    return tuple(found)


def _check_frequencies(
    checks: Checks, mapping: Mapping, numbers: Columns, periods: Periods
) -> None:
    """A frequency is known wherever somebody was reached, and hardly ever below once."""
    for paid in mapping.paid:
        if paid.frequency is None or paid.exposure is None:
            continue
        where, reached = column_text(paid.frequency), numbers[paid.exposure] > 0.0
        unknown = np.flatnonzero(reached & ~(numbers[paid.frequency] > 0.0))
        if len(unknown):
            what = (
                f"is not above 0 in {_periods(len(unknown))} in which {paid.exposure!r} is, first on "
                f"{periods.dates[unknown[0]]}."
            )
            checks.error(what, where, "Give the frequency there, or map the impressions alone.")
            continue
        seldom = float((numbers[paid.frequency][reached] < 1.0).mean()) if reached.any() else 0.0
        if seldom > 0.0:
            what = (
                f"is below 1 in {seldom:.0%} of the periods with reach: who is reached is so once."
            )
            checks.warn(what, where, "Check that it counts exposures per person reached.")


def _by_impressions(checks: Checks, experiment: Experiment, problem: Problem) -> Problem:
    """The problem for an engine that models no frequency: impressions, reach times frequency."""
    paid = []
    for medium in problem.paid:
        if medium.frequency is not None and medium.exposure is not None:
            what = f"is not modelled by {experiment.engine}: reach times frequency is, the impressions."
            checks.warn(what, column_text(str(medium.frequency_name)))
            exposure = medium.exposure * medium.frequency
            medium = replace(medium, exposure=exposure, frequency=None)
        paid.append(medium)
    return replace(problem, paid=tuple(paid))


def _window(checks: Checks, experiment: Experiment, periods: Periods) -> tuple[int, int] | None:
    """(first row, last row) of the modelling window; None when there are errors.

    A start within a period means the nearest one, as in Robyn; the end is the last period that has
    begun by then.
    """
    start, end = experiment.window.start, experiment.window.end
    first_day, last_day = periods.first_day, periods.last_day
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
    dates = periods.dates
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


def _holidays(checks: Checks, experiment: Experiment, periods: Periods) -> tuple[Holiday, ...]:
    """Holidays of all the experiment's countries and regions and its own events, each name once a
    day. Of a region beside its country only the days that the country has not: the same day may have
    another name there.
    """
    codes = [("country", experiment.country)] if experiment.country else []
    codes += [
        (f"more_holidays.{number}", code)
        for number, code in enumerate(experiment.more_holidays, start=1)
    ]
    found: set[tuple[date, str]] = set()
    known: dict[str, set[date]] = {}
    for where, code in sorted(codes, key=lambda item: "-" in item[1]):
        try:
            own = holidays_of(code, periods.first_day, periods.last_day)
        except UserError as error:
            checks.error(error.what, where, error.fix)
            continue
        if not own:
            checks.warn(f"no holidays are known for {code} within the data's dates.", where)
        of_country = known.get(code.partition("-")[0], set())
        found |= {(day, name) for day, name in own if day not in of_country}
        if "-" not in code:
            known[code] = {day for day, _ in own}
    whole = (periods.last_day - periods.first_day).days + 1
    for number, event in enumerate(experiment.events, start=1):
        days = _days_of(event, periods)
        if not days:
            what = (
                f"{event.name!r} lies outside the data, {periods.first_day} to {periods.last_day}."
            )
            checks.warn(what, f"events.{number}", "It has no effect on this model.")
        elif len(days) >= _ALL_DAYS * whole:
            what = f"{event.name!r} lasts over {len(days) / whole:.0%} of the data's days."
            fix = "What is always so cannot be told from the intercept; correct the dates."
            checks.warn(what, f"events.{number}", fix)
        found |= {(day, event.name) for day in days}
    return tuple(Holiday(day, name) for day, name in sorted(found))


def _days_of(event: EventConfig, periods: Periods) -> list[date]:
    """The event's days within the data."""
    first = max(event.start, periods.first_day)
    last = min(event.end or event.start, periods.last_day)
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
