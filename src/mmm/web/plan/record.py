"""The plan of record on the plan page: committed to, and held against what became of it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from mmm.access import User
from mmm.errors import UserError
from mmm.format import Labels
from mmm.models.forecast_score import scores_of_chain
from mmm.models.plan_of_record import (
    PlanVariance,
    actuals_for,
    commit,
    of_record,
    steps_of,
    variance_of_actuals,
    variance_to_plan,
)
from mmm.models.plans import ALL_KEPT, saved_plan
from mmm.planning.plan import PlanDocument
from mmm.results import plan_charts
from mmm.results.forecast_score import score_table, sentence
from mmm.web.data.uploads import table_of_upload
from mmm.web.kit.chart import drawn, show_chart
from mmm.web.kit.export import csv_text
from mmm.web.kit.numbers import show_numbers
from mmm.web.kit.text import error_markdown, moment, plain
from mmm.web.plan.scenarios import called
from mmm.web.shell import links
from mmm.workspace import Workspace
from mmm.workspace.models import PlanOfRecord

_TABLES = ["csv", "tsv", "txt", "xlsx", "xls"]


def plan_of_record(
    workspace: Workspace,
    user: User,
    run_id: str,
    labels: Labels,
    saved: Mapping[str, PlanDocument],
) -> None:
    """The plan of record of the run's chain with its variance, and a choice of the saved plans of
    the periods ahead to commit to.
    """
    st.subheader("Plan of record", anchor="record")
    record = of_record(workspace, run_id)
    if record is None:
        st.caption("No plan has been committed to yet: save one of the periods ahead first.")
    else:
        _shown(workspace, record)
    _commit(workspace, user, saved, record)
    if record is not None:
        _variance(workspace, run_id, record.plan_id, labels)
    _scores(workspace, run_id, labels)


def _shown(workspace: Workspace, record: PlanOfRecord) -> None:
    plan = saved_plan(workspace, record.plan_id)
    st.markdown(
        f"**{plain(called(record.plan_id, plan))}**, committed to by {plain(record.actor)} on "
        f"{moment(record.at)}."
    )
    links.link(
        links.PLAN,
        "Open the plan of record",
        icon=":material/edit:",
        run=plan.run_id,
        model=plan.model_id or ALL_KEPT,
        plan=record.plan_id,
    )


def _commit(
    workspace: Workspace,
    user: User,
    saved: Mapping[str, PlanDocument],
    record: PlanOfRecord | None,
) -> None:
    offered = [plan_id for plan_id, plan in saved.items() if plan.forecast is not None]
    offered = [plan_id for plan_id in offered if record is None or plan_id != record.plan_id]
    if not offered:
        return
    if not user.may("plan.commit"):
        st.caption(f"Your role, {user.role}, may not commit to a plan.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "A saved plan of the periods ahead",
            offered,
            format_func=lambda plan_id: called(plan_id, saved[plan_id]),
            key="plan-to-commit",
        )
        if st.button("Commit as plan of record", icon=":material/flag:"):
            commit(workspace, chosen, user)
            st.rerun()


def _variance(workspace: Workspace, run_id: str, plan_id: str, labels: Labels) -> None:
    """What became of the plan: by this run where its data reach into it, by uploaded actuals."""
    st.markdown("**Variance to plan**")
    try:
        _draw(variance_to_plan(workspace, run_id, plan_id), "run")
    except UserError as error:
        st.info(plain(str(error)))
    names = "the dates, the spend of every channel and the KPI, named as in the run's data"
    file = st.file_uploader(
        f"Actuals that no run has yet: a table (CSV or Excel) of {names}",
        type=_TABLES,
        key="plan-actuals",
    )
    if file is None:
        return
    try:
        actuals = actuals_for(workspace, plan_id, table_of_upload(file), file.name)
        _draw(variance_of_actuals(workspace, plan_id, actuals), "actuals")
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")


def _scores(workspace: Workspace, run_id: str, labels: Labels) -> None:
    """How well the models of the chain forecast the periods that each refresh brought."""
    scores = scores_of_chain(workspace, run_id)
    if not scores:
        return
    st.subheader("Forecast score of each refresh", anchor="scores")
    st.markdown(plain(sentence(scores[-1][1], labels)))
    show_numbers(score_table(scores), labels)
    st.caption(
        "The model before a refresh forecasts the new periods with the spends that were made. An error "
        "is the sum of absolute errors over the sum of the KPI."
    )


def _draw(variance: PlanVariance, key: str) -> None:
    labels, found = variance.labels, variance.found
    for said in variance.findings():
        st.markdown(plain(said))
    chart = drawn(plan_charts.variance, steps_of(found), labels)
    show_chart(chart, f"variance-{key}", "Variance to plan")
    st.caption(
        "**How to read it.** The parts between the planned and the actual bar add up to their difference "
        "exactly. The axis does not begin at 0."
    )
    show_numbers(found.channels, labels)
    st.download_button(
        "Download the variance as CSV",
        lambda: csv_text(found.channels, labels),
        file_name=f"variance-{variance.plan_id}.csv",
        mime="text/csv",
        icon=":material/download:",
        key=f"csv-variance-{key}",
        on_click="ignore",
    )
