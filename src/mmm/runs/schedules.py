"""Schedules: at moments of a cron expression read a model's data again, prepare them as before, and
refresh or train the model anew. A person compares and accepts; a schedule never does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from mmm.access import Role, User
from mmm.errors import UserError
from mmm.platforms import open_secret_store
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.names import utc_now

log = logging.getLogger(__name__)

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
        try:
            CronSim(cron, datetime(2026, 1, 1, tzinfo=UTC))
        except CronSimError as error:
            raise ValueError(f"{cron!r} is no cron expression ({error}), like 0 6 * * 1") from error
        if len(cron.split()) != 5:
            raise ValueError(f"{cron!r} has not five fields, like 0 6 * * 1")
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

    def sentence(self) -> str:
        if self.error:
            return f"failed: {self.error}"
        if self.unchanged:
            return "the data have not changed; nothing was trained"
        return f"run {self.run_id}" if self.run_id else "begun, without an end so far"


def save_schedule(workspace: Workspace, fields: dict[str, Any], by: User) -> Schedule:
    """Check and store a schedule, a new version of one of its name; UserError for what is wrong."""
    from mmm.experiments.of_run import experiment_of

    workspace.permit(by, "schedule.save", str(fields.get("name", "")))
    try:
        schedule = Schedule.model_validate({**fields, "since": utc_now(), "actor": by.id})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(f"{reason}.", where=str(first["loc"][-1])) from None
    dataset = experiment_of(workspace, schedule.run).dataset
    _source_of(workspace, workspace.dataset(dataset.market, dataset.dataset_id))
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


def read_schedule(workspace: Workspace, name: str) -> Schedule:
    return Schedule.model_validate_json(workspace.schedule(name))


def read_firings(workspace: Workspace, name: str, most: int = 10) -> list[Firing]:
    """The newest moments that were acted on, newest first."""
    stamps = workspace.firings(name)[-most:]
    return [Firing.model_validate_json(workspace.firing(name, stamp)) for stamp in reversed(stamps)]


def next_moment(schedule: Schedule, after: datetime) -> datetime:
    """The schedule's first moment after a time, by the clocks of its zone, in UTC."""
    moment: datetime = next(CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.zone))))
    return moment.astimezone(UTC)


def due_moment(schedule: Schedule, fired: list[str], now: datetime) -> datetime | None:
    """The newest moment up to now that nobody has acted on; None where there is none. Of several
    that were missed one is enough: the data are read as they are now.
    """
    if schedule.paused:
        return None
    begin = max(schedule.since, now - _LATE)
    if fired:
        last = datetime.strptime(fired[-1], "%Y%m%dT%H%M").replace(tzinfo=UTC)
        begin = max(begin, last)
    found, moment = None, next_moment(schedule, begin)
    while moment <= now:
        found, moment = moment, next_moment(schedule, moment)
    return found


def scheduler(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Callable[..., None]:
    """The dispatcher's chore: act on what is due."""

    def act(service: RunService) -> None:
        for name in service.workspace.schedule_names():
            try:
                fire_if_due(service, settings, name, clock())
            except UserError as error:  # a damaged schedule; the others have their turn
                log.warning("the schedule %s was not looked at: %s", name, error)

    return act


def fire_if_due(service: RunService, settings: Settings, name: str, now: datetime) -> Firing | None:
    """Act on the schedule's due moment, unless another process does; what came of it."""
    workspace = service.workspace
    schedule = read_schedule(workspace, name)
    moment = due_moment(schedule, workspace.firings(name), now)
    if moment is None:
        return None
    begun = Firing(moment=moment, at=now)
    if not workspace.begin_firing(name, moment, begun):
        return None
    try:
        changes: dict[str, Any] = _fire(service, settings, schedule)
    except UserError as error:
        log.warning("schedule %s: %s", name, error)
        changes = {"error": str(error)}
    ended = begun.model_copy(update=changes)
    workspace.end_firing(name, moment, ended)
    return ended


def _fire(service: RunService, settings: Settings, schedule: Schedule) -> dict[str, Any]:
    from mmm.experiments.config import DatasetRef, Experiment, Window
    from mmm.experiments.of_run import experiment_of
    from mmm.models.refresh import in_use, refresh_experiment

    workspace = service.workspace
    by = User(f"{schedule.actor} (schedule {schedule.name})", role=Role.ANALYST)
    used = in_use(workspace, schedule.run)
    run_id = schedule.run if used is None else used.run_id
    before = experiment_of(workspace, run_id)
    old = workspace.dataset(before.dataset.market, before.dataset.dataset_id)
    new = _read_again(workspace, settings, old, by)
    if new.dataset_id == old.dataset_id:
        return {"unchanged": True}
    reference = DatasetRef(market=new.market, dataset_id=new.dataset_id)
    if schedule.mode == "refresh":
        experiment, _ = refresh_experiment(workspace, run_id, reference)
    else:
        window = Window(start=before.window.start)  # to the end of the new data
        changes = {"dataset": reference, "window": window, "refresh": None}
        experiment = Experiment.model_validate(before.model_copy(update=changes).model_dump())
    return {"run_id": service.submit(experiment, by)}


def _read_again(
    workspace: Workspace, settings: Settings, old: DatasetManifest, by: User
) -> DatasetManifest:
    """The dataset as it is now: its connection read again, or the market's newest upload, prepared
    by the recipe that made the old one.
    """
    from mmm.data.ingest import ingest
    from mmm.data.prepare import prepare_dataset
    from mmm.data.prepare.recipe import Recipe
    from mmm.data.references import find_source
    from mmm.sources.connections import Connections

    first = _first_of(workspace, old)
    if first.connection is None:
        fresh, _ = find_source(workspace, f"{first.market}/latest")
    else:
        connections = Connections(workspace, open_secret_store(settings), settings)
        fresh = ingest(
            connections.open(first.connection, by),
            market=first.market,
            origin=first.origin,
            workspace=workspace,
            by=by,
            table_or_query=_source_of(workspace, old),
            connection=first.connection,
        )
    if old.recipe is None:
        return fresh
    recipe = Recipe.model_validate(old.recipe)
    prepared = prepare_dataset(workspace, fresh.market, fresh.dataset_id, recipe, by)
    for manifest in prepared:
        if manifest.market == old.market:
            return manifest
    raise UserError("is not in the new data.", where=f"market {old.market!r}")


def _first_of(workspace: Workspace, manifest: DatasetManifest) -> DatasetManifest:
    """The dataset that was read in, of which a prepared one was made."""
    if manifest.parent is None:
        return manifest
    market, _, dataset_id = manifest.parent.rpartition("/")
    return workspace.dataset(market, dataset_id)


def _source_of(workspace: Workspace, manifest: DatasetManifest) -> Any:
    """The table or query that the dataset was read by; None for an upload or a connection's only
    table. UserError where it is not kept.
    """
    from mmm.sources.base import Query

    first = _first_of(workspace, manifest)
    if first.connection is None:
        return None
    if first.query is not None:
        return Query(first.query, dict(first.parameters))
    table = first.origin.removeprefix(f"{first.connection}: ")
    if table == "its only table":
        return None
    if table.endswith("…") or ", added up by day" in table:
        what = f"its data came from {first.origin!r}, which cannot be read again as it was."
        raise UserError(what, where="schedule", fix="Ingest them by a query (--query-file).")
    return table
