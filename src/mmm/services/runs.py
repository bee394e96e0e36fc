"""Runs: looked at, submitted, cancelled, tried again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from mmm.experiments.config import Experiment
from mmm.experiments.of_run import experiment_of
from mmm.runs.search import RunFilter
from mmm.runs.status import RunStatus
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, Nothing, operation
from mmm.services.pages import before
from mmm.workspace.models import LogRecord, RunEvent
from mmm.workspace.tokens import Scope

Name = Annotated[str, Field(max_length=200)]
RunName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        description="A run's id, an unambiguous start of one, or latest; a study's with ~ for /.",
    ),
]


class OfRun(Fields):
    run: RunName


class RunsAsked(Fields):
    """`before` is a run's id: the page begins with the one submitted before it."""

    before: Name = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    state: Name = ""
    market: Name = ""
    engine: Name = ""
    batch: Name = ""
    text: Name = Field("", description="Words in name, id, submitter or message.")


class RunPage(Fields):
    """Runs, newest first. `next` is what to ask for `before`; null on the last page."""

    runs: list[RunStatus]
    next: str | None


@operation(Method.GET, "/runs", Scope.READ)
def list_runs(context: Context, asked: RunsAsked) -> RunPage:
    """List runs, newest first."""
    service = context.runs
    ids = before(service.workspace.run_ids(), asked.before)
    wanted = RunFilter(
        states=_one(asked.state),
        markets=_one(asked.market),
        engines=_one(asked.engine),
        batch=asked.batch,
        text=asked.text,
    )
    if not wanted:
        found = service.statuses(ids[: asked.limit])
        more = len(ids) > asked.limit
    else:
        passing = [status for status in service.statuses(ids) if wanted.passes(status)]
        found, more = passing[: asked.limit], len(passing) > asked.limit
    return RunPage(runs=found, next=found[-1].run_id if found and more else None)


def _one(text: str) -> frozenset[str]:
    return frozenset({text}) if text else frozenset()


@operation(Method.GET, "/runs/{run}", Scope.READ)
def get_run(context: Context, asked: OfRun) -> RunStatus:
    """Say how a run stands: state, stage and progress, why it failed."""
    return context.runs.status(context.run_id(asked.run))


class EventsAsked(OfRun):
    after: Annotated[int, Field(ge=0, le=2**31)] = 0


class Events(Fields):
    run_id: str
    events: list[RunEvent]


@operation(Method.GET, "/runs/{run}/events", Scope.READ)
def get_run_events(context: Context, asked: EventsAsked) -> Events:
    """List what happened to a run, from event number `after` + 1 on."""
    run_id = context.run_id(asked.run)
    context.runs.status(run_id)
    return Events(run_id=run_id, events=list(context.workspace.events(run_id, after=asked.after)))


class LogAsked(OfRun):
    """`after` is `next` of the page before."""

    after: Annotated[int, Field(ge=0, le=2**31)] = 0


class Log(Fields):
    run_id: str
    records: list[LogRecord]
    next: int


@operation(Method.GET, "/runs/{run}/log", Scope.READ)
def get_run_log(context: Context, asked: LogAsked) -> Log:
    """Read a run's log from a place on."""
    run_id = context.run_id(asked.run)
    context.workspace.last_event(run_id)
    records, place = context.workspace.log(run_id, after=asked.after)
    return Log(run_id=run_id, records=list(records), next=place)


class ExperimentOfRun(Fields):
    run_id: str
    experiment: Experiment


@operation(Method.GET, "/runs/{run}/experiment", Scope.READ)
def get_run_experiment(context: Context, asked: OfRun) -> ExperimentOfRun:
    """Give the experiment that a run was trained by."""
    run_id = context.run_id(asked.run)
    return ExperimentOfRun(run_id=run_id, experiment=experiment_of(context.workspace, run_id))


class ExperimentBody(Fields):
    """An experiment as `mmm submit` takes it, or a stored template with the dataset to use it on.

    `changes` replaces fields of the template; `preset` takes the engine's settings of a size.
    """

    experiment: dict[str, Any] | None = None
    template: Name | None = Field(None, description="NAME or NAME@VERSION.")
    dataset: Name | None = Field(None, description="MARKET/DATASET, or MARKET/latest.")
    changes: dict[str, Any] = Field(default_factory=dict)
    preset: Name | None = None


class Submitted(Fields):
    run_id: str
    state: str
    warnings: list[str]
    submitted: datetime


@operation(Method.POST, "/runs", Scope.COMPUTE, once=True)
def submit_run(context: Context, asked: Nothing, body: ExperimentBody) -> Submitted:
    """Check an experiment against its data and start a run of it."""
    from mmm.services.given import given_experiment

    run_id = context.runs.submit(given_experiment(context, body), context.user)
    return submitted(context, run_id)


def submitted(context: Context, run_id: str) -> Submitted:
    status = context.runs.status(run_id)
    return Submitted(
        run_id=run_id,
        state=status.state.value,
        warnings=list(status.warnings),
        submitted=status.submitted,
    )


@operation(Method.POST, "/runs/{run}/cancel", Scope.COMPUTE)
def cancel_run(context: Context, asked: OfRun) -> RunStatus:
    """Stop a run that has not ended."""
    status = context.runs.cancel(context.run_id(asked.run), context.user)
    context.runs.start_waiting()  # its place is free
    return status


@operation(Method.POST, "/runs/{run}/retry", Scope.COMPUTE, once=True)
def retry_run(context: Context, asked: OfRun) -> RunStatus:
    """Begin a new attempt of a run that ended badly."""
    return context.runs.retry(context.run_id(asked.run), context.user)
