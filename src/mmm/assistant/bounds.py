"""Answers of a bounded size, with what people wrote marked as data."""

from __future__ import annotations

import json
from typing import Any

#: Characters of an answer as JSON.
MOST = 40_000
#: Fields that hold what people or files say, word for word.
WRITTEN = frozenset(
    {
        "name",
        "description",
        "origin",
        "notes",
        "message",
        "submitted_by",
        "created_by",
        "warnings",
        "query",
        "title_of_run",
    }
)
_FEWEST, _LONGEST = 1, 2_000


def marked(value: Any) -> Any:
    """The value with texts of people as {"user_text": ...}: data, whatever they say."""
    if isinstance(value, dict):
        return {key: _marked_field(key, item) for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return value


def _marked_field(key: str, item: Any) -> Any:
    if key in WRITTEN and item and isinstance(item, str | list):
        return {"user_text": item}
    return marked(item)


def bounded(value: dict[str, Any], most: int = MOST) -> dict[str, Any]:
    """The value, its longest lists cut until it is small enough; `cut` says which and how far."""
    cut: dict[str, str] = {}
    found = _short_texts(value)
    while len(json.dumps(found)) > most:
        path, longest = _longest(found, "")
        if longest is None or len(longest) <= _FEWEST:
            return {"cut": {"": "The answer is too large. Ask for a part of it."}}
        total = int(cut[path].rpartition(" of ")[2]) if path in cut else len(longest)
        del longest[max(len(longest) // 2, _FEWEST) :]
        cut[path] = f"{len(longest)} of {total}"
    return {**found, "cut": cut} if cut else found


def _longest(value: Any, path: str) -> tuple[str, list[Any] | None]:
    """The list whose JSON is the longest, with its place."""
    inner: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        inner = [(f"{path}.{key}".lstrip("."), item) for key, item in value.items()]
    best: tuple[str, list[Any] | None] = (path, value) if isinstance(value, list) else ("", None)
    for where, item in inner:
        found = _longest(item, where)
        if found[1] is not None and _size(found[1]) > _size(best[1]):
            best = found
    return best


def _size(value: list[Any] | None) -> int:
    if value is None or len(value) <= _FEWEST:
        return 0
    return len(json.dumps(value))


def _short_texts(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST]} ..."
    if isinstance(value, dict):
        return {key: _short_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short_texts(item) for item in value]
    return value
