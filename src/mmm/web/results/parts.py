"""The parts of the results page that ask something: how to count, what to lay over, how the report
is to look.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.errors import UserError
from mmm.format import count
from mmm.results import summary
from mmm.results.branding import LOGO_BYTES, Look, look_of, save_look, saved_look
from mmm.results.narrowed import narrowed
from mmm.results.onepager import onepager, rendered
from mmm.results.report import report_of
from mmm.results.store import RunResults, artifacts_zip, zipped_artifacts
from mmm.web.kit.export import csv_of
from mmm.web.kit.text import error_markdown, plain
from mmm.web.results.answer import draw_answer
from mmm.web.results.choose_model import choose_model, several_models
from mmm.web.results.dates import asked_span, draw_bridge
from mmm.web.results.drawing import PARTS, ModelViews, Shape
from mmm.web.shell.session import current_user

_OFFICE = "application/vnd.openxmlformats-officedocument"
#: What can be carried away of a model: the ending, what it is called.
_FILES = {"html": "Report", "pdf": "Report", "pptx": "Slides", "xlsx": "Workbook"}
_MIME = {
    "pptx": f"{_OFFICE}.presentationml.presentation",
    "xlsx": f"{_OFFICE}.spreadsheetml.sheet",
    "html": "text/html",
    "pdf": "application/pdf",
    "png": "image/png",
    "json": "application/json",
}


def draw_part(views: ModelViews, model_id: str, part: str) -> None:
    """One of `PARTS` for a model."""
    own = _OWN.get(part)
    if own:
        own(views, model_id)
        return
    for key in views.keys(part):
        views.draw(model_id, key)


def _contribution(views: ModelViews, model_id: str) -> None:
    periods = summary.periods_from(views.labels.step_days)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.segmented_control(
            "Show",
            ["Absolute", "Share"],
            default="Absolute",
            required=True,
            key="show",
            bind="query-params",
        )
        period = st.segmented_control(
            "Per", periods, default=periods[0], required=True, key="per", bind="query-params"
        )
        span = asked_span(views, model_id)
    shape = Shape(span=span, period=period, share=shown == "Share")
    for key in PARTS["Contribution"]:
        views.draw(model_id, key, shape)
    st.subheader("Every component by period", anchor="by_component")
    tables = views.results if span is None else narrowed(views.results, model_id, span)
    numbers = summary.by_period(summary.by_component(tables, model_id, views.labels), period)
    name = "effect"
    if shape.share:
        numbers, name = summary.as_share(numbers), "share"
    table = summary.pivoted(numbers, "date", "component", name)
    unit = views.labels.effect_unit
    if shape.share:
        unit = f"share of the fitted {views.labels.kpi_name}"
    st.markdown(
        plain(
            f"{table.num_rows:,} rows of {table.num_columns - 1} components ({unit}); together they make up the fitted "
            f"{views.labels.kpi_name}. The first and the last {period} hold what the window has of them."
        )
    )
    formats = dict.fromkeys(table.column_names[1:], "percent" if shape.share else "localized")
    _pivot(table, {"date": "Begins", **{name: name for name in formats}}, formats)
    st.download_button(
        "Download as CSV",
        lambda: csv_of(["Begins", *formats], (row.values() for row in table.to_pylist())),
        file_name=f"{views.run_id}-{model_id}-components-by-{period}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="csv-by_component",
        on_click="ignore",
    )


def _pivot(table: pa.Table, headings: dict[str, str], formats: dict[str, str]) -> None:
    config: dict[str, Any] = {}
    for name, heading in headings.items():
        if name in formats:
            config[name] = st.column_config.NumberColumn(heading, format=formats[name])
        else:
            config[name] = st.column_config.Column(heading, pinned=True)
    st.dataframe(table, column_config=config, hide_index=True)


def _efficiency(views: ModelViews, model_id: str) -> None:
    span = asked_span(views, model_id)
    if span is not None:
        st.caption(
            f"Spend, effect and {views.labels.efficiency} of {span.said()}; what one more "
            f"{views.labels.currency} brings and the confidence are the whole window's."
        )
    for key in views.keys("ROAS"):
        views.draw(model_id, key, Shape(span=span))


def _curves(views: ModelViews, model_id: str) -> None:
    if st.toggle("Lay several models over each other", key="overlay", bind="query-params"):
        chosen = several_models(views, model_id)
        if len(chosen) > 1:
            views.draw(chosen, "overlaid_curves")
    else:
        views.draw(model_id, "response_curves")
    for key in views.keys("Curves")[1:]:
        views.draw(model_id, key)


@st.cache_data(max_entries=40, show_spinner=False)
def _page(
    _results: RunResults, url: str, run_id: str, number: int, certificate: str, model_id: str
) -> tuple[str, bytes]:
    """The page as SVG, and as the picture to show: drawn here it has the same letters in every
    browser.
    """
    page = onepager(_results, _results.summary, model_id)
    return page, rendered(page, "png", "")


def _one_pager(views: ModelViews, model_id: str) -> None:
    with st.spinner("Drawing the page…"):
        page, picture = _page(views.results, *views.address, model_id)
    title = f"{views.results.summary['title'] or views.run_id} – model {model_id}"
    with st.container(horizontal=True):
        for kind in ("pdf", "png"):
            made = partial(rendered, page, kind, title)
            _download(f"One-pager ({kind.upper()})", made, views, model_id, kind)
    st.image(
        picture,
        width="stretch",
        alt=f"{title}: its eight plots, each of which stands in another part of this page with its numbers.",
    )
    st.caption(
        "**How to read it.** Each plot stands, larger and with its numbers, in another part of this page."
    )
    _engines_own_page(views, model_id)


def _engines_own_page(views: ModelViews, model_id: str) -> None:
    """The engine's own page of the model, where it drew one."""
    name = f"{model_id}.png"
    if name not in views.workspace.result_artifacts(views.run_id):
        return
    engine = str(views.results.summary["engine"]["name"])
    with st.expander(f"The page of {engine}", icon=":material/image:"):
        st.image(
            views.workspace.result_artifact(views.run_id, name),
            width="stretch",
            alt=f"Page of model {model_id} as {engine} drew it.",
        )


