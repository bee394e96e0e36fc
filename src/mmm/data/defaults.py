"""What a form is filled in with, read off the data: market, country, currency, a run's name. What
the data do not say stays open; nothing is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.data.calendar import Period, find_cadence
from mmm.data.columns import read_times
from mmm.data.holidays import countries
from mmm.data.mapping import Mapping
from mmm.data.markets import read_markets
from mmm.data.quality.currencies import find_currencies
from mmm.format import span

_MOST_MARKETS = 4
_LONGEST_MARKET = 40
#: Two letters in a file's name that are more often a word than a country.
_WORDS_TOO = frozenset(["AD", "ID", "IN", "IS", "MY", "NO", "SO", "TO", "TV", "ME", "BY", "PM"])


def usual_market(table: pa.Table, market: str | None, origin: str) -> str:
    """What a table's market is called: the values of its market column where they are few, else a
    country in the file's name, else the file's name without its ending.
    """
    if market is not None and market in table.column_names:
        names = read_markets(table[market]).names
        if 0 < len(names) <= _MOST_MARKETS:
            return _as_name("-".join(names))
    stem = PurePath(origin).stem
    for word in reversed(re.split(r"[\W_]+", stem.upper())):
        if len(word) == 2 and word in countries() and word not in _WORDS_TOO:
            return word
    return _as_name(stem)


def _as_name(text: str) -> str:
    """Letters, digits and plain marks only, so that it may be a market's name."""
    plain = re.sub(r"[^\w.-]+", " ", text)
    return plain.strip(" ._-")[:_LONGEST_MARKET].rstrip(" .") or "data"


def usual_countries(market: str) -> tuple[str, ...]:
    """The countries whose holidays a market has, by its name: DE, or DE and AT of `DE-AT`."""
    words = re.split(r"[\W_]+", market.strip().upper())
    found = [word for word in words if word in countries()]
    return tuple(dict.fromkeys(found)) if len(found) == len(words) else ()


def usual_currency(
    table: pa.Table, mapping: Mapping, reading: MappingType[str, Any] | None
) -> str | None:
    """The one currency that the data are in: as given when the file was read, else as columns,
    their names, and the signs in their cells say. None where nothing says it, or where several do.
    """
    told = reading or {}
    given = (told.get("given") or {}).get("currency")
    if given:
        return str(given)
    found = find_currencies(table, mapping).all
    return found[0] if len(found) == 1 else None


#: What is paid with where, for markets named by their country (ISO 3166 and 4217).
_EURO = [
    "AT",
    "BE",
    "CY",
    "DE",
    "EE",
    "ES",
    "FI",
    "FR",
    "GR",
    "HR",
    "IE",
    "IT",
    "LT",
    "LU",
    "LV",
    "MT",
    "NL",
    "PT",
    "SI",
    "SK",
]
_MONEY: dict[str, str] = dict.fromkeys(_EURO, "EUR") | {
    "AE": "AED",
    "AR": "ARS",
    "AU": "AUD",
    "BR": "BRL",
    "CA": "CAD",
    "CH": "CHF",
    "CL": "CLP",
    "CN": "CNY",
    "CO": "COP",
    "CZ": "CZK",
    "DK": "DKK",
    "EG": "EGP",
    "GB": "GBP",
    "UK": "GBP",
    "HK": "HKD",
    "HU": "HUF",
    "ID": "IDR",
    "IL": "ILS",
    "IN": "INR",
    "IS": "ISK",
    "JP": "JPY",
    "KE": "KES",
    "KR": "KRW",
    "MA": "MAD",
    "MX": "MXN",
    "MY": "MYR",
    "NG": "NGN",
    "NO": "NOK",
    "NZ": "NZD",
    "PE": "PEN",
    "PH": "PHP",
    "PK": "PKR",
    "PL": "PLN",
    "RO": "RON",
    "RS": "RSD",
    "SA": "SAR",
    "SE": "SEK",
    "SG": "SGD",
    "TH": "THB",
    "TR": "TRY",
    "TW": "TWD",
    "UA": "UAH",
    "US": "USD",
    "VN": "VND",
    "ZA": "ZAR",
}


def currency_of_countries(codes: Sequence[str]) -> str | None:
    """The one currency that is paid with in all of these countries; None where there is none."""
    found = {_MONEY.get(code) for code in codes}
    return found.pop() if len(found) == 1 else None


def usual_period(table: pa.Table, date: str) -> Period:
    """The period that data are prepared by: days become weeks, anything longer stays."""
    times = read_times(table[date])
    if times is None:
        return "week"
    days = np.unique(times.days[~np.isnat(times.days)])
    cadence = find_cadence(days)
    if cadence is None or cadence.period in (None, "day"):
        return "week"
    return cadence.period


def usual_name(market: str, kpi: str, days: Sequence[np.datetime64]) -> str:
    """What a run on a market's data is called: "DE revenue, 3 January 2022 to 30 December 2024"."""
    if not len(days):
        return f"{market} {kpi}"
    return f"{market} {kpi}, {span(days[0].astype(object), days[-1].astype(object))}"
