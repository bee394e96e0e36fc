"""Data quality: a traffic light per check with why and fix, and per channel what the data can and
cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from mmm.data.mapping import Mapping
from mmm.data.quality import ChannelReport, CheckResult, Light, QualityReport, review
from mmm.data.quality.currencies import columns_to_check
from mmm.data.quality.frame import media_columns
from mmm.data.quality.series import TOTAL_SPEND, over_time
from mmm.data.references import dataset_name
from mmm.format import MISSING, count, fixed, percent
from mmm.web.data.mending import Mended, Mending
from mmm.web.data.steps import Step, stepper
from mmm.web.data.stored_data import (
    chosen_dataset,
    chosen_mapping,
    findings_list,
    next_steps,
    table_of,
)
from mmm.web.kit.series_chart import series_chart
from mmm.web.kit.tables import download, file_name_of, table
from mmm.web.kit.text import plain
from mmm.web.shell.border import border
from mmm.web.shell.session import workspace
from mmm.workspace import DatasetManifest

#: Colour, icon and word: no light is told by its colour alone.
_LIGHTS: dict[Light, tuple[Literal["green", "orange", "red", "yellow", "gray"], str, str]] = {
    Light.RED: ("red", "dangerous", "red"),
    Light.ORANGE: ("orange", "warning", "orange"),
    Light.YELLOW: ("yellow", "info", "yellow"),
    Light.UNKNOWN: ("gray", "help", "could not run"),
    Light.GREEN: ("green", "check_circle", "green"),
}
_PLACE_HEADINGS = ("Column", "Light", "What", "First dates", "How many")
_CHECK_HEADINGS = ("Check", "Light", "Finding", "Why it matters", "What to do", *_PLACE_HEADINGS)
_CHANNEL_HEADINGS = (
    "Channel",
    "Light",
    "What the data can and cannot tell",
    "Periods with spend",
    "Share of spend",
    "Variation where on",
    "Moves most like",
    "r",
)


@st.cache_data(max_entries=50, show_spinner="Running the checks")
def _report(
    _manifest: DatasetManifest,
    _mapping: Mapping,
    url: str,
    name: str,
    mapping: str,
    market: str | None,
) -> QualityReport:
    return review(_mapped(_manifest, _mapping), _mapping, market=market)


@st.cache_data(max_entries=20, show_spinner="Running the checks")
def _report_of(_mended: Mended, url: str, name: str, mapping: str, recipe: str) -> QualityReport:
    """The checks of the data with the fixes."""
    return review(_mended.table, _mended.mapping)


@st.cache_data(max_entries=20, show_spinner=False)
def _series(
    _manifest: DatasetManifest,
    _mapping: Mapping,
    key: tuple[str, str, str],
    market: str | None,
    columns: list[str],
) -> pa.Table:
    return over_time(_mapped(_manifest, _mapping), _mapping, columns, market)


def _mapped(manifest: DatasetManifest, mapping: Mapping) -> pa.Table:
    return table_of(manifest).select(columns_to_check(manifest.columns, mapping))


def _market(manifest: DatasetManifest, mapping: Mapping) -> str | None:
    """One market of the table, or None for all together."""
    if mapping.market is None:
        return None
    values = table_of(manifest)[mapping.market].unique().cast(pa.string()).to_pylist()
    names = sorted(name for name in values if name is not None)
    return st.selectbox(
        "Market", names, None, placeholder="All markets together", key="quality-market"
    )


def _finding(report: QualityReport) -> None:
    """The state in a sentence, and what weighs most."""
    counts = []
    for light, (_, _, word) in _LIGHTS.items():
        number = sum(result.light is light for result in report.checks)
        if number:
            counts.append(f"{number} {word}")
    told = ", ".join(counts)
    meaning = {
        Light.RED: "Training refuses these data",
        Light.ORANGE: "These data can be modelled, with doubts that its report will repeat",
        Light.YELLOW: "These data can be modelled; some things are worth knowing",
        Light.UNKNOWN: "What could be checked is in order",
        Light.GREEN: "These data can be modelled",
    }[report.light]
    st.markdown(f"##### {meaning}: of {count(len(report.checks), 'check')}, {told}.")
    worst = next((result for result in report.checks if result.light is report.light), None)
    if worst is not None and report.light is not Light.GREEN:
        st.markdown(f"First: **{plain(worst.title)}.** {plain(worst.finding)} {plain(worst.fix)}")


def _badge(light: Light) -> str:
    colour, icon, word = _LIGHTS[light]
    return f":{colour}-badge[:material/{icon}: {word}]"


def _check(result: CheckResult) -> None:
    bad = result.light in (Light.RED, Light.ORANGE, Light.YELLOW)
    label = f"{_badge(result.light)} **{plain(result.title)}** {plain(result.finding)}"
    with st.expander(label, expanded=result.light is Light.RED):
        st.markdown(f"**Why it matters.** {plain(result.why)}")
        if bad or result.light is Light.UNKNOWN:
            st.markdown(f"**What to do.** {plain(result.fix)}")
        if result.places:
            table(_PLACE_HEADINGS, _places(result))


def _places(result: CheckResult) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for place in result.places:
        dates = ", ".join(map(str, place.dates)) + (", …" if place.count > len(place.dates) else "")
        many = f"{place.count:,}" if place.count else ""
        rows.append((place.column or "(table)", _LIGHTS[place.light][2], place.what, dates, many))
    return rows


def _check_rows(checks: Iterable[CheckResult]) -> list[tuple[str, ...]]:
    """Every place in a row of its own, checks without any in one."""
    rows = []
    for result in checks:
        own = (result.title, _LIGHTS[result.light][2], result.finding, result.why, result.fix)
        rows += [(*own, *place) for place in _places(result) or [("",) * len(_PLACE_HEADINGS)]]
    return rows


def _channels(channels: tuple[ChannelReport, ...], name: str) -> None:
    st.subheader("What the data can and cannot tell, by channel", anchor="channels")
    firm = sum(channel.light is Light.GREEN for channel in channels)
    st.markdown(
        f"Of {count(len(channels), 'paid channel')}, {firm} can be told apart without reservation."
    )
    for channel in channels:
        told = " ".join(plain(sentence.text) for sentence in channel.sentences)
        st.markdown(f"{_badge(channel.light)} **{plain(channel.channel)}** {told}")
    rows = [_channel_row(channel) for channel in channels]
    with st.expander(f"Numbers ({count(len(rows), 'row')})"):
        table(_CHANNEL_HEADINGS, rows)
        download(
            "Download as CSV",
            _CHANNEL_HEADINGS,
            rows,
            file_name_of("channels", name, ending=".csv"),
        )


def _channel_row(channel: ChannelReport) -> tuple[str, ...]:
    return (
        channel.channel,
        _LIGHTS[channel.light][2],
        " ".join(sentence.text for sentence in channel.sentences),
        MISSING if channel.active is None else f"{channel.active:,} of {channel.periods:,}",
        percent(channel.spend_share),
        percent(channel.variation),
        channel.closest or MISSING,
        fixed(channel.closest_r),
    )


def _over_time(manifest: DatasetManifest, mapping: Mapping, market: str | None, name: str) -> None:
    st.subheader("KPI and media over time", anchor="over-time")
    chosen = st.multiselect(
        "More columns", media_columns(mapping), key="quality-series", placeholder="Spend, exposure"
    )
    key = (workspace().url, name, mapping.model_dump_json())
    found = _series(manifest, mapping, key, market, chosen)
    kind = "revenue" if mapping.kpi_kind == "revenue" else "count"
    headings = {mapping.kpi: f"{mapping.kpi} (KPI, {kind})", TOTAL_SPEND: "All spend (money)"}
    panels = {
        headings.get(item, item): found.select(["date", item]) for item in found.column_names[1:]
    }
    series_chart(
        file_name_of("over-time", name, ending=""),
        panels,
        "KPI and media over time",
        "Each panel has its own scale, in the units of the data. A gap is a period without a value. Look for levels "
        "that jump, single peaks, and spend that never moves: the checks above name them.",
    )


def _page(manifest: DatasetManifest, steps: DeltaGenerator) -> None:
    with steps:
        stepper(Step.CHECK, manifest, st.query_params.get("mapping"))
    mapping_name, mapping, differences = chosen_mapping(manifest)
    findings_list(differences)
    name = dataset_name(manifest)
    key = (workspace().url, name, mapping.model_dump_json())
    as_stored = _report(manifest, mapping, *key, None)
    mending = Mending.of(manifest, mapping_name, mapping, as_stored)
    mending.buttons()
    mended = mending.result()
    if mended is None:
        market = _market(manifest, mapping)
        report = as_stored if market is None else _report(manifest, mapping, *key, market)
    else:
        market, report = None, _report_of(mended, *key, mending.recipe_text)
        st.caption(
            f"The checks below are of the data with your fixes, by {mending.period}: "
            f"{count(mended.table.num_rows, 'row')}. The stored data stay as they are."
        )
    _finding(report)
    mending.next_step(report)
    order = list(_LIGHTS)
    for result in sorted(report.checks, key=lambda result: order.index(result.light)):
        _check(result)
    rows = _check_rows(report.checks)
    download(
        "All checks as CSV", _CHECK_HEADINGS, rows, file_name_of("quality", name, ending=".csv")
    )
    _channels(report.channels, name)
    with border():
        _over_time(manifest, mapping, market, name)
    st.subheader("Next")
    next_steps(manifest, mapping_name)


st.title("Data quality")
steps = st.container()
dataset = chosen_dataset()
if dataset is not None:
    _page(dataset, steps)
