"""Text from users and data as it stands: Streamlit reads labels as Markdown, and names may hold any
of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from mmm.errors import InvalidInput, UserError

_UNREADABLE_SHOWN = 5
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=@\"'/])")


def plain(text: str) -> str:
    """Markdown that shows exactly `text`, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def plain_lines(text: str) -> str:
    """Like `plain`, each line on its own."""
    return "  \n".join(plain(line) for line in text.splitlines())


def error_markdown(error: UserError) -> str:
    """An error with all its findings."""
    if isinstance(error, InvalidInput):
        return "\n".join(
            [plain(error.what), "", *(f"- {plain(str(finding))}" for finding in error.findings)]
        )
    return plain(str(error))


def show_unreadable(found: Sequence[UserError]) -> None:
    """Say beside a list what of it cannot be read, and what to do."""
    if found:
        lines = [f"- {plain(str(damage))}" for damage in found[:_UNREADABLE_SHOWN]]
        if len(found) > _UNREADABLE_SHOWN:
            lines.append(f"- and {len(found) - _UNREADABLE_SHOWN} more")
        told = "\n".join(["Stored, but cannot be read:", "", *lines])
        st.warning(told, icon=":material/broken_image:")


def moment(when: datetime) -> str:
    """Date and time where the reader is."""
    try:
        zone = ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):  # the browser said it
        return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{when.astimezone(zone):%Y-%m-%d %H:%M}"
