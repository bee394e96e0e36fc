"""Where a table begins in a sheet or a text file: title lines, one to three header rows, a row of
units, then data.

Works on the first rows as texts, whatever the file. A table whose first row is its header, as most
are, is left as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mmm.errors import UserError
from mmm.sources.cells import is_data, is_unit

Row = Sequence[str]
#: A block of merged cells: (first row, first column), (last row, last column), from 0.
Merged = tuple[tuple[int, int], tuple[int, int]]
_MOST_HEADER_ROWS = 3
_LOOKED_AT = 60


@dataclass(frozen=True)
class Header:
    """A found header. `rows` are its row numbers (from 0), `end` the first row after it and its
    row of units; `skipped` the rows before it that hold something.
    """

    names: tuple[str, ...]
    rows: tuple[int, ...]
    end: int
    skipped: tuple[int, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the header is the first row and nothing else."""
        return self.rows == (0,) and self.end == 1


def find_header(
    rows: Sequence[Row],
    *,
    first: int | None = None,
    count: int | None = None,
    merged: Sequence[Merged] = (),
    where: str = "",
) -> Header:
    """The header of the table that these first rows begin. `first` (from 0) and `count` say where
    it is, and are found where None. Raises UserError where `first` lies outside the rows.
    """
    filled = []
    for row in rows:
        filled.append([cell.strip() for cell in row])
    if first is not None and not (0 <= first < len(filled) and any(filled[first])):
        raise UserError(
            f"row {first + 1} cannot be the header, it is empty.",
            where=where,
            fix="Give the row that holds the column names, counted from 1.",
        )
    last = _last_header_row(filled[:_LOOKED_AT]) if first is None else first + (count or 1) - 1
    if last is None or last >= len(filled):
        start = next((i for i, row in enumerate(filled) if row), 0)
        names = tuple(rows[start]) if rows else ()
        return Header(names, (start,), start + 1)
    end = last + 1
    units: tuple[str, ...] = ()
    above = _row_above(filled, last, 1)
    if first is None and count is None and above is not None and _is_units(filled, last, above):
        units, last = tuple(filled[last]), above
    elif end < len(filled) and _is_units(filled, end, last) and _is_data_after(filled, end):
        units, end = tuple(filled[end]), end + 1
    begin = first if first is not None else _first_header_row(filled, last, count, merged)
    names = _joined(filled, begin, last, merged)
    skipped = tuple(i for i in range(begin) if any(filled[i]))
    return Header(names, tuple(range(begin, last + 1)), end, skipped, units)


def _size(row: Row) -> int:
    return sum(bool(cell) for cell in row)


def _data(row: Row) -> set[int]:
    return {i for i, cell in enumerate(row) if cell and is_data(cell)}


def _last_header_row(rows: Sequence[Row]) -> int | None:
    """The row just above the first row of data; None where no data are found below a row."""
    here = [i for i, row in enumerate(rows) if any(row)]
    if not here:
        return None
    sizes = Counter(_size(rows[i]) for i in here)
    usual = max(sizes, key=lambda size: (sizes[size] * min(size, 2), size))
    data = {i: _data(rows[i]) for i in here}
    for place, i in enumerate(here):
        if _size(rows[i]) * 2.5 < usual or len(data[i]) < max(1, 0.25 * _size(rows[i])):
            continue
        after = here[place + 1 : place + 4]
        above = here[place - 1] if place else i
        is_named = place > 0 and not data[above] and _size(rows[above]) >= 0.8 * usual
        near = after if is_named else after[:1]
        if after and not any(data[i] & data[j] for j in near):
            continue
        return _name_row(rows, here[:place], usual)
    return None


def _name_row(rows: Sequence[Row], before: Sequence[int], usual: int) -> int | None:
    """The nearest row above the data that is wide enough to name the columns."""
    for i in reversed(before):
        if _size(rows[i]) * 2 >= usual and (_size(rows[i]) > 1 or usual == 1):
            return i
    return None


def _row_above(rows: Sequence[Row], row: int, most_gap: int) -> int | None:
    for i in range(row - 1, max(row - 1 - most_gap, -1), -1):
        if any(rows[i]):
            return i
    return None


def _is_units(rows: Sequence[Row], row: int, names: int) -> bool:
    """Whether a row holds units only, under a row of names that are none."""
    here = [cell for cell in rows[row] if cell.strip("-–—/. ")]
    units = sum(is_unit(cell) for cell in here)
    named = [cell for cell in rows[names] if cell]
    is_named = len(named) * 2 >= len(here) and sum(is_unit(cell) for cell in named) < len(named) / 2
    return bool(here) and is_named and units >= max(1, 0.8 * len(here)) and not _data(rows[row])


def _is_data_after(rows: Sequence[Row], row: int) -> bool:
    return any(_data(other) for other in rows[row + 1 : row + 4])


def _first_header_row(
    rows: Sequence[Row], last: int, count: int | None, merged: Sequence[Merged]
) -> int:
    """The first row of the header that ends at `last`: rows of group names above it belong to it."""
    if count is not None:
        return max(0, last - count + 1)
    begin = last
    while begin > 0 and last - begin + 1 < _MOST_HEADER_ROWS:
        if not _is_group_row(rows[begin - 1], rows[begin], begin - 1, merged):
            break
        begin -= 1
    return begin


def _is_group_row(upper: Row, lower: Row, number: int, merged: Sequence[Merged]) -> bool:
    """Whether `upper` names groups of the columns that `lower` names."""
    cells = [i for i, cell in enumerate(upper) if cell]
    if not cells or _data(upper) or len(cells) > len(lower):
        return False
    if len(cells) == 1 and cells[0] == 0:
        return False  # a title
    if any(first[0] == number and last[1] > first[1] for first, last in merged):
        return len(cells) > 1 or cells[0] > 0
    has_gap = any(cell and not (upper[i] if i < len(upper) else "") for i, cell in enumerate(lower))
    under_nothing = any(upper[i] and not (lower[i] if i < len(lower) else "") for i in cells)
    names = [cell for cell in lower if cell]
    repeats = len(set(names)) < len(names)
    return has_gap and (repeats or under_nothing or len([i for i in cells if i > 0]) > 1)


def _joined(
    rows: Sequence[Row], begin: int, last: int, merged: Sequence[Merged]
) -> tuple[str, ...]:
    """Names of the columns; those of several rows are joined, group names spread to the right."""
    width = max(len(rows[i]) for i in range(begin, last + 1))
    padded = [[*rows[i], *[""] * (width - len(rows[i]))] for i in range(begin, last + 1)]
    for depth, row in enumerate(padded[:-1]):
        _spread(row, padded[depth + 1], begin + depth, merged)
    names = []
    for column in range(width):
        parts = list(dict.fromkeys(row[column] for row in padded if row[column]))
        names.append(" ".join(" ".join(parts).split()))
    return tuple(names)


def _spread(upper: list[str], lower: list[str], number: int, merged: Sequence[Merged]) -> None:
    """Write a group's name over all its columns: the merged cells where the file knows them, else
    up to the next group or a column without a name below.
    """
    known = [(a, b) for a, b in merged if a[0] <= number <= b[0] and b[1] > a[1]]
    if known:
        for first, last in known:
            for column in range(first[1], min(last[1] + 1, len(upper))):
                upper[column] = upper[first[1]]
        return
    for column in range(1, len(upper)):
        if not upper[column] and lower[column] and upper[column - 1] and lower[column - 1]:
            upper[column] = upper[column - 1]
