"""Asking for ranges of dates of a run's window; they stand in the address."""

from __future__ import annotations

from datetime import date

import streamlit as st

from mmm.errors import UserError
from mmm.results.bridge import default_of, title_of
from mmm.results.spans import Comparison, Span, checked, lengths, window_dates
from mmm.web.kit.text import error_markdown, plain
from mmm.web.results.drawing import ModelViews, Shape


def asked_span(views: ModelViews, model_id: str) -> Span | None:
    """The part of the window that is looked at; None for all of it."""
    dates = window_dates(views.results, model_id)
    whole = Span(dates[0], dates[-1])
    found = _range("Dates", "dates", whole, dates)
    return None if found in (None, whole) else found


def _range(label: str, key: str, default: Span, dates: list[date]) -> Span | None:
    """A range as it is chosen; None while its end is not yet, or where no period begins in it."""
    chosen = st.date_input(
        label,
        (default.first, default.last),
        min_value=dates[0],
        max_value=dates[-1],
        key=key,
        bind="query-params",
        format="YYYY-MM-DD",
        width=260,
    )
    if not isinstance(chosen, tuple) or len(chosen) != 2:
        st.info("Choose the last date too.")
        return None
    try:
        return checked(Span(*chosen), dates, label)
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")
        return None


def draw_bridge(views: ModelViews, model_id: str) -> None:
    """Why the KPI moved between two ranges that can be chosen."""
    dates = window_dates(views.results, model_id)
    default = default_of(views.results, model_id, views.labels)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        after = _range("Explained", "after", default.after, dates)
        before = _range("Compared with", "before", default.before, dates)
    if after is None or before is None:
        return
    asked = Comparison(before, after)
    st.markdown(f"**{plain(title_of(asked))}**")
    if note := lengths(asked, dates, views.labels.period):
        st.caption(plain(note))
    views.draw(model_id, "bridge", Shape(comparison=asked))
