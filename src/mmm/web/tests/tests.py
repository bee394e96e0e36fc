"""Tests: which one next, designed on a history, analysed, and kept in the registry."""

from __future__ import annotations

import streamlit as st

from mmm.web.tests.analyse import analyse_part
from mmm.web.tests.design import design_part
from mmm.web.tests.next import next_part
from mmm.web.tests.registry import registry_part

_PARTS = {
    "next": ("Next test", next_part),
    "design": ("Design", design_part),
    "analyse": ("Analyse", analyse_part),
    "registry": ("Registry", registry_part),
}


def _chosen() -> str:
    """The part in the address, so that it can be shared."""
    asked = st.query_params.get("part", "next")
    if asked not in _PARTS:
        asked = "next"
    chosen = st.segmented_control(
        "Part",
        list(_PARTS),
        default=asked,
        format_func=lambda name: _PARTS[name][0],
        label_visibility="collapsed",
        key="tests-part",
    )
    part = chosen or asked
    if part != st.query_params.get("part"):
        st.query_params["part"] = part
    return part


st.title("Tests")
_PARTS[_chosen()][1]()
