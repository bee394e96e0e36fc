"""One table on several sheets of a workbook ("2023", "2024"): which sheets have the same columns,
and their rows one after the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mmm.errors import UserError
from mmm.sources.column_state import Line

#: The word for every visible sheet with the columns of the first.
ALL = "all"
_NAMED = 3


@dataclass(frozen=True)
class SheetRows:
    """A sheet's rows of data below its column names; `numbers` are the rows' in the sheet, from 1."""

    sheet: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    lines: list[Sequence[Any]]
    numbers: list[int]


@dataclass(frozen=True)
class Appended:
    """The rows of all sheets under the columns of all. `sizes` are the sheets' numbers of rows."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    lines: list[Sequence[Any]]
    numbers: list[Line]
    sizes: dict[str, int]
    notes: tuple[str, ...]


def split_names(text: str, sheets: Sequence[str]) -> list[str]:
    """The sheets that a text names with commas between; names may hold commas themselves. Empty
    where it names anything else.
    """
    rest, found = text.strip(), []
    while rest:
        fitting = [name for name in sheets if _begins(rest, name)]
        if not fitting:
            return []
        name = max(fitting, key=len)
        found.append(name)
        rest = rest[len(name) :].lstrip().removeprefix(",").lstrip()
    return list(dict.fromkeys(found))


def _begins(text: str, name: str) -> bool:
    return text.startswith(name) and text[len(name) :].lstrip()[:1] in ("", ",")


def alike(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether two headers name the same table: most columns of the larger one are in both."""
    here, there = set(map(_key, names)) - {""}, set(map(_key, others)) - {""}
    shared = len(here & there)
    return shared >= 2 and 2 * shared > max(len(here), len(there))


def append(sheets: Sequence[SheetRows], sheet_column: str | None, where: str) -> Appended:
    """The sheets' rows one after the other, columns met by name. `sheet_column` becomes the first
    column and holds each row's sheet. Raises UserError for a sheet with another table.
    """
    names: dict[str, str] = {}
    units: dict[str, str] = {}
    key = _key if all(_distinct(rows.names) for rows in sheets) else str
    for rows in sheets:
        if rows is not sheets[0] and not alike(sheets[0].names, rows.names):
            raise UserError(
                f"the sheets {sheets[0].sheet!r} and {rows.sheet!r} have other columns: "
                f"{_some(sheets[0].names)}; {_some(rows.names)}.",
                where=where,
                fix="Name sheets of one table, or read each by itself and join them.",
            )
        given = [*rows.units, *[""] * len(rows.names)]
        for name, unit in zip(rows.names, given, strict=False):
            names.setdefault(key(name), name)
            units[key(name)] = units.get(key(name)) or unit
    notes = _notes(sheets, names, key)
    lines: list[Sequence[Any]] = []
    numbers: list[Line] = []
    for rows in sheets:
        place = {key(name): i for i, name in enumerate(rows.names)}
        order = [place.get(wanted) for wanted in names]
        lines += [_in_order(line, order) for line in rows.lines]
        numbers += [_row(number, rows.sheet, len(sheets)) for number in rows.numbers]
    sizes = {rows.sheet: len(rows.lines) for rows in sheets}
    appended = Appended(
        tuple(names.values()), tuple(units.values()), lines, numbers, sizes, tuple(notes)
    )
    if sheet_column is None:
        return appended
    return _with_sheet(appended, sheet_column, where)


def require_apart(table: pa.Table, sizes: dict[str, int], where: str) -> None:
    """Raise UserError where two sheets have rows of the same date and texts: they would count
    twice.
    """
    dates = [f.name for f in table.schema if pa.types.is_date(f.type) or _is_time(f.type)]
    if not dates or len(sizes) < 2:
        return
    texts = [f.name for f in table.schema if pa.types.is_string(f.type)]
    known: dict[tuple[Any, ...], str] = {}
    twice: Counter[tuple[str, str]] = Counter()
    examples = []
    first = 0
    for sheet, size in sizes.items():
        part = table.select([dates[0], *texts]).slice(first, size)
        first += size
        keys = {key for key in zip(*part.to_pydict().values(), strict=True) if key[0] is not None}
        for key in sorted(keys, key=lambda key: str(key[0])):
            other = known.setdefault(key, sheet)
            if other != sheet:
                twice[other, sheet] += 1
                examples.append(str(key[0])[:10])
    if not twice:
        return
    (one, two), _ = twice.most_common(1)[0]
    raise UserError(
        f"the sheets {one!r} and {two!r} hold the same dates: "
        f"{', '.join(examples[:_NAMED])}{', ...' if len(examples) > _NAMED else ''}.",
        where=f"{where}, column {dates[0]!r}",
        fix="Name sheets whose dates do not overlap. If each sheet is a market or a channel, keep "
        "its name in a column (--sheet-column market).",
    )


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind))


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _distinct(names: Sequence[str]) -> bool:
    return len(set(map(_key, names))) == len(names)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _row(number: int, sheet: str, sheets: int) -> Line:
    return number if sheets == 1 else f"{number} of sheet {sheet!r}"


def _in_order(line: Sequence[Any], order: Sequence[int | None]) -> list[Any]:
    return [line[i] if i is not None and i < len(line) else None for i in order]


def _notes(
    sheets: Sequence[SheetRows], names: dict[str, str], key: Callable[[str], str]
) -> list[str]:
    if len(sheets) == 1:
        return []
    counts = ", ".join(f"{rows.sheet!r} ({len(rows.lines):,} rows)" for rows in sheets)
    notes = [f"The sheets {counts} were appended."]
    for rows in sheets:
        here = set(map(key, rows.names))
        lacking = [name for wanted, name in names.items() if wanted not in here]
        if lacking:
            listed = ", ".join(map(repr, lacking))
            notes.append(f"Sheet {rows.sheet!r} has no column {listed}: empty in its rows.")
    return notes


def _with_sheet(table: Appended, column: str, where: str) -> Appended:
    if _key(column) in set(map(_key, table.names)):
        raise UserError(
            f"there is a column {column!r} already.",
            where=where,
            fix="Give the column of the sheets' names another name.",
        )
    of_row = [sheet for sheet, size in table.sizes.items() for _ in range(size)]
    lines: list[Sequence[Any]] = []
    lines += [[sheet, *line] for sheet, line in zip(of_row, table.lines, strict=True)]
    return Appended(
        (column, *table.names), ("", *table.units), lines, table.numbers, table.sizes, table.notes
    )
