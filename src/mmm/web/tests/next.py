"""Which test next, by the posterior of a run."""

from __future__ import annotations

import streamlit as st

from mmm.format import Labels
from mmm.models.next_test import NextTests, tests_of
from mmm.models.plans import ALL_KEPT, model_to_plan
from mmm.runs.status import RunStatus
from mmm.testing import charts
from mmm.testing.next_test import HEADINGS, shown
from mmm.web.kit.text import plain
from mmm.web.runs.run_list import name_of
from mmm.web.shell import links
from mmm.web.shell.session import run_service, workspace
from mmm.web.tests.shared import draw, numbers, spec
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

_RUNS = 50


@st.cache_data(max_entries=20, show_spinner="Weighing what each test would tell")
def _found(
    _workspace: Workspace, url: str, run_id: str, number: int, precision: float
) -> tuple[NextTests, Labels]:
    """All tests of a run; results never change once written."""
    chosen = model_to_plan(_workspace, run_id, ALL_KEPT)
    return tests_of(chosen, precision), chosen.labels


def next_part() -> None:
    """The finding, value against cost, and the numbers."""
    runs = [
        status for status in run_service().runs(limit=_RUNS) if status.state is RunState.SUCCEEDED
    ]
    if not runs:
        st.markdown("Which test is worth it says a model, and no run has succeeded yet.")
        links.link(links.HOME, "Begin with the sample", icon=":material/science:")
        return
    with st.form("next-test", border=False):
        run = st.selectbox("Run", runs, format_func=_called)
        error = st.number_input(
            "Standard error of a test, in percent of the tested geos' KPI", 0.1, 100.0, 2.0, 0.5
        )
        asked = st.form_submit_button("Weigh the tests", type="primary")
    if asked:
        st.session_state["next-test-of"] = (run.run_id, error / 100.0)
    if "next-test-of" in st.session_state:
        _draw(*st.session_state["next-test-of"])


def _called(status: RunStatus) -> str:
    return f"{name_of(status)} · {status.run_id}"


def _draw(run_id: str, precision: float) -> None:
    number = workspace().results_manifest(run_id).number
    found, labels = _found(workspace(), workspace().url, run_id, number, precision)
    st.markdown(f"##### {plain(found.finding)}")
    if found.unknown_value:
        note = "A unit of the KPI counts as one unit of money: give the experiment's margin."
        st.caption(note)
    draw(
        spec(charts.value_cost, found.tests, labels),
        "value-cost",
        "Value against cost",
        "A dot a test. Above the broken line it is worth more than it costs; left of 0 it saves money. "
        "The value is what the better split of today's budget is expected to bring over a year.",
    )
    numbers(HEADINGS, shown(found.tests, labels), "rows", f"next-test-{run_id}.csv")
