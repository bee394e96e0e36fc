"""A date made of a year's column and a week's, month's or quarter's, in a table without another
date.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from mmm.errors import UserError
from mmm.sources.reading import ColumnReading
from mmm.sources.written_dates import month_number, plain, week_start

_YEARS = frozenset(["year", "jahr", "annee", "ano", "anno", "jaar", "yr", "isoyear", "yearnumber"])
_PARTS: dict[str, frozenset[str]] = {
    "week": frozenset(
        [
            "week",
            "kw",
            "woche",
            "kalenderwoche",
            "semaine",
            "semana",
            "settimana",
            "wk",
            "isoweek",
            "weeknumber",
            "weekno",
            "weeknr",
            "cw",
            "calendarweek",
            "weeknum",
            "weekofyear",
        ]
    ),
    "month": frozenset(
        ["month", "monat", "mois", "mes", "mese", "maand", "monthnumber", "monthname"]
    ),
    "quarter": frozenset(["quarter", "quartal", "trimestre", "kwartaal", "qtr"]),
}
_DAYS = frozenset(["day", "tag", "jour", "dia", "giorno", "dag", "dayofmonth"])


@dataclass(frozen=True)
class Parts:
    """Which columns make the date, and its name."""

    name: str
    year: str
    part: str
    kind: str
    day: str = ""

    @property
    def words(self) -> str:
        columns = [self.year, self.part]
        if self.day:
            columns.append(self.day)
        named = " and ".join(repr(column) for column in columns)
        return f"{'ISO week' if self.kind == 'week' else self.kind} of {named}"

    @property
    def note(self) -> str:
        first = "" if self.day else ", dated by its first day"
        return f"The table has no date: {self.name!r} was made, the {self.words}{first}."

    def described(self) -> ColumnReading:
        return ColumnReading(
            column=self.name,
            type="date",
            written=self.words,
            evidence="the table has no other date",
        )

    def schema(self, schema: pa.Schema) -> pa.Schema:
        return schema.insert(0, pa.field(self.name, pa.date32()))

    def add(self, batch: pa.RecordBatch, to: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """`to` with the date made from `batch` in front."""
        days = pa.array([day for day, _ in self.days(batch)], pa.date32())
        return pa.record_batch([days, *to.columns], schema=schema)

    def days(self, batch: pa.RecordBatch) -> Iterator[tuple[dt.date | None, str]]:
        """Each row's day (None where there is none), and its parts as text."""
        columns = [batch.column(self.year), batch.column(self.part)]
        if self.day:
            columns.append(batch.column(self.day))
        known: dict[tuple[str, ...], dt.date | None] = {}
        for cells in zip(*(column.to_pylist() for column in columns), strict=True):
            texts = tuple("" if cell is None else str(cell) for cell in cells)
            if texts not in known:
                known[texts] = self._day(texts)
            yield known[texts], ", ".join(texts)

    def _day(self, texts: tuple[str, ...]) -> dt.date | None:
        year = _number(texts[0])
        if year is None or not 1970 <= year <= 2099:
            return None
        if self.kind == "month":
            month, day = month_number(texts[1]), _number(texts[2]) if self.day else 1
            return _date(year, month, day) if month and day else None
        number = _number(texts[1])
        if number is None:
            return None
        if self.kind == "week":
            return week_start(year, number)
        return _date(year, 3 * number - 2, 1) if 1 <= number <= 4 else None


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    """The number in "5", "5.0", "KW 5", "W05" and "Q1"."""
    found = re.fullmatch(r"[^\W\d]*[\s._-]*(\d{1,4})(?:\.0)?", text.strip())
    return int(found[1]) if found else None


def find_parts(
    schema: pa.Schema, read: Callable[[], Iterator[pa.RecordBatch]], where: str
) -> Parts | None:
    """The columns that make a date, where the table has none. Raises UserError that names the first
    row whose parts are no date.
    """
    if any(pa.types.is_date(field.type) or pa.types.is_timestamp(field.type) for field in schema):
        return None
    parts = _named_parts(schema.names)
    if parts is None:
        return None
    row = 0
    for batch in read():
        for day, texts in parts.days(batch):
            row += 1
            if day is None and texts.strip(" ,"):
                raise UserError(
                    f"{texts!r} is no {parts.kind} of a year.",
                    where=f"{where}, data row {row}, columns {parts.year!r} and {parts.part!r}",
                    fix="Correct the cell; weeks are ISO weeks (1 to 52, in long years 53).",
                )
    return parts


def _named_parts(names: list[str]) -> Parts | None:
    plain_names = {name: re.sub(r"[\W_]+", "", plain(name)) for name in names}
    year = next((name for name, word in plain_names.items() if word in _YEARS), None)
    if year is None:
        return None
    taken = {name.casefold() for name in names}
    name = next(text for text in ("date", "period_start", "date_of_parts") if text not in taken)
    for kind, words in _PARTS.items():
        part = next((name for name, word in plain_names.items() if word in words), None)
        if part is None:
            continue
        day = next((name for name, word in plain_names.items() if word in _DAYS), "")
        return Parts(name, year, part, kind, day if kind == "month" else "")
    return None
