"""Lift tests against the data that they are to calibrate: channels, dates, spend, size of the lift,
and each other.
"""

from __future__ import annotations

import math
from datetime import timedelta
from statistics import NormalDist

import numpy as np

from mmm.engines.base import LiftTest
from mmm.experiments.checks import Checks
from mmm.experiments.config import Experiment, LiftTestConfig
from mmm.experiments.periods import Periods
from mmm.experiments.registered import for_spend, same_spend

_LEAST_CONFIDENCE = 0.8
#: A lift of more than this share of the KPI of its days is implausible.
_MOST_OF_KPI = 0.5
#: A lift of at most 1 where the KPI is beyond this looks like a share.
_MANY = 100.0
#: A standard error below this share of the lift is implausible.
_FINEST = 0.005
#: A lift so far from the middle of its interval, as a share of the width, is pointed out.
_OFF_MIDDLE = 0.25
#: Two tests of one thing contradict each other when their rates differ by more than this many
#: standard errors of the difference, or when their intervals exclude each other.
_CONTRADICTION = 2.0
#: The intervals hold 90 %; one that is wider than this share of the lift on each side says little.
_LEVEL, _TELLS_LITTLE = 0.9, 0.9
_CERTAIN = 1 - 1e-9
_RIGHT = "Find out which of them is right, and leave the other out."

Columns = dict[str, np.ndarray]


def lift_tests(
    checks: Checks,
    experiment: Experiment,
    numbers: Columns,
    periods: Periods,
    window: tuple[int, int],
) -> tuple[LiftTest, ...]:
    """The experiment's finished tests as the engine takes them, with a finding for all that does not
    fit the data. `numbers` are the columns by period.
    """
    mapping = experiment.mapping
    paid = {item.spend for item in mapping.paid}
    media = paid | {item.column for item in mapping.organic}
    used = []
    for number, test in enumerate(experiment.lift_tests, start=1):
        where = f"lift_tests.{number}"
        if test.status != "finished":
            checks.warn(f"it is {test.status}, so it is left out.", f"{where}.status")
            continue
        spend = None
        if set(test.channels) <= paid & numbers.keys():
            spend = float(sum(_within(numbers[name], test, periods) for name in test.channels))
            test = _for_spend(checks, test, where, spend)
        used.append((number, test))
        for name in test.channels:
            if name not in media:
                known = f"Use: {', '.join(sorted(media))}."
                checks.error(f"unknown channel {name!r}.", f"{where}.channels", known)
        _check_dates(checks, test, where, periods, window)
        _check_size(checks, test, where, numbers[mapping.kpi], periods, paid)
        if spend is not None:
            _check_spend(checks, test, where, spend)
    _check_pairs(checks, used)
    _check_together(checks, used, numbers[mapping.kpi], periods)
    return tuple(_engines(test) for _, test in used)


def _engines(test: LiftTestConfig) -> LiftTest:
    return LiftTest(
        channels=test.channels,
        start=test.start,
        end=test.end,
        lift=test.lift,
        spend=test.spend,
        confidence=test.confidence,
        scope=test.scope,
        standard_error=test.error,
    )


def _check_dates(
    checks: Checks,
    test: LiftTestConfig,
    where: str,
    periods: Periods,
    window: tuple[int, int],
) -> None:
    first, last = periods.day(window[0]), periods.last_day_of(window[1])
    if test.start < first or test.end > last:
        what = f"{test.start} to {test.end} is not inside the window, {first} to {last}."
        checks.error(what, where, "Widen the window, or leave the test out.")


def _check_size(
    checks: Checks,
    test: LiftTestConfig,
    where: str,
    kpi: np.ndarray,
    periods: Periods,
    paid: set[str],
) -> None:
    """The lift against the KPI of its days, its sign, and what is known of its precision."""
    if test.lift == 0 and test.error is None:
        what = "a lift of 0 without a standard error or an interval does not say how sure it is."
        checks.error(what, f"{where}.lift", "Give the test's standard_error or its interval.")
    total = _within(kpi, test, periods)
    if total > 0 and abs(test.lift) > total:
        what = (
            f"a lift of {test.lift:,.6g} is {abs(test.lift) / total:,.3g} times the whole KPI of "
            f"its days, {total:,.6g}."
        )
        fix = "Give the lift in units of the KPI, over the days of the test."
        checks.error(what, f"{where}.lift", fix)
    elif total > 0 and abs(test.lift) > _MOST_OF_KPI * total:
        what = f"a lift of {test.lift:,.6g} is {abs(test.lift) / total:.0%} of the KPI of its days."
        checks.warn(what, f"{where}.lift", "Make sure that it is in units of the KPI.")
    if 0 < abs(test.lift) <= 1 and total > _MANY:
        what = f"a lift of {test.lift:.6g} against a KPI of {total:,.6g} in its days looks like a share."
        fix = "Give the lift in units of the KPI, over the days of the test."
        checks.warn(what, f"{where}.lift", fix)
    _check_error(checks, test, where, total)
    if test.lift < 0 and set(test.channels) <= paid:
        what = "a negative lift: a paid channel's effect is never below 0 in the model."
        if test.error is not None and test.lift + _CONTRADICTION * test.error >= 0:
            what += " Within its error it may be 0."
        fix = "Leave the test out, or let the channel's sign be unconstrained."
        checks.warn(what, f"{where}.lift", fix)
    if test.error is None and test.lift:
        _check_confidence(checks, test, where)


