"""Saved plans: keep one under a name, and two to four side by side."""

from __future__ import annotations

import streamlit as st

from mmm.access import User
from mmm.format import Labels
from mmm.models.plans import ALL_KEPT, save_plan, saved_plan
from mmm.planning.forecast_tables import Forecast
from mmm.planning.plan import Plan, PlanDocument
from mmm.planning.summary import scenario_spends, scenario_totals
from mmm.results import charts, plan_charts
from mmm.web.kit.chart import show_chart
from mmm.web.kit.export import csv_text
from mmm.web.kit.numbers import show_numbers
from mmm.web.kit.text import plain, show_unreadable
from mmm.web.shell import links
from mmm.workspace import Workspace
from mmm.workspace.stored import Unreadable

_MOST = 4
_LISTED = 50


@st.cache_data(max_entries=500, show_spinner=False)
def _document(_workspace: Workspace, url: str, plan_id: str) -> PlanDocument:
    """A stored plan; it never changes."""
    return saved_plan(_workspace, plan_id)


def save_form(
    workspace: Workspace, user: User, run_id: str, plan: Plan, forecast: Forecast | None
) -> None:
    """A name and a button."""
    if not user.may("plan.save"):
        st.caption(f"Your role, {user.role}, may plan but not save plans.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of the scenario", max_chars=100, key="plan-name", width=320)
        if st.button("Save as scenario", icon=":material/save:", type="primary"):
            if not name.strip():
                st.error("Give the scenario a name first.", icon=":material/error:")
                return
            plan_id = save_plan(workspace, run_id, plan, user, name=name.strip(), ahead=forecast)
            compared = [*st.session_state.get(_compared(run_id), []), plan_id]
            st.session_state[_compared(run_id)] = compared[-_MOST:]
            st.caption(f":material/check: Saved as **{plain(name)}**.")


def _documents(workspace: Workspace) -> tuple[dict[str, PlanDocument], list[Unreadable]]:
    """All saved plans by id, and those that cannot be read."""
    found, damaged = {}, []
    for plan_id in workspace.plan_ids():
        try:
            found[plan_id] = _document(workspace, workspace.url, plan_id)
        except Unreadable as damage:
            damaged.append(damage)
    return found, damaged


def scenarios(workspace: Workspace, run_id: str, labels: Labels) -> dict[str, PlanDocument]:
    """The run's saved plans, the chosen ones side by side; returns all of them by id."""
    documents, damaged = _documents(workspace)
    own = {plan_id: plan for plan_id, plan in documents.items() if plan.run_id == run_id}
    st.subheader("Saved scenarios", anchor="scenarios")
    show_unreadable(damaged)
    if not own:
        st.caption(
            "None of this run yet. Save a plan to come back to it, or to hold it against another."
        )
        return own
    chosen = st.multiselect(
        "Side by side",
        list(own)[:_LISTED],
        format_func=lambda plan_id: called(plan_id, own[plan_id]),
        max_selections=_MOST,
        key=_compared(run_id),
        placeholder="Choose two to four",
    )
    for plan_id in chosen:
        links.link(
            links.PLAN, f"Open {called(plan_id, own[plan_id])}", icon=":material/edit:", run=run_id,
            model=own[plan_id].model_id or ALL_KEPT, plan=plan_id,
        )  # fmt: skip
    if len(chosen) > 1:
        _side_by_side(
            [(called(plan_id, own[plan_id]), own[plan_id]) for plan_id in chosen], run_id, labels
        )
    return own


def _compared(run_id: str) -> str:
    return f"plan-compared-{run_id}"


def called(plan_id: str, plan: PlanDocument) -> str:
    """Its name with the moment it was saved, which tells two of one name apart."""
    when = f"{plan_id[:4]}-{plan_id[4:6]}-{plan_id[6:8]} {plan_id[9:11]}:{plan_id[11:13]}:{plan_id[13:15]}"
    return f"{plan.name or 'no name'} ({when})"


def _side_by_side(named: list[tuple[str, PlanDocument]], run_id: str, labels: Labels) -> None:
    totals, spends = scenario_totals(named), scenario_spends(named)
    best = max(named, key=lambda pair: pair[1].totals.response)
    st.markdown(
        f"{plain(best[0])} has the largest response: {plain(labels.effect(best[1].totals.response))} per "
        f"{labels.period} for {plain(labels.money(best[1].totals.spend))}."
    )
    show_numbers(totals, labels)
    with charts.unvalidated():
        show_chart(
            plan_charts.scenarios(spends, labels).to_dict(validate=False),
            "scenarios",
            "Scenarios side by side",
        )
    st.caption(
        "**How to read it.** Grey is today's spend of the first scenario; each colour is a scenario's plan."
    )
    with st.expander(f"Numbers ({spends.num_rows} rows)"):
        show_numbers(spends, labels)
    st.download_button(
        "Download the scenarios as CSV", lambda: csv_text(spends, labels), file_name=f"scenarios-{run_id}.csv",
        mime="text/csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip
