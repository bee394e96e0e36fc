"""Dates as people write them: one reader per format, each from a text to its first day, or None.

Month names are known in English, German, French, Spanish, Italian, Portuguese and Dutch. Weeks are
ISO weeks and begin on Monday; a month, a quarter and a range of days are dated by their first day.
Two-digit years are 1970 to 2069. Which of two formats that both fit is meant, is decided by the
whole column (`mmm.sources.evidence`), never here.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

Reader = Callable[[str], dt.date | None]

_MONTHS = (
    "january jan januar jän jänner janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar feber février févr fév febrero febbraio febbr fevereiro fev februari",
    "march mar märz mär mrz mars marzo março maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août aou agosto ago augustus",
    "september sep sept septembre septiembre setiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
)


def plain(text: str) -> str:
    """Lower case without accents."""
    split = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in split if not unicodedata.combining(letter))


_MONTH_OF = {
    plain(word): number for number, words in enumerate(_MONTHS, start=1) for word in words.split()
}
_NAME = r"(?P<name>[^\W\d_]{3,})\.?"
_YEAR = r"(?P<y>\d{4}|'?\d{2})"
_LONG_YEAR = r"(?P<y>(?:19|20)\d{2})"
_WEEK_WORD = (
    r"(?:calendar week|week|wk|cw|kw|woche|semaine|sem|semana|settimana|sett|vecka|uge|uke|tydzie[nń]"
    r"|w|s|v)\.?"
)
#: A weekday before and a midnight behind a date change nothing.
_WEEKDAY = re.compile(r"^(?:[^\W\d_]{2,10})\.?,?\s+(?=\d)")
_MIDNIGHT = re.compile(
    r"(?:[ T,]+0{1,2}:00(?::00(?:\.0+)?)?|[ ,]+12:00(?::00)? ?AM)$", re.IGNORECASE
)
_ARTICLES = re.compile(r"\b(?:de|del|di|d')\b|(?<=\d)(?:st|nd|rd|th|er|º|°|\.)(?=\s)")
_WEEKDAYS = frozenset(
    [
        "mo",
        "di",
        "mi",
        "do",
        "fr",
        "sa",
        "so",
        "mon",
        "tue",
        "tues",
        "wed",
        "thu",
        "thur",
        "thurs",
        "fri",
        "sat",
        "sun",
        "montag",
        "dienstag",
        "mittwoch",
        "donnerstag",
        "freitag",
        "samstag",
        "sonntag",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "lun",
        "mar",
        "mer",
        "jeu",
        "ven",
        "sam",
        "dim",
        "lundi",
        "mardi",
        "mercredi",
        "jeudi",
        "vendredi",
        "samedi",
        "dimanche",
        "mie",
        "jue",
        "vie",
        "sab",
        "dom",
        "lunes",
        "martes",
        "miercoles",
        "jueves",
        "viernes",
        "sabado",
        "domingo",
        "gio",
        "lunedi",
        "martedi",
        "mercoledi",
        "giovedi",
        "venerdi",
        "domenica",
        "seg",
        "ter",
        "qua",
        "qui",
        "sex",
        "segunda",
        "terca",
        "quarta",
        "quinta",
        "sexta",
        "ma",
        "wo",
        "vr",
        "za",
        "zo",
        "maandag",
        "dinsdag",
        "woensdag",
        "donderdag",
        "vrijdag",
        "zaterdag",
        "zondag",
        "lu",
        "ma",
        "me",
        "je",
        "ve",
        "sa",
    ]
)


@dataclass(frozen=True)
class Format:
    """One way to write dates. `order` is "day" or "month" where the other would be thinkable."""

    name: str
    read: Reader
    order: str = ""
    #: The words of a column's name that speak for it where another format fits as well.
    hints: tuple[str, ...] = ()
    span: str = "day"


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _full_year(text: str) -> int:
    digits = text.lstrip("'")
    if len(digits) == 4:
        return int(digits)
    return 2000 + int(digits) if int(digits) < 70 else 1900 + int(digits)


def _numeric(pattern: str) -> Reader:
    """A day of three numbers, named d, m and y in the pattern."""
    compiled = re.compile(pattern)

    def read(text: str) -> dt.date | None:
        for cleaned in _without_edges(text):
            if found := compiled.match(cleaned):
                return _date(_full_year(found["y"]), int(found["m"]), int(found["d"]))
        return None

    return read


def _without_edges(text: str) -> tuple[str, ...]:
    """The text without a midnight behind, and where it begins with a weekday also without that
    ("mar" is a weekday and a month).
    """
    text = _MIDNIGHT.sub("", text.strip())
    weekday = _WEEKDAY.match(text)
    if weekday and plain(weekday[0]).strip(" .,") in _WEEKDAYS:
        return text, text[weekday.end() :]
    return (text,)


def _named_month(pattern: str, first: bool = False) -> Reader:
    """A day, or the first of a month, whose month is a word."""
    compiled = re.compile(pattern)

    def read(text: str) -> dt.date | None:
        for edged in _without_edges(text.replace("'", "")):
            cleaned = re.sub(r"\s+", " ", _ARTICLES.sub("", edged).strip())
            found = compiled.match(cleaned)
            month = _MONTH_OF.get(plain(found["name"])) if found else None
            if found is not None and month is not None:
                return _date(_full_year(found["y"]), month, 1 if first else int(found["d"]))
        return None

    return read


def _iso_week(pattern: str) -> Reader:
    compiled = re.compile(pattern, re.IGNORECASE)

    def read(text: str) -> dt.date | None:
        found = compiled.match(text.strip())
        if found is None:
            return None
        return week_start(_full_year(found["y"]), int(found["w"]))

    return read


def week_start(year: int, week: int) -> dt.date | None:
    """The Monday of an ISO week."""
    try:
        return dt.date.fromisocalendar(year, week, 1)
    except ValueError:
        return None


def _month(pattern: str) -> Reader:
    compiled = re.compile(pattern, re.IGNORECASE)

    def read(text: str) -> dt.date | None:
        found = compiled.match(text.strip())
        if found:
            return _date(int(found["y"]), int(found["m"]), 1)
        return None

    return read


def _quarter(text: str) -> dt.date | None:
    cleaned = re.sub(r"[\s/_-]+", "", text)
    found = re.match(r"(?i)^[QT](?P<q>[1-4])(?P<y>(?:19|20)\d{2})$", cleaned) or re.match(
        r"(?i)^(?P<y>(?:19|20)\d{2})[QT](?P<q>[1-4])$", cleaned
    )
    if found:
        return dt.date(int(found["y"]), 3 * int(found["q"]) - 2, 1)
    return None


_BETWEEN = re.compile(
    r"\s*(?:[–—~]|\s-\s|(?<=\.)-(?=\d)|(?<=\d)-(?=\d{1,2}[./]\d{1,2}[./]\d)"
    r"|(?<=\d{4}-\d\d-\d\d)/(?=\d{4}-)|\bto\b|\bbis\b|\bau\b|\bal\b|\btot\b|\s/\s|\.\.)\s*"
)


def _range(single: Format) -> Format:
    """From one day to another, dated by the first; the first may leave out the year."""

    def read(text: str) -> dt.date | None:
        parts = _BETWEEN.split(text.strip()) if len(text) > 10 else []
        if len(parts) != 2:
            return None
        last = single.read(parts[1])
        first = single.read(parts[0])
        if last is not None and first is None:
            first = _with_year(single, parts[0], last)
        return first if first and last and first <= last else None

    name = f"{single.name} to {single.name}"
    return Format(name, read, single.order, single.hints, "range")


def _with_year(single: Format, text: str, last: dt.date) -> dt.date | None:
    for year in (last.year, last.year - 1):
        for joined in (f"{text}{year}", f"{text}, {year}", f"{text} {year}"):
            found = single.read(joined)
            if found is not None and found <= last:
                return found
    return None


#: "Week of", "w/c", "Woche vom", "semaine du", "KW 1 (" before the day on which a week begins.
_WEEK_OF = re.compile(
    r"^(?:(?:week\s+(?:of|commencing|beginning|starting|start|from)|w\s?/?\s?[cbs]|wc|wb|woche\s+(?:vom|ab)"
    r"|ab|from|semaine\s+du|semana\s+del?|settimana\s+del|week\s+van)\b[\s:.-]*"
    rf"|{_WEEK_WORD}\s*\d{{1,2}}\s*[(:,-]+\s*)(?=\S)",
    re.IGNORECASE,
)
#: The same before the day on which a week ends.
_WEEK_TO = re.compile(
    r"^(?:week\s+(?:ending|ended|end|to)|w\s?/?\s?e|woche\s+bis|bis|until)\b[\s:.-]*(?=\S)",
    re.IGNORECASE,
)


def _worded(single: Format, words: re.Pattern[str], said: str) -> Format:
    """A day, or a range of days, behind words such as "week of"."""

    def read(text: str) -> dt.date | None:
        stripped = text.strip()
        found = words.match(stripped)
        if found is None:
            return None
        rest = stripped[found.end() :]
        return single.read(rest.removesuffix(")") if "(" in found[0] else rest)

    return Format(f"{said} {single.name}", read, single.order, single.hints, single.span)


def _days() -> list[Format]:
    day, month = r"(?P<d>\d{1,2})", r"(?P<m>\d{1,2})"
    long, short = r"(?P<y>\d{4})", r"(?P<y>\d{2})"
    return [
        Format("YYYY-MM-DD", _numeric(rf"^{long}-{month}-{day}$")),
        Format("DD.MM.YYYY", _numeric(rf"^{day}\.\s?{month}\.\s?{long}$")),
        Format("DD.MM.YY", _numeric(rf"^{day}\.\s?{month}\.\s?{short}$")),
        Format("YYYY/MM/DD", _numeric(rf"^{long}[/.]{month}[/.]{day}$")),
        Format("DD/MM/YYYY", _numeric(rf"^{day}/{month}/{long}$"), "day"),
        Format("MM/DD/YYYY", _numeric(rf"^{month}/{day}/{long}$"), "month"),
        Format("DD-MM-YYYY", _numeric(rf"^{day}-{month}-{long}$"), "day"),
        Format("MM-DD-YYYY", _numeric(rf"^{month}-{day}-{long}$"), "month"),
        Format("DD/MM/YY", _numeric(rf"^{day}[/-]{month}[/-]{short}$"), "day"),
        Format("MM/DD/YY", _numeric(rf"^{month}[/-]{day}[/-]{short}$"), "month"),
        Format("YY/MM/DD", _numeric(rf"^{short}[/-]{month}[/-]{day}$"), "year"),
        Format(
            "day month year", _named_month(rf"^(?P<d>\d{{1,2}})[ .\-/]*{_NAME}[ ,.\-/]*{_YEAR}$")
        ),
        Format(
            "month day, year",
            _named_month(rf"^(?:[^\W\d_]+,? )?{_NAME}[ .\-/]*(?P<d>\d{{1,2}})[ ,\-/]+{_YEAR}$"),
        ),
    ]


def _longer() -> list[Format]:
    week = rf"{_WEEK_WORD}\s*(?P<w>\d{{1,2}})"
    numbered = rf"(?P<w>\d{{1,2}})(?:\.|st|nd|rd|th|e)?\s*{_WEEK_WORD}"
    weeks = ("week", "wk", "kw", "woche", "kalenderwoche", "semaine", "semana", "settimana", "cw")
    months = ("month", "monat", "mois", "mes", "mese", "maand")
    return [
        Format("ISO week", _iso_week(rf"^{_LONG_YEAR}[\s,/_-]*{week}(?:-?1)?$"), span="week"),
        Format("week year", _iso_week(rf"^{week}[\s,/_.(-]*{_YEAR}\)?$"), span="week"),
        Format("week, year", _iso_week(rf"^{numbered}[\s,/_.(-]*{_YEAR}\)?$"), span="week"),
        Format("YYYY-MM", _month(rf"^{_LONG_YEAR}[-/.](?P<m>\d{{1,2}})$"), "m", months, "month"),
        Format("YYYY-WW", _iso_week(rf"^{_LONG_YEAR}[-/.](?P<w>\d{{1,2}})$"), "w", weeks, "week"),
        Format("MM/YYYY", _month(rf"^(?P<m>\d{{1,2}})[-/.]{_LONG_YEAR}$"), "m", months, "month"),
        Format("WW/YYYY", _iso_week(rf"^(?P<w>\d{{1,2}})[-/.]{_LONG_YEAR}$"), "w", weeks, "week"),
        Format("YYYYMmm", _month(rf"^{_LONG_YEAR}[ -]?M(?P<m>\d{{1,2}})$"), span="month"),
        Format("month year", _named_month(rf"^{_NAME}[ ,.\-/]*{_YEAR}$", first=True), span="month"),
        Format(
            "year month", _named_month(rf"^{_LONG_YEAR}[ ,.\-/]*{_NAME}$", first=True), span="month"
        ),
        Format("quarter", _quarter, span="quarter"),
    ]


def _timed(single: Format) -> Format:
    """A day and a time of day."""

    def read(text: str) -> dt.datetime | None:
        found = _TIME.search(text.strip())
        day = single.read(text.strip()[: found.start()]) if found else None
        if found is None or day is None:
            return None
        hour = int(found["h"])
        if found["half"]:
            hour = hour % 12 + 12 * (found["half"].lower() == "pm")
        second = int(found["s"] or 0)
        if hour > 23 or int(found["min"]) > 59 or second > 59:
            return None
        return dt.datetime(day.year, day.month, day.day, hour, int(found["min"]), second)

    return Format(f"{single.name} and time", read, single.order, single.hints, "time")


_TIME = re.compile(
    r"[ T,]+(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2}))?(?: ?(?P<half>AM|PM))?$", re.IGNORECASE
)
_DAYS = _days()
_RANGES = [_range(single) for single in _DAYS]
#: Every format of texts. Among those that fit a column, two with an `order` are told apart by it.
FORMATS = (
    *_DAYS,
    *_longer(),
    *_RANGES,
    *(_worded(single, _WEEK_OF, "week of") for single in (*_DAYS, *_RANGES)),
    *(_worded(single, _WEEK_TO, "week ending") for single in _DAYS),
    *(_timed(single) for single in _DAYS[1:]),
)


def from_serial(number: int) -> dt.date | None:
    """Excel's day number (1 is 1900-01-01; its leap day of 1900 does not matter after it)."""
    if 25_569 <= number <= 73_050:
        return dt.date(1899, 12, 30) + dt.timedelta(days=number)
    return None


