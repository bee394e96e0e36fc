"""What one cell says by itself: a number, a date, a total's label, a unit."""

from __future__ import annotations

import re
from functools import lru_cache

from mmm.sources.written_dates import FORMATS
from mmm.sources.written_numbers import is_number

_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}(?:[ T]|$)|^\d{4}-?W\d{2}")
_TOTAL_WORDS = (
    r"totals?|totale|totaal|totaux|totales|totalt|totali|gesamt\w*|summen?|endsumme|insgesamt|sums?|sommes?|ensemble|suma|somma|totaal|razem"
    r"|suma ca[łl]kowita|celkem|summa|yhteens[äa]|overall|average|avg|mean|durchschnitt|mittelwert"
    r"|moyenne|promedio"
)
_TOTAL = re.compile(
    rf"^\W*(?:grand[\s-]+|sub[\s-]?|sous[\s-]|zwischen|\S+\s+){{0,1}}(?:{_TOTAL_WORDS})(?![^\W\d])"
    r".{0,60}$",
    re.IGNORECASE | re.DOTALL,
)
_UNIT = re.compile(
    r"^\W*(?:in\s+)?(?:(?:tsd|mio|mrd|k|m|thousands?|millions?)\.?\s*(?:of\s+)?)?"
    r"(?:[€$£¥₹%‰]|eur|usd|gbp|chf|jpy|inr|brl|aud|cad|sek|nok|dkk|pln|czk|euros?|dollars?|percent"
    r"|prozent|pct|units?|pcs|pieces|st(?:ü|ue)ck|stk|anzahl|number|count|counts|#|n|nr\.?|no\.?"
    r"|tsd\.?|mio\.?|t€|k€|°c|°f|index|tage?|days?|weeks?|date|datum|dd\.mm\.yyyy|yyyy-mm-dd|grp"
    r"|local currency|unit|einheit|text|string|int|float|number|double)\W*$",
    re.IGNORECASE,
)


@lru_cache(maxsize=10_000)
def is_date(text: str) -> bool:
    """Whether a text alone looks like a date, a week, a month or a range of days."""
    if not any(letter.isdigit() for letter in text):
        return False
    return bool(_ISO.match(text)) or any(form.read(text) for form in FORMATS)


def is_data(text: str) -> bool:
    """Whether a text is a value rather than a name: a number or a date."""
    return is_number(text) or is_date(text)


#: For Arrow's regular expressions: what every total's label has in it.
MAYBE_TOTAL = (
    "(?i)(tot(al|aa|au)|gesamt|summ|somm|insg|sum|soma|ensemble|razem|celkem|yht|overall|average|avg"
    "|mean|durchs|mittelw|moyenne|promedio)"
)


def is_total(text: str) -> bool:
    """Whether a text labels a row of totals or averages: "Total", "Gesamtergebnis", "2024 Total"."""
    return len(text) <= 80 and bool(_TOTAL.match(text.strip()))


def is_unit(text: str) -> bool:
    """Whether a text is a unit: "EUR", "in Tsd. €", "%", "Stück"."""
    return len(text) <= 30 and bool(_UNIT.match(text.strip()))
