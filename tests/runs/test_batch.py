"""Batches: every run checked first, so many at a time, whoever takes the step."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from batch_fakes import Launcher

from mmm.access import NotAllowed, Role, User
from mmm.errors import InvalidInput, UserError
from mmm.experiments.config import DatasetRef, Experiment
from mmm.runs.batch import batch_statuses, cancel_batch, planned, submit_batch
from mmm.runs.events import History
from mmm.runs.queue import step
from mmm.runs.reconcile import reconcile
from mmm.runs.service import RunService, _Looks
from mmm.runs.task import run_task
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunState
from mmm.workspace.names import utc_now

ANN, VIEWER = User("ann", role=Role.ANALYST), User("eve")
Make = Callable[..., Experiment]


@pytest.fixture
def launcher() -> Launcher:
    return Launcher()


@pytest.fixture
def service(workspace: Workspace, launcher: Launcher, settings: Settings) -> RunService:
    return RunService(workspace, launcher, settings)


@pytest.fixture
def content(experiment: Make) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(experiment(trials=1).to_json())
    return found


def seeds(*numbers: int) -> dict[str, dict[str, Any]]:
    return {f"seed {number}": {"seed": number} for number in numbers}


def states(service: RunService, batch: BatchDocument) -> list[str]:
    return [status.state.value for status in batch_statuses(service, batch)]


def end(service: RunService, run_id: str, state: RunState = RunState.FAILED) -> None:
    History(service.workspace, run_id).add(state, "task")


def test_only_so_many_runs_are_under_way_and_the_rest_wait_in_order(
    service: RunService, launcher: Launcher, content: dict[str, Any], dataset: DatasetRef
) -> None:
    batch = submit_batch(service, planned(content, [dataset], seeds(1, 2, 3, 4)), ANN, name="tries")
    ids = [member.run_id for member in batch.members]
    assert states(service, batch) == ["starting", "starting", "queued", "queued"]
    assert launcher.launched == ids[:2]
    end(service, ids[1])
    assert states(service, batch) == ["starting", "failed", "starting", "queued"]
    end(service, ids[0])
    end(service, ids[2])
    assert states(service, batch) == ["failed", "failed", "failed", "starting"]
    assert service.workspace.waiting_batches() == [batch.batch_id]
    end(service, ids[3])
    assert service.start_waiting() == []
    assert service.workspace.waiting_batches() == []
    assert launcher.launched == ids


def test_the_limit_counts_the_runs_of_all_batches(
    service: RunService, launcher: Launcher, content: dict[str, Any], dataset: DatasetRef
) -> None:
    first = submit_batch(service, planned(content, [dataset], seeds(1, 2)), ANN)
    second = submit_batch(service, planned(content, [dataset], seeds(3, 4)), ANN)
    assert states(service, first) == ["starting", "starting"]
    assert states(service, second) == ["queued", "queued"]
    end(service, first.members[0].run_id)
    assert states(service, second) == ["starting", "queued"]


def test_two_steps_at_once_never_start_more_than_the_limit(
    service: RunService,
    workspace: Workspace,
    launcher: Launcher,
    content: dict[str, Any],
    dataset: DatasetRef,
) -> None:
    batch = submit_batch(service, planned(content, [dataset], seeds(1, 2, 3, 4)), ANN)
    end(service, batch.members[0].run_id)
    other: list[list[str]] = []

    def start_while_another_step_does(run_id: str) -> None:
        if not other:
            other.append(service.start_waiting())
        service._start(History(workspace, run_id), "mmm")

    looks = _Looks(service, service._board, tidy=False)
    looked = step(workspace, looks, start_while_another_step_does, 2, "local", utc_now())
    assert looked.started == []
    assert other == [[batch.members[2].run_id]]
    assert states(service, batch) == ["failed", "starting", "starting", "queued"]


def test_what_waits_for_another_platform_is_left_alone(
    service: RunService,
    workspace: Workspace,
    launcher: Launcher,
    settings: Settings,
    content: dict[str, Any],
    dataset: DatasetRef,
) -> None:
    cloud = RunService(workspace, launcher, settings.model_copy(update={"cloud_provider": "aws"}))
    batch = submit_batch(cloud, planned(content, [dataset], seeds(1, 2, 3)), ANN)
    first, _, third = (member.run_id for member in batch.members)
    end(service, first)
    assert service.start_waiting() == []
    assert cloud.start_waiting() == [third]


def test_a_run_that_waits_is_not_given_up_however_long_it_takes(
    service: RunService,
    launcher: Launcher,
    settings: Settings,
    content: dict[str, Any],
    dataset: DatasetRef,
) -> None:
    batch = submit_batch(service, planned(content, [dataset], seeds(1, 2, 3)), ANN)
    later = utc_now() + timedelta(days=2)
    waiting = batch.members[2].run_id
    assert reconcile(service.workspace, launcher, settings, waiting, later).state is RunState.QUEUED


def test_a_task_that_cannot_be_launched_leaves_its_place_to_the_next(
    service: RunService, launcher: Launcher, content: dict[str, Any], dataset: DatasetRef
) -> None:
    members = planned(content, [dataset], seeds(1, 2, 3))
    begun = service.start_waiting
    service.start_waiting = list  # type: ignore[method-assign,assignment]
    batch = submit_batch(service, members, ANN)
    service.start_waiting = begun  # type: ignore[method-assign]
    launcher.refuses = batch.members[0].run_id
    assert states(service, batch) == ["crashed", "starting", "starting"]


def test_a_submission_that_stopped_half_way_is_finished_by_the_next_look(
    service: RunService,
    workspace: Workspace,
    content: dict[str, Any],
    dataset: DatasetRef,
    monkeypatch: Any,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mmm.runs.batch.begin", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            submit_batch(service, planned(content, [dataset], seeds(1, 2, 3)), ANN)
    (batch_id,) = workspace.batch_ids()
    assert service.runs() == []
    assert states(service, workspace.batch(batch_id)) == ["starting", "starting", "queued"]
    assert {status.submitted_by for status in service.runs()} == {"ann"}


def test_every_wrong_run_is_named_and_nothing_is_stored(
    service: RunService,
    workspace: Workspace,
    launcher: Launcher,
    content: dict[str, Any],
    dataset: DatasetRef,
) -> None:
    variants = {
        "good": {},
        "few": {"trials": 0},
        "odd": {"media": {"radio": {"theta": [0.1, 0.2]}}},
    }
    with pytest.raises(InvalidInput) as caught:
        submit_batch(service, planned(content, [dataset], variants), ANN)
    assert caught.value.what == "2 of the batch's 3 runs cannot start; none was started:"
    assert [(item.where, item.what) for item in caught.value.findings] == [
        ("sample · DE · few: settings.trials", "must be at least 1; got 0."),
        ("sample · DE · odd: settings.media.radio", "unknown medium 'radio'."),
    ]
    assert (workspace.batch_ids(), workspace.run_ids(), launcher.launched) == ([], [], [])


def test_settings_of_a_variant_are_merged_with_those_of_the_experiment(
    content: dict[str, Any], dataset: DatasetRef
) -> None:
    content["settings"] = {"seed": 1, "media": {"tv_S": {"theta": [0.1, 0.2]}}}
    (member,) = planned(content, [dataset], {"v": {"media": {"ooh_S": {"alpha": 1}}, "trials": 2}})
    assert member.content["settings"] == {
        "seed": 1,
        "trials": 2,
        "media": {"tv_S": {"theta": [0.1, 0.2]}, "ooh_S": {"alpha": 1}},
    }
    assert member.label == "sample · DE · v"


def test_a_batch_without_runs_or_with_the_same_run_twice_is_refused(
    content: dict[str, Any], dataset: DatasetRef
) -> None:
    with pytest.raises(UserError, match="has no runs"):
        planned(content, [])
    with pytest.raises(UserError, match="is there twice"):
        planned(content, [dataset], {"a": {"seed": 1}, "b": {"seed": 1}})
    assert len(planned(content, [dataset], seeds(*range(1000)))) == 1000
    with pytest.raises(UserError, match="would have 10,001 runs; 10,000 are the most"):
        planned(content, [dataset], seeds(*range(10_001)))


def test_cancelling_a_batch_ends_all_its_runs_and_starts_none(
    service: RunService, launcher: Launcher, content: dict[str, Any], dataset: DatasetRef
) -> None:
    batch = submit_batch(service, planned(content, [dataset], seeds(1, 2, 3)), ANN)
    assert cancel_batch(service, batch, ANN) == 3
    assert states(service, batch) == ["cancelled"] * 3
    assert len(launcher.launched) == 2


def test_a_run_that_ends_while_its_batch_is_cancelled_keeps_its_end_and_stops_nothing(
    service: RunService,
    launcher: Launcher,
    content: dict[str, Any],
    dataset: DatasetRef,
    monkeypatch: Any,
) -> None:
    batch = submit_batch(service, planned(content, [dataset], seeds(1, 2, 3)), ANN)
    second = batch.members[1].run_id

    def end_the_second(handle: str, grace_seconds: float = 10.0) -> None:
        if not handle.endswith(second):
            end(service, second)

    monkeypatch.setattr(launcher, "cancel", end_the_second)
    assert cancel_batch(service, batch, ANN) == 2
    assert states(service, batch) == ["cancelled", "failed", "cancelled"]


def test_a_task_that_cannot_be_stopped_is_told_after_all_the_others_are(
    service: RunService,
    launcher: Launcher,
    content: dict[str, Any],
    dataset: DatasetRef,
    monkeypatch: Any,
) -> None:
    batch = submit_batch(service, planned(content, [dataset], seeds(1, 2, 3)), ANN)
    asked: list[str] = []

    def refuse_the_first(handle: str, grace_seconds: float = 10.0) -> None:
        asked.append(handle)
        if len(asked) == 1:
            raise UserError("the platform refuses.")

    monkeypatch.setattr(launcher, "cancel", refuse_the_first)
    with pytest.raises(
        UserError, match=r"tasks that could not be stopped: .*: the platform refuses"
    ):
        cancel_batch(service, batch, ANN)
    assert len(asked) == 2
    assert states(service, batch) == ["cancelled"] * 3


def test_a_viewer_may_neither_submit_nor_cancel_a_batch(
    service: RunService, content: dict[str, Any], dataset: DatasetRef
) -> None:
    members = planned(content, [dataset])
    with pytest.raises(NotAllowed):
        submit_batch(service, members, VIEWER)
    batch = submit_batch(service, members, ANN)
    with pytest.raises(NotAllowed):
        cancel_batch(service, batch, VIEWER)


def test_a_local_task_that_ends_starts_the_next_of_its_batch(
    workspace: Workspace, settings: Settings, content: dict[str, Any], dataset: DatasetRef
) -> None:
    """Real tasks; nobody looks at the batch until its last run has begun."""
    import time

    service = RunService.open(settings.model_copy(update={"batch_at_once": 1}))
    content["settings"] = {"trials": 1, "iterations": 20, "min_candidates": 10, "bootstrap": 100}
    batch = submit_batch(service, planned(content, [dataset], seeds(1, 2)), ANN)
    last = batch.members[1].run_id
    deadline = (
        time.monotonic() + 300
    )  # two processes that import an engine, on a machine that may be busy
    while workspace.last_event(last).state is not RunState.SUCCEEDED:
        assert time.monotonic() < deadline, workspace.last_event(last)
        time.sleep(0.2)
    assert states(service, batch) == ["succeeded", "succeeded"]


def test_a_task_in_a_cloud_starts_no_other_run(
    workspace: Workspace,
    launcher: Launcher,
    settings: Settings,
    content: dict[str, Any],
    dataset: DatasetRef,
) -> None:
    """Its container knows no platform but the default, local; what it launched there would end with
    it.
    """
    cloud = settings.model_copy(update={"batch_at_once": 1, "cloud_provider": "aws"})
    content["settings"] = {"trials": 1, "iterations": 20, "min_candidates": 10, "bootstrap": 100}
    batch = submit_batch(
        RunService(workspace, launcher, cloud), planned(content, [dataset], seeds(1, 2)), ANN
    )
    first, second = (member.run_id for member in batch.members)
    assert run_task(workspace.run_uri(first), settings) == 0
    assert workspace.last_event(first).state is RunState.SUCCEEDED
    assert workspace.last_event(second).state is RunState.QUEUED
