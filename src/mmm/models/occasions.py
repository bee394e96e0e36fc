"""The days of a run's holidays and own events, those of its data and those of the periods ahead."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from mmm.data.holidays.regional import holidays_of
from mmm.engines.bayes.calendar import black_friday, easter
from mmm.experiments.config import Experiment
from mmm.models.feasts import moving_feast
from mmm.planning.holidays_ahead import Occasions

_YEAR = timedelta(days=364)  # whole weeks, so that weekdays stay in place
#: An event is its feast's where its days lie so near to it.
_NEAR = timedelta(days=60)
_OBSERVED = " (Observed)"


def occasions_of(experiment: Experiment, first: date, last: date) -> Occasions:
    """The days from `first` to `last` of the experiment's holidays by name, of the feasts that
    engines know in every country, and of its own events. An event whose days ahead are not given
    stands at its own feast's date, or in the same weeks as a year before.
    """
    found: dict[str, set[date]] = defaultdict(set)
    codes = [experiment.country] if experiment.country else []
    for code in (*codes, *experiment.more_holidays):
        for day, name in holidays_of(code, first, last):
            found[name.replace(_OBSERVED, "")].add(day)
    for year in range(first.year, last.year + 1):
        found["Easter"].add(easter(year))
        found["Black Friday"].add(black_friday(year))
        found["Christmas"].add(date(year, 12, 25))
        found["Valentine's Day"].add(date(year, 2, 14))
    for name, days in _events(experiment).items():
        found[name] |= days | _repeated(name, days, last)
    return {name: tuple(sorted(days)) for name, days in found.items()}


def _events(experiment: Experiment) -> dict[str, set[date]]:
    """The days of the experiment's own events by name."""
    found: dict[str, set[date]] = defaultdict(set)
    for event in experiment.events:
        length = ((event.end or event.start) - event.start).days + 1
        found[event.name] |= {event.start + timedelta(days=number) for number in range(length)}
    return found


def _repeated(name: str, days: set[date], last: date) -> set[date]:
    """The days of an event that come after those that were given, up to `last`."""
    end = max(days)
    feasts = moving_feast(name, range(end.year - 1, last.year + 2))
    near = [day for day in feasts if abs(day - end) <= _NEAR]
    if near:
        newest = min(near, key=lambda day: abs(day - end))
        own = {day - newest for day in days if abs(day - newest) <= _NEAR}
        moved: set[date] = set()
        for feast in feasts:
            if feast > newest:
                moved.update(feast + apart for apart in own)
        return {day for day in moved if end < day <= last}
    repeated: set[date] = set()
    newest_year = {day for day in days if day > end - _YEAR}
    while newest_year and min(newest_year) + _YEAR <= last:
        newest_year = {day + _YEAR for day in newest_year}
        repeated |= {day for day in newest_year if end < day <= last}
    return repeated
