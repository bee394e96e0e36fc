"""The experiment under construction: one document per tab, kept as a draft of the person's while it
changes.

The document is what an experiment's JSON file holds. Widgets show its fields and write into it by
callback, so that it is complete before the page is drawn, and what is not valid stays as it was
typed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from mmm.access import User
from mmm.data.references import (
    find_dataset,
    find_mapping,
    mapping_for,
    mapping_saved_for,
)
from mmm.errors import UserError
from mmm.experiments.templates import load_template
from mmm.web.experiment.filled import Filled, filled_in
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.names import utc_now

#: Query parameters that say what an experiment begins with.
ORIGINS = ("dataset", "mapping", "run", "template")
PROPOSED, OWN = "", "own"
_STATE, _DRAFT = "experiment", "experiment"
_MISSING = object()


@dataclass
class Draft:
    """`content` is the document; `mapping` where its mapping comes from: NAME@VERSION, PROPOSED or
    OWN (its own).

    `generation` is part of every widget's key: a new one makes the widgets take their values from
    the document again. `begun` is when a kept draft was written, "" for an experiment that begins
    now.
    """

    origin: dict[str, str]
    content: dict[str, Any]
    mapping: str = OWN
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    begun: str = ""
    generation: int = 0
    kept: str = ""
    filled: Filled = field(default_factory=Filled)

    @property
    def name(self) -> str:
        """What the draft is kept under: one per address, so that two do not write over each other."""
        return _draft_name(self.origin)

    @property
    def dataset(self) -> str:
        """The dataset that was chosen, as MARKET/ID."""
        own = self.get(("dataset",), {})
        if not isinstance(own, dict):
            return ""
        return f"{own.get('market')}/{own.get('dataset_id')}"

    def key(self, path: tuple[str | int, ...], part: str = "") -> str:
        return f"experiment-{self.generation}-{'.'.join(map(str, path))}{part}"

    def get(self, path: tuple[str | int, ...], default: Any = None) -> Any:
        """The value at a path, `default` where there is none."""
        here: Any = self.content
        for step in path:
            if isinstance(here, dict):
                known = step in here
            else:
                known = isinstance(here, list) and step in range(len(here))
            if not known:
                return default
            here = here[step]
        return here

    def put(self, path: tuple[str | int, ...], value: Any, default: Any = _MISSING) -> None:
        """Set the value at a path; one that equals the default is left out. With None go objects
        that become empty.
        """
        here: Any = self.content
        for step in path[:-1]:
            inside = here.get(step) if isinstance(here, dict) else here[step]
            if not isinstance(inside, dict | list):
                here[step] = inside = {}  # a file that was uploaded may hold anything
            here = inside
        if default is _MISSING or value != default or isinstance(here, list):
            here[path[-1]] = value
            return
        here.pop(path[-1], None)
        if default is None and not here and len(path) > 1:
            self.put(path[:-1], None, None)

    def replace(self, content: dict[str, Any], mapping: str = OWN) -> None:
        """Take another document; every widget is made anew."""
        self.content, self.mapping, self.notes, self.problem = content, mapping, [], ""
        self.generation += 1

    def keep(self, by: User) -> None:
        """Store the draft if it has changed since it was last kept."""
        text = json.dumps([self.content, self.mapping], default=str, sort_keys=True)
        if text == self.kept:
            return
        self.begun = f"{utc_now():%Y-%m-%d %H:%M} UTC"
        fields = {
            "content": json.loads(json.dumps(self.content, default=str)),
            "mapping": self.mapping,
            "origin": self.origin,
            "begun": self.begun,
        }
        workspace().save_draft(by, self.name, fields)
        self.kept = text

    def choose_dataset(self, manifest: DatasetManifest) -> None:
        self.content["dataset"] = {"market": manifest.market, "dataset_id": manifest.dataset_id}
        if self.mapping != OWN:
            self.choose_mapping(self.mapping, manifest)
        self.fill_in(manifest)

    def fill_in(self, manifest: DatasetManifest) -> None:
        """Name, countries and currency from the data, where nobody has said something else."""
        for name, value in self.filled.values.items():
            if self.content.get(name) == value:
                del self.content[name]
        self.filled = filled_in(workspace(), manifest, self.content)
        self.content |= self.filled.values
        self.generation += 1

    def choose_mapping(self, name: str, manifest: DatasetManifest) -> None:
        """Take a saved mapping or the proposed one; what speaks against it is told, and the mapping
        stays as it was.
        """
        self.mapping, self.notes, self.problem = name, [], ""
        if name == OWN:
            return
        try:
            mapping, findings = mapping_for(workspace(), manifest, name or None)
        except UserError as error:
            self.problem = str(error)
            return
        self.content["mapping"] = mapping.model_dump(mode="json")
        self.notes = [str(finding) for finding in findings]
        self.generation += 1


def current() -> Draft:
    """The draft of this tab at this address: as it stands, else as it was kept, else begun from the
    address.
    """
    origin = {name: st.query_params[name] for name in ORIGINS if st.query_params.get(name)}
    found: Draft | None = st.session_state.get(_STATE)
    if found is None or found.origin != origin:
        found = _kept(origin) or _begun(origin)
        st.session_state[_STATE] = found
    return found


def start_anew() -> None:
    """Forget the draft at this address and begin it again."""
    draft: Draft = st.session_state[_STATE]
    workspace().drop_draft(current_user(), draft.name)
    fresh = _begun(draft.origin)
    fresh.generation = draft.generation + 1
    st.session_state[_STATE] = fresh


def drop(draft: Draft) -> None:
    """The draft has become a run."""
    workspace().drop_draft(current_user(), draft.name)
    st.session_state.pop(_STATE, None)


def others(draft: Draft) -> list[dict[str, Any]]:
    """The person's drafts at other addresses: their fields as kept."""
    user, found = current_user(), []
    for name in workspace().draft_names(user):
        if not name.startswith(_DRAFT) or name == draft.name:
            continue
        kept = workspace().draft(user, name)
        if kept is not None:
            found.append(kept)
    return found


