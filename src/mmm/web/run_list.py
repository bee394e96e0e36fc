"""Runs as a list: one row each, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import streamlit as st

from mmm.runs import wording
from mmm.runs.status import RunStatus
from mmm.web import links
from mmm.web.text import moment, plain
from mmm.workspace.models import RunState

COLOURS: dict[RunState, Literal["gray", "blue", "green", "red", "orange"]] = {
    RunState.QUEUED: "gray",
    RunState.STARTING: "blue",
    RunState.RUNNING: "blue",
    RunState.SUCCEEDED: "green",
    RunState.FAILED: "red",
    RunState.CRASHED: "red",
    RunState.TIMED_OUT: "red",
    RunState.CANCELLED: "orange",
}
_WIDTHS = (1.35, 3.2, 1.0, 0.9, 1.9, 0.8, 3.0)
_HEADINGS = ("State", "Run", "Market", "Engine", "Submitted", "Took", "What happened")
_MESSAGE_LENGTH = 90


def state_badge(status: RunStatus) -> None:
    st.badge(status.label, color=COLOURS[status.state])


def name_of(status: RunStatus) -> str:
    return status.name or f"Run {status.run_id}"


def took(status: RunStatus) -> str:
    """How long the attempt took, or has been going on."""
    if status.started is None or status.final:
        return wording.duration(status.seconds)
    return wording.duration((datetime.now(UTC) - status.started).total_seconds())


def run_list(runs: Sequence[RunStatus]) -> None:
    """A row per run, its name linking to it."""
    for column, heading in zip(st.columns(_WIDTHS), _HEADINGS, strict=True):
        column.caption(heading)
    for status in runs:
        _row(status)


def _row(status: RunStatus) -> None:
    state, name, market, engine, submitted, seconds, message = st.columns(_WIDTHS, vertical_alignment="center")
    with state:
        state_badge(status)
    with name:
        links.link(links.RUN, name_of(status), run=status.run_id, primary=True)
    market.caption(plain(status.market))
    engine.caption(plain(status.engine))
    submitted.caption(moment(status.submitted))
    seconds.caption(took(status))
    message.caption(plain(_shortened(wording.what_now(status))))


def _shortened(text: str) -> str:
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[:_MESSAGE_LENGTH].rsplit(' ', 1)[0]} …"
