"""Labels of subtotals in a column of days: "Q1 2022", "January 2022" or "2022" between weeks.

Such a row has no date of its own. Its label is read as no value, so that the column keeps its
dates and the row can be known as a total.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from mmm.sources.written_dates import FORMATS

_DAYS = tuple(form for form in FORMATS if form.span == "day")
_LONGER = tuple(form for form in FORMATS if form.span in ("week", "month", "quarter"))
_YEAR = re.compile(r"(?:FY|CY|GJ)?[\s-]*(?:19|20)\d{2}", re.IGNORECASE)
_PART = re.compile(r"[QTH][1-4](?:[\s/-]*(?:FY|CY)?[\s'-]*(?:\d{2}|\d{4}))?", re.IGNORECASE)
#: Which labels are longer than a table's step.
_ABOVE = {
    "daily": frozenset(["week", "month", "quarter", "year"]),
    "weekly": frozenset(["month", "quarter", "year"]),
    "monthly": frozenset(["quarter", "year"]),
}
_MOST_SHARE = 0.35


def day_of(text: str) -> dt.date | None:
    """The day a text names; None for a longer span and for no date."""
    return next((day for form in _DAYS if (day := form.read(text))), None)


def longer_labels(texts: Sequence[str], days: Sequence[dt.date], step: str) -> tuple[str, ...]:
    """The texts, in lower case, that name a longer span than the days' step ("weekly"). Empty
    unless all of them do and the days are far more.
    """
    labels = tuple(dict.fromkeys(text.strip().lower() for text in texts))
    if not labels or len(texts) > _MOST_SHARE * (len(days) + len(texts)):
        return ()
    spans = _ABOVE.get(step, frozenset())
    return labels if all(_span(label) in spans for label in labels) else ()


def _span(text: str) -> str:
    """ "week", "month", "quarter" or "year"; "" for any other text."""
    if _YEAR.fullmatch(text):
        return "year"
    if _PART.fullmatch(text):
        return "quarter"
    return next((form.span for form in _LONGER if form.read(text)), "")
