"""Which currencies a table's money is in, as far as its columns say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from mmm.data.columns import is_text
from mmm.data.mapping import Mapping
from mmm.data.naming import words_of
from mmm.sources.reading import Reading
from mmm.workspace import ColumnProfile
from mmm.workspace.tables import currencies_of

#: Currencies as ISO 4217 has them that media are paid in, and their signs.
CODES = frozenset(
    [
        "AED",
        "ARS",
        "AUD",
        "BGN",
        "BRL",
        "CAD",
        "CHF",
        "CLP",
        "CNY",
        "COP",
        "CZK",
        "DKK",
        "EGP",
        "EUR",
        "GBP",
        "HKD",
        "HUF",
        "IDR",
        "ILS",
        "INR",
        "ISK",
        "JPY",
        "KES",
        "KRW",
        "KWD",
        "MAD",
        "MXN",
        "MYR",
        "NGN",
        "NOK",
        "NZD",
        "PEN",
        "PHP",
        "PKR",
        "PLN",
        "QAR",
        "RON",
        "RSD",
        "RUB",
        "SAR",
        "SEK",
        "SGD",
        "THB",
        "TRY",
        "TWD",
        "UAH",
        "USD",
        "VND",
        "ZAR",
    ]
)
SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR"}
#: What else stands beside amounts and means one currency; "kr" and "$" of other countries do not.
_WRITTEN = SIGNS | {
    "R$": "BRL",
    "US$": "USD",
    "A$": "AUD",
    "C$": "CAD",
    "CA$": "CAD",
    "NZ$": "NZD",
    "HK$": "HKD",
    "S$": "SGD",
    "MX$": "MXN",
    "RS": "INR",
    "RS.": "INR",
    "FR.": "CHF",
    "SFR": "CHF",
    "SFR.": "CHF",
    "EURO": "EUR",
    "EUROS": "EUR",
    "ZŁ": "PLN",
    "KČ": "CZK",
    "FT": "HUF",
    "LEI": "RON",
    "TL": "TRY",
    "₺": "TRY",
    "₽": "RUB",
    "₩": "KRW",
    "₪": "ILS",
    "₫": "VND",
    "₴": "UAH",
    "₦": "NGN",
    "฿": "THB",
}
#: Codes that are words or parts of names as well: no column's name says them.
_WORDS_TOO = frozenset(["COP", "PEN", "RON", "TRY"])
#: Words that name a column of currencies.
_WORDS = frozenset(
    [
        "currency",
        "currencies",
        "curr",
        "ccy",
        "waehrung",
        "währung",
        "devise",
        "divisa",
        "moneda",
        "valuta",
    ]
)
#: Types of a reading's columns that may be money.
_NUMBERS = ("number", "whole number")
#: A text column with more values than this is none of currencies.
_MOST = 200


@dataclass(frozen=True)
class Currencies:
    """`column` holds each row's currency where there is one, `values` the codes in it; `named` are
    the currencies of mapped money columns, by column, as their names or the signs in their cells
    say.
    """

    column: str | None
    values: tuple[str, ...]
    named: dict[str, str]

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted({*self.values, *self.named.values()}))


def columns_to_check(columns: Sequence[ColumnProfile], mapping: Mapping) -> list[str]:
    """What the checks look at of a dataset: the mapped columns, and short texts that may be
    currencies.
    """
    mapped = mapping.all_columns()
    return list(dict.fromkeys([*mapped, *currency_like(columns)]))


def currency_like(columns: Sequence[ColumnProfile]) -> list[str]:
    """The columns of short texts, which may be currencies."""
    return [
        column.name
        for column in columns
        if column.stored_type.startswith(("string", "large_string", "dictionary"))
        and (column.distinct or 0) <= _MOST
    ]


def currency_column(table: pa.Table) -> str | None:
    """The column that holds currencies: texts that are all codes or signs, named so or not."""
    for name in table.column_names:
        column = table[name]
        if not is_text(column.type):
            continue
        codes = currency_codes(column)
        if codes is None:
            continue
        if codes and (set(words_of(name)) & _WORDS or len(codes) < table.num_rows):
            return name
    return None


def currency_codes(column: pa.ChunkedArray) -> tuple[str, ...] | None:
    """The distinct currencies of a text column; None where it holds something else too."""
    texts = [text for text in pc.unique(column).to_pylist() if text is not None and text.strip()]
    if not texts or len(texts) > _MOST:
        return None
    found = {_code(text) for text in texts}
    if None in found:
        return None
    return tuple(sorted(code for code in found if code))


def _code(text: str) -> str | None:
    clean = text.strip().upper()
    if clean in SIGNS:
        return SIGNS[clean]
    return clean if clean in CODES else None


def find_currencies(table: pa.Table, mapping: Mapping) -> Currencies:
    """What the table says of its currencies; the KPI's name counts where it is revenue."""
    column = currency_column(table)
    values = () if column is None else currency_codes(table[column]) or ()
    money = [paid.spend for paid in mapping.paid]
    if mapping.kpi_kind == "revenue":
        money.append(mapping.kpi)
    known = currencies_of(table)
    named = {}
    for name in money:
        code = known.get(name) or currency_in_name(name)
        if code is not None:
            named[name] = code
    return Currencies(column, values, named)


def currency_of(unit: str) -> str | None:
    """The currency that a unit means: EUR for "€" and "EUR"; None for any other unit."""
    written = unit.strip().upper()
    return _WRITTEN.get(written) or (written if written in CODES else None)


def currencies_read(reading: Reading | None) -> dict[str, str]:
    """The currency of each column of a file, by the signs in its cells; else, for its numbers, the
    one that was given for the whole file. A given one also says which dollar "$" means.
    """
    if reading is None:
        return {}
    given = reading.given.currency
    found = {}
    for column in reading.columns:
        code = currency_of(column.unit)
        if given and (code is None or column.unit == "$") and column.type in _NUMBERS:
            code = given
        if code is not None:
            found[column.column] = code
    return found


def currency_in_name(name: str) -> str | None:
    """The currency in a column's name: `spend_eur`, `Amount spent (EUR)`, `cost $`."""
    for sign, code in SIGNS.items():
        if sign in name:
            return code
    for word in re.split(r"[\W_]+", name.upper()):
        if word in CODES - _WORDS_TOO:
            return word
    return None
