"""Holidays of a country's regions, by the package `holidays`: DE-BY, US-CA, ES-CT."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches

from mmm.data.holidays import holidays
from mmm.errors import UserError


def holidays_of(code: str, first: date, last: date) -> tuple[tuple[date, str], ...]:
    """Holidays within [first, last] of a country (DE) or of one of its regions (DE-BY), as (date,
    name) by date.

    A country's are those of Robyn's table; a region's are the country's and its own, by the package
    `holidays`. Raises UserError for a code that is not known, naming near ones.
    """
    country, _, region = code.partition("-")
    if not region:
        return holidays(country, first, last)
    import holidays as package  # half a second, which countries do not need

    regions = package.list_supported_countries().get(country)
    if regions is None or region not in regions:
        near = get_close_matches(region, regions or [], n=3, cutoff=0.3) or list(regions or [])
        known = ", ".join(f"{country}-{name}" for name in near[:12])
        fix = f"Choose one of {known}." if known else "Use a country's two letters."
        raise UserError(f"no holidays are known for the region {code!r}.", where="country", fix=fix)
    years = range(first.year, last.year + 1)
    found = package.country_holidays(country, subdiv=region, years=years)
    return tuple(sorted((day, name) for day, name in found.items() if first <= day <= last))
