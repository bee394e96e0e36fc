"""Schedules: the right moments, each acted on once, new data refreshed, nothing accepted."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.data.ingest import ingest
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment, Window
from mmm.experiments.of_run import experiment_of
from mmm.models.refresh import accept, in_use
from mmm.platforms.base import TaskState, TaskStatus
from mmm.runs.events import History
from mmm.runs.firing import Scheduler, fire_if_due
from mmm.runs.moved import moved
from mmm.runs.notices import Event, Letter, Subscription, tell_of_run
from mmm.runs.outcome import outcome
from mmm.runs.schedules import (
    Firing,
    Schedule,
    due_moment,
    next_moment,
    pause_schedule,
    read_firings,
    read_schedule,
    save_schedule,
)
from mmm.runs.service import RunService
from mmm.runs.training import train
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace
from mmm.workspace.models import RunState
from mmm.workspace.names import utc_now

ANN, VIEWER = User("ann", role=Role.ANALYST), User("eve")
QUICK = {"trials": 1, "iterations": 60, "min_candidates": 12, "bootstrap": 100}
SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Platform:
    """Takes every task and trains none."""

    def submit(self, run_uri: str, name: str) -> str:
        return run_uri

    def describe(self, handle: str) -> TaskStatus:
        return TaskStatus(TaskState.PENDING)

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None: ...

    def logs(self, handle: str) -> Any:
        return iter(())


def schedule(cron: str, zone: str = "UTC", **more: Any) -> Schedule:
    fields = {"name": "weekly", "run": "r", "since": SINCE, "actor": "ann"}
    return Schedule(**fields, cron=cron, zone=zone, **more)  # type: ignore[arg-type]


def test_moments_follow_the_clocks_of_their_zone_through_the_change_to_summer_time() -> None:
    item = schedule("0 6 * * *", "Europe/Berlin")
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert next_moment(item, datetime(2026, 3, 27, 12, tzinfo=UTC)).hour == 5
    assert next_moment(item, before) == datetime(2026, 3, 29, 4, tzinfo=UTC)


def test_of_missed_moments_the_newest_counts_and_none_counts_twice() -> None:
    item = schedule("0 * * * *")
    now = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
    assert due_moment(item, [], now) == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert due_moment(item, ["20260310T1200"], now) is None
    assert due_moment(item, ["20260310T0900"], now) == datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert due_moment(schedule("0 * * * *", paused=True), [], now) is None


def test_a_moment_before_the_schedule_was_made_or_long_ago_is_none_of_its() -> None:
    assert due_moment(schedule("0 6 * * 1"), [], SINCE + timedelta(hours=1)) is None
    monthly = schedule("0 6 2 * *")  # the moment is 8 days past: no process ran for so long
    assert due_moment(monthly, [], datetime(2026, 3, 10, 6, tzinfo=UTC)) is None


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample without its last eight weeks."""
    lines = sample.PATH.read_text().splitlines(keepends=True)
    path = tmp_path_factory.mktemp("half") / "half.csv"
    path.write_text("".join(lines[:-8]))
    return path


@pytest.fixture
def service(workspace: Workspace, settings: Settings) -> RunService:
    return RunService(workspace, Platform(), settings)