def _check_error(checks: Checks, test: LiftTestConfig, where: str, total: float) -> None:
    """A standard error in other units: larger than the KPI itself, or finer than tests are."""
    field = f"{where}.standard_error"
    if test.interval_low is not None and test.interval_high is not None:
        middle = (test.interval_low + test.interval_high) / 2.0
        if abs(test.lift - middle) > _OFF_MIDDLE * (test.interval_high - test.interval_low):
            what = (
                f"its lift of {test.lift:,.6g} lies far from {middle:,.6g}, the middle of its "
                "interval; it is taken as one of the same width around the lift."
            )
            checks.warn(what, where, "Make sure that both are of the same estimate.")
    fix = "Give it in units of the KPI, as the lift."
    if test.error is None:
        return
    if total > 0 and test.error > total:
        what = (
            f"an error of {test.error:,.6g} is more than the whole KPI of its days, {total:,.6g}: "
            "the test says nothing."
        )
        checks.warn(what, field, fix)
    elif test.error < _FINEST * abs(test.lift):
        what = (
            f"an error of {test.error:,.6g} for a lift of {test.lift:,.6g} is finer than tests are, "
            "and holds the model to it."
        )
        checks.warn(what, field, fix)


def _check_confidence(checks: Checks, test: LiftTestConfig, where: str) -> None:
    """How little a test says of which only the confidence is known that its lift is not 0."""
    if test.confidence < _LEAST_CONFIDENCE:
        what = f"its confidence of {test.confidence:.0%} is below {_LEAST_CONFIDENCE:.0%}."
        checks.warn(what, f"{where}.confidence")
        return
    certainty = NormalDist().inv_cdf((1 + min(test.confidence, _CERTAIN)) / 2)
    half = NormalDist().inv_cdf((1 + _LEVEL) / 2) / certainty
    if half <= _TELLS_LITTLE:
        return
    what = (
        f"of its precision only a confidence of {test.confidence:.0%} is known: its interval is "
        f"{1 - half:.2g} to {1 + half:.2g} times the lift, and excludes little else."
    )
    fix = "Give the test's standard_error or its interval."
    checks.warn(what, f"{where}.confidence", fix)


def _for_spend(checks: Checks, test: LiftTestConfig, where: str, spend: float) -> LiftTestConfig:
    """The test as it counts beside the data's spend in its days; says what was changed."""
    changed, said = for_spend(test, spend)
    if said:
        checks.warn(said, f"{where}.spend")
    return changed


def _check_spend(checks: Checks, test: LiftTestConfig, where: str, spend: float) -> None:
    """The test's spend against the data's in its days."""
    if spend == 0:
        what = f"the data have no spend of {', '.join(test.channels)} in its days."
        checks.warn(what, f"{where}.spend", "Correct the dates or the channel.")
    elif not same_spend(test.spend, spend):
        what = f"{test.spend:,.0f} differs from the data's {spend:,.0f} by more than 10 %."
        checks.warn(what, f"{where}.spend")


def _check_pairs(checks: Checks, tests: list[tuple[int, LiftTestConfig]]) -> None:
    """Tests of the same channels whose days overlap say the same thing twice, or contradict; so do
    tests of some of another's channels that found more than it.
    """
    for place, (number, test) in enumerate(tests):
        for other_number, other in tests[:place]:
            if _apart(test, other):
                continue
            where = f"lift_tests.{number}"
            if test.scope != other.scope:
                _check_scopes(checks, where, test, (other_number, other))
                continue
            if set(test.channels) != set(other.channels):
                _check_part(checks, where, test, (other_number, other))
                continue
            if test == other:
                what = f"it is the same as test {other_number}, and counts twice."
                checks.warn(what, where, "Leave one of them out.")
                continue
            what = f"it overlaps test {other_number} of the same channels"
            difference = _contradiction(test, other)
            if difference is None:
                checks.warn(f"{what}, and both count.", where, "Leave one of them out.")
                continue
            checks.warn(f"{what} and contradicts it: {difference}.", where, _RIGHT)


