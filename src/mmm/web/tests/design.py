"""A geo test designed on a stored history."""

from __future__ import annotations

from datetime import date

import streamlit as st

from mmm.errors import UserError
from mmm.models.tests_kept import register
from mmm.testing import charts
from mmm.testing.design import POWER, Candidate, Kind, Wanted, design_tests
from mmm.testing.designed import HEADINGS, GeoDesign, finding, geo_design, page, shown
from mmm.testing.panel import Columns, read_panel
from mmm.web.kit.text import plain
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, workspace
from mmm.web.tests.shared import chosen_history, draw, names_of, numbers, spec
from mmm.workspace import Workspace

_KINDS = {
    Kind.HEAVY_UP: "Raise the spend in some geos",
    Kind.GO_DARK: "Stop the spend in some geos",
    Kind.HOLDBACK: "Keep a campaign out of some geos",
}
_KEPT = "test-design"


@st.cache_data(max_entries=20, show_spinner="Replaying tests on the history")
def _designs(
    _workspace: Workspace, url: str, market: str, dataset_id: str, columns: Columns,
    wanted: Wanted, channel: str, start: date | None,
) -> tuple[list[Candidate], GeoDesign]:  # fmt: skip
    """All designs and the best one as it is kept; a dataset never changes."""
    panel = read_panel(_workspace.read_dataset(market, dataset_id), columns)
    found = design_tests(panel, wanted)
    return found, geo_design(found[0], panel, wanted, columns, start=start, channel=channel)


def design_part() -> None:
    """What is asked for, and the best design."""
    history = chosen_history("design")
    if history is None:
        return
    manifest, columns = history
    with st.form("design"):
        channel = st.text_input("Channel that is tested", max_chars=200)
        kind = st.radio("What is done", list(_KINDS), format_func=lambda one: _KINDS[one])
        with st.container(horizontal=True):
            periods = st.text_input("Lengths to try, in periods", "15")
            sizes = st.text_input("Numbers of geos to try", "2, 3, 4")
            start = st.date_input("First date (default: after the history)", None)
        with st.container(horizontal=True):
            must = st.text_input("Geos that must be treated")
            never = st.text_input("Geos that must not")
            excluded = st.text_input("Geos that count for nothing")
        with st.container(horizontal=True):
            effect = st.number_input(
                "Expected effect, percent of the KPI (0: not known)", 0.0, 1000.0
            )
            unit_cost = st.number_input("Spend for one more unit of the KPI (0: not known)", 0.0)
            budget = st.number_input("Most that the test may cost (0: no limit)", 0.0)
        asked = st.form_submit_button("Design the test", type="primary")
    if asked:
        with border():
            wanted = Wanted(
                kind=kind,
                periods=_numbers(periods, "Lengths to try"),
                sizes=_numbers(sizes, "Numbers of geos to try"),
                must=names_of(must),
                never=names_of(never),
                excluded=names_of(excluded),
                effect=effect / 100.0 or None,
                unit_cost=unit_cost or None,
                budget=budget or None,
            )
            given = (manifest.market, manifest.dataset_id, columns, wanted, channel.strip(), start)
            st.session_state[_KEPT] = _designs(workspace(), workspace().url, *given)
    if _KEPT in st.session_state:
        _draw(*st.session_state[_KEPT])


def _numbers(text: str, where: str) -> tuple[int, ...]:
    parts = names_of(text)
    if not parts or not all(part.isdecimal() and 0 < int(part) <= 1000 for part in parts):
        raise UserError(f"{text!r} is no list of whole numbers.", where=where, fix="Write 10, 15.")
    return tuple(int(part) for part in parts)


def _draw(found: list[Candidate], best: GeoDesign) -> None:
    st.markdown(f"##### {plain(finding(best))}")
    draw(
        spec(charts.power, best.curve, POWER),
        "power",
        "Power of the best design",
        "How likely the test calls an effect of each size, with 10 % false positives. The broken line "
        "is 80 %. Replayed in windows of the history in which nothing was tested.",
    )
    numbers(HEADINGS, shown(found), "rows", "designs.csv")
    with st.expander("The test on one page"):
        st.markdown(page(best))
    with st.container(horizontal=True):
        _file("Download the design (JSON)", best.model_dump_json(indent=2), "design.json")
        _file("Download its page", page(best), "design.md")
    _keep(best)


def _file(label: str, text: str, name: str) -> None:
    st.download_button(
        label, text, file_name=name, icon=":material/download:", key=name, on_click="ignore"
    )


def _keep(best: GeoDesign) -> None:
    user = current_user()
    if not user.may("test.save"):
        st.caption(f"Your role, {user.role}, may design tests but not keep them.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name in the registry", max_chars=100, key="design-name", width=320)
        if st.button("Keep as a planned test", icon=":material/save:", disabled=not name.strip()):
            with border():
                register(workspace(), name.strip(), user, design=best)
                st.caption(f":material/check: Kept as **{plain(name.strip())}**.")
