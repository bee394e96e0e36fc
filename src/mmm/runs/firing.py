"""Acting on schedules: at a due moment the model's data are read again and a refresh, or a training
anew, is submitted. A person compares and accepts; a schedule never does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from mmm.access import Role, User
from mmm.errors import UserError
from mmm.runs.firing_names import BY_SCHEDULE
from mmm.runs.notices import tell_of_schedule
from mmm.runs.schedules import Firing, Schedule, due_moment, read_firings, read_schedule
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace.models import RunState
from mmm.workspace.names import utc_now

log = logging.getLogger(__name__)


class Scheduler:
    """The dispatcher's chore: once a minute, the finest that cron knows, act on what is due. A
    version of a schedule never changes, so each is read once.
    """

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._minute: datetime | None = None
        self._read: dict[tuple[str, int], Schedule] = {}

    def __call__(self, service: RunService) -> None:
        now = self._clock()
        minute = now.replace(second=0, microsecond=0)
        if minute == self._minute:
            return
        for name, known in service.workspace.schedules().items():
            try:
                schedule = self._version(service, name, known.version)
                fire_if_due(service, self._settings, schedule, known.acted_on, now)
            except UserError as error:  # the others have their turn
                log.warning("the schedule %s was not looked at: %s", name, error)
        self._minute = minute

    def _version(self, service: RunService, name: str, version: int) -> Schedule:
        if (name, version) not in self._read:
            self._read[name, version] = read_schedule(service.workspace, name, version)
        return self._read[name, version]


def fire_if_due(
    service: RunService,
    settings: Settings,
    schedule: Schedule,
    acted_on: Sequence[str],
    now: datetime,
) -> Firing | None:
    """Act on the schedule's due moment, unless another process does; what came of it. `acted_on`
    are the stamps of the moments that are done with, oldest first.
    """
    workspace, name = service.workspace, schedule.name
    moment = due_moment(schedule, list(acted_on), now)
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
        tell_of_schedule(workspace, name, schedule.actor, moment, str(error), now)
    ended = begun.model_copy(update=changes)
    workspace.end_firing(name, moment, ended)
    return ended


def _fire(service: RunService, settings: Settings, schedule: Schedule) -> dict[str, Any]:
    from mmm.experiments.config import DatasetRef, Experiment, Window
    from mmm.experiments.of_run import experiment_of
    from mmm.models.refresh import in_use, refresh_experiment
    from mmm.runs.rereading import read_again

    workspace = service.workspace
    by = User(f"{schedule.actor}{BY_SCHEDULE}{schedule.name})", role=Role.ANALYST)
    used = in_use(workspace, schedule.run)
    run_id = schedule.run if used is None else used.run_id
    before = experiment_of(workspace, run_id)
    old = workspace.dataset(before.dataset.market, before.dataset.dataset_id)
    new = read_again(workspace, settings, old, by)
    if new.dataset_id == old.dataset_id or _is_modelled(service, schedule, new.dataset_id):
        return {"unchanged": True}
    reference = DatasetRef(market=new.market, dataset_id=new.dataset_id)
    if schedule.mode == "refresh":
        experiment, _ = refresh_experiment(workspace, run_id, reference)
    else:
        window = Window(start=before.window.start)  # to the end of the new data
        changes = {"dataset": reference, "window": window, "refresh": None, "retrains": run_id}
        experiment = Experiment.model_validate(before.model_copy(update=changes).model_dump())
    return {"run_id": service.submit(experiment, by)}


def _is_modelled(service: RunService, schedule: Schedule, dataset_id: str) -> bool:
    """Whether the schedule's last run is of these data already and has not ended badly: a model that
    waits for a person is not trained once more.
    """
    for firing in read_firings(service.workspace, schedule.name):
        if firing.run_id:
            status = service.status(firing.run_id)
            badly = status.final and status.state is not RunState.SUCCEEDED
            return status.dataset_id == dataset_id and not badly
    return False
