"""Results of a run: tables, views' numbers, channels as figures, the answer, comparison, certificate."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mmm.engines.schemas import SCHEMAS
from mmm.errors import NotFound
from mmm.format import Labels
from mmm.models.advice import ensure_advice
from mmm.results import RunResults, summary
from mmm.results.answer import answer
from mmm.results.bridge import asked_comparison, bridge, finding, title_of
from mmm.results.model_summary import for_model, labels_of
from mmm.results.views import OVERLAYS, VIEWS, View, present_views
from mmm.runs.certification import CertificateRequest
from mmm.runs.comparison import compare_runs
from mmm.services.context import Context
from mmm.services.operation import Fields, File, Method, operation
from mmm.services.runs import Name, OfRun, Submitted, submitted
from mmm.services.tables import ROWS, Limit, Offset, Table, arrow_file, as_rows, as_table
from mmm.workspace.tokens import Scope

Model = Annotated[
    str, Field(max_length=500, description="A kept model's id; empty for the recommended one.")
]


class OfModel(OfRun):
    model: Model = ""


class TableInfo(Fields):
    name: str
    rows: int
    columns: list[str]


class TableList(Fields):
    run_id: str
    recommended_model: str
    tables: list[TableInfo]


class TableAsked(OfRun):
    table: Name
    limit: Limit = ROWS
    offset: Offset = 0


class ResultTable(Fields):
    run_id: str
    name: str
    table: Table


class ViewInfo(Fields):
    key: str
    title: str


class ViewList(Fields):
    run_id: str
    views: list[ViewInfo]


class ViewAsked(OfModel):
    """`model` of a view that overlays models: their ids with commas between."""

    view: Name


class ViewNumbers(Fields):
    """The numbers that the chart, the table and the report of this view show, and what they say."""

    run_id: str
    model_id: str
    key: str
    title: str
    finding: str
    how_to_read: str
    unit: str
    interval_level: float
    numbers: Table


class Figure(Fields):
    """One number of a model. `low` and `high` are null where the engine gives no interval, or it has
    no end.
    """

    what: str
    value: float | None
    low: float | None
    high: float | None
    interval_level: float
    unit: str
    confidence: str
    channel: str
    model_id: str
    run_id: str


class Channel(Fields):
    """A paid channel of a model."""

    channel: str
    confidence: str
    figures: list[Figure]


class ChannelList(Fields):
    run_id: str
    model_id: str
    channels: list[Channel]


class ChannelAsked(OfModel):
    channel: Name


class CurvesAsked(OfModel):
    """`channel` is empty for all; of each curve `points` are given, spread over its range."""

    channel: Name = ""
    points: Annotated[int, Field(ge=2, le=200)] = 12


class CurvePoint(Fields):
    """`observed` is false beyond any spend seen in the data: a guess."""

    spend: float
    response: float | None
    low: float | None
    high: float | None
    marginal_response: float | None
    observed: bool


class Curve(Fields):
    """What a channel brings per period at a steady spend; `today` is its mean spend."""

    channel: str
    confidence: str
    spend_unit: str
    response_unit: str
    interval_level: float
    today_spend: float | None
    today_response: float | None
    points: list[CurvePoint]
    model_id: str
    run_id: str


class CurveList(Fields):
    run_id: str
    model_id: str
    curves: list[Curve]


class Card(Fields):
    key: str
    question: str
    headline: str
    sentences: list[str]


class AnswerOut(Fields):
    """The answer in five cards, and every paid channel's figures it rests on."""

    run_id: str
    model_id: str
    light: str
    reasons: list[str]
    cards: list[Card]
    channels: list[Channel]


class SummaryOut(Fields):
    run_id: str
    summary: dict[str, Any]


class BridgeAsked(OfModel):
    """Ranges of dates like 2018-01-01:2018-03-26; both empty for the last quarter and the year
    before.
    """

    before: Name = ""
    after: Name = ""


class BridgeOut(Fields):
    """The parts add up to the recorded difference."""

    run_id: str
    model_id: str
    title: str
    finding: str
    unit: str
    interval_level: float
    rows: list[dict[str, Any]]


class CertificateOut(Fields):
    run_id: str
    certificate: dict[str, Any]


class CompareAsked(Fields):
    runs: Annotated[str, Field(max_length=400, description="Two to four runs, with commas.")]


