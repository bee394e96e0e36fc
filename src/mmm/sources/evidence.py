"""What the whole file says about texts that can be read in two ways, and what has to be asked.

"1.234" is 1234 or 1.234, "01/02/2024" is in January or in February. First the column itself decides
(another value proves it), then the other columns, then how the file is written (semicolons and days
first: a country of decimal commas). Where nothing decides the column gets a question with its
answers; nothing is guessed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import numpy as np
import pyarrow.compute as pc

from mmm.sources.coarser_dates import day_of, longer_labels
from mmm.sources.column_state import Column, Line, Place
from mmm.sources.reading import As
from mmm.sources.text_types import (
    EMPTY,
    INT,
    INTEGER_DATES,
    TEXT,
    Kind,
    is_marker,
)
from mmm.sources.time_zones import local_times
from mmm.sources.written_dates import Format, plain

#: So many different numbers with a mark and three digits, beside whole numbers below 1,000 (or 0)
#: without one, are thousands. Decimals of three places whose last zeros are dropped look the same by
#: chance: 20 of them all keep three digits in 12 % of files (0.9**20), 50 in 0.5 %; and one value in
#: 1,000 is a whole number, while 0 is common. So about one such file of 120 values in 100 is read
#: wrongly; the evidence is told with the reading, and it can be chosen otherwise.
_MANY_BESIDE_SMALL, _MANY_BESIDE_ZERO = 20, 50
_REGULAR = 0.9
#: Dates with a longer gap than so many steps do not follow each other evenly.
_LONGEST_GAP = 8
_OTHER = {".": ",", ",": "."}
_MARK_WORDS = {".": "point", ",": "comma"}
_DATE_WORDS = frozenset(
    [
        "date",
        "datum",
        "fecha",
        "data",
        "day",
        "tag",
        "jour",
        "dia",
        "giorno",
        "dag",
        "week",
        "woche",
        "kw",
        "semaine",
        "semana",
        "settimana",
        "month",
        "monat",
        "mois",
        "mes",
        "mese",
        "maand",
        "period",
        "periode",
        "periodo",
        "time",
        "zeit",
        "ds",
        "dt",
        "yearweek",
        "kalenderwoche",
        "yearmonth",
        "year_week",
        "wk",
        "timestamp",
        "reporting_date",
    ]
)
_ANSWERS = {
    "day": As.DAY_FIRST,
    "month": As.MONTH_FIRST,
    "year": As.YEAR_FIRST,
    "m": As.MONTH,
    "w": As.WEEK,
}


def decide(
    columns: Sequence[Column], separator: str, zone: str | None = None, word: str = "line"
) -> bool:
    """Settle the columns' kinds after a whole pass; True when some kind changed, so that the file
    must be read again. Questions that stay open are in the columns' `asked`.
    """
    changed = [_without_values(column) for column in columns]
    changed += [_labels_of_subtotals(column) for column in columns]
    changed += [local_times(column, zone) for column in columns]
    changed += [_date_order(column, columns, word) for column in columns]
    changed += [_one_currency(column) for column in columns]
    changed += [_decimal_mark(column, columns, separator, word) for column in columns]
    changed.append(_whole_numbers_as_dates(columns, word))
    return any(changed)


def _without_values(column: Column) -> bool:
    """Nothing but markers: no number or date says that they stand for missing values."""
    if column.kind in (TEXT, EMPTY) or column.seen.values or column.beside_others:
        return False
    column.kind, column.kinds = TEXT, (TEXT,)
    return True


def _labels_of_subtotals(column: Column) -> bool:
    """ "Q1 2022" between the days of a column is no date of a row; it is read as no value."""
    if column.kind is not TEXT or column.said is not None or column.forced:
        return False
    texts = [text for text in pc.drop_null(column.witnesses).to_pylist() if text.strip()]
    if not texts or not any(day_of(text) for text in texts[:2]):
        return False
    known = {text: day_of(text) for text in dict.fromkeys(texts)}
    days = [day for text in texts if (day := known[text])]
    labels = longer_labels([text for text in texts if not known[text]], days, even_step(days))
    if not labels:
        return False
    column.missing, column.ended = (*column.missing, *labels), None
    return column.restrict(column.kinds)


def _one_currency(column: Column) -> bool:
    """Amounts in two currencies are never put into one column of numbers."""
    currencies = sorted(column.seen.looks.currencies)
    if not column.kind.mark or len(currencies) < 2 or column.said is not None:
        return False
    column.force_text(f"its amounts are in {' and '.join(currencies)}")
    return True


def at(place: Place, word: str) -> str:
    return f"{place[1]!r} in {word} {place[0]}"


# Decimal marks


def _decimal_mark(column: Column, columns: Sequence[Column], separator: str, word: str) -> bool:
    seen = column.seen
    if not column.kind.mark:
        return False
    if seen.proof is not None:
        column.evidence = column.evidence or at(seen.proof, word)
        return False
    if not seen.either or not _has_rival_mark(column):
        return False
    if len(seen.either) == 2:
        both = " and ".join(at(place, word) for place in seen.either.values())
        column.force_text(f"its numbers are written in different ways: {both}")
        return True
    found = _mark_of_column(column, word) or _mark_of_file(column, columns, separator, word)
    if found is None:
        (mark, place), *_ = seen.either.items()
        column.asked = (
            f"{at(place, word)} has a {_MARK_WORDS[mark]} that may be the decimal mark or stand for "
            "thousands"
        )
        column.choices = (As.DECIMAL_POINT, As.DECIMAL_COMMA, As.TEXT)
        return False
    column.asked, column.choices = "", ()
    mark, column.evidence = found
    return column.restrict(tuple(kind for kind in column.kinds if kind.mark in ("", mark)))


def _has_rival_mark(column: Column) -> bool:
    marks = {kind.mark for kind in column.kinds}
    return {".", ","} <= marks


def _mark_of_column(column: Column, word: str) -> tuple[str, str] | None:
    """(decimal mark, evidence) as the column's own numbers tell it."""
    seen = column.seen
    (mark, place), *_ = seen.either.items()
    if seen.large is not None:
        return mark, f"{at(seen.large, word)} has no mark for its thousands, {place[1]!r} has one"
    many = len(seen.either_texts)
    if seen.small is not None and many >= _MANY_BESIDE_SMALL:
        least = seen.small
    elif seen.zero is not None and many >= _MANY_BESIDE_ZERO:
        least = seen.zero
    else:
        return None
    what = f"all {many} numbers with a {_MARK_WORDS[mark]} have three digits behind it"
    return _OTHER[mark], f"{what}, {at(least, word)} has none"


