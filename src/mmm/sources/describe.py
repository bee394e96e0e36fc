"""A column's reading in words: its type, how its values were written, its unit, and what a person
should know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from mmm.errors import Finding
from mmm.sources.column_state import Column
from mmm.sources.evidence import at
from mmm.sources.reading import ColumnReading, Reading
from mmm.sources.text_types import TEXT, WRITTEN, ZONED, markers_note, odd_numbers, why_text
from mmm.sources.written_numbers import currency_in

_TYPES = {
    "integer": "whole number",
    "empty": "empty",
    "true/false": "true/false",
    "text": "text",
    "timestamp with zone": "time",
    "local day": "date",
    "local time": "time",
}
_MOST_ODD = 5


def type_of(kind: pa.DataType) -> str:
    """An Arrow type as people call it."""
    if pa.types.is_integer(kind):
        return "whole number"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return "time"
    if pa.types.is_boolean(kind):
        return "true/false"
    return "empty" if pa.types.is_null(kind) else "text"


def describe(column: Column, unit: str, word: str) -> ColumnReading:
    """How the column was read."""
    seen, kind = column.seen, column.kind
    evidence = column.evidence
    odd: tuple[str, ...] = ()
    if kind is TEXT:
        evidence = _why_text(column, word) or evidence
        odd = tuple(odd_numbers(column.witnesses, column.missing)[:_MOST_ODD])
    shown = sorted(seen.looks.currencies)
    found = "%" if seen.looks.percent else ""
    if len(shown) == 1:
        found = shown[0]
    return ColumnReading(
        column=column.name,
        type=_TYPES.get(kind.name) or type_of(kind.type),
        written=written(column),
        unit=unit or found or currency_in(column.name),
        evidence=evidence,
        missing=dict(sorted(seen.markers.items())),
        odd=odd,
        asked=column.asked,
        choices=column.choices,
    )


def written(column: Column) -> str:
    """How the values were written, where they were not as a program writes them."""
    kind = column.kind
    if kind in WRITTEN:
        mark = "decimal comma" if kind.mark == "," else "decimal point"
        with_mark = kind.type == pa.float64() and not _is_whole(column)
        return ", ".join(filter(None, [mark if with_mark else "", column.seen.looks.words()]))
    if kind.format is not None:
        return kind.format.name
    if kind is ZONED or kind.name.startswith(("local", "timestamp in")):
        return kind.name
    return ""


def _is_whole(column: Column) -> bool:
    return pa.types.is_integer(column.kind.type)


def _why_text(column: Column, word: str) -> str:
    if column.forced:
        return column.forced
    if column.ended:
        return f"{word} {column.ended[0]} holds {column.ended[1]!r}"
    return why_text(column.witnesses, column.kinds)


def notes_of(column: Column, word: str) -> Iterator[str]:
    """What a person should know of a column's reading."""
    name = f"Column {column.name!r}"
    why = ""
    if column.kind is TEXT and column.said is None:
        why = _why_text(column, word)
    if why:
        yield f"{name} is kept as text: {why}."
    if column.seen.markers:
        yield markers_note(column.name, Counter(column.seen.markers))
    how = written(column)
    if how and column.kind is not TEXT:
        because = f" ({column.evidence})" if column.evidence else ""
        yield f"{name} was read as {_kind_word(column)}{how}{because}."
    elif column.evidence and column.kind.name == "integer":
        yield f"{name}: {column.evidence}."


def _kind_word(column: Column) -> str:
    if column.kind.is_date:
        return "date "
    return "whole numbers with " if _is_whole(column) else "numbers with "


def questions(columns: list[Column], where: str) -> list[Finding]:
    """What has to be asked before the table can be read, one finding per column."""
    found = []
    for column in columns:
        if not column.asked:
            continue
        answers = " or ".join(f'--column "{column.name}={choice}"' for choice in column.choices)
        fix = f"Say which: {answers}."
        found.append(Finding("error", f"{column.asked}.", f"{where}, column {column.name!r}", fix))
    return found


def misfits(columns: list[Column], where: str, word: str) -> list[Finding]:
    """Columns that a person said hold numbers or dates, and that hold something else."""
    found = []
    for column in columns:
        if column.said is None or column.kind is not TEXT or TEXT in column.kinds:
            continue
        what = f"not every value is {column.said}"
        if column.ended:
            what = f"{at(column.ended, word)} is no {column.said}"
        elif odd := odd_numbers(column.witnesses, column.missing):
            what = f"{odd[0]!r} is no {column.said}"
        fix = "Correct the cells, or name texts that mean no value (--missing)."
        found.append(Finding("error", f"{what}.", f"{where}, column {column.name!r}", fix))
    return found


def layout_of(reading: Reading) -> list[str]:
    """Encoding, separator or sheet, header, and what was left out."""
    found = []
    if reading.sheet:
        others = (
            f"; other sheets: {', '.join(reading.other_sheets)}" if reading.other_sheets else ""
        )
        found.append(f"Sheet {reading.sheet!r}{others}")
    if reading.given.sheet is None and (more := other_years(reading.alike_sheets, reading.sheet)):
        found.append(more)
    found += reading.hidden
    if reading.separator:
        found.append(f"Encoding {reading.encoding}, separator {reading.separator!r}")
    if reading.header:
        rows = " and ".join(map(str, reading.header))
        found.append(f"Column names in row {rows}")
    found += [f"Above the header, left out: {text}" for text in reading.skipped]
    for item in reading.left_out:
        places = ", ".join(f"{line} {text!r}".removesuffix(" ''") for line, text in item["first"])
        found.append(f"Left out as {item['why']}: {item['rows']} (row {places})")
    return found


def other_years(alike: tuple[str, ...], read: str) -> str:
    """What is offered where other sheets have the columns of the one that was read."""
    if len(alike) < 2:
        return ""
    return (
        f"The sheets {', '.join(map(repr, alike))} have the same columns; only {read!r} was read. "
        f"Choose them together to have them one after the other (--sheet '{','.join(alike)}')."
    )


def evidence_of(item: ColumnReading) -> str:
    """The evidence of a column's reading, and what was read as empty."""
    parts = [item.evidence] if item.evidence else []
    if item.missing:
        marks = ", ".join(f"{count} x {text!r}" for text, count in item.missing.items())
        parts.append(f"empty: {marks}")
    if item.odd:
        parts.append(f"no numbers: {', '.join(map(repr, item.odd))}")
    return "; ".join(parts)