class ComparisonOut(Fields):
    """`channels` has the headings' cells, as `mmm compare` prints them."""

    run_ids: list[str]
    findings: list[str]
    limits: list[str]
    headings: list[str]
    channels: list[list[str]]
    facts: list[list[str]]


@operation(Method.GET, "/runs/{run}/tables", Scope.READ)
def list_tables(context: Context, asked: OfRun) -> TableList:
    """List a run's result tables."""
    run_id, results = context.results(asked.run)
    tables = [
        TableInfo(name=name, rows=results[name].num_rows, columns=results[name].column_names)
        for name in SCHEMAS
    ]
    chosen = results.summary["model"]["id"]
    return TableList(run_id=run_id, recommended_model=chosen, tables=tables)


@operation(Method.GET, "/runs/{run}/tables/{table}", Scope.READ)
def get_table(context: Context, asked: TableAsked) -> ResultTable:
    """Give a page of a result table."""
    run_id, results = context.results(asked.run)
    table = _known_table(results, asked.table)
    page = as_table(table, asked.offset, asked.limit)
    return ResultTable(run_id=run_id, name=asked.table, table=page)


class ArrowAsked(OfRun):
    table: Name


@operation(Method.GET, "/runs/{run}/tables/{table}/arrow", Scope.READ)
def get_table_arrow(context: Context, asked: ArrowAsked) -> File:
    """Give a whole result table as a stream of Arrow."""
    _, results = context.results(asked.run)
    return arrow_file(_known_table(results, asked.table), asked.table)


def _known_table(results: RunResults, name: str) -> Any:
    if name not in SCHEMAS:
        fix = f"They are: {', '.join(SCHEMAS)}."
        raise NotFound(f"there is no table {name!r}.", where="table", fix=fix)
    return results[name]


@operation(Method.GET, "/runs/{run}/views", Scope.READ)
def list_views(context: Context, asked: OfRun) -> ViewList:
    """List the views that a run has something for."""
    run_id, results = context.results(asked.run)
    labels = labels_of(results.summary)
    shown = [*present_views(results), *OVERLAYS]
    views = [ViewInfo(key=view.key, title=view.title_for(labels)) for view in shown]
    return ViewList(run_id=run_id, views=views)


@operation(Method.GET, "/runs/{run}/views/{view}", Scope.READ)
def get_view(context: Context, asked: ViewAsked) -> ViewNumbers:
    """Give the numbers of a view: those that the web app and the report show."""
    run_id, results = context.results(asked.run)
    view, labels = _known_view(results, asked.view), labels_of(results.summary)
    model: str | tuple[str, ...] = _model(results, asked.model)
    if view in OVERLAYS:
        names = asked.model.split(",") if asked.model else [_model(results, "")]
        model = tuple(_model(results, name.strip()) for name in names)
    numbers = view.numbers(results, model, labels)
    return ViewNumbers(
        run_id=run_id,
        model_id=model if isinstance(model, str) else ",".join(model),
        key=view.key,
        title=view.title_for(labels),
        finding=view.finding(numbers, labels),
        how_to_read=view.explained(labels, results, model),
        unit=_units(labels),
        interval_level=_level(results),
        numbers=as_table(numbers),
    )


def _known_view(results: RunResults, key: str) -> View:
    present = [*present_views(results), *OVERLAYS]
    for view in present:
        if view.key == key:
            return view
    known = key in [view.key for view in VIEWS]
    what = f"the run has nothing for the view {key!r}." if known else f"there is no view {key!r}."
    fix = f"It has: {', '.join(view.key for view in present)}."
    raise NotFound(what, where="view", fix=fix)


def _model(results: RunResults, model: str) -> str:
    return results.require_kept(model or results.summary["model"]["id"])


def _level(results: RunResults) -> float:
    """The share of values that an interval holds; earlier versions did not write it down."""
    return float(results.summary.get("interval_level", 0.9))


def _units(labels: Labels) -> str:
    """What the numbers of a view are in."""
    return (
        f"effects in {labels.effect_unit}, spend in {labels.currency}, "
        f"{labels.efficiency} in {_efficiency_unit(labels)}, a period is a {labels.period}"
    )