def _download(
    label: str,
    data: Callable[[], bytes],
    views: ModelViews,
    model_id: str,
    kind: str,
    name: str = "onepager",
) -> None:
    st.download_button(
        label,
        data,
        file_name=f"{name}-{views.run_id}-{model_id}.{kind}",
        mime=_MIME[kind],
        icon=":material/download:",
        key=f"{name}-{kind}",
        on_click="ignore",
    )


def _report(views: ModelViews, model_id: str) -> None:
    saved, user = saved_look(views.workspace), current_user()
    st.subheader("Report", anchor="report")
    st.markdown(
        f"On model {plain(model_id)}, in one file: what was modelled, every view with its finding and numbers, "
        "warnings, and how it was made. The HTML file opens in any browser without a network, the PDF is for print. "
        "Slides have charts and tables that can be edited, the workbook has one sheet per table."
    )
    given = views.results.summary
    title = st.text_input(
        "Title", placeholder=saved.title or given["title"], max_chars=200, key="report-title"
    )
    currency = st.text_input(
        "Currency",
        placeholder=saved.currency or given["kpi"]["currency"],
        max_chars=12,
        key="report-currency",
        help="What money is called in this report; no number is converted.",
    )
    colour = st.text_input(
        "Colour of slides",
        placeholder=saved.accent or "#0b66a8",
        max_chars=7,
        key="report-colour",
    )
    file = st.file_uploader(
        "Logo",
        ["png", "jpg", "jpeg", "svg"],
        key="report-logo",
        max_upload_size=1,
        help=f"PNG, JPEG or SVG, at most {LOGO_BYTES // 1000} kB. It is put into the report itself.",
    )
    try:
        asked = look_of(title, currency, file.getvalue() if file else None, colour)
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")
        return
    look = asked.over(saved)
    if look.logo:
        st.image(look.logo.address(), width=160, alt="The logo")
    with st.container(horizontal=True):
        for kind, label in _FILES.items():
            made = _made(views, model_id, look, kind)
            _download(f"{label} ({kind.upper()})", made, views, model_id, kind, label.lower())
        _download(
            "Summary (JSON)",
            views.results.summary_text.encode,
            views,
            views.recommended,
            "json",
            "model_summary",
        )
        _own_files(views)
    st.caption(
        "Making a report takes some seconds. The summary holds the recommended model's numbers for programs."
    )
    if (
        user.may("branding.save")
        and asked != Look()
        and st.button("Keep this look for all reports")
    ):
        save_look(views.workspace, look, user)
        st.success(
            "Every report of this workspace has this look from now on.",
            icon=":material/check_circle:",
        )


def _own_files(views: ModelViews) -> None:
    """What the engine wrote in formats of its own, where it did."""
    names, large = zipped_artifacts(views.workspace, views.run_id)
    if not names:
        return
    engine = str(views.results.summary["engine"]["name"])
    st.download_button(
        f"Files of {engine} (ZIP)",
        lambda: artifacts_zip(views.workspace, views.run_id),
        file_name=f"{engine}-{views.run_id}.zip",
        mime="application/zip",
        icon=":material/folder_zip:",
        on_click="ignore",
        help=f"{count(len(names), 'file')} as {engine} wrote them.",
    )
    if large:
        st.caption(f"Too large for it: {', '.join(large)}. `mmm export` writes them.")


def _made(views: ModelViews, model_id: str, look: Look, kind: str) -> Callable[[], bytes]:
    """The report when it is asked for; the run has made the plain one on its recommended model."""
    if kind == "html" and model_id == views.recommended and look == Look():
        return views.results.report.encode
    return lambda: report_of(views.results, model_id, look, kind)


_OWN: dict[str, Callable[[ModelViews, str], None]] = {
    "Answer": draw_answer,
    "Choose model": choose_model,
    "One-pager": _one_pager,
    "Contribution": _contribution,
    "What moved": draw_bridge,
    "ROAS": _efficiency,
    "Curves": _curves,
    "Report": _report,
}
