"""A geo test analysed, also one designed elsewhere."""

from __future__ import annotations

from datetime import date

import streamlit as st

from mmm.errors import UserError
from mmm.models.tests_kept import record
from mmm.testing import charts
from mmm.testing.analysis import Analysis, analyse
from mmm.testing.panel import Columns, GeoTest, read_geo_test
from mmm.testing.words import HEADINGS, as_found, remarks, shown
from mmm.web.kit.text import plain
from mmm.web.shell.border import border
from mmm.web.shell.session import current_user, workspace
from mmm.web.tests.shared import chosen_history, draw, names_of, numbers, spec
from mmm.workspace import Workspace

_KEPT = "test-analysis"


@st.cache_data(max_entries=20, show_spinner="Analysing the test")
def _analysed(
    _workspace: Workspace, url: str, market: str, dataset_id: str, columns: Columns,
    treated: tuple[str, ...], span: tuple[date, date], cooldown: int, excluded: tuple[str, ...],
    spend: float | None,
) -> tuple[GeoTest, Analysis]:  # fmt: skip
    """A test and what it found; a dataset never changes."""
    table_ = _workspace.read_dataset(market, dataset_id)
    test = read_geo_test(
        table_, columns, treated, *span, cooldown=cooldown, excluded=excluded, spend=spend
    )
    return test, analyse(test)


def analyse_part() -> None:
    """What was done where and when, and what it did."""
    history = chosen_history("analyse")
    if history is None:
        return
    manifest, columns = history
    with st.form("analyse"):
        treated = st.text_input("Treated geos, with commas between")
        with st.container(horizontal=True):
            start = st.date_input("First date", None, min_value=date(1990, 1, 1))
            end = st.date_input("Last date", None, min_value=date(1990, 1, 1))
            cooldown = st.number_input("Periods after the end that count", 0, 1000, 0)
        with st.container(horizontal=True):
            excluded = st.text_input("Geos that are no controls")
            spend = st.number_input("Money that the test added (below 0: held back)", value=0.0)
        asked = st.form_submit_button("Analyse", type="primary")
    if asked:
        with border():
            if start is None or end is None:
                raise UserError("give its first and last date.", where="the test")
            given = (manifest.market, manifest.dataset_id, columns, names_of(treated), (start, end))
            st.session_state[_KEPT] = _analysed(
                workspace(),
                workspace().url,
                *given,
                int(cooldown),
                names_of(excluded),
                spend or None,
            )
    if _KEPT in st.session_state:
        _draw(*st.session_state[_KEPT])


def _draw(test: GeoTest, found: Analysis) -> None:
    st.markdown(f"##### {plain(found.verdict)}")
    st.markdown("\n".join(f"- {plain(said)}" for said in remarks(found)))
    draw(
        spec(charts.counterfactual, found, str(test.dates[test.first])),
        "treated-synthetic",
        "Treated against synthetic",
        "Blue is what the treated geos had, orange what the controls let expect. The broken line is the "
        "test's first date: before it the two should run together, after it the gap is the effect.",
    )
    draw(
        spec(charts.placebo, found),
        "placebo",
        "Placebo: geos without a treatment",
        "A stroke a geo: the effect that the same analysis sees where nothing was done. The treated "
        "geos' effect means something where it stands outside of these.",
    )
    numbers(HEADINGS, shown(found), "methods", "geo-test.csv")
    _keep(test, found)


def _keep(test: GeoTest, found: Analysis) -> None:
    user = current_user()
    if not user.may("test.save"):
        st.caption(f"Your role, {user.role}, may analyse tests but not keep them.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name in the registry", max_chars=100, key="result-name", width=320)
        channel = st.text_input("Channel", max_chars=200, key="result-channel", width=240)
        ready = bool(name.strip() and channel.strip())
        if st.button("Keep the result", icon=":material/save:", disabled=not ready):
            with border():
                days = [test.dates[place].astype(object) for place in (test.first, test.last)]
                record(
                    workspace(),
                    name.strip(),
                    user,
                    as_found(test, found),
                    channels=(channel.strip(),),
                    start=days[0],
                    end=days[1],
                    source=f"geo test, {found.estimates[0].method}",
                )
                st.caption(f":material/check: Kept as **{plain(name.strip())}**.")
