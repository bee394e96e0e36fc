"""The app around its pages: who may come in, the menu, and the border at which errors become
messages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.navigation.page import Page

from mmm.access import User
from mmm.web.shell import links
from mmm.web.shell.border import border
from mmm.web.shell.entrance import enter, who

#: Streamlit would fetch an icon given by name from a foreign server.
_ICON = Path(__file__).with_name("icon.svg")
#: The only styling beyond the theme: a column to read in like the report's, and small print that
#: keeps its contrast.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { max-width: 1160px; padding: 3.5rem 3rem; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.82; }
[data-testid="stCaptionContainer"] p a { color: inherit; }
[data-testid="stFullScreenFrame"]:has([data-testid="stVegaLiteChart"]) { max-width: 100%; overflow-x: auto; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding: 3.5rem 1rem; }
  .st-key-run-headings { display: none; }
}
[data-testid="stPageLink"] p { overflow: hidden; text-overflow: ellipsis; }
</style>"""

#: White on the dark theme's primary colour is too faint to read.
_DARK_STYLE = """<style>
[data-testid^="stBaseButton-primary"], [data-testid^="stBaseButton-primary"] * { color: #0b1218; }
[data-testid="stMultiSelect"] [data-tag], [data-testid="stMultiSelect"] [data-tag] * { color: #0b1218; }
</style>"""


def start() -> None:
    """Draw the page that was asked for. Called on every run of the script."""
    st.set_page_config(page_title="mmm-app", page_icon=str(_ICON), layout="wide")
    st.html(_STYLE + (_DARK_STYLE if st.context.theme.type == "dark" else ""))
    with border():
        user = enter()
        page = _navigation(user)
        if user is None:
            return
        with st.sidebar:
            who(user)
        page.run()


def _navigation(user: User | None) -> Page:
    """The menu. Without a user it is not shown, yet known, so that the address stays as it is until
    the sign-in.
    """
    works = _visible(user is not None and user.may("run.submit"))
    return st.navigation(
        {
            "": [st.Page(links.HOME, title="Home", default=True)],
            "Data": [
                st.Page(links.CONNECT, title="Connect"),
                st.Page(links.MAP, title="Map columns"),
                st.Page(links.QUALITY, title="Data quality"),
                st.Page(links.PREPARE, title="Prepare"),
            ],
            "Models": [
                st.Page(links.EXPERIMENT, title="Experiment", visibility=works),
                st.Page(links.RUNS, title="Runs"),
                st.Page(links.COMPARE, title="Compare"),
                st.Page(links.SCHEDULES, title="Schedules"),
                st.Page(links.RUN, title="Run", visibility="hidden"),
                st.Page(links.BATCH, title="Batch", visibility="hidden"),
                st.Page(links.RESULTS, title="Results", visibility="hidden"),
            ],
            "Decisions": [
                st.Page(links.PLAN, title="Plan"),
                st.Page(links.TESTS, title="Tests"),
            ],
            "Administration": [
                st.Page(links.NOTIFICATIONS, title="Notifications"),
                st.Page(
                    links.ADMIN,
                    title="Admin",
                    visibility=_visible(user is not None and user.may("settings.read")),
                ),
            ],
        },
        position="hidden" if user is None else "sidebar",
    )


def _visible(shown: bool) -> Literal["visible", "hidden"]:
    return "visible" if shown else "hidden"
