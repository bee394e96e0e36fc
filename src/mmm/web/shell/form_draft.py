"""A form that a person fills in bit by bit: what they have done outlives the browser until it is
saved or dropped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import streamlit as st

from mmm.data.references import dataset_name
from mmm.web.shell.session import current_user, workspace
from mmm.workspace import DatasetManifest


@dataclass(frozen=True)
class FormDraft:
    """One person's editing of one thing, under the draft's name. Where they may not edit, nothing
    is kept.
    """

    draft: str
    may_edit: bool

    @classmethod
    def of(cls, what: str, action: str, manifest: DatasetManifest, mapping: str | None) -> Self:
        """The draft of a `what` for a dataset, begun from a saved mapping or None for the proposed
        one.
        """
        begun = hashlib.sha256(f"{dataset_name(manifest)}\n{mapping or ''}".encode())
        return cls(f"{what}-{begun.hexdigest()[:16]}", current_user().may(action))

    @property
    def begun(self) -> bool:
        """Whether this session has the form's state already."""
        return self.draft in st.session_state

    @property
    def state(self) -> Any:
        return st.session_state[self.draft]

    def begin(self, state: Any) -> None:
        """Take the state of an untouched form, without keeping it."""
        st.session_state[self.draft] = state

    def kept(self) -> dict[str, Any] | None:
        """Fields from an earlier session."""
        if self.may_edit:
            return workspace().draft(current_user(), self.draft)
        return None

    def keep(self, state: Any, fields: dict[str, Any]) -> None:
        """Take a changed state, and keep its fields as the draft."""
        st.session_state[self.draft] = state
        workspace().save_draft(current_user(), self.draft, fields)

    def drop(self) -> None:
        """Drop the draft; what is on the screen stays."""
        workspace().drop_draft(current_user(), self.draft)

    def forget(self) -> None:
        """Drop the draft and begin again."""
        self.drop()
        st.session_state.pop(self.draft, None)
        self.redraw()

    def redraw(self) -> None:
        """Give the fields new keys, for their values have been changed from outside."""
        st.session_state[f"{self.draft}-fields"] = self._generation + 1

    @property
    def _generation(self) -> int:
        return int(st.session_state.get(f"{self.draft}-fields", 0))

    def key(self, *parts: str) -> str:
        """The key of a field."""
        return "-".join((self.draft, str(self._generation), *parts))
