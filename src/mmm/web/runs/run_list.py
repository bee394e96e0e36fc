"""Runs as a list: one row each, newest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.experiments.prices import cost, price
from mmm.runs import wording
from mmm.runs.status import RunStatus
from mmm.web.kit.text import moment, plain
from mmm.web.shell import links
from mmm.web.shell.session import run_service
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
_WIDTHS = (1.35, 3.0, 0.9, 0.8, 1.9, 1.1, 2.8)
_HEADINGS = ("State", "Run", "Market", "Engine", "Submitted", "Took, cost", "What happened")
_CHOICE_WIDTH = 0.35
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


def cost_of(status: RunStatus) -> str:
    """What the attempt cost at list prices; "" where it is no money."""
    dollars = cost(run_service().platform, status.seconds)
    return price(dollars) if dollars else ""


def run_list(runs: Sequence[RunStatus], choose: Callable[[RunStatus], None] | None = None) -> None:
    """A row per run, its name linking to it; `choose` draws what stands in front of a run that has
    results.
    """
    widths = (_CHOICE_WIDTH, *_WIDTHS) if choose else _WIDTHS
    with st.container(key="run-headings"):  # hidden where the columns lie below each other
        for column, heading in zip(st.columns(widths)[-len(_WIDTHS) :], _HEADINGS, strict=True):
            column.caption(heading)
    for status in runs:
        columns = st.columns(widths, vertical_alignment="center")
        if choose and status.state is RunState.SUCCEEDED:
            with columns[0]:
                choose(status)
        _row(status, columns[-len(_WIDTHS) :])


def _row(status: RunStatus, columns: Sequence[DeltaGenerator]) -> None:
    state, name, market, engine, submitted, seconds, message = columns
    with state:
        state_badge(status)
    with name:
        links.link(links.RUN, name_of(status), run=status.run_id, primary=True)
    market.caption(plain(status.market))
    engine.caption(plain(status.engine))
    submitted.caption(f"{moment(status.submitted)}  \n{plain(status.submitted_by)}")
    seconds.caption("  \n".join(filter(None, (took(status), cost_of(status)))))
    message.caption(plain(_shortened(wording.what_now(status))))


def _shortened(text: str) -> str:
    if len(text) <= _MESSAGE_LENGTH:
        return text
    return f"{text[:_MESSAGE_LENGTH].rsplit(' ', 1)[0]} …"
