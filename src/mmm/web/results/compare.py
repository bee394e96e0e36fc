"""Compare: two to four runs side by side, and where they agree."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mmm.results import charts, compare_charts
from mmm.results.compare import FEWEST, MOST, RULE, Comparison
from mmm.runs.comparison import compare_runs
from mmm.web.kit.dark import as_page
from mmm.web.kit.export import csv_of
from mmm.web.kit.tables import columns_of
from mmm.web.kit.text import plain
from mmm.web.shell import links
from mmm.web.shell.session import run_service
from mmm.workspace.models import RunState

_CHOICE = 100
_NUMBERS = (
    "Channel",
    "Run",
    "Run id",
    "Share of spend",
    "Share of paid effect",
    "Value",
    "Low",
    "High",
    "Verdict",
)


def _asked() -> list[str]:
    return [run_id for run_id in st.query_params.get("runs", "").split(",") if run_id]


def _choose(asked: list[str]) -> list[str]:
    """The runs to compare, in the address so that it can be shared."""
    done = [
        status for status in run_service().runs(limit=_CHOICE) if status.state is RunState.SUCCEEDED
    ]
    names = {
        status.run_id: f"{status.name or status.run_id} · {status.market} · {status.run_id}"
        for status in done
    }
    options = list(dict.fromkeys([*asked, *names]))
    chosen = st.multiselect(
        f"Runs, {FEWEST} to {MOST} of them",
        options,
        asked[:MOST],
        format_func=lambda run_id: names.get(run_id, run_id),
        max_selections=MOST,
        key="compare-runs",
    )
    if chosen != asked:
        st.query_params["runs"] = ",".join(chosen)
    return chosen


def _ways_to_more() -> None:
    st.markdown(
        f"Choose {FEWEST} to {MOST} runs that have succeeded; they may be of different data or engines."
    )
    if run_service().workspace.run_ids():
        links.link(links.RUNS, "All runs", icon=":material/list:")
    else:
        links.link(links.HOME, "Begin with the sample", icon=":material/science:")


def _draw(chart: Any, key: str, title: str, reading: str) -> None:
    st.subheader(title, anchor=key)
    with charts.unvalidated():
        spec = chart.to_dict(validate=False)
    st.vega_lite_chart(
        spec=as_page(spec),
        theme=None,
        width=charts.WIDTH,
        key=f"chart-{key}",
        alt=title,
    )
    st.caption(f"**How to read it.** {plain(reading)}")


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    st.dataframe(columns_of(headings, rows), hide_index=True, width="stretch", height="content")


def _channels(found: Comparison) -> None:
    if found.one_measure and any(item.value is not None for item in found.channels):
        _draw(
            compare_charts.efficiency(found),
            "channels",
            f"{found.efficiency} per channel",
            "One line per run in each channel: the dot is the run's value, the bar its interval. Bars that overlap "
            "agree. Very wide intervals are cut at the right.",
        )
    with st.expander(f"Numbers ({len(found.verdicts)} channels)", expanded=True):
        _table(found.channel_headings(), found.channel_rows())
        sides = {side.letter: side for side in found.sides}
        rows = [
            (item.channel, sides[item.letter].title, sides[item.letter].run_id, item.spend_share, item.effect_share,
             item.value, item.low, item.high, found.verdicts[item.channel])
            for item in found.channels
        ]  # fmt: skip
        st.download_button(
            "Download as CSV",
            lambda: csv_of(_NUMBERS, rows),
            file_name="compare-channels.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _facts(found: Comparison) -> None:
    _draw(
        compare_charts.shares(found),
        "shares",
        "What the KPI is made of",
        "Each bar is one run's fitted KPI: grey is baseline and context, green organic, blue paid media. A part that "
        "takes away reaches to the left of zero.",
    )
    st.subheader("Fit, size, time", anchor="facts")
    letters = [side.letter for side in found.sides]
    titles = [side.title for side in found.sides]
    _table(("Measure", *letters), found.facts())
    st.subheader("Settings that differ", anchor="settings")
    differing = found.settings()
    if differing:
        _table(("Setting", *letters), differing)
    else:
        st.markdown("All settings are the same.")
    st.download_button(
        "Download both tables as CSV",
        lambda: csv_of(("Measure or setting", *titles), [*found.facts(), *differing]),
        file_name="compare-runs.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def _page(run_ids: list[str]) -> None:
    found = compare_runs(run_service(), run_ids)
    first, *more = found.findings
    st.markdown(f"##### {plain(first)}")
    for sentence in more:
        st.markdown(f"- {plain(sentence)}")
    for limit in found.limits:
        st.warning(plain(limit), icon=":material/info:")
    st.caption(f"**The rule.** {plain(RULE)}")
    with st.container(horizontal=True):
        for side in found.sides:
            links.link(
                links.RESULTS,
                f"Results of {side.title}",
                icon=":material/bar_chart:",
                run=side.run_id,
            )
    _channels(found)
    _facts(found)


st.title("Compare")
runs = _choose(_asked())
if len(runs) < FEWEST:
    _ways_to_more()
else:
    _page(runs)
