"""Pages of ids, the newest first."""

from __future__ import annotations


def before(ids: list[str], last: str) -> list[str]:
    """The ids, newest first, that come after `last`; all where it is empty."""
    return [one for one in ids if not last or one < last]


def page_of(ids: list[str], limit: int) -> tuple[list[str], str | None]:
    """The first ids, and what to ask for `before` to get the next; None on the last page."""
    page = ids[:limit]
    return page, page[-1] if len(ids) > len(page) else None
