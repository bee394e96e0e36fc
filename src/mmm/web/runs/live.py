"""The parts of a run's page that move: stages with the time left, log, timeline."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from mmm.format import count
from mmm.runs import wording
from mmm.runs.events import LABELS
from mmm.runs.status import RunStatus
from mmm.web.kit.text import moment, plain
from mmm.web.runs.run_list import took
from mmm.workspace import Workspace
from mmm.workspace.models import LogRecord, RunEvent, RunState

_LOG_LINES = 200


def progress_now(status: RunStatus) -> None:
    """Every stage: done, under way with its bar, or to come."""
    if not status.stages:
        if status.final:
            return
        text = "Waiting for the task to start"
        if status.waits:
            text = wording.waiting(status.waits)
        st.progress(0.0, text=plain(text))
        return
    seconds = status.details.get("seconds", {})
    current = status.progress.stage if status.progress else None
    reached = status.stages.index(current) if current in status.stages else -1
    st.subheader("Stages")
    for number, stage in enumerate(status.stages):
        if status.state is RunState.SUCCEEDED or number < reached:
            spent = ""
            if stage in seconds:
                spent = f" · {wording.duration(seconds[stage])}"
            st.markdown(f":material/check_circle: {plain(stage)}{spent}")
        elif number == reached and status.progress is not None:
            share = 0.0
            if status.progress.total:
                share = status.progress.done / status.progress.total
            icon = ":material/cancel:" if status.final else ":material/pending:"
            st.progress(min(share, 1.0), text=f"{icon} {plain(wording.progress(status.progress))}")
        else:
            st.markdown(f":material/circle: {plain(stage)}")
    st.caption(f"{'Took' if status.final else 'Going on for'} {took(status)}.")


def tail_of_log(workspace: Workspace, run_id: str) -> None:
    """The newest lines of the log. Parts that were read before are kept in the session, not read
    again.
    """
    part, lines = st.session_state.get(f"log-{run_id}", (0, []))
    records, part = workspace.log(run_id, after=part)
    lines = [*lines, *(_line(record) for record in records)]
    st.session_state[f"log-{run_id}"] = (part, lines[-_LOG_LINES:])
    shown = count(len(lines), "line") if len(lines) <= _LOG_LINES else f"last {_LOG_LINES} lines"
    with st.expander(f"Log ({shown})"):
        st.code(
            "\n".join(lines[-_LOG_LINES:]) or "Nothing yet.",
            language=None,
            wrap_lines=True,
            height=320,
        )


def _line(record: LogRecord) -> str:
    """A record without its stack trace, which `mmm logs` prints."""
    message = record.message.partition("\nTraceback (most recent call last)")[0]
    return f"{moment(record.at)}  {record.level:<7} {message}"


def timeline(events: Sequence[RunEvent]) -> None:
    """What happened and who did it; of a stage's many reports of progress only the last."""
    told = [
        event
        for event, after in zip(events, [*events[1:], None], strict=True)
        if not _same_stage(event, after)
    ]
    with st.expander(f"Timeline ({len(told)} entries)"):
        for event in told:
            what = event.message
            if event.state is RunState.RUNNING:
                what = wording.progress(event.progress)
            st.markdown(
                f"{moment(event.at)} **{LABELS[event.state]}** {plain(what)} :small[by {plain(event.actor)}]"
            )


def _same_stage(event: RunEvent, after: RunEvent | None) -> bool:
    if after is None or event.state is not RunState.RUNNING or after.state is not RunState.RUNNING:
        return False
    if event.progress is None or after.progress is None:
        return event.progress is None
    return event.progress.stage == after.progress.stage
