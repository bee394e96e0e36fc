"""Faults by seed: whoever works on the queue is killed or refused at any request of the store, and
every run must still reach a right end. `python -m benchmarks.faults [faults] [seed]`

Three dispatchers with clocks that differ, single tasks and tasks of jobs take turns on one workspace,
and one of the dispatchers also between any two requests of the others.
A tenth of all requests go wrong: refused before or after they took effect, answered with a part of
the object, or the last that its process ever made. The queue, the board, the jobs and the histories
are the product's own; tasks write what `mmm train` writes and train nothing.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import obstore

from mmm.errors import UserError
from mmm.platforms.base import NoRoom, TaskState, TaskStatus
from mmm.runs.batch_board import begin
from mmm.runs.events import FINAL, TRANSITIONS, History, TransitionRefused
from mmm.runs.lost import is_lost, try_again
from mmm.runs.reconcile import end_if_silent
from mmm.runs.service import RunService
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, BatchMember, Heartbeat, RunError, RunState
from mmm.workspace.names import new_id, new_ids
from mmm.workspace.objects import Objects, Stored, StoreError

RATE, TICK_SECONDS, SKEW_SECONDS = 0.1, 10.0, 20.0
_TICKS = 5000
_CLOCKS = ("events", "service", "batch_jobs")


class Killed(BaseException):
    """The process is gone. Not an Exception: nothing may catch it."""


class FaultyObjects(Objects):
    """A store that goes wrong by chance while it is `armed`."""

    def __init__(self, of: Objects, chance: random.Random) -> None:
        self.__dict__.update(of.__dict__)
        self._chance, self.armed, self.faults = chance, False, 0
        self.meanwhile: Callable[[], None] | None = None
        self.created: set[str] = set()

    def _goes_wrong(self) -> str:
        """What goes wrong with this request, "" for nothing; raises what does before it. By
        chance somebody else is quicker with what the caller is about to do.
        """
        if self.armed and self.meanwhile is not None and self._chance.random() < RATE:
            self.meanwhile()
        if not self.armed or self._chance.random() >= RATE:
            return ""
        self.faults += 1
        kinds = ("refused", "in doubt", "cut", "killed before", "killed after")
        kind = self._chance.choices(kinds, (4, 3, 2, 1, 1))[0]
        if kind == "refused":
            raise StoreError("the store failed: injected.")
        if kind == "killed before":
            raise Killed
        return kind

    def _afterwards(self, kind: str) -> None:
        if kind == "in doubt":
            raise StoreError("the store failed after it was done: injected.")
        if kind == "killed after":
            raise Killed

    def get_buffer(self, key: str) -> obstore.Bytes:
        kind = self._goes_wrong()
        found = super().get_buffer(key)
        self._afterwards(kind)
        return obstore.Bytes(bytes(found)[: len(found) // 2]) if kind == "cut" else found

    def exists(self, key: str) -> bool:
        self._afterwards(self._goes_wrong())
        return super().exists(key)

    def put(self, key: str, data: bytes) -> None:
        kind = self._goes_wrong()
        super().put(key, data)
        self._afterwards(kind)

    def create(self, key: str, data: bytes) -> None:
        kind = self._goes_wrong()
        super().create(key, data)
        assert key not in self.created, f"{key} was written twice"
        self.created.add(key)
        self._afterwards(kind)

    def delete(self, key: str) -> None:
        kind = self._goes_wrong()
        super().delete(key)
        self._afterwards(kind)

    def names(self, prefix: str) -> list[str]:
        self._afterwards(self._goes_wrong())
        return super().names(prefix)

    def everything(self, prefix: str = "") -> Iterator[Stored]:
        self._afterwards(self._goes_wrong())
        return super().everything(prefix)


@dataclass
class Clock:
    """One time for all, and how far the clock of who is at work is from it."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    skew: float = 0.0

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=self.skew)


@dataclass
class Task:
    """A task of the platform's: its work, a turn at a time, and how it ended."""

    turns: Generator[None, None, int]
    code: int | None = None
    training: set[str] = field(default_factory=set)


