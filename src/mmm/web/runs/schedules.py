"""Schedules: which models are brought up to date by the clock, and what waits for a person."""

from __future__ import annotations

from zoneinfo import available_timezones

import streamlit as st

from mmm.format import count
from mmm.models.refresh import accept
from mmm.runs.outcome import Outcome, outcome
from mmm.runs.schedules import (
    Firing,
    Schedule,
    next_moment,
    pause_schedule,
    read_firings,
    read_schedule,
    save_schedule,
)
from mmm.runs.status import RunStatus
from mmm.web.kit.text import moment, plain
from mmm.web.runs.run_list import name_of
from mmm.web.shell import links
from mmm.web.shell.session import current_user, run_service, workspace
from mmm.workspace.models import RunState
from mmm.workspace.names import utc_now

_MOMENTS = 5
_RUNS = 50
_MODES = {
    "refresh": "Refresh: the model's parameters move as far as the new data ask for",
    "retrain": "Train anew on all periods",
}


def _headline(names: list[str], waiting: int) -> str:
    if not names:
        return "No model is brought up to date by the clock yet."
    waits = f"{count(waiting, 'model')} waits for a person" if waiting == 1 else ""
    if waiting > 1:
        waits = f"{count(waiting, 'model')} wait for a person"
    return f"{count(len(names), 'schedule')}; {waits or 'nothing waits for a person'}."


def _schedule(item: Schedule, fired: list[tuple[Firing, Outcome]]) -> None:
    with st.container(border=True):
        st.subheader(plain(item.name))
        when = "paused" if item.paused else f"next {moment(next_moment(item, utc_now()))} your time"
        what = "refreshes" if item.mode == "refresh" else "trains anew"
        st.markdown(f"{plain(item.cron)} by {plain(item.zone)} · {what} · {when}")
        st.caption(f"Saved by {plain(item.actor)} on {moment(item.since)}.")
        links.link(links.RESULTS, "The model that it began with", run=item.run)
        for firing, found in fired:
            _moment(firing, found)
        if not fired:
            st.markdown("Nothing has come of it so far.")
        if current_user().may("schedule.save"):
            _pause(item)


def _moment(firing: Firing, found: Outcome) -> None:
    st.markdown(f"**{moment(firing.moment)}** {plain(found.text)}")
    if not found.run_id:
        return
    with st.container(horizontal=True):
        links.link(links.RUN, "Its run", icon=":material/timeline:", run=found.run_id)
        if not found.waits:
            return
        both = f"{found.before},{found.run_id}"
        links.link(
            links.COMPARE,
            "Compare with the model in use",
            icon=":material/compare_arrows:",
            runs=both,
        )
        if current_user().may("run.accept"):
            _accept(found.run_id)


def _accept(run_id: str) -> None:
    if st.button("Accept", key=f"accept-{run_id}", type="primary", icon=":material/check:"):
        accept(workspace(), run_id, current_user())
        st.rerun()


def _pause(item: Schedule) -> None:
    label = "Let it go on" if item.paused else "Pause"
    if st.button(label, key=f"pause-{item.name}"):
        pause_schedule(workspace(), item.name, current_user(), paused=not item.paused)
        st.rerun()


def _trained() -> list[RunStatus]:
    """Runs whose model a schedule can bring up to date, newest first."""
    found = run_service().runs(limit=_RUNS)
    return [status for status in found if status.state is RunState.SUCCEEDED]


def _new() -> None:
    st.subheader("New schedule")
    runs = _trained()
    if not runs:
        st.markdown("A schedule needs a model to bring up to date; no run has succeeded yet.")
        return
    with st.form("new-schedule"):
        name = st.text_input("Name", placeholder="weekly")
        chosen = st.selectbox(
            "Model", runs, format_func=lambda status: f"{name_of(status)} · {status.run_id}"
        )
        cron = st.text_input(
            "When (minute, hour, day, month, weekday)",
            "0 6 * * 1",
            help="`0 6 * * 1` is every Monday at 6:00, `0 6 1 * *` the first day of each month.",
        )
        zones = sorted(available_timezones())
        own = st.context.timezone
        first = zones.index(own) if own in zones else zones.index("UTC")
        zone = st.selectbox("Whose clocks count", zones, index=first)
        mode = st.radio("What is done", list(_MODES), format_func=lambda word: _MODES[word])
        if st.form_submit_button("Save", type="primary"):
            fields = {
                "name": name, "run": chosen.run_id, "cron": cron, "zone": zone, "mode": mode,
            }  # fmt: skip
            save_schedule(workspace(), fields, current_user())
            st.rerun()


st.title("Schedules")
found_names = list(workspace().schedules())
shown = []
for schedule_name in found_names:
    of_it = read_firings(workspace(), schedule_name, _MOMENTS)
    told = [(firing, outcome(run_service(), firing)) for firing in of_it]
    shown.append((read_schedule(workspace(), schedule_name), told))
to_accept = sum(found.waits for _, told in shown for _, found in told)
st.markdown(f"##### {_headline(found_names, to_accept)}")
st.markdown(
    "At each moment the model's data are read again (a connection's table or query, or the market's newest upload), "
    "prepared by the same recipe, and the model is brought up to date in a run of its own. Data that have not changed "
    "train nothing. A new model is used only once a person has accepted it."
)
for one, told in shown:
    _schedule(one, told)
if current_user().may("schedule.save"):
    _new()
