"""Runs: the whole history, page by page."""

from __future__ import annotations

import streamlit as st

from mmm.results.format import count
from mmm.web import links
from mmm.web.border import live
from mmm.web.run_list import run_list
from mmm.web.session import run_service

_PER_PAGE = 20
_POLL_SECONDS = 5.0


def _asked_page(pages: int) -> int:
    text = st.query_params.get("page", "1")
    return min(max(int(text), 1), pages) if text.isdecimal() else 1


def _history(number: int) -> None:
    run_list(run_service().runs(first=(number - 1) * _PER_PAGE, limit=_PER_PAGE))


def _pager(number: int, pages: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if number > 1:
            links.link(links.RUNS, "Newer", icon=":material/chevron_left:", page=str(number - 1))
        st.caption(f"Page {number:,} of {pages:,}")
        if number < pages:
            links.link(links.RUNS, "Older", icon=":material/chevron_right:", page=str(number + 1))


st.title("Runs")
total = len(run_service().workspace.run_ids())
if total:
    last_page = -(-total // _PER_PAGE)
    shown = _asked_page(last_page)
    st.markdown(f"{count(total, 'run')} in this workspace, newest first.")
    live(_history, _POLL_SECONDS, shown)
    if last_page > 1:
        _pager(shown, last_page)
else:
    st.markdown("No run has been submitted in this workspace yet.")
    links.link(links.HOME, "Begin with the sample", icon=":material/science:")
