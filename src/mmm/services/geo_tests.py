"""Tests: which one next, and what one found."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from mmm.data.references import find_dataset
from mmm.models.next_test import tests_of
from mmm.models.plans import ALL_KEPT
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, Nothing, operation
from mmm.services.runs import Name, OfRun
from mmm.services.tables import plain
from mmm.testing.analysis import LEVEL, analyse
from mmm.testing.panel import Columns, read_geo_test
from mmm.testing.words import as_lift_test, remarks
from mmm.workspace.tokens import Scope

_Names = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=1000)]


class NextTestAsked(OfRun):
    """`precision` is a test's standard error, as a share of the tested geos' KPI."""

    precision: Annotated[float, Field(gt=0.0001, le=1.0)] = 0.02


class PossibleTest(Fields):
    """In money: what knowing better is worth over a year, what the test costs, what is left."""

    channel: str
    design: str
    value: float
    cost: float
    net: float
    standard_error: float


class NextTestOut(Fields):
    """The largest net value first."""

    run_id: str
    finding: str
    unit: str
    note: str
    tests: list[PossibleTest]


@operation(Method.GET, "/runs/{run}/next-test", Scope.READ)
def recommend_next_test(context: Context, asked: NextTestAsked) -> NextTestOut:
    """Say which test is worth more than it costs."""
    chosen = context.planning(asked.run, ALL_KEPT)
    found = tests_of(chosen, asked.precision)
    note = "A unit of the KPI counts as one unit of money: give the experiment's margin."
    tests = [
        PossibleTest(
            channel=one.channel,
            design=one.design.name,
            value=one.value,
            cost=one.cost,
            net=one.net,
            standard_error=one.error,
        )
        for one in found.tests
    ]
    return NextTestOut(
        run_id=chosen.run_id,
        finding=found.finding,
        unit=chosen.labels.currency,
        note=note if found.unknown_value else "",
        tests=tests,
    )


class TestBody(Fields):
    """A geo test in a stored dataset MARKET/ID with a row for every geo and date. With `channel` the
    answer has the entry for an experiment's lift tests.
    """

    __test__ = False  # no test of pytest's

    dataset: Name
    treated: _Names
    start: date
    end: date
    location_column: Name = "location"
    date_column: Name = "date"
    kpi_column: Name = "Y"
    spend_column: Name | None = None
    exclude: _Names = ()
    cooldown: Annotated[int, Field(ge=0, le=10_000)] = 0
    spend: float | None = None
    channel: Name | None = None


class Estimate(Fields):
    """What one method says. KPI of all treated geos over the test; `iroas` null without a spend."""

    method: str
    incremental: float | None
    low: float | None
    high: float | None
    p_value: float | None
    iroas: float | None
    iroas_low: float | None
    iroas_high: float | None


class TestAnalysis(Fields):
    """The main method first."""

    __test__ = False  # no test of pytest's

    verdict: str
    remarks: list[str]
    interval_level: float
    estimates: list[Estimate]
    lift_test: dict[str, Any] | None


@operation(Method.POST, "/tests/analyse", Scope.READ)
def analyse_test(context: Context, asked: Nothing, body: TestBody) -> TestAnalysis:
    """Say what a geo test did to the KPI, by three methods, and how far to trust it."""
    dataset = find_dataset(context.workspace, body.dataset)
    table = context.workspace.read_dataset(dataset.market, dataset.dataset_id)
    columns = Columns(body.location_column, body.date_column, body.kpi_column, body.spend_column)
    test = read_geo_test(
        table,
        columns,
        body.treated,
        body.start,
        body.end,
        cooldown=body.cooldown,
        excluded=body.exclude,
        spend=body.spend,
    )
    found = analyse(test)
    names = Estimate.model_fields
    estimates = [
        Estimate(**{name: plain(getattr(one, name)) for name in names}) for one in found.estimates
    ]
    return TestAnalysis(
        verdict=found.verdict,
        remarks=remarks(found),
        interval_level=LEVEL,
        estimates=estimates,
        lift_test=None if body.channel is None else as_lift_test(test, found, body.channel),
    )
