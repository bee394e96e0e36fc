"""Results of a run: the finding, the recommended model and why, every view with its numbers."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.errors import UserError
from mmm.results.format import count, fixed
from mmm.results.model_summary import for_model
from mmm.results.report import cards, facts
from mmm.results.store import artifacts_zip
from mmm.runs import wording
from mmm.runs.service import RunService
from mmm.web import links
from mmm.web.result_views import PARTS, ModelViews
from mmm.web.run_list import name_of
from mmm.web.session import run_service
from mmm.web.text import plain
from mmm.workspace import Workspace
from mmm.workspace.models import RunState


def _chosen_model(views: ModelViews) -> str:
    """The model in the address, at first the recommended one; UserError for one that this run has not kept."""
    kept = {row["model_id"]: row for row in views.kept_models()}
    recommended = views.results.summary["model"]["id"]
    asked = st.query_params.get("model", recommended)
    if asked not in kept:
        raise UserError(f"this run has kept no model {asked!r}.", where="model", fix="Leave it out of the address.")

    def label(model_id: str) -> str:
        row = kept[model_id]
        note = "recommended · " if row["recommended"] else ""
        return f"{model_id} · {note}NRMSE {fixed(row['nrmse'], 4)} · distance {fixed(row['business_distance'], 4)}"

    ids = sorted(kept, key=lambda model_id: model_id != recommended)
    key = f"model-of-{views.run_id}"
    chosen = st.selectbox("Model shown", ids, ids.index(asked), format_func=label, key=key, width=480)
    if chosen != asked:
        st.query_params["model"] = chosen
    return chosen


def _downloads(views: ModelViews) -> None:
    st.download_button(
        "Report (HTML)",
        lambda: views.results.report,
        file_name=f"report-{views.run_id}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        help="One file that opens offline, on the recommended model.",
    )
    st.download_button(
        "Summary (JSON)",
        lambda: views.results.summary_text,
        file_name=f"model_summary-{views.run_id}.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        help="The recommended model's numbers for programs.",
    )


def _own_files(workspace: Workspace, views: ModelViews) -> None:
    """What the engine wrote in formats of its own, where it did."""
    run_id = views.run_id
    names = workspace.result_artifacts(run_id)
    if not names:
        return
    engine = str(views.results.summary["engine"]["name"])
    st.download_button(
        f"Files of {engine} (ZIP)",
        lambda: artifacts_zip(workspace, run_id),
        file_name=f"{engine}-{run_id}.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        help=f"{count(len(names), 'file')} as {engine} wrote them.",
    )


def _opening(views: ModelViews, model_id: str) -> None:
    """What is found, why this model, the few numbers to remember."""
    summary = for_model(views.results.summary, views.results, model_id)
    st.markdown(f"##### {plain(views.finding(model_id, 'waterfall'))}")
    st.markdown(f"**Model {plain(model_id)}.** {plain(summary['model']['reason'])}")
    with st.container(horizontal=True):
        for name, value, note in cards(summary, views.labels):
            st.metric(plain(name), plain(value), plain(note), delta_color="off", delta_arrow="off", border=True)
    with st.expander("What was modelled"):
        for name, text in facts(summary, views.labels):
            st.markdown(f"**{plain(name)}** {plain(text)}")
    if summary["warnings"]:
        with st.expander(f"{count(len(summary['warnings']), 'warning')} to bear in mind", icon=":material/warning:"):
            for warning in summary["warnings"]:
                st.markdown(f"- {plain(warning)}")


def _page(service: RunService, run_id: str, bar: DeltaGenerator) -> None:
    status = service.status(run_id)
    with bar:
        links.link(links.RUN, "How the run went", icon=":material/timeline:", run=run_id)
    st.title(plain(name_of(status)))
    if status.state is not RunState.SUCCEEDED:
        st.info(f"This run has no results: it is {status.label}. {plain(wording.what_now(status))}")
        return
    views = ModelViews(service.workspace, run_id, service.workspace.results_manifest(run_id).number)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model_id = _chosen_model(views)
        _downloads(views)
        _own_files(service.workspace, views)
    _opening(views, model_id)
    part = st.segmented_control(
        "Part",
        list(PARTS),
        default="Overview",
        required=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    for key in PARTS[part]:
        views.draw(model_id, key)


top = st.container(horizontal=True)
with top:
    links.link(links.RUNS, "All runs", icon=":material/arrow_back:")
_page(run_service(), links.asked_run(), top)
