"""Public holidays by country, 1995 to 2044: Robyn's table (after Prophet; see LICENSE beside it)."""

from __future__ import annotations

from datetime import date
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from mmm.errors import UserError

TABLE = Path(__file__).with_name("holidays.csv.gz")


@cache
def _table() -> pa.Table:
    # A few names hold a line break, hence newlines_in_values; reading 87,651 rows takes about 40
    # ms.
    return csv.read_csv(
        TABLE,
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            include_columns=["ds", "holiday", "country"],
            column_types={"ds": pa.date32(), "holiday": pa.string(), "country": pa.string()},
            strings_can_be_null=False,
        ),
    )


@cache
def countries() -> tuple[str, ...]:
    """The countries that have holidays, as two-letter codes in alphabetical order."""
    return tuple(sorted(_table()["country"].unique().to_pylist()))


def holidays(country: str, first: date, last: date) -> tuple[tuple[date, str], ...]:
    """Holidays of `country` within [first, last] as (date, name), by date, then name.

    Raises UserError for a country without holidays, naming near ones.
    """
    if country not in countries():
        near = get_close_matches(country.upper(), countries(), n=5, cutoff=0.5)
        hint = (
            f"Did you mean one of {', '.join(near)}?"
            if near
            else f"Choose one of {', '.join(countries())}."
        )
        raise UserError(f"no holidays are known for {country!r}.", where="country", fix=hint)
    table = _table()
    wanted = pc.and_(
        pc.equal(table["country"], country),
        pc.and_(
            pc.greater_equal(table["ds"], pa.scalar(first)),
            pc.less_equal(table["ds"], pa.scalar(last)),
        ),
    )
    found = table.filter(wanted)
    names = (" ".join(name.split()) for name in found["holiday"].to_pylist())
    return tuple(sorted(zip(found["ds"].to_pylist(), names, strict=True)))
