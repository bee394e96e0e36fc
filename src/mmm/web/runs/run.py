"""One run: how far it is, what happened, why it failed; cancel and retry."""

from __future__ import annotations

import streamlit as st

from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.web.kit.text import moment, plain, plain_lines, show_unreadable
from mmm.web.runs.live import progress_now, tail_of_log, timeline
from mmm.web.runs.run_list import name_of, state_badge
from mmm.web.shell import links
from mmm.web.shell.border import live
from mmm.web.shell.session import current_user, run_service
from mmm.workspace.models import RunState
from mmm.workspace.names import studied_run, study_kind

_POLL_SECONDS = 1.0


def _head(status: RunStatus) -> None:
    st.title(
        plain(f"Study of {name_of(status)}" if studied_run(status.run_id) else name_of(status))
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(status)
        attempt = f", attempt {status.attempt}" if status.attempt > 1 else ""
        st.caption(
            f"Run {plain(status.run_id)}{attempt} · data {plain(status.market)} / {plain(status.dataset_id)} · engine "
            f"{plain(status.engine)} · submitted {moment(status.submitted)} by {plain(status.submitted_by)}"
        )
    if status.batch:
        links.link(links.BATCH, "Its batch", icon=":material/stacks:", batch=status.batch)


def _ending(status: RunStatus) -> None:
    """What a run that has ended has to say."""
    if status.state is RunState.SUCCEEDED:
        st.success(plain_lines(status.message), icon=":material/check_circle:")
        if st.button("Look at the results", type="primary", icon=":material/bar_chart:"):
            st.switch_page(links.RESULTS, query_params=_results_of(status.run_id))
        return
    st.error(
        f"**This run {_ended(status)}.** {plain_lines(status.message)}", icon=":material/error:"
    )
    if status.error and status.error.log_id:
        st.caption(
            f"For whoever looks into it: id {plain(status.error.log_id)} in `mmm logs {status.run_id}`."
        )
    if status.error and status.error.output:
        st.caption("The last lines its task printed outside the log:")
        st.code(status.error.output, language=None)


def _results_of(run_id: str) -> dict[str, str]:
    """Where a run's results are shown: a study's beside those of the run it is about."""
    studied = studied_run(run_id)
    if studied is None:
        return {"run": run_id}
    part = "Certificate" if study_kind(run_id) == "certificate" else "Stability"
    return {"run": studied, "part": part}


def _ended(status: RunStatus) -> str:
    if status.state is RunState.CANCELLED:
        return "was cancelled"
    return status.label


def _actions(service: RunService, status: RunStatus) -> None:
    user = current_user()
    if not status.final and user.may("run.cancel"):
        with st.popover("Cancel", icon=":material/stop_circle:"):
            st.markdown("The run stops; what it has done so far is not kept.")
            if st.button("Cancel this run", type="primary"):
                with st.spinner("Stopping the task"):
                    service.cancel(status.run_id, user)
                st.rerun()
    if user.may("run.submit"):
        label = "New experiment from this run"
        links.link(links.EXPERIMENT, label, icon=":material/edit_note:", run=status.run_id)
    badly = status.final and status.state is not RunState.SUCCEEDED
    if badly and user.may("run.retry") and st.button("Try again", icon=":material/refresh:"):
        service.retry(status.run_id, user)
        st.rerun()


def _live(service: RunService, run_id: str, state_drawn: RunState) -> None:
    """What changes while the run goes on; the whole page is drawn anew when its state does."""
    if state_drawn is RunState.QUEUED:
        service.start_waiting()
    status = service.status(run_id)
    if status.state is not state_drawn:
        st.rerun(scope="app")
    progress_now(status)
    tail_of_log(service.workspace, run_id)


def _page(service: RunService, run_id: str) -> None:
    status = service.status(run_id)
    _head(status)
    if status.final:
        _ending(status)
    for warning in status.warnings:
        st.warning(plain(warning), icon=":material/warning:")
    _actions(service, status)
    poll = None if status.final else _POLL_SECONDS
    live(_live, poll, service, run_id, status.state)
    events = service.workspace.events(run_id)
    show_unreadable(events.unreadable)
    timeline(events)


links.link(links.RUNS, "All runs", icon=":material/arrow_back:")
_page(run_service(), links.asked_run())
