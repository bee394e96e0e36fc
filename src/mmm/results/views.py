"""The views of one model: numbers, chart, finding and how to read it, for the web app and the
report alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mmm.format import Labels
from mmm.results import (
    bends,
    bridge,
    bridge_chart,
    calibration,
    candidate_charts,
    candidates,
    certified,
    certified_charts,
    charts,
    findings,
    forecast,
    frequency,
    frontier,
    geos,
    kept,
    learnt,
    posterior_charts,
    stability,
    stability_charts,
    summary,
)
from mmm.results.summary import Tables


@dataclass(frozen=True)
class View:
    """One view. `chart` and `finding` take what `numbers` gives; `columns` are those to show in the
    table under it.

    `numbers` takes the tables, a model's id (for the views that overlay models: a sequence of ids)
    and the labels.
    """

    key: str
    title: str
    numbers: Callable[[Tables, Any, Labels], pa.Table]
    chart: Callable[[pa.Table, Labels], Any]
    finding: Callable[[pa.Table, Labels], str]
    reading: str
    columns: tuple[str, ...] = ()
    #: Whether the run has what the view is about.
    present: Callable[[Tables], bool] = lambda tables: True
    #: Whether its numbers are those that a certificate is about.
    certifiable: bool = False

    def title_for(self, labels: Labels) -> str:
        return self._said(self.title, labels)

    def how_to_read(self, labels: Labels) -> str:
        return self._said(self.reading, labels)

    def explained(self, labels: Labels, tables: Tables, models: Any) -> str:
        """How to read it, and what the run's certificate says of such numbers."""
        text = self.how_to_read(labels)
        if not self.certifiable or not isinstance(models, str):
            return text
        return f"{text} {certified.citation(tables, models)}".rstrip()

    def _said(self, text: str, labels: Labels) -> str:
        return text.format(
            kpi=labels.kpi_name,
            efficiency=labels.efficiency,
            period=labels.period,
            currency=labels.currency,
        )

    def shown(self, numbers: pa.Table) -> pa.Table:
        """The table under the chart: the declared columns, without the Pareto plot's cells."""
        if "part" in numbers.column_names and "candidates" in numbers.column_names:
            numbers = summary.kept_only(numbers)
        return numbers.select(
            [name for name in self.columns if name in numbers.column_names] or numbers.column_names
        )


#: Why a curve's ROAS and the report's are not the same.
_CURVE_AND_BOOKS = (
    "Marginal {efficiency}, curves and plans read the curve at the mean spend; the {efficiency} itself adds up "
    "the real {period}s, high and low, so the two differ."
)

