"""Where the pages are, and the query parameters that make an address of each state worth sharing."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from mmm.errors import UserError
from mmm.web.kit.text import plain

#: No folder is called `pages`: Streamlit would serve what lies in such a folder beside its script
#: without asking `main`.
_WEB = Path(__file__).parents[1]
HOME, ADMIN = _WEB / "home" / "home.py", _WEB / "admin" / "admin.py"
CONNECT, MAP, QUALITY, PREPARE = (
    _WEB / "data" / f"{name}.py" for name in ("connect", "map", "quality", "prepare")
)
EXPERIMENT = _WEB / "experiment" / "experiment.py"
RUNS, RUN, BATCH, SCHEDULES, NOTIFICATIONS = (
    _WEB / "runs" / f"{name}.py" for name in ("runs", "run", "batch", "schedules", "notifications")
)
RESULTS, COMPARE = (_WEB / "results" / f"{name}.py" for name in ("results", "compare"))
PLAN = _WEB / "plan" / "plan.py"
TESTS = _WEB / "tests" / "tests.py"


def asked_run() -> str:
    """The run named in the address; UserError when none is."""
    run_id = st.query_params.get("run", "")
    if not run_id:
        raise UserError("This address names no run.", fix="Choose one in the list of runs.")
    return run_id


def link(
    to: Path, label: str, icon: str | None = None, *, primary: bool = False, **query: str
) -> None:
    """A link to a page; the label is plain text, a primary one has the theme's colour. Empty
    parameters stay out.
    """
    text = f":primary[{plain(label)}]" if primary else plain(label)
    given = {name: value for name, value in query.items() if value}
    st.page_link(to, label=text, icon=icon, query_params=given)
