"""One batch: its runs in the order in which they start, and the way to compare them."""

from __future__ import annotations

import streamlit as st

from mmm.errors import UserError
from mmm.format import count
from mmm.results.compare import FEWEST, MOST
from mmm.runs import wording
from mmm.runs.batch import RETRIED, batch_statuses, cancel_batch, first_wait, retry_batch
from mmm.web.kit.text import moment, plain
from mmm.web.runs.run_list import run_list
from mmm.web.shell import links
from mmm.web.shell.border import live
from mmm.web.shell.session import current_user, run_service
from mmm.workspace.models import BatchDocument, RunState

_POLL_SECONDS = 5.0


def _runs(batch: BatchDocument) -> None:
    statuses = batch_statuses(run_service(), batch)
    labels = [status.label for status in statuses]
    counts = ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))
    st.markdown(f"##### {count(len(statuses), 'run')}: {counts}.")
    if (waits := first_wait(statuses)) is not None:
        st.info(plain(wording.waiting(waits)), icon=":material/hourglass_top:")
    run_list(statuses)
    done = [status.run_id for status in statuses if status.state is RunState.SUCCEEDED]
    if FEWEST <= len(done) <= MOST:
        links.link(
            links.COMPARE,
            "Compare them",
            icon=":material/compare_arrows:",
            primary=True,
            runs=",".join(done),
        )
    elif len(done) > MOST:
        links.link(
            links.RUNS,
            f"Choose up to {MOST} to compare",
            icon=":material/compare_arrows:",
            batch=batch.batch_id,
        )
    if not all(status.final for status in statuses) and current_user().may("batch.cancel"):
        _cancel(batch)
    badly = sum(status.state in RETRIED for status in statuses)
    if badly and current_user().may("batch.retry"):
        _retry(batch, badly)


def _retry(batch: BatchDocument, badly: int) -> None:
    label = f"Try {count(badly, 'run')} again that ended badly"
    if st.button(label, icon=":material/refresh:"):
        retry_batch(run_service(), batch, current_user())
        st.rerun()


def _cancel(batch: BatchDocument) -> None:
    with st.popover("Cancel the batch", icon=":material/stop_circle:"):
        st.markdown(
            "Runs that wait never start; those under way stop, and what they have done is not kept."
        )
        if st.button("Cancel all its runs", type="primary"):
            with st.spinner("Stopping the tasks"):
                cancel_batch(run_service(), batch, current_user())
            st.rerun()


links.link(links.RUNS, "All runs", icon=":material/arrow_back:")
asked = st.query_params.get("batch", "")
if not asked:
    raise UserError("This address names no batch.", fix="Choose one on the page Runs.")
found = run_service().workspace.batch(asked)
st.title(plain(found.name or f"Batch {found.batch_id}"))
st.caption(
    f"Batch {plain(found.batch_id)} · engine {plain(found.engine)} · submitted {moment(found.at)} by "
    f"{plain(found.actor)}"
)
live(_runs, _POLL_SECONDS, found)
