"""A task of a batch's job: trains its share of the runs, each in a process of its own, and leaves.

What decides who trains a run is its `starting` event, as for every other task. So a share may be
worked on twice at once, by a task that the platform started again while the first still lives.
"""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from mmm.errors import UserError
from mmm.platforms import open_launcher
from mmm.platforms.base import exit_reason
from mmm.runs.batch_board import begin
from mmm.runs.events import FINAL, History, TransitionRefused
from mmm.runs.lost import is_lost, try_again
from mmm.runs.reconcile import end_if_silent
from mmm.runs.service import RunService
from mmm.runs.task import EXIT_DONE, EXIT_STOPPED
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, RunError, RunState
from mmm.workspace.names import utc_now

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
#: Between the looks at runs of the share that another task has, or had.
_OTHERS_SECONDS = 5.0
#: What the processes get to say good-bye; a platform gives 10 seconds and more.
_GRACE_SECONDS = 8.0


def work(batch_uri: str, settings: Settings, *, task: int, of: int, slots: int) -> int:
    """Train the share of task number `task` of `of`; the exit code. UserError for a task that there
    is not, or no batch.
    """
    if task >= of:
        raise UserError(f"there is no task {task} of {of}.", where="--task", fix="Count from 0.")
    workspace, batch_id = Workspace.of_batch(batch_uri, settings)
    batch = workspace.batch(batch_id)
    if not workspace.moves(batch_id).begun:
        begin(workspace, batch)
    share = [member.run_id for member in batch.members[task::of]]
    worker = _Worker(workspace, batch, settings, slots)
    with _sigterm_stops(worker):
        worker.train(share)
    if worker.stopped:
        return EXIT_STOPPED
    _step_here(workspace, batch, settings)
    return EXIT_DONE


def step_after_work(batch_uri: str, settings: Settings) -> None:
    """Take the step that a killed task of a job on this machine cannot."""
    workspace, batch_id = Workspace.of_batch(batch_uri, settings)
    _step_here(workspace, workspace.batch(batch_id), settings)


def _step_here(workspace: Workspace, batch: BatchDocument, settings: Settings) -> None:
    """On a machine of one's own the free places go to the next batch; in a cloud a task may not
    launch others.
    """
    if not batch.platform == settings.cloud_provider == "local":
        return
    own = settings.model_copy(update={"workspace": workspace.url})
    try:
        RunService(workspace, open_launcher(own), own).start_waiting(tidy=False)
    except UserError as error:  # whoever looks next takes the step
        log.warning("no step of the queue was taken: %s", error)


@dataclass(frozen=True)
class _Child:
    run_id: str
    attempt: int
    process: subprocess.Popen[bytes]


class _Worker:
    """Trains runs with `slots` processes at once."""

    def __init__(
        self, workspace: Workspace, batch: BatchDocument, settings: Settings, slots: int
    ) -> None:
        self._workspace, self._batch, self._settings = workspace, batch, settings
        self._slots = slots
        self._children: list[_Child] = []
        self._others: list[str] = []
        self.stopped = False

    def train(self, run_ids: Sequence[str]) -> None:
        """Train those that wait, or whose task was lost; return when all have ended or this task
        was told to end.
        """
        waiting, looked = list(run_ids), time.monotonic()
        while (waiting or self._children or self._others) and not self.stopped:
            self._reap()
            while waiting and len(self._children) < self._slots and not self.stopped:
                self._take(waiting.pop(0))
            if self._others and time.monotonic() - looked > _OTHERS_SECONDS:
                looked, others, self._others = time.monotonic(), self._others, []
                waiting += [run_id for run_id in others if self._is_over_elsewhere(run_id)]
            time.sleep(_LOOK_SECONDS)
        if self.stopped:
            self._stop_children()

    def _take(self, run_id: str) -> None:
        """Start the run's process, if it waits and nobody else is quicker."""
        history = History(self._workspace, run_id)
        last = history.last
        if is_lost(last.state, last.attempt, last.error):
            try_again(history, self._batch.batch_id)
        if history.refresh().state in FINAL:
            return
        try:
            starting = history.add(RunState.STARTING, _actor())
        except TransitionRefused:
            self._others.append(run_id)
            return
        command = [sys.executable, "-P", "-m", "mmm", "train", self._workspace.run_uri(run_id)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603
        self._children.append(_Child(run_id, starting.attempt, process))

    def _is_over_elsewhere(self, run_id: str) -> bool:
        """Whether the run is to be looked at again: it waits, or its task was lost. Silence is
        judged as it is of every task without a handle.
        """
        last = end_if_silent(self._workspace, self._settings, run_id, utc_now())
        if last.state in (RunState.STARTING, RunState.RUNNING):
            self._others.append(run_id)
            return False
        return True

    def _reap(self) -> None:
        ended = [child for child in self._children if child.process.poll() is not None]
        for child in ended:
            self._children.remove(child)
            self._record(child)

    def _record(self, child: _Child) -> None:
        """Write down the end of a process that could not do so itself."""
        history = History(self._workspace, child.run_id)
        code = child.process.returncode
        if history.last.state in FINAL or history.last.attempt != child.attempt:
            return
        code = 128 - code if code < 0 else code
        why = f"The task is gone without a result: {exit_reason(code)}."
        error = RunError(what=why, exit_code=code)
        try:
            history.add(RunState.CRASHED, _actor(), attempt=child.attempt, message=why, error=error)
        except TransitionRefused:  # somebody has ended or cancelled it meanwhile
            return

    def _stop_children(self) -> None:
        for child in self._children:
            child.process.terminate()
        until = time.monotonic() + _GRACE_SECONDS
        while self._children and time.monotonic() < until:
            self._reap()
            time.sleep(_LOOK_SECONDS)
        for child in self._children:
            child.process.kill()


def _actor() -> str:
    return f"task@{socket.gethostname()}"


@contextmanager
def _sigterm_stops(worker: _Worker) -> Iterator[None]:
    def stop(_number: int, _frame: FrameType | None) -> None:
        worker.stopped = True

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
