"""Starts the web app: `streamlit run app/streamlit_app.py`, or as an ASGI app, `streamlit_app:app`."""

import streamlit as st

from mmm.web.shell.server import SCRIPT, app_options

app = st.App(SCRIPT, **app_options())
