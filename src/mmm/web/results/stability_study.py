"""The study of how stable a run's model is: started, followed, shown. It is a task; this page only
looks at it.
"""

from __future__ import annotations

import pyarrow as pa
import streamlit as st

from mmm.format import Labels, percent
from mmm.results import charts, stability, stability_charts
from mmm.runs.service import RunService
from mmm.runs.stability import StabilityStudy, StudyResult, held_out, newest_study, notes
from mmm.runs.wording import what_now
from mmm.web.kit.chart import show_chart
from mmm.web.kit.export import csv_text
from mmm.web.kit.numbers import show_numbers
from mmm.web.kit.text import plain
from mmm.web.results.drawing import ModelViews
from mmm.web.runs.live import progress_now
from mmm.web.shell import links
from mmm.web.shell.border import live
from mmm.web.shell.session import current_user
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

_POLL_SECONDS = 2.0


@st.cache_data(max_entries=20, show_spinner=False)
def _found(
    _workspace: Workspace, url: str, run_id: str, studies: int, state: str
) -> StudyResult | None:
    """The newest finished study; read again when there is another or its state changes."""
    return newest_study(_workspace, run_id)


def study(service: RunService, run_id: str, views: ModelViews) -> None:
    """What the newest study found, how the one under way goes, and a button to begin one."""
    st.subheader("Trained again: other seeds, earlier windows, holdouts", anchor="study")
    ids = service.workspace.study_ids(run_id)
    status = service.status(ids[-1]) if ids else None
    found = _found(
        service.workspace, service.workspace.url, run_id, len(ids), status.state if status else ""
    )
    if found is not None:
        _result(found, run_id, views)
    if status is not None and not status.final:
        links.link(links.RUN, "How the study goes", icon=":material/timeline:", run=status.run_id)
        live(_progress, _POLL_SECONDS, service, status.run_id)
        return
    if status is not None and status.state is not RunState.SUCCEEDED:
        st.error(
            f"The last study {status.label}: {plain(what_now(status))}", icon=":material/error:"
        )
        links.link(links.RUN, "Look into it", icon=":material/arrow_forward:", run=status.run_id)
    _start(service, run_id, views.labels, again=found is not None)


def _start(service: RunService, run_id: str, labels: Labels, *, again: bool) -> None:
    user = current_user()
    asked = StabilityStudy()
    trainings = asked.seeds + len(asked.shifts) + len(asked.holdouts)
    shifts = ", ".join(map(str, asked.shifts))
    held = ", ".join(percent(1.0 - share) for share in asked.holdouts)
    st.markdown(
        f"A study trains this run's experiment {trainings} more times: with {asked.seeds} other seeds, on windows that "
        f"end {shifts} {labels.period}s earlier, and with {held} of the window held out. It takes about as many times "
        "the run's own time, and goes on when this page is closed."
    )
    if not user.may("run.study"):
        st.caption(f"Your role, {user.role}, may look at studies and start none.")
        return
    if st.button(
        "Study again" if again else "Start the study", icon=":material/replay:", key="start-study"
    ):
        with st.spinner("Starting the study"):
            service.submit_study(run_id, asked, user)
        st.rerun()


def _progress(service: RunService, study_id: str) -> None:
    status = service.status(study_id)
    if status.final:
        st.rerun(scope="app")
    progress_now(status)


def _result(found: StudyResult, run_id: str, views: ModelViews) -> None:
    labels, own = views.labels, views.results.summary["model"]["id"]
    numbers = stability.spread(found.values, labels)
    st.markdown(plain(stability.finding(numbers, labels)))
    if text := stability.less_sure_alone(numbers, views.results, own):
        st.markdown(plain(text))
    if text := held_out(found.variants):
        st.markdown(plain(text))
    for note in notes(found.variants):
        st.warning(plain(note), icon=":material/warning:")
    with charts.unvalidated():
        chart = stability_charts.stability(numbers, labels).to_dict(validate=False)
    show_chart(chart, "study", "Confidence in each channel over all sources")
    st.caption(
        "**How to read it.** Each bar holds 90 % of the models of one source, the tick is the run's recommended "
        f"model. {plain(stability.rule())}"
    )
    _numbers(numbers, run_id, labels)


def _numbers(numbers: pa.Table, run_id: str, labels: Labels) -> None:
    with st.expander(f"Numbers ({numbers.num_rows:,} rows)"):
        show_numbers(numbers, labels)
        st.download_button(
            "Download as CSV", lambda: csv_text(numbers, labels), file_name=f"{run_id}-study.csv", mime="text/csv",
            icon=":material/download:", key="csv-study", on_click="ignore",
        )  # fmt: skip
