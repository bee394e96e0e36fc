"""JSON that a person gives: read, or refused with the reason; never deeper than what follows bears."""

from __future__ import annotations

import json
from typing import Any

from mmm.errors import UserError

#: No file of ours nests deeper than ten; checking, writing and drawing go down as far as a file does.
MOST_LEVELS = 100


def read_json(text: str | bytes, *, where: str, fix: str = "") -> Any:
    """The value of a JSON text; UserError where it is none, or nested too deeply."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise _too_deep(where, fix) from None
    except ValueError as error:
        raise UserError(f"is not JSON ({error}).", where=where, fix=fix) from None
    level, values = 0, [value]
    while values:
        level += 1
        if level > MOST_LEVELS:
            raise _too_deep(where, fix)
        values = [inner for outer in values for inner in _inner(outer)]
    return value


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep(where: str, fix: str) -> UserError:
    what = f"is not JSON (that can be used: more than {MOST_LEVELS} levels within each other)."
    return UserError(what, where=where, fix=fix)
