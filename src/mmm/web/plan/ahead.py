"""The periods after the data on the plan page: what is asked of them, the KPI's forecast, the
flighting table down and up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from mmm.errors import UserError
from mmm.models.flighting import Flighting, flighting_of, known_of, workbook_of
from mmm.models.plans import PlanningModel, ahead_fields, parse_request
from mmm.planning.forecast import Phasing
from mmm.planning.forecast_tables import Forecast
from mmm.planning.plan import Plan
from mmm.planning.request import PlanRequest
from mmm.results import plan_charts
from mmm.web.data.uploads import table_of_upload
from mmm.web.kit.chart import drawn, show_chart
from mmm.web.kit.export import csv_of
from mmm.web.kit.numbers import show_numbers
from mmm.web.kit.text import error_markdown, plain

_TABLES = ["csv", "tsv", "txt", "xlsx", "xls"]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class AskedAhead:
    """How the money is spread over the periods, the controls that are known of them, and a flighting
    whose spends are taken as they are.
    """

    phasing: Phasing = "as_last_year"
    known: Mapping[str, Sequence[float]] = field(default_factory=dict)
    flighting: Flighting | None = None

    def request(self, chosen: PlanningModel, fields: dict[str, Any]) -> PlanRequest:
        """The request of the form's fields, or of the given flighting."""
        if self.flighting is not None:
            fields = {**fields, "budget": None, "target": None} | self.flighting.fields
        return parse_request(ahead_fields(chosen.history, fields))

    def forecast(self, chosen: PlanningModel, plan: Plan) -> Forecast:
        """The plan by period, kept for the next time it is asked for."""
        shares = None if self.flighting is None else self.flighting.shares
        make = partial(chosen.forecast, plan, self.phasing, self.known, shares)
        told = repr((self.phasing, sorted(self.known.items()))).encode()
        told += b"" if shares is None else shares.tobytes()
        found: Forecast = chosen.once(
            f"forecast {hashlib.sha256(told).hexdigest()}", plan.request, make
        )
        return found


def ask_ahead(chosen: PlanningModel) -> AskedAhead:
    """The controls; a file that cannot be used is told under its field and left out."""
    labels = chosen.labels
    with st.expander("Phasing, controls ahead, a flighting of your own"):
        choices = {"as_last_year": "as in the year before", "even": "evenly"}
        phasing: Phasing = st.radio(
            f"Each channel's money is spread over the {labels.period}s",
            ["as_last_year", "even"],
            format_func=choices.__getitem__,
            horizontal=True,
            key="plan-phasing",
        )
        known = _uploaded(
            f"Control variables ahead: a column each, a row a {labels.period} (CSV or Excel)",
            "known",
            known_of,
        )
        flighting = _uploaded(
            "A flighting table whose spends are taken as they are: date, channel, spend (CSV or Excel)",
            "flighting",
            lambda table, where: flighting_of(table, chosen.history.channels, where),
        )
    return AskedAhead(phasing, known or {}, flighting)


def _uploaded(label: str, key: str, read: Any) -> Any:
    """What `read` makes of an uploaded table; None without one."""
    file = st.file_uploader(label, type=_TABLES, key=f"plan-{key}")
    if file is None:
        return None
    try:
        return read(table_of_upload(file), file.name)
    except UserError as error:
        st.error(error_markdown(error), icon=":material/error:")
        return None


def draw_forecast(chosen: PlanningModel, plan: Plan, found: Forecast) -> None:
    """The KPI's forecast as sentences, chart and table, and the flighting table with its files."""
    labels = plan.labels
    st.subheader(f"{plain(labels.kpi_name)} in the {labels.period}s ahead", anchor="plan-ahead")
    for sentence in found.findings:
        st.markdown(plain(sentence))
    kpi, flighting = found.kpi_table(), found.flighting_table()
    show_chart(drawn(plan_charts.forecast, kpi, labels), "plan-ahead", "KPI forecast")
    st.caption(
        "**How to read it.** Blue is the forecast, its shade holds 80 % of what the same forecast would "
        "have met in the past, grey is what comes without paid media."
    )
    with st.expander(f"Numbers ({kpi.num_rows} rows)"):
        show_numbers(kpi, labels)
    st.markdown("**Flighting**")
    show_numbers(flighting, labels)
    st.caption(
        f"Today's spend is here that from {plan.first} to {plan.last}. A {labels.period}'s response is "
        "what its spend brings, whenever it comes. Change the spends in the file and give it back above."
    )
    rows = [list(row.values()) for row in flighting.to_pylist()]
    with st.container(horizontal=True):
        st.download_button(
            "Download the flighting as CSV",
            lambda: csv_of(flighting.column_names, rows),
            file_name=f"flighting-{chosen.run_id}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Download the flighting as Excel",
            lambda: workbook_of(flighting),
            file_name=f"flighting-{chosen.run_id}.xlsx",
            mime=_XLSX,
            icon=":material/download:",
            on_click="ignore",
        )