VIEWS: tuple[View, ...] = (
    View(
        "waterfall",
        "KPI decomposition",
        summary.waterfall,
        charts.waterfall,
        findings.waterfall,
        "Each bar starts where the one above ends; together they make up the fitted {kpi} of the whole window. "
        "Grey is the baseline and context, green organic, blue paid media; a bar to the left takes away.",
        ("component", "kind", "effect", "share"),
        certifiable=True,
    ),
    View(
        "bridge",
        "Why the KPI moved",
        bridge.bridge,
        bridge_chart.bridge,
        bridge.finding,
        "Each bar starts where the one above ends; together they make up the recorded difference between the two "
        "ranges of dates: without a choice, the last quarter against the year before. Blue is what a medium's change "
        "of spend did at its mean efficiency, orange what its change of efficiency did (saturation, timing and "
        "carryover from before), grey everything else. The thin line is the 90 % interval of the bar's end.",
        (
            "component",
            "before",
            "after",
            "difference",
            "difference_low",
            "difference_high",
            "spend_effect",
            "efficiency_effect",
            "spend_before",
            "spend_after",
            "value_before",
            "value_after",
        ),
    ),
    View(
        "learnt",
        "What the data say and what was expected",
        learnt.learnt,
        posterior_charts.learnt,
        learnt.finding,
        "The grey bar is what was expected of a channel before the data (nine in ten), the narrow bar what the model "
        "says, the tick its {efficiency}. *The data moved it* where the narrow bar holds at most 60 % of what was "
        "expected; else *this is the prior*: the figure would be about the same without the data. The table has the "
        "share of {kpi}, carryover and saturation as well.",
        ("channel", "quantity", "prior_text", "posterior_text", "learnt_from"),
        present=learnt.told,
        certifiable=True,
    ),
    View(
        "share_of_spend",
        "Share of spend and share of effect",
        summary.shares,
        charts.share_of_spend,
        findings.share_of_spend,
        "A blue bar longer than the grey one above it means the channel brings more than its part of the budget. "
        "{efficiency} at the right is the average over the window, not what the next {currency} will bring.",
        present=summary.has_paid,
        certifiable=True,
    ),
    View(
        "efficiency",
        "{efficiency} per channel",
        summary.efficiency,
        charts.efficiency,
        findings.efficiency,
        "The dot is this model's {efficiency}, the bar its interval, the orange tick the "
        "{efficiency} of one more {currency} at today's spend. Channels whose intervals overlap cannot be ranked with "
        "confidence. The confidence is high, medium or inconclusive by how nearly 90 % of the kept models agree. An "
        "interval has a wider rule and may reach no effect where hardly any model does. "
        + _CURVE_AND_BOOKS,
        present=summary.has_paid,
        certifiable=True,
    ),
    View(
        "geos",
        "{efficiency} per channel and geo",
        geos.geos,
        geos.chart,
        geos.finding,
        "One row per geo, one column per channel, those with the most spend first; the table has all. The dot is "
        "the geo's {efficiency}, the bar its 90 % interval. Geos share what they have in common: one with few data "
        "is pulled towards the others.",
        ("channel", "geo", "spend", "effect", "value", "low", "high", "marginal", "confidence"),
        present=geos.known,
        certifiable=True,
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
        "forecast",
        "Forecast of periods held out",
        forecast.forecast,
        posterior_charts.forecast,
        forecast.finding,
        "The last {period}s as a fit without them forecasts them, with the spends that were made. About nine in ten "
        "should lie in the orange band. A forecast worse than the year before says that the model misses what moves "
        "{kpi}; a good one does not prove its split between channels.",
        ("date", "actual", "forecast", "forecast_low", "forecast_high", "naive"),
        present=forecast.forecasted,
    ),
    View(
        "over_time",
        "Contributions over time",
        summary.over_time,
        charts.over_time,
        findings.over_time,
        "The height of a colour is that part's effect at that date; all together make the fitted {kpi}.",
    ),
    View(
        "response_curves",
        "Response curves",
        summary.curves,
        charts.response_curves,
        findings.response_curves,
        "Across: spend per {period}; up: {kpi} it brings per {period}, on top of what still works from earlier "
        "{period}s: the square at no spend. The dot is today's mean spend; dashed parts lie beyond any spend seen in "
        "the data and are a guess. The diamond is break-even: beyond it one more {currency} brings less than it costs; "
        "a curve without one does not reach it. A flat curve is saturated. Scales differ between panels. "
        + _CURVE_AND_BOOKS,
        present=summary.has_paid,
        certifiable=True,
    ),
    View(
        "frontier",
        "What other total budgets would bring",
        frontier.frontier,
        frontier.chart,
        frontier.finding,
        "Each point is the best split of that much money per {period} within 30 % of today's spend per channel; "
        "inconclusive channels keep their share. The shade holds 80 % of the models it was not made with, orange is "
        "today's budget. Below, what the step up to a budget brings: where that is worse than the dashed line, "
        "break-even, the step costs more than it brings.",
        present=frontier.known,
    ),
    View(
        "adstock",
        "Adstock decay",
        summary.adstock,
        charts.adstock,
        findings.adstock,
        "Across: {period}s since the spend; up: how much of the effect's peak it still has.",
        present=summary.has_adstock,
    ),
    View(
        "carryover",
        "Immediate and carryover effect",
        summary.carryover,
        charts.carryover,
        findings.carryover,
        "Blue is the effect in the {period} of the spend itself, yellow what spend of earlier {period}s still brought.",
        present=summary.has_carryover,
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
        candidate_charts.pareto,
        findings.pareto,
        "Each point is a model; to the left fits better, lower agrees better with how the budget is split. No model "
        "on front 1 is beaten on both. Grey cells count the candidates that were not kept (the worst tenth on "
        "either axis is left out); the orange diamond is the model shown.",
        ("model_id", "nrmse", "decomp_rssd", "front", "cluster", "trial", "recommended"),
        present=kept.has_fronts,
    ),
    View(
        "clusters",
        "Clusters and their spread",
        candidates.clusters,
        candidate_charts.clusters,
        candidates.clusters_finding,
        "Models of a cluster have similar adstock and saturation. One column per cluster, with the number of its "
        "models: the dot is its middle model's {efficiency}, the bar holds 80 % of its models. Where the "
        "columns agree, it matters little which model is chosen. Of more than five clusters the largest are drawn; the "
        "table has all.",
        present=kept.has_clusters,
    ),
    View(
        "stability",
        "Confidence in each channel",
        stability.stability,
        stability_charts.stability,
        stability.finding,
        "Each bar holds 90 % of the models that could have come out as well, the tick is this model: over all "
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
        "90 % interval (from its confidence); the ring is what the same run would say without any lift test, "
        "the dot what this model says.",
        present=calibration.calibrated,
    ),
    View(
        "certificate",
        "How wrong could these numbers be?",
        certified.channels,
        certified_charts.channels,
        certified.finding,
        "Worlds with known truth were simulated on your own data, and the same settings were trained on each. The "
        "orange tick is this model's {efficiency}, the blue bar its interval, the light bar the interval as wide as "
        "the simulated worlds show that it must be. At the right: the mean distance from the truth, and how often "
        "the interval held it. Movement of its own is the part of a channel's spend that neither the season nor "
        "other channels share. " + certified.confidence_rule(),
        present=certified.certified,
    ),
    View(
        "bends",
        "Saturation or drift?",
        bends.bends,
        bends.chart,
        bends.finding,
        "How far the data tell a bent response of a channel from a straight one, in standard errors: right of the "
        "line they do. Grey is with effects that stay the same over time, blue with effects that may drift. Where "
        "blue lies left of the line the curve may be a drift, or what was assumed; the table says which pulse of "
        "spend would settle it.",
        present=bends.known,
    ),
    View(
        "frequency",
        "How often to reach a person",
        frequency.frequency,
        frequency.chart,
        frequency.finding,
        "What an exposure is worth when every person reached has so many of them in a {period}, as a share of what "
        "it was worth in the window: too few are not noticed, too many are wasted. The band is the 90 % interval, "
        "the dashed line today's mean frequency, the orange line the one with the best expected {efficiency}. "
        "Reach and frequency are those of the {period}s of the data.",
        ("channel", "frequency", "worth", "worth_low", "worth_high"),
        present=frequency.known,
    ),
    View(
        "checks",
        "Stress and refutation",
        certified.checks_of,
        certified_charts.checks,
        certified.checks_said,
        "One dot per check, as a multiple of the threshold at which a concern begins (the line). Orange is a "
        "concern; a few checks ask for more than the threshold, so that theirs lies to the left of it. The table "
        "says what each found, what to do and which decision it bears on.",
        present=certified.checked,
    ),
)

#: Views of two to four models at once.
OVERLAYS: tuple[View, ...] = (
    View(
        "side_by_side",
        "Models side by side",
        candidates.side_by_side,
        candidate_charts.side_by_side,
        candidates.side_by_side_finding,
        "A colour per model. At the left {efficiency} with its interval, at the right the share of the paid effect. "
        "Channels on which the colours agree are told alike by all these models.",
    ),
    View(
        "overlaid_curves",
        "Response curves of several models",
        candidates.overlaid_curves,
        charts.response_curves,
        candidates.overlaid_curves_finding,
        "A colour per model. Across: spend per {period}; up: {kpi} it brings per {period}. Solid is what was observed, "
        "dashed lies beyond any spend seen in the data; the dot is today's mean spend, the square at no spend what "
        "earlier {period}s still bring. Scales differ between panels.",
    ),
)


def view(key: str) -> View:
    return next(view for view in (*VIEWS, *OVERLAYS) if view.key == key)


def present_views(tables: Tables) -> list[View]:
    """The views that a run's tables have something for."""
    return [view for view in VIEWS if view.present(tables)]
