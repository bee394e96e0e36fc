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
from mmm.web.results.drawing import FIRST_PART, FOR_ALL, ModelViews
from mmm.web.results.parts import draw_part
from mmm.web.results.stability_study import study
from mmm.web.runs.run_list import name_of
from mmm.web.shell import links
from mmm.web.shell.session import current_user, run_service
from mmm.workspace.models import RunState


def _opening(views: ModelViews, model_id: str) -> None:
    """What is found, why this model, the few numbers to remember: for the analyst."""
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
    st.markdown("**What was modelled**")
    for name, text in facts(summary, views.labels):
        st.markdown(f"**{plain(name)}** {plain(text)}")


def _warnings(views: ModelViews, model_id: str) -> None:
    """What to bear in mind, whatever part is looked at."""
    summary = for_model(views.results.summary, views.results, model_id)
    if summary["plausibility"]:
        st.warning("\n\n".join(map(plain, summary["plausibility"])), icon=":material/warning:")
    if summary["warnings"]:
        with st.expander(
            f"{count(len(summary['warnings']), 'warning')} to bear in mind",
            icon=":material/warning:",
        ):
            for warning in summary["warnings"]:
                st.markdown(f"- {plain(warning)}")


def _asked_part(views: ModelViews) -> str:
    """The part in the address."""
    parts = views.parts()
    asked = st.query_params.get("part", FIRST_PART)
    return asked if asked in parts else FIRST_PART


def _choice(views: ModelViews, part: str, *, for_all: bool) -> None:
    """The parts for everybody, or those for the analyst, to choose from; costs per conversion are
    not called returns.
    """
    key = "part-for-all" if for_all else "part-for-analyst"
    offered = [name for name in views.parts() if (name in FOR_ALL) == for_all]

    def name(shown: str) -> str:
        return views.labels.efficiency if shown == "ROAS" else shown

    def take() -> None:
        st.query_params["part"] = st.session_state[key] or part

    st.session_state[key] = part if part in offered else None
    st.segmented_control(
        "Part", offered, format_func=name, key=key, on_change=take, label_visibility="collapsed"
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
    part = _asked_part(views)
    _choice(views, part, for_all=True)
    with st.expander("For the analyst", expanded=part not in FOR_ALL, icon=":material/tune:"):
        model_id = chosen_model(views)
        _choice(views, part, for_all=False)
        _opening(views, model_id)
    with bar:
        links.link(
            links.PLAN, "Plan a budget", icon=":material/payments:", run=run_id, model=model_id
        )
        links.link(links.COMPARE, "Compare", icon=":material/compare_arrows:", runs=run_id)
        if current_user().may("run.submit"):
            links.link(links.EXPERIMENT, "New experiment", icon=":material/edit_note:", run=run_id)
    _warnings(views, model_id)
    draw_part(views, model_id, part)
    if part == "Stability":
        study(service, run_id, views)
    if part == "Certificate":
        certificate(service, views, model_id)


top = st.container(horizontal=True)
with top:
    links.link(links.RUNS, "All runs", icon=":material/arrow_back:")
_page(run_service(), links.asked_run(), top)
