"""Notifications: what one is told of runs and schedules, and where."""

from __future__ import annotations

import streamlit as st

from mmm.platforms import open_secret_store
from mmm.runs.notices import Event
from mmm.runs.subscribing import choose, chosen, end, try_out
from mmm.web.kit.text import plain
from mmm.web.shell.session import current_user, settings, workspace

_WORDS = {
    Event.FINISHED: "a run or batch has succeeded",
    Event.FAILED: "a run, batch or schedule has failed",
    Event.REFRESH_MOVED: "a refresh moved a channel and waits for a person",
    Event.QUOTA: "the platform has no room for a run",
}


def _form() -> None:
    user = current_user()
    before = chosen(workspace(), user)
    with st.form("notifications"):
        events = st.multiselect(
            "Tell me when",
            list(Event),
            list(Event) if before is None else list(before.events),
            format_func=lambda event: _WORDS[event],
        )
        everybody = st.toggle(
            "Of everybody's runs, not only of mine", before is not None and before.everybody
        )
        email = st.text_input(
            "By e-mail to",
            user.email if before is None else before.email,
            disabled=settings().smtp_host is None,
            help="Needs a mail server: MMM_SMTP_HOST and MMM_SMTP_FROM.",
        )
        kept = before is not None and before.webhook
        webhook = st.text_input(
            "By webhook",
            type="password",
            placeholder="kept as it is" if kept else "https://hooks.slack.com/services/...",
            help=f"It takes Slack's messages. Hosts: {', '.join(settings().webhook_hosts)}.",
        )
        if st.form_submit_button("Save", type="primary"):
            choose(
                workspace(), settings(), open_secret_store(settings()), user, events=events,
                email="" if settings().smtp_host is None else email, webhook=webhook,
                everybody=everybody,
            )  # fmt: skip
            st.rerun()
    if before is not None:
        _try_and_end()


def _try_and_end() -> None:
    user, secrets = current_user(), open_secret_store(settings())
    with st.container(horizontal=True):
        if st.button("Send a try"):
            sent = try_out(workspace(), settings(), secrets, user)
            st.success(plain(f"Sent by {', '.join(sent)}."))
        if st.button("Tell me nothing any more"):
            end(workspace(), settings(), secrets, user)
            st.rerun()


st.title("Notifications")
asked = chosen(workspace(), current_user())
if asked is None:
    st.markdown("##### You are told nothing.")
else:
    whose = "everybody's runs" if asked.everybody else "your runs"
    by = " and ".join(str(channel) for channel in asked.channels())
    st.markdown(f"##### You are told of {whose} by {by}.")
_form()
