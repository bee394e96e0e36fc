"""The registry: all tests, those that contradict each other, and one of them in full."""

from __future__ import annotations

import streamlit as st

from mmm.format import count
from mmm.models.tests_kept import history, move, registry, uses
from mmm.testing.registered import (
    NEXT,
    RegisteredTest,
    State,
    contradictions,
    discounted_error,
    quality,
)
from mmm.testing.registry_words import CHECKS, HEADINGS, check_rows, row
from mmm.web.kit.tables import download, table
from mmm.web.kit.text import plain
from mmm.web.shell import links
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, workspace
from mmm.workspace.names import utc_now

_WORDS = {State.RUNNING: "It runs now", State.DISCARDED: "Discard"}


def registry_part() -> None:
    """The finding, all tests, and the chosen one's gate, history and uses."""
    tests = registry(workspace())
    st.markdown(f"##### {_headline(tests)}")
    if not tests:
        st.markdown("Keep a design or an analysis under a name; runs then take it by that name.")
        return
    for first, second, said in contradictions(tests):
        told = f"**{plain(first)}** and **{plain(second)}** contradict each other: {plain(said)}."
        st.warning(told, icon=":material/compare_arrows:")
    rows = [row(name, test) for name, test in tests.items()]
    table(HEADINGS, rows)
    download("Download as CSV", HEADINGS, rows, "tests.csv")
    name = st.selectbox("One test in full", list(tests), key="registry-test")
    _one(name)


def _headline(tests: dict[str, RegisteredTest]) -> str:
    if not tests:
        return "There is no test in the registry yet."
    states = [test.state for test in tests.values()]
    analysed = states.count(State.ANALYSED)
    return f"{count(len(states), 'test')}, {analysed} analysed and ready for a run."


def _one(name: str) -> None:
    versions, today = history(workspace(), name), utc_now().date()
    newest = versions[-1]
    table(CHECKS, check_rows(quality(newest, today)))
    st.caption(
        "**How to read it.** The gate: what speaks for and against the test. Unknown is never good."
    )
    if newest.found is not None:
        error = discounted_error(newest, today)
        st.markdown(
            f"Today its standard error counts as {error:,.4g}: each year adds 10 % of the effect."
        )
        st.markdown(f"An experiment takes it as `test:{name}` among its lift tests.")
    st.markdown("**History**")
    table(HEADINGS, [row(f"{name}@{place}", one) for place, one in enumerate(versions, 1)])
    for one in uses(workspace(), name):
        said = f": {one.sentence}" if one.sentence else ""
        st.markdown(f"Used in version {one.version}{plain(said)}.")
        links.link(links.RUN, one.run_id, icon=":material/timeline:", run=one.run_id)
    if current_user().may("test.save"):
        _moves(name, newest.state)


def _moves(name: str, before: State) -> None:
    with st.container(horizontal=True):
        for state, word in _WORDS.items():
            if state is before or state not in NEXT[before]:
                continue
            if st.button(word, key=f"{state}-{name}"):
                with border():
                    move(workspace(), name, current_user(), state)
                    st.rerun()
