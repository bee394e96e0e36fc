"""Home: the latest runs, what went wrong, and where to begin."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from mmm.errors import UserError
from mmm.format import count
from mmm.results import read_results
from mmm.results.model_summary import labels_of
from mmm.runs.status import RunStatus
from mmm.web.kit.text import plain, plain_lines
from mmm.web.runs.run_list import name_of, run_list
from mmm.web.shell import links
from mmm.web.shell.border import live
from mmm.web.shell.session import current_user, run_service
from mmm.workspace.models import RunState

_LATEST = 8
_POLL_SECONDS = 5.0


def _finding(runs: list[RunStatus]) -> str:
    going = sum(not status.final for status in runs)
    badly = sum(status.final and status.state is not RunState.SUCCEEDED for status in runs)
    done = len(runs) - going - badly
    parts = [(going, "under way"), (done, "succeeded"), (badly, "ended without results")]
    counts = ", ".join(f"{number} {what}" for number, what in parts if number)
    return f"Of the latest {count(len(runs), 'run')}: {counts}."


def _failures(runs: list[RunStatus]) -> None:
    failed = [
        s for s in runs if s.final and s.state not in (RunState.SUCCEEDED, RunState.CANCELLED)
    ]
    if failed:
        st.subheader("What failed, and why")
    for status in failed:
        st.error(
            f"**{plain(name_of(status))}** {status.label}: {plain_lines(status.message)}",
            icon=":material/error:",
        )
        links.link(
            links.RUN,
            f"Look into {name_of(status)}",
            icon=":material/arrow_forward:",
            run=status.run_id,
        )


def _latest() -> None:
    runs = run_service().runs(limit=_LATEST)
    st.markdown(_finding(runs))
    run_list(runs)
    links.link(links.RUNS, "All runs", icon=":material/list:")
    _failures(runs)


def _answers() -> None:
    """The latest answer of each market, with what its model warns of."""
    service = run_service()
    newest: dict[str, RunStatus] = {}
    for status in service.runs(limit=_LATEST):
        if status.state is RunState.SUCCEEDED:
            newest.setdefault(status.market, status)
    if newest:
        st.subheader("Latest answers")
    for market, status in newest.items():
        try:
            summary = read_results(service.workspace, status.run_id).summary
        except UserError as error:
            st.error(plain(str(error)), icon=":material/error:")
            continue
        labels, totals = labels_of(summary), summary["totals"]
        if summary["data"]["paid"]:
            earned = labels.effect(totals["effect"]["paid"])
            text = f"Paid media earned {earned} for {labels.money(totals['spend'])}."
        else:
            text = f"Organic media brought {labels.effect(totals['effect']['organic'])}."
        st.markdown(f"**{plain(market)}** {plain(text)}")
        for warning in summary["plausibility"]:
            st.warning(plain(warning), icon=":material/warning:")
        label = f"The answer of {name_of(status)}"
        links.link(links.RESULTS, label, icon=":material/arrow_forward:", run=status.run_id)


def _open_sample(kind: Literal["primary", "secondary"]) -> None:
    if st.button("Open the sample", type=kind, icon=":material/science:"):
        from mmm.runs.sample import (
            submit_sample,
        )  # pyarrow and the engine's checks, which looking at runs needs not

        with st.spinner("Storing the sample and starting its run"):
            run_id = submit_sample(run_service(), current_user())
        st.switch_page(links.RUN, query_params={"run": run_id})


st.title("Marketing mix models")
begun = bool(run_service().workspace.run_ids())
if begun:
    _answers()
    live(_latest, _POLL_SECONDS)
    st.subheader("Try the sample")
else:
    st.markdown("No model has been trained in this workspace yet.")
    links.link(links.CONNECT, "Connect your own data", icon=":material/upload_file:")
    st.subheader("Begin with the sample")
st.markdown(
    "Robyn's public weekly data: four years of revenue, five paid channels, a newsletter, a competitor and holidays. "
    "Opening it stores the data set, trains 10,000 candidate models on it and shows the result; that takes well under "
    "a minute on a laptop."
)
if current_user().may("run.submit"):
    _open_sample("secondary" if begun else "primary")
else:
    st.caption(f"Your role, {current_user().role}, may look at everything and start nothing.")
