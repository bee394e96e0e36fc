"""Schedules: when models are brought up to date."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmm.runs.schedules import Firing, Schedule, pause_schedule, read_firings, read_schedule
from mmm.runs.schedules import save_schedule as save
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, Nothing, operation
from mmm.services.runs import Name, RunName
from mmm.workspace.tokens import Scope

ScheduleName = Annotated[str, Field(min_length=1, max_length=100)]


class ScheduleList(Fields):
    schedules: list[Schedule]


class OfSchedule(Fields):
    name: ScheduleName


class ScheduleOut(Fields):
    """The schedule, and the newest moments that were acted on."""

    schedule: Schedule
    firings: list[Firing]


class ScheduleBody(Fields):
    """`cron` has five fields, like 0 6 * * 1, by the clocks of `zone`."""

    run: RunName
    cron: Name
    zone: Name = "UTC"
    mode: Literal["refresh", "retrain"] = "refresh"


class PauseBody(Fields):
    paused: bool


@operation(Method.GET, "/schedules", Scope.READ)
def list_schedules(context: Context, asked: Nothing) -> ScheduleList:
    """List all schedules."""
    names = sorted(context.workspace.schedules())
    return ScheduleList(schedules=[read_schedule(context.workspace, name) for name in names])


@operation(Method.GET, "/schedules/{name}", Scope.READ)
def get_schedule(context: Context, asked: OfSchedule) -> ScheduleOut:
    """Give a schedule and what came of its newest moments."""
    schedule = read_schedule(context.workspace, asked.name)
    firings = read_firings(context.workspace, asked.name)
    return ScheduleOut(schedule=schedule, firings=firings)


@operation(Method.POST, "/schedules/{name}", Scope.COMPUTE)
def store_schedule(context: Context, asked: OfSchedule, body: ScheduleBody) -> Schedule:
    """Keep a schedule: from then on it starts runs."""
    run_id = context.run_id(body.run)
    fields = {**body.model_dump(), "run": run_id, "name": asked.name}
    return save(context.workspace, fields, context.user)


@operation(Method.POST, "/schedules/{name}/pause", Scope.COMPUTE)
def set_schedule_paused(context: Context, asked: OfSchedule, body: PauseBody) -> Schedule:
    """Stop a schedule, or let it go on."""
    return pause_schedule(context.workspace, asked.name, context.user, paused=body.paused)
