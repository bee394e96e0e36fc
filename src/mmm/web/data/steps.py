"""The guided way as one stepper: Connect, Map, Check, Prepare, Model. Each step's page draws it;
dataset and mapping are carried along in the address.
"""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path

import streamlit as st

from mmm.data.references import dataset_name
from mmm.web.shell import links
from mmm.workspace import DatasetManifest


class Step(IntEnum):
    CONNECT = 1
    MAP = 2
    CHECK = 3
    PREPARE = 4
    MODEL = 5


_PAGES: dict[Step, tuple[str, Path]] = {
    Step.CONNECT: ("Connect", links.CONNECT),
    Step.MAP: ("Map", links.MAP),
    Step.CHECK: ("Check", links.QUALITY),
    Step.PREPARE: ("Prepare", links.PREPARE),
    Step.MODEL: ("Model", links.EXPERIMENT),
}


def stepper(now: Step, manifest: DatasetManifest | None = None, mapping: str | None = None) -> None:
    """The five steps in a row: where one is, and links to the others."""
    query = _query(manifest, mapping)
    with st.container(horizontal=True, vertical_alignment="center", key="steps"):
        for step, (title, page) in _PAGES.items():
            label = f"{step.value} {title}"
            if step is now:
                links.link(page, label, ":material/arrow_drop_down_circle:", primary=False, **query)
            elif step is Step.CONNECT:
                links.link(page, label)
            elif manifest is not None:
                links.link(page, label, None, primary=False, **query)
            else:
                st.caption(label)


def go_to(step: Step, manifest: DatasetManifest, mapping: str | None) -> None:
    """Open a step's page with what has been chosen so far."""
    st.switch_page(_PAGES[step][1], query_params=_query(manifest, mapping))


def _query(manifest: DatasetManifest | None, mapping: str | None) -> dict[str, str]:
    found = {} if manifest is None else {"dataset": dataset_name(manifest)}
    return found | ({"mapping": mapping} if mapping else {})