class World:
    """A workspace with a batch of tasks and a batch of a job, and everybody who works on them."""

    def __init__(self, seed: int, folder: str, runs: int) -> None:
        self.chance, self.clock = random.Random(seed), Clock()
        self.workspace = Workspace("memory://")
        self.objects = FaultyObjects(self.workspace.objects, self.chance)
        self.workspace._objects = self.objects
        self.tasks: dict[str, Task] = {}
        self._folder = folder
        own = Settings(
            workspace=f"{folder}/unused", cloud_provider="gcp", job_from=runs, job_tasks=3
        )
        self._settings = own.model_copy(update={"batch_at_once": 3})
        self.batches = [self._store(runs), self._store(runs - 1)]
        self.services = [RunService(self.workspace, self, self._settings) for _ in range(3)]
        self.objects.meanwhile = self._meanwhile

    def _store(self, runs: int) -> BatchDocument:
        members = tuple(
            BatchMember(run_id=run_id, label="", market="DE", dataset_id="0" * 16)
            for run_id in new_ids(runs)
        )
        batch = BatchDocument(
            batch_id=new_id(), name="", at=self.clock.now, actor="ann", engine="ridge",
            platform="gcp", members=members, marked=True,
        )  # fmt: skip
        self.workspace.save_batch(batch)
        begin(self.workspace, batch)
        return batch

    # The platform.

    def submit(self, run_uri: str, name: str) -> str:
        self._maybe_refuse()
        return self._begin(Task(iter(())), name, [run_uri.rpartition("/")[2]])  # type: ignore[arg-type]

    def submit_job(self, batch_uri: str, name: str, tasks: int, slots: int) -> str:
        self._maybe_refuse()
        name = f"{name}#{len(self.tasks)}"
        batch = next(one for one in self.batches if batch_uri.endswith(one.batch_id))
        for number in range(tasks):
            task = Task(iter(()))  # type: ignore[arg-type]
            share = [member.run_id for member in batch.members[number::tasks]]
            task.turns = self._share(task, share, batch.batch_id)
            self.tasks[f"{name}:{number}"] = task
        return name

    def _maybe_refuse(self) -> None:
        if self.objects.armed and self.chance.random() < RATE:
            self.objects.faults += 1
            raise NoRoom("the quota is used up: injected.")

    def _begin(self, task: Task, name: str, run_ids: list[str]) -> str:
        task.turns = self._train(task, run_ids[0])
        handle = f"{name}#{len(self.tasks)}"
        self.tasks[handle] = task
        return handle

    def describe(self, handle: str) -> TaskStatus:
        tasks = [task for name, task in self.tasks.items() if name.partition(":")[0] == handle]
        if any(task.code is None for task in tasks):
            return TaskStatus(TaskState.RUNNING)
        return TaskStatus(TaskState.STOPPED, None, "it is gone")

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        if task := self.tasks.get(handle):
            task.code = 143 if task.code is None else task.code
            task.training.clear()

    def logs(self, handle: str) -> Iterator[str]:
        return iter(())

    # What a task does.

    def _share(self, task: Task, run_ids: list[str], batch_id: str) -> Generator[None, None, int]:
        """As `mmm.runs.work`, with one slot."""
        others = list(run_ids)
        while others:
            for run_id in list(others):
                end_if_silent(self.workspace, self._settings, run_id, self.clock())
                history = History(self.workspace, run_id)
                if is_lost(history.last.state, history.last.attempt, history.last.error):
                    try_again(history, batch_id)
                if history.refresh().state in FINAL:
                    others.remove(run_id)
                elif history.last.state is RunState.QUEUED:
                    try:
                        history.add(RunState.STARTING, "task")
                    except TransitionRefused:
                        continue
                    yield from self._train(task, run_id)
            yield
        return 0

    def _train(self, task: Task, run_id: str) -> Generator[None, None, int]:
        """The events, heartbeats and results of `mmm train`."""
        history = History(self.workspace, run_id)
        attempt = history.last.attempt
        if history.last.state is not RunState.STARTING:
            return 0
        if not self.workspace.claim_attempt(run_id, attempt, "task"):
            return 0
        at_it = [one for one in self.tasks.values() if run_id in one.training]
        assert not at_it, f"run {run_id} is trained twice at once"
        task.training.add(run_id)
        try:
            history.add(RunState.RUNNING, "task", attempt=attempt)
            for _ in range(self.chance.randint(1, 6)):
                self._beat(run_id, attempt)
                yield
                if self._given_up(run_id, attempt):
                    return 0
            if self.chance.random() < 0.1:
                error = RunError(what="bad data", log_id="0", exit_code=1)
                history.add(RunState.FAILED, "task", attempt=attempt, error=error)
                return 1
            writer = self.workspace.results_writer(run_id)
            writer.file("summary.json", "{}")
            writer.commit()
            history.add(RunState.SUCCEEDED, "task", attempt=attempt)
        except TransitionRefused:
            return 0
        except UserError as error:
            what = RunError(what=str(error), log_id="0", exit_code=1)
            history.add(RunState.CRASHED, "task", attempt=attempt, message=str(error), error=what)
            return 1
        finally:
            task.training.discard(run_id)
        return 0

    def _beat(self, run_id: str, attempt: int) -> None:
        beat = Heartbeat(attempt=attempt, at=self.clock(), host="there", pid=1, memory_bytes=1)
        try:
            self.workspace.write_heartbeat(run_id, beat)
        except StoreError:
            return

    def _given_up(self, run_id: str, attempt: int) -> bool:
        try:
            last = self.workspace.last_event(run_id)
        except UserError:
            return False
        return last.attempt != attempt or last.state in FINAL

    # Turns.

    def turn(self) -> None:
        """Ten seconds pass; the tasks work, and one or both dispatchers."""
        self.clock.now += timedelta(seconds=TICK_SECONDS)
        for task in list(self.tasks.values()):
            self._turn_of(task)
        for number in self.chance.sample((0, 1), self.chance.randint(1, 2)):
            self._dispatch(number)

    def _turn_of(self, task: Task) -> None:
        if task.code is not None:
            return
        self.clock.skew = 0.0
        try:
            next(task.turns)
        except StopIteration as end:
            task.code = int(end.value or 0)
        except Killed:
            task.code = 137
        except UserError:  # its end could not be recorded
            task.code = 1
        if task.code is not None:
            task.training.clear()

    def _meanwhile(self) -> None:
        """Another dispatcher takes a whole step between two requests of who is at work."""
        skew, machine = self.clock.skew, os.environ["XDG_CACHE_HOME"]
        self.objects.meanwhile = None
        try:
            self._dispatch(2)
        finally:
            self.objects.meanwhile = self._meanwhile
            self.clock.skew, os.environ["XDG_CACHE_HOME"] = skew, machine

    def _dispatch(self, number: int) -> None:
        self.clock.skew = SKEW_SECONDS * (-1, 1, 0)[number]
        os.environ["XDG_CACHE_HOME"] = f"{self._folder}/machine {number}"
        try:
            self.services[number].start_waiting()
        except UserError:
            return
        except Killed:  # another one takes its place, with nothing but the machine's cache
            self.services[number] = RunService(self.workspace, self, self._settings)

    def has_ended(self) -> bool:
        return self.workspace.open_work() == ([], [])

    def check(self) -> None:
        """What must hold at the end; AssertionError says what does not."""
        for batch in self.batches:
            run_ids = [member.run_id for member in batch.members]
            for run_id in run_ids:
                _check_run(self.workspace, run_id)
            found = self.services[0].look_at(batch)
            assert found == self.services[0].statuses(run_ids), "the board says something else"


