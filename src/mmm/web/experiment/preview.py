"""What an experiment's ranges allow, drawn while they are being chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from mmm.engines import load_engine
from mmm.engines.capabilities import Preview, Previews, offered
from mmm.experiments.review import Review
from mmm.format import Labels
from mmm.results import charts, learnt, preview_charts
from mmm.web.kit.dark import as_page
from mmm.web.kit.text import plain

#: Enough periods for any window's decay; Weibull's scale is a share of the series, so its real
#: length counts there.
_USUAL_LENGTH = 104


def preview(found: Review, channel: str | None, period: str) -> None:
    """Curves at the ends and the middle of the ranges; of all media, or of one that may have its
    own.
    """
    if found.experiment is None:
        st.info("The curves are drawn when the ranges are valid.")
        return
    engine = offered(load_engine(found.experiment.engine), Previews)
    if engine is None:
        st.info("This engine's settings have no ranges to draw.")
        return
    length = _USUAL_LENGTH
    if found.problem:
        length = found.problem.window[1] - found.problem.window[0] + 1
    settings = found.experiment.engine_settings()
    shown = engine.preview(
        settings, channel or "", length=length, period=period, problem=found.problem
    )
    if shown == Preview():
        st.info("What is expected is drawn when the experiment fits its data.")
        return
    for sentence in shown.sentences:
        st.markdown(plain(sentence))
    if shown.decay:
        _draw("Adstock", preview_charts.decay, shown.decay, period)
    if shown.saturation:
        _draw("Saturation", preview_charts.saturation, shown.saturation)
    if shown.response:
        _draw("Response", preview_charts.response, shown.response, period)
    if shown.expected and found.problem is not None:
        problem = found.problem
        labels = Labels(problem.kpi_name, problem.kpi_kind, problem.currency, problem.step_days)
        _expected(labels, shown)
        return
    st.caption(
        "**How to read it.** Each line puts every parameter at that end of its range; what the search finds lies "
        "between and around them. Above, how much of an effect is left after so long; below, how near to its ceiling "
        "an effect comes with more pressure."
    )


def _expected(labels: Labels, shown: Preview) -> None:
    """What is expected before the data, as a table, with how to read what is drawn."""
    headings = ("Of", "What", "Low", "Middle", "High")
    rows = learnt.expected_rows(shown.expected, labels)
    st.dataframe(
        [dict(zip(headings, row, strict=True)) for row in rows], hide_index=True, width="stretch"
    )
    st.caption(
        "**How to read it.** This is what the model believes before it has seen the KPI: nine in ten of what it "
        "holds possible lie between low and high. Where that is not what you believe, give the channel a range of "
        "its own. After the training the results say of every figure whether the data moved it."
    )


def _draw(title: str, chart: Any, rows: Sequence[Mapping[str, Any]], *more: Any) -> None:
    with charts.unvalidated():
        spec = chart(rows, *more).to_dict(validate=False)
    st.markdown(f"**{title}**")
    st.vega_lite_chart(
        spec=as_page(spec),
        theme=None,
        width="stretch",
        key=f"preview-{title}",
        alt=f"{title} preview",
    )