_DAY_SECONDS = 86_400
_FIRST_SECOND, _LAST_SECOND = 10**9, 4 * 10**9  # 2001 to 2096


def _unix_day(number: int) -> dt.date | None:
    """Midnight in UTC as seconds or milliseconds since 1970; a time within a day is none."""
    seconds, rest = (number, 0) if number < 10**11 else divmod(number, 1000)
    if rest or seconds % _DAY_SECONDS or not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        return None
    return dt.date(1970, 1, 1) + dt.timedelta(days=seconds // _DAY_SECONDS)


def _integer(form: Callable[[int], dt.date | None]) -> Reader:
    def read(text: str) -> dt.date | None:
        stripped = text.strip().removesuffix(".0")
        if stripped.isdecimal() and len(stripped) <= 13:
            return form(int(stripped))
        return None

    return read


def _compact_day(number: int) -> dt.date | None:
    year = number // 10_000
    if 1970 <= year <= 2099:
        return _date(year, number // 100 % 100, number % 100)
    return None


def _digits(pattern: str) -> Reader:
    """A day written in digits alone, with leading zeros."""
    compiled = re.compile(pattern)

    def read(text: str) -> dt.date | None:
        found = compiled.match(text.strip().removesuffix(".0"))
        if found:
            return _date(_full_year(found["y"]), int(found["m"]), int(found["d"]))
        return None

    return read


def _compact_week(number: int) -> dt.date | None:
    if 1970 <= number // 100 <= 2099:
        return week_start(number // 100, number % 100)
    return None


def _compact_month(number: int) -> dt.date | None:
    if 1970 <= number // 100 <= 2099:
        return _date(number // 100, number % 100, 1)
    return None


_TWO_D, _TWO_M = r"(?P<d>\d{2})", r"(?P<m>\d{2})"
#: Formats of whole numbers. They are taken for dates only where the column's name says so, or the
#: table has no other date and they run evenly.
INTEGER_FORMATS = (
    Format("YYYYMMDD", _integer(_compact_day)),
    Format("DDMMYYYY", _digits(rf"^{_TWO_D}{_TWO_M}(?P<y>(?:19|20)\d{{2}})$"), "day"),
    Format("MMDDYYYY", _digits(rf"^{_TWO_M}{_TWO_D}(?P<y>(?:19|20)\d{{2}})$"), "month"),
    Format("YYMMDD", _digits(rf"^(?P<y>\d{{2}}){_TWO_M}{_TWO_D}$")),
    Format(
        "YYYYMM",
        _integer(_compact_month),
        "m",
        ("month", "monat", "mois", "mes", "mese", "maand", "yearmonth"),
        "month",
    ),
    Format(
        "YYYYWW",
        _integer(_compact_week),
        "w",
        ("week", "wk", "kw", "woche", "kalenderwoche", "semaine", "semana", "settimana"),
        "week",
    ),
    Format("Excel day number", _integer(from_serial)),
    Format("seconds since 1970", _integer(_unix_day)),
)


def month_number(text: str) -> int | None:
    """1 to 12 for a number or a month's name."""
    cleaned = plain(text.strip().rstrip("."))
    if cleaned.isdecimal():
        return int(cleaned) if 1 <= int(cleaned) <= 12 else None
    return _MONTH_OF.get(cleaned)
