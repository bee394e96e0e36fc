"""Column names: every one given, every one once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmm.errors import Finding, InvalidInput, UserError


def require_names(names: Sequence[str], where: str) -> None:
    """Raise InvalidInput naming each empty and each repeated column name."""
    if not names:
        raise UserError("holds no table.", where=where, fix="Give a table with column names in its first row.")
    findings = [
        Finding("error", "the column has no name.", f"{where}, column {i}", "Name it, or delete the column.")
        for i, name in enumerate(names, start=1)
        if not name.strip()
    ]
    for name, count in Counter(name for name in names if name.strip()).items():
        if count > 1:
            places = ", ".join(str(i) for i, other in enumerate(names, start=1) if other == name)
            findings.append(
                Finding("error", f"{count} columns have this name ({places}).", f"{where}, column {name!r}", "Rename.")
            )
    if findings:
        raise InvalidInput(f"{where}: the column names cannot be used.", findings)
