"""Starts the web app: `streamlit run app/streamlit_app.py`."""

from mmm.web.main import start

start()
