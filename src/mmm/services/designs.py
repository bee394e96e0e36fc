"""Tests before they are held: designs by geo on a stored history, and in time for a run."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from mmm.data.references import find_dataset
from mmm.models.plans import ALL_KEPT
from mmm.models.time_tests import time_designs_of
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, Nothing, operation
from mmm.services.runs import Name, OfRun
from mmm.testing.design import Candidate, Kind, Wanted, design_tests
from mmm.testing.designed import finding, geo_design, page
from mmm.testing.panel import Columns, read_panel
from mmm.workspace.tokens import Scope

_Names = Annotated[tuple[Annotated[str, Field(max_length=200)], ...], Field(max_length=1000)]
_Numbers = Annotated[
    tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(min_length=1, max_length=6)
]


class DesignBody(Fields):
    """A stored history MARKET/ID with a row for every geo and date, and what the test is to fulfil.
    `effect` is the expected one, a share of the KPI; `unit_cost` the spend for one more unit of the
    KPI, where there is no `spend_column`.
    """

    dataset: Name
    kind: Kind = Kind.HEAVY_UP
    periods: _Numbers = (15,)
    sizes: _Numbers = (2, 3, 4)
    must: _Names = ()
    never: _Names = ()
    exclude: _Names = ()
    cooldown: Annotated[int, Field(ge=0, le=1000)] = 0
    effect: Annotated[float, Field(gt=0.0001, le=10.0)] | None = None
    unit_cost: Annotated[float, Field(ge=0, le=1e12)] | None = None
    spend_column: Name | None = None
    factor: Annotated[float, Field(gt=1.0, le=100.0)] = 2.0
    budget: Annotated[float, Field(ge=0, le=1e15)] | None = None
    most_share: Annotated[float, Field(gt=0.0, le=0.95)] = 0.5
    start: date | None = None
    channel: Annotated[str, Field(max_length=200)] = ""
    location_column: Name = "location"
    date_column: Name = "date"
    kpi_column: Name = "Y"


class DesignSeen(Fields):
    """A design that was replayed. Effects are shares of the treated geos' KPI; `power` is that of
    the expected effect, else of the detectable one; `called` of `windows` without an effect.
    """

    treated: list[str]
    periods: int
    detectable: float
    power: float
    called: int
    windows: int
    share: float
    spend: float | None


class DesignsOut(Fields):
    """`design` is the best one as JSON that reads back, `page` its page in Markdown, `designs` all
    that were replayed, the best first.
    """

    finding: str
    page: str
    design: dict[str, Any]
    designs: list[DesignSeen]


class TimeTestAsked(OfRun):
    """A test in time of a channel, so many periods long."""

    channel: Name
    periods: Annotated[int, Field(ge=2, le=520)] = 12
    effect: Annotated[float, Field(gt=0.0001, le=10.0)] | None = None
    start: date | None = None


class TimeDesignsOut(Fields):
    """All patterns, the sharpest first, each as JSON that reads back."""

    run_id: str
    finding: str
    page: str
    designs: list[dict[str, Any]]


@operation(Method.POST, "/tests/design", Scope.READ)
def design_test(context: Context, asked: Nothing, body: DesignBody) -> DesignsOut:
    """Choose geos for a test on a stored history, and say what effect it would show."""
    dataset = find_dataset(context.workspace, body.dataset)
    table = context.workspace.read_dataset(dataset.market, dataset.dataset_id)
    columns = Columns(body.location_column, body.date_column, body.kpi_column, body.spend_column)
    panel, wanted = read_panel(table, columns), _wanted(body)
    found = design_tests(panel, wanted)
    best = geo_design(found[0], panel, wanted, columns, start=body.start, channel=body.channel)
    return DesignsOut(
        finding=finding(best),
        page=page(best),
        design=best.model_dump(mode="json"),
        designs=[_seen(one) for one in found],
    )


@operation(Method.GET, "/runs/{run}/time-test", Scope.READ)
def design_time_test(context: Context, asked: TimeTestAsked) -> TimeDesignsOut:
    """Design a test in time for a market without geos: a pulse, or on and off in turn."""
    chosen = context.planning(asked.run, ALL_KEPT)
    found = time_designs_of(
        chosen, asked.channel, asked.periods, effect=asked.effect, start=asked.start
    )
    return TimeDesignsOut(
        run_id=chosen.run_id,
        finding=finding(found[0]),
        page=page(found[0]),
        designs=[one.model_dump(mode="json") for one in found],
    )


def _wanted(body: DesignBody) -> Wanted:
    return Wanted(
        kind=body.kind,
        periods=body.periods,
        sizes=body.sizes,
        must=body.must,
        never=body.never,
        excluded=body.exclude,
        cooldown=body.cooldown,
        effect=body.effect,
        unit_cost=body.unit_cost,
        factor=body.factor,
        budget=body.budget,
        most_share=body.most_share,
    )


def _seen(one: Candidate) -> DesignSeen:
    return DesignSeen(
        treated=list(one.treated),
        periods=one.periods,
        detectable=one.detectable,
        power=min(one.power, 1.0),
        called=round(one.false_positives * one.windows),
        windows=one.windows,
        share=one.share,
        spend=one.cost,
    )
