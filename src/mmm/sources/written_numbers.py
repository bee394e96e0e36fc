"""Numbers as people write them: thousands marks, currency signs, percent, accounting negatives,
3K and 2,5 Mio.

One pattern per decimal mark, so that a text is read one way only or not at all. What a mark means
is never decided here: a text that both marks can read ("1.234") is told apart by the whole column,
then by the whole file (`mmm.sources.evidence`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

Mark = Literal[".", ","]

_CURRENCY_SIGNS = "€$£¥₹₺₽₩₪₫₴₦฿¢"
#: Codes and words that stand beside amounts, longest first where one begins like another.
_CURRENCY_WORDS = (
    *("US$", "R$", "A$", "C$", "CA$", "NZ$", "HK$", "S$", "MX$", "Rs.", "Rs", "Fr.", "SFr.", "SFr"),
    *("EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "BRL", "AUD", "CAD", "NZD", "SEK", "NOK"),
    *("DKK", "PLN", "CZK", "HUF", "RON", "TRY", "MXN", "ZAR", "SGD", "HKD", "KRW", "ILS", "AED"),
    *("SAR", "THB", "IDR", "MYR", "PHP", "VND", "RUB", "UAH", "BGN", "Euro", "euros", "kr.", "kr"),
    *("zł", "Kč", "Ft", "lei", "TL"),
)
#: Powers of ten that a suffix stands for, in lower case.
_POWERS = {
    **dict.fromkeys(("k", "tsd", "tsd.", "t€", "mil", "mila"), 3),
    **dict.fromkeys(("m", "mm", "mn", "mio", "mio.", "million", "millions", "millionen"), 6),
    **dict.fromkeys(("b", "bn", "mrd", "mrd.", "md", "billion"), 9),
    **dict.fromkeys(("lakh", "lakhs", "lac"), 5),
    **dict.fromkeys(("cr", "cr.", "crore", "crores"), 7),
}
_SPACES = " \u00a0\u202f\u2009\u2007"
_APOSTROPHES = "'\u2019\u02bc`"
_DASHES = "-\u2013\u2014"
_MINUS = "-\u2212\u2013"
_SIGN = f"[{_MINUS}+]"
#: A currency beside an amount, as a regular expression of Python and of Arrow.
CURRENCY = (
    "(?:" + "|".join(map(re.escape, (*_CURRENCY_WORDS, *_CURRENCY_SIGNS))).replace("/", r"\/") + ")"
)
_SUFFIX = "(?:" + "|".join(re.escape(word) for word in sorted(_POWERS, key=len)[::-1]) + ")"
_CURRENCY_FOUND = re.compile(rf"(?<![^\W\d]){CURRENCY}(?![^\W\d])", re.IGNORECASE)


def _digits(decimal: Mark) -> str:
    """Digits with or without thousands marks, and the fraction."""
    other = "." if decimal == "," else ","
    grouped = [
        rf"[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+"
        for mark in (other, *_SPACES, *_APOSTROPHES, "_")
    ]
    indian = rf"[1-9]\d?(?:{re.escape(other)}\d{{2}})+{re.escape(other)}\d{{3}}"
    whole = "|".join([*grouped, indian, r"(?:0|[1-9]\d*)"])
    # A dash in the place of the cents ("€ 1.234,-") is none, and no minus sign behind.
    cents = rf"{re.escape(decimal)}(?:[{_DASHES}]{{1,2}}|\d*)"
    return rf"(?:(?:{whole})(?:{cents})?|{re.escape(decimal)}\d+)"


def _pattern(decimal: Mark) -> str:
    space = f"[{_SPACES}]*"
    return (
        rf"(?i)^{space}(?P<open>\(?){space}(?P<sign>{_SIGN}?){space}(?P<before>{CURRENCY}?){space}"
        rf"(?P<second>{_SIGN}?){space}(?P<digits>{_digits(decimal)}){space}(?P<suffix>{_SUFFIX}?)"
        rf"{space}(?P<percent>%?){space}(?P<after>{CURRENCY}?){space}(?P<last>[{_MINUS}]?)"
        rf"{space}(?P<close>\)?){space}$"
    )


_PATTERNS: dict[Mark, str] = {".": _pattern("."), ",": _pattern(",")}
_PYTHON = {mark: re.compile(pattern) for mark, pattern in _PATTERNS.items()}


def plain_numbers(texts: pa.StringArray, decimal: Mark) -> pa.StringArray | None:
    """The same numbers as a program writes them ("-1234.5", "12e-2"), None when some text is none.

    12 % is 0.12, as a spreadsheet holds it; 3K is 3000; brackets and a minus behind are negative.
    A plus sign is read only beside a percent or currency sign: elsewhere it marks phone numbers.
    """
    parts = pc.extract_regex(texts, _PATTERNS[decimal])
    if parts.null_count > texts.null_count:
        return None
    part = {name: pc.struct_field(parts, name) for name in _GROUPS}
    here = {name: pc.not_equal(part[name], "") for name in _GROUPS}
    signs = [here[name] for name in ("sign", "second", "last", "open")]
    plus = pc.or_(pc.equal(part["sign"], "+"), pc.equal(part["second"], "+"))
    marked = pc.or_(here["percent"], pc.or_(here["before"], here["after"]))
    count = signs[0].cast(pa.int8())
    for sign in signs[1:]:
        count = pc.add(count, sign.cast(pa.int8()))
    wrong = pc.or_(
        pc.xor(here["open"], here["close"]),
        pc.or_(pc.greater(count, 1), pc.and_(plus, pc.invert(marked))),
    )
    wrong = pc.or_(wrong, pc.and_(here["before"], here["after"]))
    if pc.any(wrong, min_count=0).as_py():
        return None
    other = "." if decimal == "," else ","
    digits = pc.replace_substring_regex(part["digits"], rf"[{other}{_SPACES}{_APOSTROPHES}_]", "")
    digits = pc.replace_substring(digits, decimal, ".")
    digits = pc.replace_substring_regex(digits, rf"\.[{_DASHES}]*$", "")
    negative = pc.and_(pc.greater(count, 0), pc.invert(plus))
    sign = pc.if_else(negative, "-", "")
    return pc.binary_join_element_wise(sign, digits, _exponents(part), "")


_GROUPS = (
    *("open", "sign", "before", "second", "digits", "suffix", "percent", "after", "last", "close"),
)


def _exponents(part: dict[str, pa.Array]) -> pa.StringArray:
    """What percent signs and suffixes add to the digits: "", "e3", "e-2"."""
    suffix, percent = pc.utf8_lower(part["suffix"]), part["percent"]
    joined = pc.binary_join_element_wise(suffix, percent, "").dictionary_encode()
    found = []
    for text in joined.dictionary.to_pylist():
        power = _POWERS.get(text.rstrip("%"), 0) - 2 * text.endswith("%")
        found.append(f"e{power}" if power else "")
    return pa.array(found, pa.string()).take(joined.indices)


_SCIENTIFIC = re.compile(r"^\s*[+-]?\d+(?:\.\d*)?[eE][+-]?\d+\s*$")


def is_number(text: str) -> bool:
    """Whether one text looks like a number under either mark."""
    return bool(_SCIENTIFIC.match(text)) or any(p.match(text) for p in _PYTHON.values())


@dataclass(frozen=True)
class Looks:
    """What some texts of a number column show beside their digits."""

    currencies: frozenset[str] = frozenset()
    percent: bool = False
    thousands: str = ""
    suffix: str = ""
    brackets: bool = False

    def joined(self, other: Looks) -> Looks:
        return Looks(
            self.currencies | other.currencies,
            self.percent or other.percent,
            self.thousands or other.thousands,
            self.suffix or other.suffix,
            self.brackets or other.brackets,
        )

    def words(self) -> str:
        """The marks as a reader names them: "point for thousands, € signs"."""
        found = [f"{_NAMES.get(self.thousands, self.thousands)} for thousands"] * bool(
            self.thousands
        )
        found += [f"{' and '.join(sorted(self.currencies))} signs"] * bool(self.currencies)
        found += ["percent signs (12 % is 0.12)"] * self.percent
        found += [f"{self.suffix!r} for a power of ten"] * bool(self.suffix)
        found += ["brackets for negative"] * self.brackets
        return ", ".join(found)


_NAMES = {
    ".": "point",
    ",": "comma",
    **dict.fromkeys(_SPACES, "space"),
    **dict.fromkeys(_APOSTROPHES, "apostrophe"),
    "_": "underscore",
}


def looks(texts: list[str], decimal: Mark) -> Looks:
    """The marks that occur in these texts, the first of each kind."""
    found = Looks()
    for text in texts:
        parts = _PYTHON[decimal].match(text)
        if parts is None:
            continue
        marks = re.findall(rf"[^{_DASHES}\d{re.escape(decimal)}]", parts["digits"])
        signs = frozenset(sign for sign in (parts["before"], parts["after"]) if sign)
        shown = Looks(
            signs,
            bool(parts["percent"]),
            marks[0] if marks else "",
            parts["suffix"],
            bool(parts["open"]),
        )
        found = found.joined(shown)
    return found


def currency_in(name: str) -> str:
    """The currency a column's name speaks of: "Cost (EUR)" and "Umsatz €"; empty where none."""
    for word in _CURRENCY_FOUND.findall(name):
        if word.upper() == word or word in _CURRENCY_SIGNS:
            return str(word)
    return ""