def _mark_of_file(
    column: Column, columns: Sequence[Column], separator: str, word: str
) -> tuple[str, str] | None:
    """(decimal mark, evidence) as the other columns tell it; None where they disagree or are
    silent.
    """
    found: dict[str, str] = {}
    for other in columns:
        if other is column or not other.kind.mark:
            continue
        if other.seen.proof is not None:
            mark, why = other.kind.mark, at(other.seen.proof, word)
        elif other.seen.either and len(other.seen.either) == 1:
            own = _mark_of_column(other, word)
            if own is None:
                continue
            mark, why = own
        else:
            continue
        found.setdefault(mark, f"column {other.name!r}: {why}")
    if len(found) == 1:
        return next(iter(found.items()))
    return None if found else _mark_of_country(columns, separator)


def _mark_of_country(columns: Sequence[Column], separator: str) -> tuple[str, str] | None:
    """Semicolons with days first come from countries of decimal commas, commas with months first
    from the United States.
    """
    for column in columns:
        form = column.kind.format
        if form is None or column.asked:
            continue
        if separator == ";" and (form.order == "day" or form.name.startswith("DD.")):
            return ",", f"semicolons between values, and dates written {form.name}"
        if separator == "," and form.order == "month":
            return ".", f"commas between values, and dates written {form.name}"
    return None


# Dates


