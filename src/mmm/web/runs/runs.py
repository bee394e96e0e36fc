"""Runs: the queue and the whole history, filtered, page by page; batches; two to four runs to
compare.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from mmm.engines import ENGINES
from mmm.format import count
from mmm.results.compare import FEWEST, MOST
from mmm.runs.events import LABELS
from mmm.runs.search import RunFilter
from mmm.runs.status import RunStatus
from mmm.web.kit.text import moment, plain, show_unreadable
from mmm.web.runs.run_list import name_of, run_list
from mmm.web.shell import links
from mmm.web.shell.border import live
from mmm.web.shell.session import run_service, workspace
from mmm.workspace.models import RunState

_PER_PAGE = 20
_POLL_SECONDS = 5.0
_BATCHES = 8
_CHOSEN = "runs-to-compare"


def _asked_page(pages: int) -> int:
    text = st.query_params.get("page", "1")
    return min(max(int(text), 1), pages) if text.isdecimal() else 1


def _state_label(state: str) -> str:
    return LABELS[RunState(state)]


def _filters() -> RunFilter:
    """What to look for; it stays in the address."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        states = [state.value for state in RunState]
        chosen = st.multiselect(
            "State",
            states,
            key="state",
            format_func=_state_label,
            placeholder="any",
            bind="query-params",
        )
        markets = st.multiselect(
            "Market", workspace().markets(), key="market", placeholder="any", bind="query-params"
        )
        engines = st.multiselect(
            "Engine", list(ENGINES), key="engine", placeholder="any", bind="query-params"
        )
        text = st.text_input(
            "Text", key="text", placeholder="name, id, person, message", bind="query-params"
        )
    return RunFilter(
        frozenset(chosen),
        frozenset(markets),
        frozenset(engines),
        st.query_params.get("batch", ""),
        text,
    )


def _choose(status: RunStatus) -> None:
    chosen: dict[str, str] = st.session_state.setdefault(_CHOSEN, {})
    key = f"compare-{status.run_id}"
    name = plain(name_of(status))
    if st.checkbox(
        f"Compare {name}", status.run_id in chosen, key=key, label_visibility="collapsed"
    ):
        chosen[status.run_id] = name_of(status)
    else:
        chosen.pop(status.run_id, None)


def _comparison() -> None:
    """The way to compare what is ticked, on this page or another."""
    chosen: dict[str, str] = st.session_state.get(_CHOSEN, {})
    if len(chosen) > MOST:
        st.caption(f"{len(chosen)} runs are ticked; {MOST} at most can be compared.")
    elif len(chosen) >= FEWEST:
        label = f"Compare the {len(chosen)} ticked runs"
        links.link(
            links.COMPARE,
            label,
            icon=":material/compare_arrows:",
            primary=True,
            runs=",".join(chosen),
        )
    else:
        st.caption(f"Tick {FEWEST} to {MOST} runs that have succeeded to compare them.")


def _history(wanted: RunFilter) -> None:
    service = run_service()
    service.start_waiting()
    found = service.find(wanted) if wanted else None
    total = len(service.workspace.run_ids()) if found is None else len(found)
    st.markdown(
        f"{count(total, 'run')} {'in this workspace' if found is None else 'of this kind'}, newest first."
    )
    pages = max(1, -(-total // _PER_PAGE))
    number = _asked_page(pages)
    first = (number - 1) * _PER_PAGE
    shown = service.runs(first, _PER_PAGE) if found is None else found[first : first + _PER_PAGE]
    run_list(shown, _choose)
    _comparison()
    if pages > 1:
        _pager(number, pages)


def _pager(number: int, pages: int) -> None:
    kept: dict[str, Any] = {
        name: st.query_params.get_all(name) for name in st.query_params if name != "page"
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        if number > 1:
            links.link(
                links.RUNS, "Newer", icon=":material/chevron_left:", page=str(number - 1), **kept
            )
        st.caption(f"Page {number:,} of {pages:,}")
        if number < pages:
            links.link(
                links.RUNS, "Older", icon=":material/chevron_right:", page=str(number + 1), **kept
            )


def _batches() -> None:
    batch_ids = workspace().batch_ids()
    if not batch_ids:
        return
    with st.expander(f"Batches ({len(batch_ids)})"):
        found = workspace().batches(batch_ids[:_BATCHES])
        show_unreadable(found.unreadable)
        for batch in found:
            label = f"{batch.name or batch.batch_id} · {count(len(batch.members), 'run')} · {batch.actor}"
            links.link(
                links.BATCH,
                f"{label} · {moment(batch.at)}",
                icon=":material/stacks:",
                batch=batch.batch_id,
            )


st.title("Runs")
if run_service().workspace.run_ids():
    wanted_runs = _filters()
    _batches()
    live(_history, _POLL_SECONDS, wanted_runs)
else:
    st.markdown("No run has been submitted in this workspace yet.")
    links.link(links.HOME, "Begin with the sample", icon=":material/science:")
