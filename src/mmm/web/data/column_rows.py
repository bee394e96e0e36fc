"""Many columns as rows of a form: searched, filtered, and a page at a time, so that 80 or 5,000
stay workable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from mmm.data.profile import ColumnFacts
from mmm.format import compact, percent

_PER_PAGE = 20


def rows_shown(
    columns: Sequence[str], form: str, parts: Mapping[str, Collection[str]]
) -> list[str]:
    """The columns to draw now, in order: those of the chosen part whose name holds the searched
    text.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        searched = st.text_input(
            "Find a column", key=f"{form}-search", placeholder="A part of its name", width=260
        )
        choices = [
            f"All ({len(columns)})",
            *(f"{name} ({len(part)})" for name, part in parts.items()),
        ]
        number = st.selectbox(
            "Show",
            range(len(choices)),
            format_func=choices.__getitem__,
            key=f"{form}-part",
            width=260,
        )
    part = columns if number == 0 else list(parts.values())[number - 1]
    found = [
        name for name in columns if name in part and searched.strip().casefold() in name.casefold()
    ]
    pages = -(-len(found) // _PER_PAGE)
    page = 1
    if pages > 1:
        page = st.pagination(pages, key=f"{form}-page-{number}-{searched}")
    if not found:
        st.caption("No column is like that.")
    return found[(page - 1) * _PER_PAGE : page * _PER_PAGE]


def content_text(facts: ColumnFacts) -> str:
    """What a column holds, in a few words."""
    if facts.kind == "text":
        what = f"texts, {facts.distinct:,} different"
    elif (
        facts.kind in ("number", "flag") and facts.minimum is not None and facts.maximum is not None
    ):
        what = f"{compact(facts.minimum)} to {compact(facts.maximum)}"
        if facts.kind == "flag":
            what = "0 or 1"
        if facts.zero_share:
            what += f", 0 in {percent(facts.zero_share)}"
    else:
        what = {"date": "dates", "empty": "nothing", "other": "other values"}.get(
            facts.kind, facts.kind
        )
    return what + (f", {facts.missing:,} empty" if facts.missing and facts.kind != "empty" else "")
