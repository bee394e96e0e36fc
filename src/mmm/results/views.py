"""The views of one model: numbers, chart, finding and how to read it, for the web app and the report alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mmm.results import calibration, charts, findings, stability, stability_charts, summary
from mmm.results.format import Labels
from mmm.results.summary import Tables


@dataclass(frozen=True)
class View:
    """One view. `chart` and `finding` take what `numbers` gives; `columns` are those to show in the table under it."""

    key: str
    title: str
    numbers: Callable[[Tables, str, Labels], pa.Table]
    chart: Callable[[pa.Table, Labels], Any]
    finding: Callable[[pa.Table, Labels], str]
    reading: str
    columns: tuple[str, ...] = ()
    #: Whether the run has what the view is about.
    present: Callable[[Tables], bool] = lambda tables: True

    def how_to_read(self, labels: Labels) -> str:
        return self.reading.format(
            kpi=labels.kpi_name, efficiency=labels.efficiency, period=labels.period, currency=labels.currency
        )

    def shown(self, numbers: pa.Table) -> pa.Table:
        """The table under the chart: the declared columns, without the Pareto plot's cells."""
        if "part" in numbers.column_names and "candidates" in numbers.column_names:
            numbers = summary.kept_only(numbers)
        return numbers.select(list(self.columns)) if self.columns else numbers


VIEWS: tuple[View, ...] = (
    View(
        "waterfall",
        "What drives the KPI",
        summary.waterfall,
        charts.waterfall,
        findings.waterfall,
        "Each bar starts where the one above ends; together they make up the fitted {kpi} of the whole window. "
        "Grey is the baseline and context, green organic, blue paid media; a bar to the left takes away.",
        ("component", "kind", "effect", "share"),
    ),
    View(
        "share_of_spend",
        "Share of spend and share of effect",
        summary.shares,
        charts.share_of_spend,
        findings.share_of_spend,
        "A blue bar longer than the grey one above it means the channel brings more than its part of the budget. "
        "{efficiency} at the right is the average over the window, not what the next {currency} will bring.",
    ),
    View(
        "efficiency",
        "Return per channel",
        summary.efficiency,
        charts.efficiency,
        findings.efficiency,
        "The dot is this model's {efficiency}, the bar the interval of all models similar to it (so the dot can lie "
        "outside: then this model is an unusual one of its kind), the orange tick the {efficiency} of one more "
        "{currency} at today's spend. Channels whose intervals overlap cannot be ranked with confidence.",
    ),
    View(
        "actual_vs_fitted",
        "Actual against fitted",
        summary.fit,
        charts.actual_vs_fitted,
        findings.actual_vs_fitted,
        "The closer the lines, the better the fit. Shaded periods were held out of the fit; they show how the model "
        "does on data it has not seen.",
        ("date", "actual", "fitted", "residual", "split"),
    ),
    View(
        "over_time",
        "Contributions over time",
        summary.over_time,
        charts.over_time,
        findings.over_time,
        "The height of a colour is that part's effect in the {period}; all together make the fitted {kpi}.",
    ),
    View(
        "response_curves",
        "Response curves",
        summary.curves,
        charts.response_curves,
        findings.response_curves,
        "Across: spend per {period}; up: {kpi} it brings per {period}, on top of what still works from earlier "
        "{period}s (so a curve may start above zero). The dot is today's mean spend; dashed parts lie beyond any spend "
        "seen in the data and are a guess. A flat curve is saturated. Scales differ between panels.",
    ),
    View(
        "adstock",
        "How long media work",
        summary.adstock,
        charts.adstock,
        findings.adstock,
        "Across: {period}s since the spend; up: how much of the effect's peak it still has.",
    ),
    View(
        "carryover",
        "At once and later",
        summary.carryover,
        charts.carryover,
        findings.carryover,
        "Blue is the effect in the {period} of the spend itself, yellow what spend of earlier {period}s still brought.",
    ),
    View(
        "residuals",
        "What is left unexplained",
        summary.fit,
        charts.residuals,
        findings.residuals,
        "Points should scatter evenly around the line at zero. A slope, a bend or a fan means the model misses "
        "something.",
        ("date", "fitted", "residual", "split"),
    ),
    View(
        "pareto",
        "Candidates and the choice",
        summary.pareto,
        charts.pareto,
        findings.pareto,
        "Each point is a model; to the left fits better, lower agrees better with how the budget is split. No model "
        "on front 1 is beaten on both. Grey cells count the candidates that were not kept (the worst tenth on "
        "either axis is left out); the orange diamond is the model shown.",
        ("model_id", "nrmse", "business_distance", "front", "cluster", "recommended"),
    ),
    View(
        "stability",
        "How firm each channel is",
        stability.stability,
        stability_charts.stability,
        stability.finding,
        "Each bar holds nine tenths of the models that could have come out as well, the tick is this model: over all "
        "kept candidates, and over the best of each trial. " + stability.rule(),
        present=stability.comparable,
    ),
    View(
        "calibration",
        "What the lift tests moved",
        calibration.calibration,
        stability_charts.calibration,
        calibration.finding,
        "One row per test, as a multiple of the lift it measured (the line at 1). The grey bar holds the test's "
        "interval (nine tenths, from its confidence); the ring is what the same run would say without any lift test, "
        "the dot what this model says.",
        present=calibration.calibrated,
    ),
)


def view(key: str) -> View:
    return next(view for view in VIEWS if view.key == key)


def present_views(tables: Tables) -> list[View]:
    """The views that a run's tables have something for."""
    return [view for view in VIEWS if view.present(tables)]
