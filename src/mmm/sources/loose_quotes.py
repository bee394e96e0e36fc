"""Values whose quotes stand after a blank, as in `2024-01-01, "tv; radio"`: the blanks are left out,
so that the quotes hold the value together as its writer meant.

The CSV of RFC 4180 takes such a quote for a character like any other. A file is read this way only
where its first records have as equal a number of fields then as they have without.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from functools import cache

_RECORDS = 200


def loosened(text: str, separator: str) -> str:
    """The text without blanks before quotes that open a value, or as it is where it has none or is
    not written so.
    """
    found = _pattern(separator).sub(r"\1\2", text)
    if found == text or _agreeing(found, separator) < _agreeing(text, separator):
        return text
    return found


def tightened(data: bytes, separator: str) -> bytes:
    """The same of a part of a file that is known to be written so."""
    if b' "' not in data and b'\t"' not in data:
        return data
    return _pattern_of_bytes(separator).sub(rb"\1\2", data)


@cache
def _pattern(separator: str) -> re.Pattern[str]:
    """A field's start, blanks, and a value in quotes to its end, or to that of the text."""
    blanks = " " if separator == "\t" else r"[ \t]"
    value = r'"[^"]*(?:""[^"]*)*(?:"|\Z)'
    return re.compile(rf"(^|[{re.escape(separator)}\r\n]){blanks}*({value})")


@cache
def _pattern_of_bytes(separator: str) -> re.Pattern[bytes]:
    return re.compile(_pattern(separator).pattern.encode())


def _agreeing(text: str, separator: str) -> float:
    """The share of the first records that have the usual number of fields."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        widths = [len(record) for record in itertools.islice(reader, _RECORDS) if record]
    except csv.Error:
        return 0.0
    if not widths:
        return 0.0
    return Counter(widths).most_common(1)[0][1] / len(widths)