def _date_order(column: Column, columns: Sequence[Column], word: str) -> bool:
    """Which of several date formats that fit all values is meant."""
    form, samples = column.kind.format, column.seen.samples
    if form is None or not samples:
        return False
    texts = [text for text in samples if not is_marker(text, column.missing)]
    if form.name == "month year":
        return _month_with_year(column, form, texts)
    if not form.order:
        return False
    rivals = [column.kind]
    orders = {form.order}  # with a time and without one the same order gives the same day
    for kind in column.kinds:
        other = kind.format
        if other is None or not other.order or other.order in orders:
            continue
        if all(other.read(text) for text in texts):
            rivals.append(kind)
            orders.add(other.order)
    if len(rivals) == 1 or _all_the_same(rivals, texts):
        column.evidence = column.evidence or _order_proof(column, samples, texts, word)
        return False
    found = (
        _order_by_name(column, rivals)
        or _order_of_file(column, columns, rivals, word)
        or _order_by_steps(rivals, texts)
        or _month_by_numbers(rivals, texts)
    )
    if found is None:
        column.asked = f"dates such as {texts[0]!r} fit {_formats(rivals)}"
        told = [kind.format.order for kind in rivals if kind.format]
        column.choices = (*(_ANSWERS[order] for order in told), As.TEXT)
        return False
    column.asked, column.choices = "", ()
    chosen, column.evidence = found
    dropped = [kind for kind in rivals if kind is not chosen]
    return column.restrict(tuple(kind for kind in column.kinds if kind not in dropped))


def _formats(kinds: Sequence[Kind]) -> str:
    return " as well as ".join(kind.format.name for kind in kinds if kind.format)


def _all_the_same(kinds: Sequence[Kind], texts: Sequence[str]) -> bool:
    for text in texts:
        if len({kind.format.read(text) for kind in kinds if kind.format}) > 1:
            return False
    return True


def _order_proof(column: Column, samples: dict[str, Line], texts: list[str], word: str) -> str:
    """The first text that another order cannot read."""
    for kind in column.kinds:
        form = kind.format
        if form is None or not form.order or kind is column.kind or not form.read(texts[0]):
            continue
        odd = next((text for text in texts if not form.read(text)), None)
        if odd is not None:
            return f"{at((samples[odd], odd), word)} is no {form.name}"
    return ""


def _order_by_name(column: Column, rivals: Sequence[Kind]) -> tuple[Kind, str] | None:
    hinted = [kind for kind in rivals if kind.format and _hints(column.name, kind.format)]
    if len(hinted) != 1:
        return None
    return hinted[0], f"the column is called {column.name!r}"


def _hints(name: str, form: Format) -> bool:
    """Whether a column's name speaks for a format: long words anywhere, short ones by themselves."""
    words = re.split(r"[\W_]+", plain(name))
    joined = "".join(words)
    return any(hint in words or (len(hint) > 3 and hint in joined) for hint in form.hints)


def _order_of_file(
    column: Column, columns: Sequence[Column], rivals: Sequence[Kind], word: str
) -> tuple[Kind, str] | None:
    """Another date column's order, or decimal commas, which no country with months first writes."""
    orders = {kind.format.order: kind for kind in rivals if kind.format}
    if "day" not in orders:
        return None
    for other in columns:
        form, proof = other.kind.format, other.seen.proof
        if other is not column and form and form.order in orders and other.evidence:
            return orders[form.order], f"column {other.name!r}: {other.evidence}"
        if other.kind.mark == "," and proof is not None:
            return orders["day"], f"decimal commas in column {other.name!r} ({at(proof, word)})"
    return None


def _order_by_steps(rivals: Sequence[Kind], texts: Sequence[str]) -> tuple[Kind, str] | None:
    """The one format under which the dates follow each other evenly."""
    even = []
    for kind in rivals:
        assert kind.format is not None  # noqa: S101 - rivals have one
        if step := even_step([kind.format.read(text) for text in texts]):
            even.append((kind, f"read so, the {len(texts)} dates are {step}; otherwise uneven"))
    return even[0] if len(even) == 1 else None


def _month_by_numbers(rivals: Sequence[Kind], texts: Sequence[str]) -> tuple[Kind, str] | None:
    """Months, where a dozen numbers after the year never pass 12; weeks would."""
    orders = {kind.format.order: kind for kind in rivals if kind.format}
    if set(orders) != {"m", "w"} or len(texts) < 12:
        return None
    return orders["m"], f"none of {len(texts)} numbers beside the year is above 12"