def _check_run(workspace: Workspace, run_id: str) -> None:
    events = workspace.events(run_id)
    assert not events.unreadable, f"run {run_id}: {events.unreadable}"
    numbers = [event.number for event in events]
    assert numbers == list(range(1, len(events) + 1)), f"run {run_id}: {numbers}"
    before: RunState | None = None
    for event in events:
        assert event.state in TRANSITIONS[before], f"run {run_id}: {before} -> {event.state}"
        before = event.state
    assert before in FINAL, f"run {run_id} has not ended: {before}"
    if before is RunState.SUCCEEDED:
        workspace.results_manifest(run_id)  # whole, or NotFound


def injected(seed: int, faults: int, runs: int = 8) -> int:
    """Inject about so many faults into worlds of 2 x `runs` runs; how many there were.

    AssertionError where something is wrong at the end of one.
    """
    count, worlds = 0, 0
    while count < faults:
        count += _one_world(1000 * seed + worlds, runs)
        worlds += 1
    return count


def _one_world(seed: int, runs: int) -> int:
    before = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            world = World(seed, folder, runs)
            for module in _CLOCKS:
                patches.enter_context(patch(f"mmm.runs.{module}.utc_now", world.clock))
            patches.enter_context(patch("mmm.workspace.concurrent._THREADS", 1))
            _play(world)
        finally:
            os.environ.pop("XDG_CACHE_HOME")
            if before is not None:
                os.environ["XDG_CACHE_HOME"] = before
    return world.objects.faults


def _play(world: World) -> None:
    world.objects.armed = True
    for tick in range(_TICKS):
        if tick == 40:  # the rest must be brought to its end without faults
            world.objects.armed = False
        world.turn()
        if not world.objects.armed and world.has_ended():
            break
    else:
        raise AssertionError("something goes on for ever")
    world.check()


def main(arguments: Sequence[str]) -> None:
    faults = int(arguments[0]) if arguments else 1000
    seed = int(arguments[1]) if len(arguments) > 1 else 0
    print(f"{injected(seed, faults):,} faults, every run has a right end")


if __name__ == "__main__":
    main(sys.argv[1:])
