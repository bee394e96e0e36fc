"""The views of a model on a page. Numbers, findings and charts are those of the report; here they are only placed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import streamlit as st

from mmm.results import charts
from mmm.results.model_summary import labels_of
from mmm.results.store import RunResults, read_results
from mmm.results.views import view
from mmm.web.chart import show_chart
from mmm.web.export import csv_text
from mmm.web.numbers import number_columns
from mmm.web.text import plain
from mmm.workspace import Workspace

#: Only the chosen part's charts are drawn, so that the page opens at once.
PARTS = {
    "Overview": ("waterfall", "share_of_spend", "efficiency"),
    "Fit": ("actual_vs_fitted", "over_time", "residuals"),
    "Response": ("response_curves", "adstock", "carryover"),
    "Choose a model": ("pareto",),
    "Stability": ("stability",),
    "Calibration": ("calibration",),
}


@st.cache_resource(max_entries=6, show_spinner=False)
def stored_results(_workspace: Workspace, url: str, run_id: str, number: int) -> RunResults:
    """A run's result tables, shared by all sessions; they never change once written."""
    return read_results(_workspace, run_id)


@st.cache_data(max_entries=300, show_spinner=False)
def _drawn(
    _results: RunResults, url: str, run_id: str, number: int, model_id: str, key: str
) -> tuple[str, dict[str, Any], pa.Table]:
    """Finding, chart and table of one view."""
    labels, chosen = labels_of(_results.summary), view(key)
    numbers = chosen.numbers(_results, model_id, labels)
    with charts.unvalidated():
        chart = chosen.chart(numbers, labels).to_dict(validate=False)
    return chosen.finding(numbers, labels), chart, chosen.shown(numbers)


class ModelViews:
    """The views of one model of one run."""

    def __init__(self, workspace: Workspace, run_id: str, number: int) -> None:
        self.run_id = run_id
        self._address = (workspace.url, run_id, number)
        self.results = stored_results(workspace, *self._address)
        self.labels = labels_of(self.results.summary)

    def parts(self) -> list[str]:
        """The parts of which the run has something."""
        return [part for part, keys in PARTS.items() if any(view(key).present(self.results) for key in keys)]

    def kept_models(self) -> list[dict[str, Any]]:
        """Id, errors, front and cluster of the models that can be shown: the table under the Pareto plot."""
        candidates, recommended = view("pareto"), self.results.summary["model"]["id"]
        shown = candidates.shown(candidates.numbers(self.results, recommended, self.labels))
        rows: list[dict[str, Any]] = shown.to_pylist()
        return rows

    def finding(self, model_id: str, key: str) -> str:
        return _drawn(self.results, *self._address, model_id, key)[0]

    def draw(self, model_id: str, key: str) -> None:
        """Title, finding, chart, how to read it, its numbers."""
        finding, chart, shown = _drawn(self.results, *self._address, model_id, key)
        chosen = view(key)
        st.subheader(chosen.title, anchor=key)
        st.markdown(plain(finding))
        show_chart(chart, key, chosen.title)
        st.caption(f"**How to read it.** {plain(chosen.how_to_read(self.labels))}")
        with st.expander(f"Numbers ({shown.num_rows:,} rows)"):
            st.dataframe(shown, column_config=number_columns(shown, self.labels), hide_index=True)
            st.download_button(
                "Download as CSV",
                lambda: csv_text(shown, self.labels),
                file_name=f"{self.run_id}-{model_id}-{key}.csv",
                mime="text/csv",
                icon=":material/download:",
                key=f"csv-{key}",
                on_click="ignore",
            )
