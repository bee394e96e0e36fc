"""Schedules: when a model is brought up to date, kept and read. `mmm.runs.firing` acts on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from mmm.access import User
from mmm.errors import UserError
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now
from mmm.workspace.stored import model_of

#: A moment that nobody acted on for longer (no process ran) is passed over.
_LATE = timedelta(days=1)


class Schedule(BaseModel):
    """When and what: `run` is any run of a model's chain; the model in use of the chain is brought
    up to date, the run's own recommended one where none is in use.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    run: str
    cron: str
    zone: str = "UTC"
    mode: Literal["refresh", "retrain"] = "refresh"
    paused: bool = False
    since: datetime
    actor: str

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{zone!r} is no time zone, like Europe/Berlin") from error
        return zone

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, cron: str) -> str:
        if len(cron.split()) != 5:
            raise ValueError(f"{cron!r} has not five fields, like 0 6 * * 1")
        try:
            CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(f"{cron!r} is no cron expression ({error}), like 0 6 * * 1") from error
        return cron


class Firing(BaseModel):
    """What came of one moment: a new run, nothing new to model, or why it did not work. None of
    them while it goes on, or when who did it was killed.
    """

    model_config = ConfigDict(frozen=True)

    moment: datetime
    at: datetime
    run_id: str = ""
    unchanged: bool = False
    error: str = ""


def save_schedule(workspace: Workspace, fields: dict[str, Any], by: User) -> Schedule:
    """Check and store a schedule, a new version of one of its name; UserError for what is wrong."""
    from mmm.experiments.of_run import experiment_of
    from mmm.runs.rereading import require_readable

    workspace.permit(by, "schedule.save", str(fields.get("name", "")))
    try:
        schedule = Schedule.model_validate({**fields, "since": utc_now(), "actor": by.id})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(f"{reason}.", where=str(first["loc"][-1])) from None
    dataset = experiment_of(workspace, schedule.run).dataset
    require_readable(workspace, workspace.dataset(dataset.market, dataset.dataset_id))
    with workspace.deed(by, "schedule.save", schedule.name, run=schedule.run, cron=schedule.cron):
        workspace.save_schedule(schedule.name, schedule)
    return schedule


def pause_schedule(workspace: Workspace, name: str, by: User, *, paused: bool) -> Schedule:
    """Stop a schedule, or let it go on from now."""
    workspace.permit(by, "schedule.save", name)
    changes = {"paused": paused, "since": utc_now(), "actor": by.id}
    schedule = read_schedule(workspace, name).model_copy(update=changes)
    with workspace.deed(by, "schedule.save", name, paused=paused):
        workspace.save_schedule(name, schedule)
    return schedule


def read_schedule(workspace: Workspace, name: str, version: int | None = None) -> Schedule:
    """A version of the schedule, the newest where None."""
    return model_of(Schedule, workspace.schedule(name, version), f"schedule {name!r}")


def read_firings(workspace: Workspace, name: str, most: int = 10) -> list[Firing]:
    """The newest moments that were acted on, newest first."""
    known = workspace.schedules().get(name)
    stamps = [] if known is None else known.acted_on[-most:]
    return [
        model_of(Firing, workspace.firing(name, stamp), f"schedule {name!r}, moment {stamp}")
        for stamp in reversed(stamps)
    ]


def next_moment(schedule: Schedule, after: datetime) -> datetime:
    """The schedule's first moment after a time, by the clocks of its zone, in UTC."""
    moment: datetime = next(CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.zone))))
    return moment.astimezone(UTC)


def due_moment(schedule: Schedule, acted_on: list[str], now: datetime) -> datetime | None:
    """The newest moment up to now that nobody has acted on; None where there is none. Of several
    that were missed one is enough: the data are read as they are now.
    """
    if schedule.paused:
        return None
    begin = max(schedule.since, now - _LATE)
    if acted_on:
        last = datetime.strptime(acted_on[-1], "%Y%m%dT%H%M").replace(tzinfo=UTC)
        begin = max(begin, last)
    found, moment = None, next_moment(schedule, begin)
    while moment <= now:
        found, moment = moment, next_moment(schedule, moment)
    return found