def _efficiency_unit(labels: Labels) -> str:
    if labels.revenue:
        return f"{labels.currency} of {labels.kpi_name} per {labels.currency} spent"
    return f"{labels.currency} per unit of {labels.kpi_name}"


@operation(Method.GET, "/runs/{run}/channels", Scope.READ)
def list_channels(context: Context, asked: OfModel) -> ChannelList:
    """Give the figures of every paid channel, each with interval, unit and confidence."""
    run_id, results = context.results(asked.run)
    model = _model(results, asked.model)
    return ChannelList(run_id=run_id, model_id=model, channels=_channels(run_id, results, model))


@operation(Method.GET, "/runs/{run}/channel", Scope.READ)
def get_channel(context: Context, asked: ChannelAsked) -> Channel:
    """Give the figures of one paid channel, each with interval, unit and confidence."""
    run_id, results = context.results(asked.run)
    found = _channels(run_id, results, _model(results, asked.model))
    for channel in found:
        if channel.channel == asked.channel:
            return channel
    raise _no_channel(asked.channel, found)


def _no_channel(name: str, known: list[Channel]) -> NotFound:
    names = ", ".join(channel.channel for channel in known)
    what = f"{name!r} is no paid channel of the model."
    return NotFound(what, where="channel", fix=f"The paid channels are {names}.")


def _channels(run_id: str, results: RunResults, model: str) -> list[Channel]:
    labels = labels_of(results.summary)
    stored = {
        row["channel"]: row for row in summary.of_model(results["channels"], model).to_pylist()
    }
    found = []
    for row in summary.channels(results, model, labels).to_pylist():
        ends = stored[row["channel"]]
        figures = _figures(row, ends, labels)
        about = {
            "channel": row["channel"],
            "confidence": row["confidence"] or "",
            "interval_level": _level(results),
            "model_id": model,
            "run_id": run_id,
        }
        made = [Figure(**figure, **about) for figure in figures]
        found.append(Channel(channel=row["channel"], confidence=about["confidence"], figures=made))
    return found


def _figures(row: dict[str, Any], ends: dict[str, Any], labels: Labels) -> list[dict[str, Any]]:
    """What is said of a channel: name, value, interval, unit."""
    efficiency, money = _efficiency_unit(labels), labels.currency
    lowest, highest = summary.efficiency_ends(
        ends["marginal_roi_low"], ends["marginal_roi_high"], labels
    )
    contribution = (ends["contribution_low"], ends["contribution_high"])
    return [
        _figure(labels.efficiency, row["value"], row["low"], row["high"], efficiency),
        _figure(f"marginal {labels.efficiency}", row["marginal"], lowest, highest, efficiency),
        _figure("contribution", row["contribution"], *contribution, labels.effect_unit),
        _figure("spend", row["spend"], None, None, f"{money} over the window"),
        _figure("mean spend", row["mean_spend"], None, None, f"{money} per {labels.period}"),
        _figure("share of spend", row["spend_share"], None, None, "share of 1"),
        _figure("share of paid effect", row["effect_share"], None, None, "share of 1"),
    ]


def _figure(
    what: str, value: float | None, low: float | None, high: float | None, unit: str
) -> dict[str, Any]:
    return {"what": what, "value": value, "low": low, "high": high, "unit": unit}


@operation(Method.GET, "/runs/{run}/curves", Scope.READ)
def get_curves(context: Context, asked: CurvesAsked) -> CurveList:
    """Give response curves of paid channels, each point with its interval."""
    run_id, results = context.results(asked.run)
    model = _model(results, asked.model)
    known = _channels(run_id, results, model)
    wanted = [one for one in known if asked.channel in ("", one.channel)]
    if not wanted:
        raise _no_channel(asked.channel, known)
    curves = [_curve(results, one, model, asked.points) for one in wanted]
    return CurveList(run_id=run_id, model_id=model, curves=curves)