@pytest.fixture(scope="module")
def kept(half: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a run that has succeeded on the shorter data; copied for each test."""
    folder = tmp_path_factory.mktemp("kept")
    workspace = Workspace.open(Settings(workspace=str(folder)))
    stored = ingest(FileSource(half), market="DE", origin="half", workspace=workspace, by=ANN)
    experiment = Experiment(
        name="sample",
        dataset=DatasetRef(market="DE", dataset_id=stored.dataset_id),
        mapping=sample.sample_mapping(),
        window=Window(start=sample.WINDOW[0]),
        country=sample.COUNTRY,
        currency=sample.CURRENCY,
        engine="ridge",
        settings=QUICK,
    )
    history = History.begin(workspace, workspace.create_run(experiment), "ann")
    history.add(RunState.STARTING, "ann")
    train(workspace, history, "task")
    return folder


@pytest.fixture
def trained(workspace: Workspace, settings: Settings, kept: Path) -> str:
    shutil.copytree(kept, str(settings.workspace), dirs_exist_ok=True)
    (run_id,) = workspace.run_ids()
    return run_id


def fields(run_id: str, **more: Any) -> dict[str, Any]:
    return {"name": "weekly", "run": run_id, "cron": "0 6 * * 1", "zone": "Europe/Berlin", **more}


def fire(service: RunService, settings: Settings, now: datetime) -> Firing | None:
    """Act on the schedule weekly as the dispatcher does."""
    known = service.workspace.schedules()["weekly"]
    item = read_schedule(service.workspace, "weekly", known.version)
    return fire_if_due(service, settings, item, known.acted_on, now)


def after_next(item: Schedule) -> datetime:
    return next_moment(item, utc_now()) + timedelta(minutes=1)


def test_new_data_are_refreshed_once_and_wait_for_a_person(
    service: RunService, workspace: Workspace, settings: Settings, trained: str
) -> None:
    with pytest.raises(NotAllowed):
        save_schedule(workspace, fields(trained), VIEWER)
    with pytest.raises(UserError, match="'Mars' is no time zone"):
        save_schedule(workspace, fields(trained, zone="Mars"), ANN)
    with pytest.raises(UserError, match="is no cron expression"):
        save_schedule(workspace, fields(trained, cron="0 6 30 2 *"), ANN)
    with pytest.raises(UserError, match="'0 6 30 2' has not five fields"):
        save_schedule(workspace, fields(trained, cron="0 6 30 2"), ANN)
    item = save_schedule(workspace, fields(trained), ANN)
    now = after_next(item)
    assert fire(service, settings, utc_now()) is None, "it is not time"

    first = fire(service, settings, now)
    assert first is not None
    assert (first.unchanged, first.run_id, first.error) == (True, "", "")

    stored = ingest(FileSource(sample.PATH), market="DE", origin="all", workspace=workspace, by=ANN)
    later = next_moment(item, now) + timedelta(minutes=1)
    found: list[Firing | None] = []
    barrier = Barrier(2)

    def dispatch() -> None:
        barrier.wait()
        found.append(fire(service, settings, later))

    two = [Thread(target=dispatch) for _ in range(2)]
    for thread in two:
        thread.start()
    for thread in two:
        thread.join()
    (second,) = [firing for firing in found if firing is not None]
    assert second.error == ""
    experiment = experiment_of(workspace, second.run_id)
    assert experiment.dataset.dataset_id == stored.dataset_id
    assert experiment.refresh is not None
    assert (experiment.refresh.run, experiment.refresh.steps) == (trained, 8)
    assert service.status(second.run_id).submitted_by == "ann (schedule weekly)"
    assert in_use(workspace, trained) is None, "nobody has accepted it"
    assert [firing.run_id for firing in read_firings(workspace, "weekly")] == [second.run_id, ""]
    third = fire(service, settings, next_moment(item, later) + timedelta(minutes=1))
    assert third is not None
    assert third.unchanged, "the model of these data waits already"


def test_a_retraining_takes_the_new_data_to_their_end(
    service: RunService, workspace: Workspace, settings: Settings, trained: str
) -> None:
    item = save_schedule(workspace, fields(trained, mode="retrain"), ANN)
    ingest(FileSource(sample.PATH), market="DE", origin="all", workspace=workspace, by=ANN)
    Scheduler(settings, lambda: after_next(item))(service)
    (firing,) = read_firings(workspace, "weekly")
    experiment = experiment_of(workspace, firing.run_id)
    assert experiment.refresh is None
    assert (experiment.window.start, experiment.window.end) == (sample.WINDOW[0], None)
    assert outcome(service, firing).text.startswith("Its run is starting")

    train(workspace, History(workspace, firing.run_id), "task")
    found = outcome(service, firing)
    workspace.save_subscription("ann", Subscription(person="ann", email="ann@example.com"))
    tell_of_run(workspace, service.status(firing.run_id), utc_now())
    letters = [Letter.model_validate_json(str(workspace.letter(i))) for i in workspace.letter_ids()]
    told = {letter.notice.event: letter.notice.text for letter in letters}
    changed = moved(workspace, firing.run_id)
    assert changed is not None
    assert changed.channels, "few candidates on other data: two other models"
    assert told.keys() == {Event.FINISHED, Event.REFRESH_MOVED}
    assert changed.sentences[0] in told[Event.REFRESH_MOVED]
    assert (found.waits, found.before) == (True, trained)
    assert found.text.endswith("It waits for a person to accept it.")
    accept(workspace, firing.run_id, ANN)
    used = in_use(workspace, trained)
    assert used is not None
    assert used.run_id == firing.run_id, "it takes the place of the model that it was to replace"
    assert outcome(service, firing).text.endswith("It was accepted by ann.")


def test_what_goes_wrong_is_kept_with_its_moment_and_a_paused_one_rests(
    service: RunService,
    workspace: Workspace,
    settings: Settings,
    trained: str,
    half: Path,
    tmp_path: Path,
) -> None:
    item = save_schedule(workspace, fields(trained), ANN)
    odd = tmp_path / "odd.csv"
    odd.write_text("DATE,revenue\n2026-01-05,1\n2026-01-12,2\n")
    ingest(FileSource(odd), market="DE", origin="odd", workspace=workspace, by=ANN)
    firing = fire(service, settings, after_next(item))
    assert firing is not None
    assert firing.error
    assert (
        outcome(service, read_firings(workspace, "weekly")[0]).text == f"It failed: {firing.error}"
    )
    assert len(service.workspace.run_ids()) == 1

    pause_schedule(workspace, "weekly", ANN, paused=True)
    assert read_schedule(workspace, "weekly").paused
    much_later = next_moment(item, after_next(item)) + timedelta(minutes=1)
    assert fire(service, settings, much_later) is None
