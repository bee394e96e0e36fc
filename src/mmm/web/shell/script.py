"""What Streamlit runs for each page; `app/streamlit_app.py` names it."""

from mmm.web.shell.main import start

start()
