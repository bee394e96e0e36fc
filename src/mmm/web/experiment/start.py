"""The end of the experiment's page: what is wrong, what it will take, and what can be done with it."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import streamlit as st

from mmm.data.references import dataset_name
from mmm.engines.base import Problem
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment, parse_experiment, presets
from mmm.experiments.templates import save_template
from mmm.format import count
from mmm.plain_json import read_json
from mmm.results.certified import before_of
from mmm.runs.estimate import Estimate, earlier_runs, estimate, size_of
from mmm.runs.limits import RunLimits, exceeded
from mmm.web.experiment.draft import Draft, drop
from mmm.web.experiment.fields import Form
from mmm.web.experiment.parts import engine_of
from mmm.web.kit.text import error_markdown, plain
from mmm.web.shell import links
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, run_service, settings, workspace
from mmm.workspace import DatasetManifest


@st.cache_data(ttl=60, max_entries=20, show_spinner=False)
def _earlier(url: str, engine: str) -> Any:
    return earlier_runs(run_service(), engine)


def estimated(experiment: Experiment, rows: int) -> Estimate:
    """What the experiment will take, from measured rates and this workspace's runs of the last
    minute or before.
    """
    done = _earlier(workspace().url, experiment.engine)
    return estimate(size_of(experiment, rows), done, run_service().platform)


def standing(form: Form, manifest: DatasetManifest | None) -> str:
    """The first sentence of the page."""
    found = form.found
    if found.errors:
        return f"{count(len(found.errors), 'thing')} to mend before this can start; each is told where it is set."
    if found.problem is None or found.experiment is None or manifest is None:
        return "Nothing to start yet."
    warned = ""
    if found.warnings:
        warned = f", with {count(len(found.warnings), 'warning')} to bear in mind"
    told = estimated(found.experiment, manifest.rows)
    over = exceeded(told, RunLimits.of(settings()))
    if over:
        return f"Too much for one run: {' '.join(str(finding) for finding in over)}"
    return f"Ready to start{warned}. {told.sentence()}"


def remaining(form: Form) -> None:
    """Errors that no field has shown, and all warnings."""
    for finding in form.found.elsewhere(form.shown):
        st.error(plain(str(finding)), icon=":material/error:")
    if form.found.warnings:
        with st.expander(
            f"{count(len(form.found.warnings), 'warning')} to bear in mind",
            icon=":material/warning:",
        ):
            for finding in form.found.warnings:
                st.markdown(f"- {plain(str(finding))}")


@st.cache_data(max_entries=50, show_spinner=False)
def _told_before(_problem: Problem, key: str) -> list[str]:
    return before_of(_problem)


def what_data_tell(form: Form) -> None:
    """What the chosen data alone can tell, and what would help most, before anything is trained."""
    problem, experiment = form.found.problem, form.found.experiment
    if problem is None or experiment is None:
        return
    said = _told_before(problem, experiment.model_dump_json())
    if not said:
        return
    with st.expander(
        "What these data can tell, and what would help most", icon=":material/query_stats:"
    ):
        st.markdown("\n".join(f"- {plain(sentence)}" for sentence in said))


def actions(form: Form) -> None:
    """Start, and keep in other ways. What is refused is told here and changes nothing."""
    draft, user = form.draft, current_user()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        ready = form.found.problem is not None and not form.found.errors
        if st.button(
            "Start the run", type="primary", icon=":material/play_arrow:", disabled=not ready
        ):
            with border(), st.spinner("Checking once more and starting"):
                experiment = parse_experiment(json.dumps(draft.content, default=str))
                run_id = run_service().submit(experiment, user)
                drop(draft)
                st.switch_page(links.RUN, query_params={"run": run_id})
        with st.popover("Save as template", icon=":material/bookmark:"):
            _as_template(draft)
        st.download_button(
            "Download as JSON",
            lambda: json.dumps(draft.content, indent=2, ensure_ascii=False, default=str),
            file_name="experiment.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            help="What `mmm submit` takes.",
        )
        with st.popover("Upload JSON", icon=":material/upload:"):
            _upload(draft)


def _as_template(draft: Draft) -> None:
    st.markdown("Everything but the dataset; a known name gets a new version.")
    name = st.text_input("Name of the template", str(draft.get(("name",), "")), key="template-name")
    if st.button("Save", key="template-save", disabled=not name):
        with border():
            version = save_template(workspace(), name, draft.content, current_user())
            st.success(f"Saved as {plain(name)} version {version}.", icon=":material/check_circle:")
            links.link(links.EXPERIMENT, "Begin with it", template=f"{name}@{version}")


def _upload(draft: Draft) -> None:
    """The file's content takes the place of the form's, also where it is not valid: the fields tell
    what is.
    """
    file = st.file_uploader("An experiment's JSON file", type="json", key=draft.key(("upload",)))
    if file is None:
        return
    try:
        content = read_json(file.getvalue(), where=file.name)
        if not isinstance(content, dict):
            raise UserError("must be an object, {...}.", where=file.name)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    content.setdefault("dataset", draft.get(("dataset",)))
    draft.replace(content)
    st.rerun()


def batch_part(form: Form, manifests: list[DatasetManifest]) -> None:
    """The same experiment on several datasets, or with several presets and seeds."""
    from mmm.runs.batch import planned, submit_batch

    draft = form.draft
    with st.expander("As a batch over datasets or settings"):
        st.markdown(
            "Each combination becomes a run; they are checked together and start a few at a time."
        )
        named = {dataset_name(manifest): manifest for manifest in manifests}
        mine = draft.dataset
        chosen = st.multiselect(
            "Datasets", list(named), [mine] if mine in named else [], key="batch-datasets"
        )
        sizes = st.multiselect(
            "Presets", list(presets(engine_of(draft))), key="batch-presets", placeholder="as above"
        )
        seeds = st.text_input("Seeds", key="batch-seeds", placeholder="as above, or 1, 2, 3")
        name = st.text_input("Name of the batch", key="batch-name")
        refs = [
            DatasetRef(market=named[item].market, dataset_id=named[item].dataset_id)
            for item in chosen
        ]
        try:
            members = []
            if refs:
                variants = _variants(engine_of(draft), sizes, seeds)
                members = planned(draft.content, refs, variants)
        except UserError as error:
            st.error(error_markdown(error), icon=":material/error:")
            return
        if st.button(
            f"Start the batch of {count(len(members), 'run')}",
            key="batch-start",
            disabled=not members,
        ):
            with border(), st.spinner("Checking every run"):
                batch = submit_batch(run_service(), members, current_user(), name=name)
                drop(draft)
                st.switch_page(links.BATCH, query_params={"batch": batch.batch_id})


def _variants(engine: str, sizes: list[str], seeds: str) -> dict[str, dict[str, Any]]:
    """Every preset with every seed, by name; what is not chosen stays as it is. UserError for seeds
    that are none.
    """
    texts = [text.strip() for text in seeds.split(",") if text.strip()]
    wrong = [text for text in texts if not text.isdecimal()]
    if wrong:
        raise UserError(
            f"{wrong[0]!r} is no seed.",
            where="Seeds",
            fix="Write whole numbers with commas: 1, 2, 3.",
        )
    known = presets(engine)
    found = {}
    for size, seed in product(sizes or [""], texts or [""]):
        name = " · ".join(part for part in (size, f"seed {seed}" if seed else "") if part)
        found[name] = {**known.get(size, {}), **({"seed": int(seed)} if seed else {})}
    return found
