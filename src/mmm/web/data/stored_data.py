"""The dataset and the mapping that a page is about, by its address, and what is known of them,
computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import streamlit as st

from mmm.data.mapping import Mapping
from mmm.data.naming import NamingRules, naming_rules
from mmm.data.profile import ColumnFacts, profile
from mmm.data.proposal import Proposal, propose
from mmm.data.references import (
    dataset_name,
    find_dataset,
    find_mapping,
    mapping_saved_for,
    proposed,
)
from mmm.data.saved_mappings import reapply
from mmm.errors import Finding
from mmm.format import count, span
from mmm.web.kit.text import plain
from mmm.web.shell import links
from mmm.web.shell.session import workspace
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.stored import Found

_LIST_SECONDS = 10.0


@st.cache_data(ttl=_LIST_SECONDS, show_spinner=False)
def _datasets(_workspace: Workspace, url: str) -> Found[DatasetManifest]:
    return _workspace.datasets()


def datasets() -> Found[DatasetManifest]:
    """All datasets, newest first; what others store appears within seconds."""
    return _datasets(workspace(), workspace().url)


def datasets_changed() -> None:
    """Have the list read anew: this session has just stored one."""
    _datasets.clear()


@st.cache_resource(max_entries=2, show_spinner=False)
def _table(_workspace: Workspace, url: str, market: str, dataset_id: str) -> pa.Table:
    return _workspace.read_dataset(market, dataset_id)


def table_of(manifest: DatasetManifest) -> pa.Table:
    """The dataset's rows, shared by all sessions; nobody may change them."""
    return _table(workspace(), workspace().url, manifest.market, manifest.dataset_id)


@st.cache_data(max_entries=50, show_spinner="Looking at every column")
def _facts(_manifest: DatasetManifest, url: str, name: str) -> tuple[ColumnFacts, ...]:
    return profile(table_of(_manifest))


def facts_of(manifest: DatasetManifest) -> tuple[ColumnFacts, ...]:
    """What each column holds."""
    return _facts(manifest, workspace().url, dataset_name(manifest))


@st.cache_data(max_entries=50, show_spinner="Looking at every column")
def _proposal(
    _manifest: DatasetManifest, _rules: NamingRules, url: str, name: str, rules: str
) -> Proposal:
    return propose(table_of(_manifest), _rules)


def rules() -> NamingRules:
    return naming_rules(workspace())


def proposal_of(manifest: DatasetManifest) -> Proposal:
    """The roles that the workspace's naming rules propose."""
    known = rules()
    return _proposal(
        manifest, known, workspace().url, dataset_name(manifest), known.model_dump_json()
    )


def label_of(manifest: DatasetManifest) -> str:
    """A dataset in one line."""
    called = manifest.name or manifest.origin
    return f"{dataset_name(manifest)} · {called} · {count(manifest.rows, 'row')}"


def span_text(manifest: DatasetManifest) -> str:
    """First and last day of the first column that holds dates; empty where none does."""
    for column in manifest.columns:
        if (
            column.stored_type.startswith(("date", "timestamp"))
            and column.minimum
            and column.maximum
        ):
            return span(
                date.fromisoformat(column.minimum[:10]), date.fromisoformat(column.maximum[:10])
            )
    return ""


def chosen_dataset() -> DatasetManifest | None:
    """The dataset in the address, at first the newest, with a box to choose another; None, and why,
    without any.
    """
    found = datasets()
    if not found:
        st.info("No data are stored in this workspace yet.")
        links.link(links.CONNECT, "Connect data", icon=":material/upload_file:", primary=True)
        return None
    asked = find_dataset(workspace(), st.query_params.get("dataset") or dataset_name(found[0]))
    known = {dataset_name(manifest): manifest for manifest in [*found, asked]}
    name = dataset_name(asked)
    chosen = st.selectbox(
        "Dataset",
        list(known),
        list(known).index(name),
        lambda item: label_of(known[item]),
        key=f"dataset-is-{name}",
    )
    _put_in_address("dataset", chosen)
    return known[chosen]


def mapping_box(label: str, proposal: str, usual: str | None = None) -> str | None:
    """The saved mapping in the address, NAME@VERSION, with a box to choose another; None for the
    proposal, so called. Where the address says nothing it is the `usual` one; an empty one there is
    the proposal.

    The box offers the newest version of each and the one asked for.
    """
    asked = st.query_params.get("mapping", usual) or None
    if asked is not None:
        asked, _ = find_mapping(workspace(), asked)
    names = [
        f"{name}@{max(workspace().mapping_versions(name))}" for name in workspace().mapping_names()
    ]
    if asked and asked not in names:
        names.insert(0, asked)
    names.insert(0, "")
    chosen = st.selectbox(
        label,
        names,
        names.index(asked or ""),
        lambda name: name or proposal,
        key=f"mapping-is-{asked}",
    )
    if chosen or usual is None:
        _put_in_address("mapping", chosen)
    else:
        st.query_params["mapping"] = ""
    return chosen or None


def chosen_mapping(manifest: DatasetManifest) -> tuple[str | None, Mapping, Sequence[Finding]]:
    """(name, mapping, differences): a saved one by the address or the box, else the proposed one.

    Raises InvalidInput where it does not fit the dataset.
    """
    usual = mapping_saved_for(workspace(), manifest)
    name = mapping_box("Mapping", "As proposed, not saved", usual)
    if name is None:
        if proposal_of(manifest).mapping is None:
            links.link(
                links.MAP,
                "Map columns",
                icon=":material/table_edit:",
                dataset=dataset_name(manifest),
            )
        return None, proposed(proposal_of(manifest)), ()
    mapping, difference = reapply(find_mapping(workspace(), name)[1], manifest)
    return name, mapping, difference.findings()


def _put_in_address(name: str, value: str) -> None:
    if not value:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != value:
        st.query_params[name] = value


def findings_list(findings: Sequence[Finding]) -> None:
    """Differences and warnings as a list; nothing where there are none."""
    if findings:
        lines = [f"- {plain(str(finding))}" for finding in findings]
        with st.expander(
            f"{count(len(findings), 'note')} on this mapping and these data", icon=":material/info:"
        ):
            st.markdown("\n".join(lines))


def next_steps(manifest: DatasetManifest, mapping: str | None = None) -> None:
    """Links to what can be done with a dataset."""
    name, chosen = dataset_name(manifest), mapping or ""
    with st.container(horizontal=True):
        links.link(
            links.MAP, "Map columns", icon=":material/table_edit:", dataset=name, mapping=chosen
        )
        links.link(
            links.QUALITY, "Data quality", icon=":material/traffic:", dataset=name, mapping=chosen
        )
        links.link(links.PREPARE, "Prepare", icon=":material/tune:", dataset=name, mapping=chosen)
        links.link(
            links.EXPERIMENT, "Experiment", icon=":material/science:", dataset=name, mapping=chosen
        )
