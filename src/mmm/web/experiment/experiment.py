"""Experiment: what to model and how, checked while it is being set up, kept as a draft until it
starts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.data.references import dataset_name
from mmm.errors import Finding
from mmm.experiments.review import Review, review
from mmm.format import Labels
from mmm.web.data.steps import Step, stepper
from mmm.web.experiment.draft import Draft, current, others, start_anew
from mmm.web.experiment.events import events_part
from mmm.web.experiment.fields import Form
from mmm.web.experiment.lift_tests import lift_part
from mmm.web.experiment.parts import (
    curves_part,
    data_part,
    further_parts,
    search_part,
    signs_part,
)
from mmm.web.experiment.preview import preview
from mmm.web.experiment.start import actions, batch_part, remaining, standing, what_data_tell
from mmm.web.kit.text import plain
from mmm.web.shell import links
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest

#: The form assumes no currency; an experiment's file may leave it out.
_NO_CURRENCY = Finding(
    "error", "no column says the currency.", "currency", "Write it, such as EUR."
)


@st.cache_resource(max_entries=4, show_spinner="Reading the dataset")
def _table(url: str, market: str, dataset_id: str) -> pa.Table:
    """A dataset's rows; they never change."""
    return workspace().read_dataset(market, dataset_id)


def _labels(draft: Draft, found: Review) -> Labels:
    if found.problem is not None:
        problem = found.problem
        return Labels(problem.kpi_name, problem.kpi_kind, problem.currency, problem.step_days)
    mapping: Any = draft.get(("mapping",), {})
    given = mapping if isinstance(mapping, dict) else {}
    currency = str(draft.get(("currency",)) or "EUR")
    return Labels(str(given.get("kpi", "KPI")), str(given.get("kpi_kind", "revenue")), currency)


def _draft_bar(draft: Draft) -> None:
    """That this is a draft, the way back, and the person's other drafts."""
    if draft.begun:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f"Your draft, kept {plain(draft.begun)}. It stays until you start it or begin anew."
            )
            st.button("Start over", icon=":material/restart_alt:", on_click=start_anew)
    found = others(draft)
    if found:
        with st.expander(f"Go on with another draft ({len(found)})"):
            for fields in found:
                name = fields["content"].get("name") or "Without a name"
                origin = ", ".join(f"{what} {value}" for what, value in fields["origin"].items())
                label = f"{name}, {fields['begun']}" + (f", from {origin}" if origin else "")
                links.link(links.EXPERIMENT, label, icon=":material/draft:", **fields["origin"])


def _page(manifests: list[DatasetManifest], steps: DeltaGenerator) -> None:
    draft = current()
    found = review(
        draft.content, lambda market, dataset_id: _table(workspace().url, market, dataset_id)
    )
    if found.experiment is not None and not draft.get(("currency",)):
        found = replace(found, findings=(*found.findings, _NO_CURRENCY))
    labels = _labels(draft, found)
    form = Form(draft, found)
    chosen = draft.dataset
    manifest = next((item for item in manifests if dataset_name(item) == chosen), None)
    with steps:
        stepper(Step.MODEL, manifest, draft.origin.get("mapping"))
    st.markdown(f"##### {plain(standing(form, manifest))}")
    _draft_bar(draft)
    data_part(form, manifests)
    search_part(form)
    curves_part(form, lambda channel: preview(found, channel, labels.period))
    signs_part(form)
    events_part(form)
    lift_part(form, labels)
    further_parts(form)
    st.subheader("Start")
    remaining(form)
    what_data_tell(form)
    actions(form)
    batch_part(form, manifests)
    draft.keep(current_user())


st.title("Experiment")
steps = st.container()
acting = current_user()
if not acting.may("run.submit"):
    st.info(
        f"Your role, {acting.role}, may look at everything and start nothing.",
        icon=":material/block:",
    )
elif stored := workspace().datasets():
    _page(stored, steps)
else:
    st.markdown("No data are stored in this workspace yet; an experiment needs a dataset.")
    links.link(links.CONNECT, "Connect data", icon=":material/upload_file:", primary=True)
    links.link(links.HOME, "Begin with the sample", icon=":material/science:")