def _apart(test: LiftTestConfig, other: LiftTestConfig) -> bool:
    return test.start > other.end or other.start > test.end


def _check_scopes(
    checks: Checks, where: str, test: LiftTestConfig, numbered: tuple[int, LiftTestConfig]
) -> None:
    """Of the same channels, the immediate effect alone cannot be more than the whole one."""
    number, other = numbered
    difference = _contradiction(test, other)
    if set(test.channels) != set(other.channels) or difference is None:
        return
    part, whole = (test, other) if test.scope == "immediate" else (other, test)
    days = [(item.end - item.start).days + 1 for item in (part, whole)]
    if part.lift / days[0] <= whole.lift / days[1]:
        return
    what = (
        f"it overlaps test {number} and contradicts it: the immediate effect is said to be more "
        f"than the total one, {difference}."
    )
    checks.warn(what, where, _RIGHT)


def _check_together(
    checks: Checks,
    tests: list[tuple[int, LiftTestConfig]],
    kpi: np.ndarray,
    periods: Periods,
) -> None:
    """Tests of different channels in the same days whose lifts are too much of the KPI together,
    though each alone is not.
    """
    for number, test in tests:
        seen, lift, beside = set(test.channels), test.lift, []
        days = (test.end - test.start).days + 1
        for other_number, other in tests:
            if other is test or _apart(test, other) or seen & set(other.channels):
                continue
            seen |= set(other.channels)
            shared = (min(test.end, other.end) - max(test.start, other.start)).days + 1
            lift += other.lift * shared / ((other.end - other.start).days + 1)
            beside.append(other_number)
        total = _within(kpi, test, periods)
        alone = test.lift > _MOST_OF_KPI * total
        if not beside or alone or total <= 0 or lift <= _MOST_OF_KPI * total:
            continue
        others = ", ".join(str(item) for item in beside)
        what = (
            f"with the tests of other channels in its {days} days ({others}) {lift:,.6g} is "
            f"{lift / total:.0%} of the KPI of these days."
        )
        checks.warn(what, f"lift_tests.{number}", "Make sure that they are in units of the KPI.")
        return


def _check_part(
    checks: Checks, where: str, test: LiftTestConfig, numbered: tuple[int, LiftTestConfig]
) -> None:
    """A test of some of the channels of another: what all of them did is at least as much."""
    number, other = numbered
    small, large = sorted((test, other), key=lambda item: len(item.channels))
    if not set(small.channels) < set(large.channels):
        return
    days = [(item.end - item.start).days + 1 for item in (small, large)]
    difference = _contradiction(test, other)
    if difference is None or small.lift / days[0] <= large.lift / days[1]:
        return
    what = (
        f"it overlaps test {number} and contradicts it: {' + '.join(small.channels)} alone is said "
        f"to have done more than {' + '.join(large.channels)}, {difference}."
    )
    checks.warn(what, where, _RIGHT)


def _contradiction(test: LiftTestConfig, other: LiftTestConfig) -> str | None:
    """How two tests of one thing differ, by day; None where their errors allow both."""
    days = [(item.end - item.start).days + 1 for item in (test, other)]
    rates = [item.lift / count for item, count in zip((test, other), days, strict=True)]
    errors = [_engines(item).error / count for item, count in zip((test, other), days, strict=True)]
    half_widths = NormalDist().inv_cdf((1 + _LEVEL) / 2) * sum(errors)
    allowed = min(_CONTRADICTION * math.hypot(*errors), half_widths)
    if abs(rates[0] - rates[1]) <= allowed:
        return None
    return f"{rates[0]:,.4g} a day against {rates[1]:,.4g}"


def _within(values: np.ndarray, test: LiftTestConfig, periods: Periods) -> float:
    """The sum of a column over the test's days; a period counts with the share of its days that
    belong to it.
    """
    starts = periods.dates
    ends = np.append(starts[1:], np.datetime64(periods.last_day + timedelta(days=1)))
    begin, stop = np.datetime64(test.start), np.datetime64(test.end + timedelta(days=1))
    days = np.clip((np.minimum(ends, stop) - np.maximum(starts, begin)).astype(int), 0, None)
    return float((values * (days / (ends - starts).astype(int))).sum())
