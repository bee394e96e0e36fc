"""Feasts that move by days or weeks from one year to the next: when they are in a year."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from mmm.data.naming import words_of
from mmm.engines.bayes.calendar import black_friday, easter, nth_weekday


def moving_feast(name: str, years: Sequence[int]) -> tuple[date, ...]:
    """The days on which the moving feast begins that `name` is called after, in `years` (Ramadan may
    begin twice in one); none where the name is of no feast that is known.

    Feasts of the moon are by the package `holidays`, whose dates ahead are estimates.
    """
    words = set(words_of(name))
    for needed, dates in _FEASTS:
        if needed <= words:
            return tuple(day for year in years for day in dates(year))
    return ()


def _easter(year: int) -> list[date]:
    return [easter(year)]


def _black_friday(year: int) -> list[date]:
    return [black_friday(year)]


def _cyber_monday(year: int) -> list[date]:
    return [black_friday(year) + timedelta(days=3)]


def _thanksgiving(year: int) -> list[date]:
    return [nth_weekday(year, 11, 3, 4)]


def _islamic(method: str) -> Callable[[int], list[date]]:
    def dates(year: int) -> list[date]:
        from holidays.calendars.islamic import _IslamicLunar  # slow; most runs need none of it

        found = getattr(_IslamicLunar(), method)(year)
        return [day for day, _ in found if day.year == year]

    return dates


def _lunar_new_year(year: int) -> list[date]:
    from holidays.calendars.chinese import _ChineseLunisolar

    found, _ = _ChineseLunisolar().lunar_new_year_date(year)
    return [] if found is None else [found]


def _diwali(year: int) -> list[date]:
    from holidays.calendars.hindu import _HinduLunisolar

    found, _ = _HinduLunisolar().diwali_india_date(year)
    return [] if found is None else [found]


#: Words that a name must hold, and when the feast begins in a year; the first that fits counts.
_FEASTS: tuple[tuple[frozenset[str], Callable[[int], list[date]]], ...] = (
    (frozenset({"eid", "fitr"}), _islamic("eid_al_fitr_dates")),
    (frozenset({"eid", "adha"}), _islamic("eid_al_adha_dates")),
    (frozenset({"ramadan"}), _islamic("ramadan_beginning_dates")),
    (frozenset({"black", "friday"}), _black_friday),
    (frozenset({"cyber", "monday"}), _cyber_monday),
    (frozenset({"thanksgiving"}), _thanksgiving),
    (frozenset({"lunar", "new", "year"}), _lunar_new_year),
    (frozenset({"chinese", "new", "year"}), _lunar_new_year),
    (frozenset({"diwali"}), _diwali),
    (frozenset({"easter"}), _easter),
    (frozenset({"ostern"}), _easter),
)
