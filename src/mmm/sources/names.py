"""Column names: every one given, every one once. A file's columns without a name get one by their
place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmm.errors import Finding, InvalidInput, UserError


def named(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(names, notes): a column without a name is called `column_<n>`, counted from 1, as pandas'
    index often is one.

    Where no column has a name there is no header; then nothing is changed.
    """
    if not any(name.strip() for name in names):
        return tuple(names), ()
    found, notes = list(names), []
    for i, name in enumerate(names):
        if not name.strip():
            found[i] = f"column_{i + 1}"
            while found[i] in names:
                found[i] += "_"
            notes.append(f"Column {i + 1} has no name; it is called {found[i]!r}.")
    return tuple(found), tuple(notes)


def require_names(names: Sequence[str], where: str) -> None:
    """Raise InvalidInput naming each empty and each repeated column name."""
    if not names:
        raise UserError(
            "holds no table.", where=where, fix="Give a table with column names in its first row."
        )
    findings = [
        Finding(
            "error",
            "the column has no name.",
            f"{where}, column {i}",
            "Name it, or delete the column.",
        )
        for i, name in enumerate(names, start=1)
        if not name.strip()
    ]
    for name, count in Counter(name for name in names if name.strip()).items():
        if count > 1:
            places = ", ".join(str(i) for i, other in enumerate(names, start=1) if other == name)
            findings.append(
                Finding(
                    "error",
                    f"{count} columns have this name ({places}).",
                    f"{where}, column {name!r}",
                    "Rename.",
                )
            )
    if findings:
        raise InvalidInput(f"{where}: the column names cannot be used.", findings)
