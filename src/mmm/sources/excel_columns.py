"""A sheet's columns as arrays: each cell has a type of its own, a column gets one for all rows.

Cells of text are read as a text file's are (`mmm.sources.column_state`), beside cells that hold
numbers or dates.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mmm.sources.coarser_dates import longer_labels
from mmm.sources.column_state import Column, Line, LineOf, Read, kinds_for, read_as
from mmm.sources.describe import type_of
from mmm.sources.evidence import decide, even_step
from mmm.sources.reading import As, ReadOptions
from mmm.sources.text_types import EMPTY, TEXT, Kind

#: Excel keeps numbers as float64: beyond this an integer is not sure to be the one that was typed.
_EXACT_INTEGER = 2**53
_SPANS = (dt.date, dt.datetime)


@dataclass
class Cells:
    """One column of a sheet: its cells (None where empty), and its texts as a column of texts.

    `mixed` says which cell keeps the column from being anything but text.
    """

    name: str
    values: list[Any]
    state: Column
    texts: pa.StringArray
    others: frozenset[type]
    mixed: str = ""

    def array(self) -> pa.Array:
        """The column in the type that its cells and the reading of its texts have in common."""
        own = self.state.kind
        if not self.others:
            return read_as(self.state, self.texts).array
        if self.as_dates:
            return read_as(self.state, self.texts).array
        if self.mixed or own is TEXT:
            return pa.array([as_text(value) for value in self.values], pa.string())
        array = read_as(self.state, self.texts).array
        assert array is not None  # noqa: S101 - the kind was chosen to fit
        read = array.to_pylist()
        pairs = zip(self.values, read, strict=True)
        return _typed([new if isinstance(old, str) else old for old, new in pairs], self.others)

    @property
    def as_dates(self) -> bool:
        """Whether whole numbers of the sheet are read as dates."""
        return self.others <= {int, float} and self.state.kind.is_date

    def source_type(self) -> str:
        """What the cells were, for the dataset's manifest."""
        if self.mixed or (self.others and self.state.kind is TEXT):
            return "mixed"
        if not self.others:
            kind = self.state.kind
            if kind in (TEXT, EMPTY):
                return kind.name
            return f"text, {kind.name}"
        if self.as_dates:
            return self.state.kind.name
        if self.others <= {int, float}:
            return "number"
        return type_of(self.array().type)


def read_cells(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    numbers: Sequence[Line],
    options: ReadOptions,
) -> list[Cells]:
    """The columns of these rows; `numbers` are the rows' numbers in the sheet, from 1."""
    missing = tuple(text.strip().lower() for text in options.missing)
    columns = []
    for i, name in enumerate(names):
        values = [row[i] if i < len(row) and row[i] != "" else None for row in rows]
        said = options.columns.get(name)
        columns.append(_cells(name, values, said, options.decimal, missing))
    has_dates = any(cells.others & set(_SPANS) for cells in columns)
    states = []
    for cells in columns:
        if cells.others <= {int, float} and cells.others and not has_dates:
            _offer_as_date(cells)
        states.append(cells.state)
    while True:
        for cells in columns:
            _settle(cells, lambda row: numbers[row])
        if not decide(states, "", options.zone, "row"):
            break
    for cells in columns:
        _look_at_mixture(cells, numbers)
    return columns


def _cells(
    name: str, values: list[Any], said: As | None, decimal: str | None, missing: tuple[str, ...]
) -> Cells:
    texts = pa.array([v if isinstance(v, str) else None for v in values], pa.string())
    others = frozenset(type(v) for v in values if v is not None and not isinstance(v, str))
    kinds = kinds_for(said, decimal)
    if others and said is None:
        kinds = tuple(kind for kind in kinds if _goes_with(kind, others))
    if others and others <= set(_SPANS) and said is None:
        missing = (*missing, *_subtotals(values))
    state = Column(name, kinds, said, missing, beside_others=bool(others))
    return Cells(name, values, state, texts, others)


