"""The app around its pages: who may come in, the menu, and the border at which errors become messages."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mmm.web import links
from mmm.web.border import border
from mmm.web.session import current_user, refuse_without_sign_in, settings, warm_up
from mmm.web.text import plain

#: Streamlit would fetch an icon given by name from a foreign server.
_ICON = Path(__file__).with_name("icon.svg")
#: The only styling beyond the theme: a column to read in like the report's, and small print that keeps its contrast.
_STYLE = """<style>
[data-testid="stMainBlockContainer"] { max-width: 1160px; padding: 3.5rem 3rem; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.82; }
[data-testid="stPageLink"] p { overflow: hidden; text-overflow: ellipsis; }
</style>"""


def start() -> None:
    """Draw the page that was asked for. Called on every run of the script."""
    st.set_page_config(page_title="mmm-app", page_icon=str(_ICON), layout="wide")
    st.html(_STYLE)
    with border():
        refuse_without_sign_in(settings())
        warm_up()
        page = st.navigation(
            [
                st.Page(links.HOME, title="Home", default=True),
                st.Page(links.RUNS, title="Runs"),
                st.Page(links.RUN, title="Run", visibility="hidden"),
                st.Page(links.RESULTS, title="Results", visibility="hidden"),
            ]
        )
        with st.sidebar:
            st.caption(f"Local user **{plain(current_user())}**")
            st.caption("Nobody signs in here: whoever reaches this address acts under this name.")
        page.run()
