"""The views of a model on a page. Numbers, findings and charts are those of the report; here they
are only placed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from mmm.errors import UserError
from mmm.format import Labels
from mmm.results import candidates, charts, notes, summary
from mmm.results.bridge import bridge
from mmm.results.candidate_charts import PICKED
from mmm.results.kept import kept_rows
from mmm.results.model_summary import labels_of
from mmm.results.narrowed import VIEWS as OF_DATES
from mmm.results.narrowed import narrowed
from mmm.results.spans import Comparison, Span
from mmm.results.store import RunResults, newest_certificate, read_results
from mmm.results.views import view
from mmm.web.kit.chart import show_chart
from mmm.web.kit.export import csv_text
from mmm.web.kit.numbers import show_numbers
from mmm.web.kit.text import plain
from mmm.workspace import Workspace

#: The parts of the page and the views each shows, in this order. Only the chosen part's charts are
#: drawn, so that the page opens at once. Parts with controls of their own are drawn by
#: `mmm.web.results.parts`.
PARTS = {
    "Answer": (),
    "What moved": ("bridge",),
    "Certificate": (),
    "Report": (),
    "Choose model": ("pareto", "clusters"),
    "One-pager": (),
    "Contribution": ("waterfall", "over_time"),
    "ROAS": ("efficiency", "geos", "learnt", "share_of_spend"),
    "Curves": ("response_curves", "frequency", "bends", "frontier", "adstock", "carryover"),
    "Fit": ("actual_vs_fitted", "forecast", "residuals"),
    "Stability": ("stability",),
    "Calibration": ("calibration",),
}
#: The parts for people who decide; all others fold under "For the analyst".
FOR_ALL = ("Answer", "What moved", "Certificate", "Report")
FIRST_PART = "Answer"


@dataclass(frozen=True)
class Shape:
    """What a reader asks of a view's numbers: over a range of dates, between two ranges, added up
    per period, as shares, of some candidates only.
    """

    span: Span | None = None
    comparison: Comparison | None = None
    period: str = "day"
    share: bool = False
    fronts: tuple[int, ...] = ()
    clusters: tuple[int, ...] = ()
    trials: tuple[int, ...] = ()

    def numbers(self, key: str, tables: RunResults, models: Any, labels: Labels) -> pa.Table:
        """The numbers of the view `key`."""
        if self.comparison is not None:
            return bridge(tables, models, labels, self.comparison)
        of_span: Any = tables
        if self.span is not None and key in OF_DATES:
            of_span = narrowed(tables, models, self.span)
        return self.counted(view(key).numbers(of_span, models, labels))

    def counted(self, numbers: pa.Table) -> pa.Table:
        if "part" in numbers.column_names and "trial" in numbers.column_names:
            return candidates.only(numbers, self.fronts, self.clusters, self.trials)
        if "date" in numbers.column_names:
            return summary.by_period(numbers, self.period)
        return numbers


AS_IT_IS = Shape()


@st.cache_resource(max_entries=6, show_spinner=False)
def stored_results(
    _workspace: Workspace, url: str, run_id: str, number: int, certificate: str
) -> RunResults:
    """A run's result tables, shared by all sessions; they never change once written. A new
    certificate makes them be read anew.
    """
    return read_results(_workspace, run_id)


@st.cache_data(max_entries=300, show_spinner=False)
def _drawn(
    _results: RunResults,
    url: str,
    run_id: str,
    number: int,
    certificate: str,
    models: str | tuple[str, ...],
    key: str,
    shape: Shape,
) -> tuple[str, dict[str, Any], pa.Table]:
    """Finding, chart and table of one view."""
    labels, chosen = labels_of(_results.summary), view(key)
    numbers = shape.numbers(key, _results, models, labels)
    finding = chosen.finding(numbers, labels)
    if shape.share:
        numbers = summary.as_share(numbers)
    with charts.unvalidated():
        chart = chosen.chart(numbers, labels).to_dict(validate=False)
    return finding, chart, chosen.shown(numbers)


class ModelViews:
    """The views of the models of one run."""

    def __init__(self, workspace: Workspace, run_id: str, number: int) -> None:
        self.run_id = run_id
        certificate = newest_certificate(workspace, run_id) or ""
        self.address = (workspace.url, run_id, number, certificate)
        self.workspace = workspace
        self.results = stored_results(workspace, *self.address)
        self.labels = labels_of(self.results.summary)
        self.notes = workspace.notes(run_id)
        self.pinned = notes.pinned(self.notes)

    @property
    def recommended(self) -> str:
        return str(self.results.summary["model"]["id"])

    def parts(self) -> list[str]:
        """The parts of which the run has something."""
        return [part for part, keys in PARTS.items() if not keys or self.keys(part)]

    def keys(self, part: str) -> list[str]:
        """The views of a part that the run has something for."""
        return [key for key in PARTS[part] if view(key).present(self.results)]

    @cached_property
    def kept_models(self) -> dict[str, dict[str, Any]]:
        """Errors, front, cluster and trial of the models that can be shown, by id: pinned,
        recommended, by front.
        """
        rows = kept_rows(self.results)
        return {
            model_id: rows[model_id]
            for model_id in notes.offered(list(rows), self.recommended, self.notes)
        }

    def addressed(self, model_id: str) -> str:
        """A model's id as the address gives it; UserError for one that this run has not kept."""
        if model_id not in self.kept_models:
            fix = "Leave it out of the address."
            raise UserError(f"this run has kept no model {model_id!r}.", where="model", fix=fix)
        return model_id

    def best_of_clusters(self) -> list[str]:
        models = self.results["models"]
        best = models.filter(pc.fill_null(models["cluster_best"], False))
        return [str(model_id) for model_id in best["model_id"].to_pylist()]

    def finding(self, model_id: str, key: str) -> str:
        return _drawn(self.results, *self.address, model_id, key, AS_IT_IS)[0]

    def draw(
        self,
        models: str | tuple[str, ...],
        key: str,
        shape: Shape = AS_IT_IS,
        picked: Callable[[str], None] | None = None,
    ) -> None:
        """Title, finding, chart, how to read it, its numbers. `picked` is told the model that is
        clicked.
        """
        finding, chart, shown = _drawn(self.results, *self.address, models, key, shape)
        chosen = view(key)
        title = chosen.title_for(self.labels)
        st.subheader(plain(title), anchor=key)
        st.markdown(plain(finding))
        self._chart(chart, key, f"{title}. {finding}", picked)
        st.caption(
            f"**How to read it.** {plain(chosen.explained(self.labels, self.results, models))}"
        )
        with st.expander(f"Numbers ({shown.num_rows:,} rows)"):
            self.table(shown, models if isinstance(models, str) else "models", key)

    def _chart(
        self, chart: dict[str, Any], key: str, alt: str, picked: Callable[[str], None] | None
    ) -> None:
        def told() -> None:
            selected = st.session_state[f"chart-{key}"]["selection"].get(PICKED, [])
            if selected and picked:
                picked(selected[0]["model_id"])

        on_select: Literal["ignore"] | Callable[[], None] = told if picked else "ignore"
        show_chart(chart, key, alt, on_select)

    def table(self, shown: pa.Table, model: str, key: str) -> None:
        """A table of numbers and its download as CSV."""
        show_numbers(shown, self.labels)
        st.download_button(
            "Download as CSV",
            lambda: csv_text(shown, self.labels),
            file_name=f"{self.run_id}-{model}-{key}.csv",
            mime="text/csv",
            icon=":material/download:",
            key=f"csv-{key}",
            on_click="ignore",
        )
