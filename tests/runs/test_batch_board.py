"""How a batch stands from few objects: what a look costs, and that it says what the events say."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from batch_fakes import Launcher, stored_batch
from benchmarks.counted_store import count_requests

from mmm.access import Role, User
from mmm.runs.batch import cancel_batch, retry_batch
from mmm.runs.events import FINAL, TRANSITIONS, History
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunState

ANN = User("ann", role=Role.ANALYST)
AT_ONCE = 2


@pytest.fixture
def workspace() -> Workspace:
    return Workspace("memory://")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Settings(workspace=str(tmp_path / "unused"), batch_at_once=AT_ONCE)


@pytest.fixture
def service(workspace: Workspace, own: Settings) -> RunService:
    return RunService(workspace, Launcher(), own)


def train(workspace: Workspace, run_id: str, state: RunState = RunState.SUCCEEDED) -> None:
    history = History(workspace, run_id)
    for one in (RunState.STARTING, RunState.RUNNING, state):
        history.add(one, "task")


def by_events(service: RunService, batch: BatchDocument) -> list[RunStatus]:
    return service.statuses([member.run_id for member in batch.members])


def elsewhere(workspace: Workspace, own: Settings, tmp_path: Path, name: str) -> RunService:
    """A service of another machine, which has kept nothing."""
    patch = pytest.MonkeyPatch()
    with patch.context() as there:
        there.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        return RunService(workspace, Launcher(), own)


def test_a_look_at_a_thousand_runs_costs_at_most_20_requests(
    service: RunService, workspace: Workspace, own: Settings, tmp_path: Path
) -> None:
    batch = stored_batch(workspace, 1000)
    service.start_waiting()
    asked = count_requests(workspace)
    found = service.of_batch(batch)
    assert [status.state for status in found[:3]] == [RunState.STARTING] * 2 + [RunState.QUEUED]
    assert asked.requests <= 20
    for member in batch.members[:990]:
        run = History(workspace, member.run_id)
        for state in (RunState.STARTING, RunState.RUNNING, RunState.SUCCEEDED):
            if run.last.state is not state:
                run.add(state, "task")
    service.start_waiting()  # it reads what has ended, once, and leaves a digest
    other = elsewhere(workspace, own, tmp_path, "other")
    asked = count_requests(workspace)
    found = other.look_at(batch)
    assert sum(status.state is RunState.SUCCEEDED for status in found) == 990
    assert asked.requests <= 20


@pytest.mark.parametrize("seed", range(2))
def test_whatever_happens_the_board_says_what_the_events_say(
    service: RunService, workspace: Workspace, own: Settings, tmp_path: Path, seed: int
) -> None:
    batch = stored_batch(workspace, 20)
    chosen = random.Random(seed)
    others = [elsewhere(workspace, own, tmp_path, f"machine {number}") for number in range(2)]
    for turn in range(60):
        history = History(workspace, chosen.choice(batch.members).run_id)
        if following := sorted(TRANSITIONS[history.last.state]):
            history.add(chosen.choice(following), "anybody")
        looker = chosen.choice((service, *others))
        if turn % 3 == 0:
            looker.start_waiting(tidy=chosen.random() < 0.7)
        assert looker.look_at(batch) == by_events(service, batch)
    for status in by_events(service, batch):
        if not status.final:
            History(workspace, status.run_id).add(RunState.CANCELLED, "anybody")
    service.start_waiting()
    assert workspace.moves(batch.batch_id).digest > 0
    assert elsewhere(workspace, own, tmp_path, "new").look_at(batch) == by_events(service, batch)


def test_a_run_that_is_tried_again_after_its_end_was_digested_is_seen(
    service: RunService, workspace: Workspace
) -> None:
    batch = stored_batch(workspace, 10)
    for member in batch.members:
        train(workspace, member.run_id, RunState.FAILED)
    service.start_waiting()
    assert workspace.moves(batch.batch_id).digest == 1
    assert retry_batch(service, batch, ANN) == 10
    found = service.look_at(batch)
    assert {status.attempt for status in found} == {2}
    assert found == by_events(service, batch)
    assert cancel_batch(service, batch, ANN) == 10
    assert {status.state for status in service.of_batch(batch)} == {RunState.CANCELLED}


def test_a_run_that_an_older_version_started_without_a_mark_is_found_by_who_is_refused(
    service: RunService, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = stored_batch(workspace, 3)
    with monkeypatch.context() as older:
        older.setattr(History, "_mark", lambda self, number: None)
        train(workspace, batch.members[0].run_id)
    assert service.look_at(batch)[0].state is RunState.QUEUED
    service.start_waiting()
    assert service.look_at(batch)[0].state is RunState.SUCCEEDED
    service.start_waiting()
    assert [status.state for status in service.look_at(batch)[1:]] == [RunState.STARTING] * 2


def test_a_batch_of_an_older_version_is_read_run_by_run(
    service: RunService, workspace: Workspace
) -> None:
    batch = stored_batch(workspace, 3, marked=False)
    train(workspace, batch.members[1].run_id)
    assert [status.state.value for status in service.of_batch(batch)] == [
        "starting", "succeeded", "starting",
    ]  # fmt: skip


def test_a_damaged_digest_is_passed_over_and_replaced(
    service: RunService, workspace: Workspace, own: Settings, tmp_path: Path
) -> None:
    batch = stored_batch(workspace, 9)
    for member in batch.members[:8]:
        train(workspace, member.run_id)
    service.start_waiting()
    workspace.objects.put(f"batches/{batch.batch_id}/digests/000001.json", b"{")
    other = elsewhere(workspace, own, tmp_path, "other")
    assert other.look_at(batch) == by_events(service, batch)
    other.start_waiting()
    assert workspace.moves(batch.batch_id).digest == 2
    assert all(status.state in FINAL for status in other.look_at(batch)[:8])