def even_step(days: Sequence[dt.date | None]) -> str:
    """ "daily", "weekly", "monthly" or "quarterly" where nearly all steps are so; else ""."""
    here = np.unique(np.array([day for day in days if day is not None], "datetime64[D]"))
    if len(here) < 3:
        return ""
    steps = np.diff(here).astype(int)
    for name, low, high in (
        ("daily", 1, 1),
        ("weekly", 7, 7),
        ("monthly", 28, 31),
        ("quarterly", 89, 92),
    ):
        usual = ((steps >= low) & (steps <= high)).mean() >= _REGULAR
        if usual and steps.max() <= _LONGEST_GAP * high:
            return name
    return ""


def _month_with_year(column: Column, form: Format, texts: list[str]) -> bool:
    """ "Jan 24" is a month of 2024 only where months follow each other: it may be a day in January."""
    has_year = any(re.search(r"\d{4}|'\d{2}", text) for text in texts)
    if has_year or even_step([form.read(text) for text in texts]) in ("monthly", "quarterly"):
        return False
    column.force_text(f"{texts[0]!r} may be a day or a month; write dates as YYYY-MM-DD")
    return True


def _whole_numbers_as_dates(columns: Sequence[Column], word: str) -> bool:
    """Whole numbers such as 20240131, 202405 and 45292 as the table's date, where it has no other."""
    if any(column.kind.is_date or (column.asked and column.kind.format) for column in columns):
        return False
    for named in (True, False):
        for place, column in enumerate(columns):
            is_named = named_as_date(column.name)
            if not _is_digits(column) or column.said or is_named != named:
                continue
            if (named or place == 0) and _as_date(column, named, word):
                return True
    return False


def _is_digits(column: Column) -> bool:
    """Whole numbers, or texts of eight digits that a leading zero makes text ("03012022")."""
    if column.kind is not TEXT or column.forced:
        return column.kind is INT
    eight = pc.match_substring_regex(column.witnesses, r"^\s*\d{8}\s*$")
    return len(eight) > 0 and bool(pc.all(eight).as_py())


def named_as_date(name: str) -> bool:
    """Whether a column is named like a date, a week or a month."""
    words = set(re.split(r"[\W_]+", plain(name)))
    joined = "".join(re.split(r"[\W_]+", plain(name)))
    long = (word for word in _DATE_WORDS if len(word) > 4)
    return bool(words & _DATE_WORDS) or joined in _DATE_WORDS or any(w in joined for w in long)


def _as_date(column: Column, named: bool, word: str) -> bool:
    """Give the column a date kind where all its numbers fit one; ask where two do."""
    samples = column.seen.samples
    if column.kind is TEXT:
        samples = dict.fromkeys(pc.drop_null(column.witnesses).to_pylist(), 0)
    if not samples or len(samples) < 2:
        return False
    texts = [text for text in samples if not is_marker(text, column.missing)]
    fitting = []
    for kind in INTEGER_DATES:
        assert kind.format is not None  # noqa: S101 - each has one
        if all(kind.format.read(text) for text in texts):
            fitting.append(kind)
    if not fitting:
        if named:
            _say_what_it_looks_like(column, samples, texts, word)
        return False
    found = (fitting[0], "") if len(fitting) == 1 else _order_by_name(column, fitting)
    found = found or _order_by_steps(fitting, texts) or _month_by_numbers(fitting, texts)
    if found is None:
        column.asked = f"numbers such as {texts[0]} fit {_formats(fitting)}"
        told = [
            _ANSWERS[kind.format.order] for kind in fitting if kind.format and kind.format.order
        ]
        column.choices = (*told, As.NUMBER)
        return False
    kind, why = found
    assert kind.format is not None  # noqa: S101 - each has one
    step = even_step([kind.format.read(text) for text in texts])
    if not named and not step:
        return False
    steps = f"its numbers are {step} dates" if step else "all its numbers are such dates"
    column.evidence = why or f"the table has no other date, and {steps}"
    return column.restrict((kind,))


def _say_what_it_looks_like(
    column: Column, samples: dict[str, Line], texts: list[str], word: str
) -> None:
    """Name the number that keeps a column of weeks, months or days from being dates."""
    for kind in INTEGER_DATES:
        form = kind.format
        assert form is not None  # noqa: S101 - each has one
        odd = [text for text in texts if not form.read(text)]
        if odd and len(odd) * 10 <= len(texts):
            place = at((samples[odd[0]], odd[0]), word)
            column.evidence = f"it looks like dates written {form.name}, but {place} is none"
            return
