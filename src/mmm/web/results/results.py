"""Results of a run: the finding, the recommended model and why, every view with its numbers."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.format import count
from mmm.results.model_summary import for_model
from mmm.results.report import cards, facts
from mmm.runs import wording
from mmm.runs.service import RunService
from mmm.web.kit.text import plain
from mmm.web.results.certificate import certificate
from mmm.web.results.choose_model import chosen_model
from mmm.web.results.drawing import FIRST_PART, ModelViews
from mmm.web.results.parts import draw_part
from mmm.web.results.stability_study import study
from mmm.web.runs.run_list import name_of
from mmm.web.shell import links
from mmm.web.shell.session import current_user, run_service
from mmm.workspace.models import RunState


def _opening(views: ModelViews, model_id: str) -> None:
    """What is found, why this model, the few numbers to remember."""
    summary = for_model(views.results.summary, views.results, model_id)
    st.markdown(f"##### {plain(views.finding(model_id, 'waterfall'))}")
    st.markdown(f"**Model {plain(model_id)}.** {plain(summary['model']['reason'])}")
    with st.container(horizontal=True):
        for name, value, note in cards(summary, views.labels):
            st.metric(
                plain(name),
                plain(value),
                plain(note),
                delta_color="off",
                delta_arrow="off",
                border=True,
            )
    with st.expander("What was modelled"):
        for name, text in facts(summary, views.labels):
            st.markdown(f"**{plain(name)}** {plain(text)}")
    if summary["plausibility"]:
        st.warning("\n\n".join(map(plain, summary["plausibility"])), icon=":material/warning:")
    if summary["warnings"]:
        with st.expander(
            f"{count(len(summary['warnings']), 'warning')} to bear in mind",
            icon=":material/warning:",
        ):
            for warning in summary["warnings"]:
                st.markdown(f"- {plain(warning)}")


def _part(views: ModelViews) -> str:
    """The chosen part of the page; costs per conversion are not called returns."""

    def name(part: str) -> str:
        return views.labels.efficiency if part == "ROAS" else part

    return st.segmented_control(
        "Part",
        views.parts(),
        default=FIRST_PART,
        format_func=name,
        required=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )


def _page(service: RunService, run_id: str, bar: DeltaGenerator) -> None:
    status = service.status(run_id)
    with bar:
        links.link(links.RUN, "How the run went", icon=":material/timeline:", run=run_id)
    st.title(plain(name_of(status)))
    if status.state is not RunState.SUCCEEDED:
        st.info(f"This run has no results: it is {status.label}. {plain(wording.what_now(status))}")
        return
    views = ModelViews(service.workspace, run_id, service.workspace.results_manifest(run_id).number)
    model_id = chosen_model(views)
    with bar:
        links.link(
            links.PLAN, "Plan a budget", icon=":material/payments:", run=run_id, model=model_id
        )
        links.link(links.COMPARE, "Compare", icon=":material/compare_arrows:", runs=run_id)
        if current_user().may("run.submit"):
            links.link(links.EXPERIMENT, "New experiment", icon=":material/edit_note:", run=run_id)
    _opening(views, model_id)
    part = _part(views)
    draw_part(views, model_id, part)
    if part == "Stability":
        study(service, run_id, views.labels)
    if part == "Certificate":
        certificate(service, views, model_id)


top = st.container(horizontal=True)
with top:
    links.link(links.RUNS, "All runs", icon=":material/arrow_back:")
_page(run_service(), links.asked_run(), top)
