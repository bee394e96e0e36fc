"""Rows and columns that Excel hides: they are read unless left out on request, and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmm.sources.excel_xml import hidden_columns, hidden_rows, is_filtered
from mmm.sources.sheets import SheetRows

_NAMED = 8


@dataclass(frozen=True)
class Hidden:
    """What a sheet hides: rows by their numbers from 1, columns by their place in the table from
    0, and whether a filter is set.
    """

    rows: frozenset[int] = frozenset()
    columns: frozenset[int] = frozenset()
    filtered: bool = False

    @classmethod
    def of(cls, content: bytes, first_column: int) -> Hidden:
        """From a sheet's XML; `first_column` (from 0) is where its cells begin."""
        columns = {column - first_column for column in hidden_columns(content)}
        return cls(hidden_rows(content), frozenset(columns), is_filtered(content))

    def words(self, table: SheetRows) -> tuple[str, ...]:
        """What was read of it."""
        found = []
        rows = [number for number in table.numbers if number in self.rows]
        if rows:
            by = ", by a filter," if self.filtered else ""
            count = "1 row is" if len(rows) == 1 else f"{len(rows):,} rows are"
            found.append(
                f"{count} hidden in Excel{by} and {'was' if len(rows) == 1 else 'were'} read with "
                f"the others (row {_some(rows)}). --skip-hidden leaves hidden rows and columns out."
            )
        names = self._names(table)
        if names:
            listed = ", ".join(map(repr, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
            found.append(
                f"Hidden in Excel and read with the others: column {listed}. --skip-hidden leaves "
                "hidden rows and columns out."
            )
        return tuple(found)

    def without_columns(self, table: SheetRows) -> tuple[SheetRows, tuple[str, ...]]:
        """(the table without its hidden columns, what was left out)."""
        names = self._names(table)
        if not names or len(names) == len(table.names):
            return table, ()
        kept = [i for i in range(len(table.names)) if i not in self.columns]
        units = [*table.units, *[""] * (len(table.names) - len(table.units))]
        lines: list[Sequence[Any]] = []
        for line in table.lines:
            lines.append([line[i] if i < len(line) else None for i in kept])
        shown = SheetRows(
            table.sheet,
            tuple(table.names[i] for i in kept),
            tuple(units[i] for i in kept),
            lines,
            table.numbers,
        )
        return shown, (f"Hidden in Excel and left out: column {', '.join(map(repr, names))}.",)

    def _names(self, table: SheetRows) -> list[str]:
        return [name for i, name in enumerate(table.names) if i in self.columns]


def _some(numbers: list[int]) -> str:
    more = f", ... {numbers[-1]}" if len(numbers) > _NAMED else ""
    return ", ".join(map(str, numbers[:_NAMED])) + more