def _subtotals(values: Sequence[Any]) -> tuple[str, ...]:
    """The labels of subtotals ("Q1 2022") beside cells that hold the days of shorter periods."""
    texts = [value for value in values if isinstance(value, str)]
    cells = [value for value in values if isinstance(value, _SPANS)]
    days = [cell.date() if isinstance(cell, dt.datetime) else cell for cell in cells]
    return longer_labels(texts, days, even_step(days)) if texts else ()


def _goes_with(kind: Kind, others: frozenset[type]) -> bool:
    """Whether texts of a kind can stand in one column with cells of these types."""
    if kind in (EMPTY, TEXT):
        return True
    if others <= {int, float}:
        return kind.is_number
    return others <= set(_SPANS) and kind.is_date


def _offer_as_date(cells: Cells) -> None:
    """Let whole numbers be looked at as texts, since they may be dates (20240131, 45292)."""
    numbers = [value for value in cells.values if value is not None]
    if all(isinstance(n, int | float) and float(n).is_integer() and 0 < n < 1e8 for n in numbers):
        texts = [None if value is None else str(int(value)) for value in cells.values]
        cells.texts = pa.array(texts, pa.string())
        cells.state.kinds = kinds_for(cells.state.said, None)


def _settle(cells: Cells, line_of: LineOf) -> None:
    state = cells.state
    while True:
        state.start_pass()
        if not state.take(_read(cells), line_of):
            return


def _read(cells: Cells) -> Read:
    return read_as(cells.state, cells.texts)


def _look_at_mixture(cells: Cells, numbers: Sequence[Line]) -> None:
    """Say which cell makes text of a column that holds other cells as well."""
    state = cells.state
    if not cells.others:
        return
    known = (frozenset({int, float}), frozenset(_SPANS))
    has_texts = cells.texts.null_count < len(cells.texts) and not cells.as_dates
    one_type = len(cells.others) == 1 or any(cells.others <= types for types in known)
    if one_type and not (has_texts and state.kind is TEXT):
        return
    types = Counter(type(value) for value in cells.values if value is not None)
    usual = types.most_common(1)[0][0]
    if has_texts and usual is not str and state.ended is None:
        odd = _first_text(cells)
    else:
        odd = next(i for i, v in enumerate(cells.values) if v is not None and type(v) is not usual)
    cells.mixed = f"row {numbers[odd]} holds {as_text(cells.values[odd])!r}"
    state.forced = cells.mixed
    state.kind, state.asked, state.choices = TEXT, "", ()


def _first_text(cells: Cells) -> int:
    """The first cell of text that alone is no number or date such as the column's others."""
    state = cells.state
    for i, value in enumerate(cells.values):
        if not isinstance(value, str):
            continue
        alone = Column(cells.name, state.kinds, state.said, state.missing)
        alone.take(read_as(alone, pa.array([value])), lambda row: row)
        if alone.kind is TEXT:
            return i
    return next(i for i, value in enumerate(cells.values) if isinstance(value, str))


def _typed(values: list[Any], types: frozenset[type]) -> pa.Array:
    """Cells of one type as an array."""
    if types <= {int, float}:
        return _numbers(values)
    if types == {bool}:
        return pa.array(values, pa.bool_())
    if types == {dt.date}:
        return pa.array(
            [v.date() if isinstance(v, dt.datetime) else v for v in values], pa.date32()
        )
    if types <= set(_SPANS):
        return pa.array([_at_midnight(value) for value in values], pa.timestamp("us"))
    return pa.array(values, pa.time64("us") if types == {dt.time} else pa.duration("us"))


def _at_midnight(value: Any) -> Any:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time())
    return value


def _numbers(values: list[Any]) -> pa.Array:
    """Integers when all numbers are whole: Excel itself knows no difference."""
    numbers = [value for value in values if value is not None]
    if all(
        float(n).is_integer() and abs(n) <= _EXACT_INTEGER and str(float(n)) != "-0.0"
        for n in numbers
    ):
        return pa.array([None if value is None else int(value) for value in values], pa.int64())
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def as_text(value: Any) -> str | None:
    """A cell as text; None where it is empty."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT_INTEGER:
        return str(int(value))
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