def _curve(results: RunResults, of: Channel, model: str, points: int) -> Curve:
    labels = labels_of(results.summary)
    rows = summary.of_model(results["curves"], model).sort_by("spend").to_pylist()
    rows = [row for row in rows if row["channel"] == of.channel]
    marks = summary.of_model(results["curve_points"], model).to_pylist()
    today: dict[str, Any] = next((row for row in marks if row["channel"] == of.channel), {})
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(points, len(rows))).round().astype(int))
    found = [
        CurvePoint(
            spend=rows[place]["spend"],
            response=rows[place]["response"],
            low=rows[place]["response_low"],
            high=rows[place]["response_high"],
            marginal_response=rows[place]["marginal_response"],
            observed=rows[place]["observed"],
        )
        for place in chosen
    ]
    return Curve(
        channel=of.channel,
        confidence=of.confidence,
        spend_unit=f"{labels.currency} per {labels.period}",
        response_unit=f"{labels.effect_unit} per {labels.period}",
        interval_level=_level(results),
        today_spend=today.get("mean_spend"),
        today_response=today.get("mean_response"),
        points=found,
        model_id=model,
        run_id=of.figures[0].run_id,
    )


@operation(Method.GET, "/runs/{run}/answer", Scope.READ)
def get_answer(context: Context, asked: OfModel) -> AnswerOut:
    """Give the answer in five cards: what media earned, what is certain, what to change, what moved,
    how far to trust it.
    """
    run_id, results = context.results(asked.run)
    model = _model(results, asked.model)
    ensure_advice(context.workspace, run_id, results)
    of_model = for_model(results.summary, results, model)
    found = answer(results, of_model, labels_of(results.summary))
    cards = [
        Card(
            key=card.key,
            question=card.question,
            headline=card.headline,
            sentences=list(card.sentences),
        )
        for card in found.cards
    ]
    return AnswerOut(
        run_id=run_id,
        model_id=model,
        light=found.trust.light.value,
        reasons=list(found.trust.reasons),
        cards=cards,
        channels=_channels(run_id, results, model),
    )


@operation(Method.GET, "/runs/{run}/summary", Scope.READ)
def get_summary(context: Context, asked: OfModel) -> SummaryOut:
    """Give the run's summary: data, totals, channels, warnings, settings, provenance."""
    run_id, results = context.results(asked.run)
    found = for_model(results.summary, results, _model(results, asked.model))
    return SummaryOut(run_id=run_id, summary=json.loads(json.dumps(found, default=str)))


@operation(Method.GET, "/runs/{run}/bridge", Scope.READ)
def get_bridge(context: Context, asked: BridgeAsked) -> BridgeOut:
    """Say why the KPI moved between two ranges of dates, by component."""
    run_id, results = context.results(asked.run)
    model, labels = _model(results, asked.model), labels_of(results.summary)
    compared = asked_comparison(results, model, labels, asked.before, asked.after)
    numbers = bridge(results, model, labels, compared)
    return BridgeOut(
        run_id=run_id,
        model_id=model,
        title=title_of(compared),
        finding=finding(numbers, labels),
        unit=_units(labels),
        interval_level=_level(results),
        rows=as_rows(numbers.drop_columns(["start", "end"])),
    )


@operation(Method.GET, "/runs/{run}/certificate", Scope.READ)
def get_certificate(context: Context, asked: OfRun) -> CertificateOut:
    """Say how wrong a run's numbers could be; 404 while it is not certified."""
    run_id, results = context.results(asked.run)
    found = results.certificate
    if found is None:
        fix = "Certify it: it takes as long as many short trainings."
        raise NotFound(f"run {run_id} is not certified.", where="certificate", fix=fix)
    return CertificateOut(run_id=run_id, certificate=json.loads(found.to_json()))


@operation(Method.POST, "/runs/{run}/certificate", Scope.COMPUTE, once=True)
def certify_run(context: Context, asked: OfRun, body: CertificateRequest) -> Submitted:
    """Start certifying a run: worlds with known truth simulated on its data, each trained."""
    run_id = context.run_id(asked.run)
    return submitted(context, context.runs.submit_certificate(run_id, body, context.user))


@operation(Method.GET, "/compare", Scope.READ)
def compare(context: Context, asked: CompareAsked) -> ComparisonOut:
    """Put two to four runs side by side, and say where they agree."""
    names = [name.strip() for name in asked.runs.split(",") if name.strip()]
    run_ids = [context.run_id(name) for name in names]
    found = compare_runs(context.runs, run_ids)
    return ComparisonOut(
        run_ids=run_ids,
        findings=list(found.findings),
        limits=list(found.limits),
        headings=list(found.channel_headings()),
        channels=[list(row) for row in found.channel_rows()],
        facts=[list(row) for row in found.facts()],
    )