def _kept(origin: dict[str, str]) -> Draft | None:
    fields = workspace().draft(current_user(), _draft_name(origin))
    if fields is None:
        return None
    draft = Draft(origin, fields["content"], fields["mapping"], begun=fields["begun"])
    draft.kept = json.dumps([draft.content, draft.mapping], default=str, sort_keys=True)
    return draft


def _begun(origin: dict[str, str]) -> Draft:
    """A draft from what the address names: a run, a template, a dataset, a mapping. UserError for
    what is not there.
    """
    room, content = workspace(), dict[str, Any]()
    if "run" in origin:
        content = json.loads(room.job_config(room.find_run(origin["run"])))
        for field in ("refresh", "retrains"):  # they belong to the run it was made for
            content.pop(field, None)
    elif "template" in origin:
        content = dict(load_template(room, origin["template"]).experiment)
    draft = Draft(origin, content, OWN if "mapping" in content else PROPOSED)
    manifest = _dataset(room, origin, content)
    if "mapping" in origin:
        draft.mapping, _ = find_mapping(room, origin["mapping"])
    elif "mapping" not in content and manifest is not None:
        draft.mapping = mapping_saved_for(room, manifest) or PROPOSED
    if manifest is not None:
        draft.choose_dataset(manifest)
    draft.kept = json.dumps([draft.content, draft.mapping], default=str, sort_keys=True)
    return draft


def _dataset(
    room: Workspace, origin: dict[str, str], content: dict[str, Any]
) -> DatasetManifest | None:
    """The one the address names, else the content's own, else the newest; None where there is none."""
    if "dataset" in origin:
        return find_dataset(room, origin["dataset"])
    own = content.get("dataset")
    if isinstance(own, dict):
        return room.dataset(str(own.get("market")), str(own.get("dataset_id")))
    return next(iter(room.datasets()), None)


def _draft_name(origin: dict[str, str]) -> str:
    if not origin:
        return _DRAFT
    return (
        f"{_DRAFT}-{hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()[:12]}"
    )
