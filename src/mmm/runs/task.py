"""The training task: what `mmm train RUN_URI` does inside a container or a process of its own.

It is given nothing but the run's address. Everything it says goes into the run: events, heartbeat,
log, results.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mmm.errors import Killed, UserError
from mmm.platforms import open_launcher
from mmm.runs.events import FINAL, LABELS, History, TransitionRefused
from mmm.runs.service import RunService
from mmm.runs.signs import flush_log, heartbeat, task_log
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunError, RunState
from mmm.workspace.names import study_kind
from mmm.workspace.objects import StoreError

log = logging.getLogger(__name__)

#: BLAS adds up in another order with another number of threads; one thread gives the same bits on
#: any machine size.
_ONE_THREAD = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

EXIT_DONE, EXIT_FAILED, EXIT_STOPPED = 0, 1, 128 + signal.SIGTERM


class _Stopped(BaseException):
    """The platform asks this process to end. Not an Exception: no training code may swallow it."""


def run_task(run_uri: str, settings: Settings) -> int:
    """Train the run's newest attempt and write its results; return the process's exit code.

    UserError when there is no such run or its newest attempt is not waiting for a task.
    """
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))  # before numpy is imported
    workspace, run_id = Workspace.of_run(run_uri, settings)
    history = History(workspace, run_id)
    if history.last.state in FINAL:
        return EXIT_DONE  # cancelled before it began
    if history.last.state is RunState.RUNNING:
        return _leave(run_id)
    if history.last.state is not RunState.STARTING:
        raise UserError(
            f"run {run_id} is {LABELS[history.last.state]}; only a starting run can be trained.",
            where=run_uri,
        )
    if not workspace.claim_attempt(run_id, history.last.attempt, f"{_host()} {os.getpid()}"):
        return _leave(run_id)
    code = _run_attempt(workspace, history, settings)
    try:
        _start_next(workspace, run_id, settings)
    except UserError as error:  # whoever looks next takes the step
        log.warning("the next run of a batch was not started: %s", error)
    return code


def _leave(run_id: str) -> int:
    """Another task trains this attempt: nothing is written into its run."""
    log.info("run %s is trained by another task; leaving", run_id)
    return EXIT_DONE


def _host() -> str:
    return socket.gethostname()


def _actor() -> str:
    return f"task@{_host()}"


def step_after(run_uri: str, settings: Settings) -> list[str]:
    """Take the queue's step that a task could not take itself because it was killed; the ids of the
    runs started. Called by what waited for the task on this machine.
    """
    workspace, run_id = Workspace.of_run(run_uri, settings)
    return _start_next(workspace, run_id, settings)


def _start_next(workspace: Workspace, run_id: str, settings: Settings) -> list[str]:
    """On a machine of one's own the place that is free now goes to the next run of a batch.

    In a cloud a task may not launch others. Its settings do not name the cloud; the attempt does.
    What has ended is closed by somebody who has the secrets for telling people, which a task lacks.
    """
    launched = workspace.attempt(run_id, workspace.last_event(run_id).attempt)
    if launched is None or not launched.platform == settings.cloud_provider == "local":
        return []
    own = settings.model_copy(update={"workspace": workspace.url})
    return RunService(workspace, open_launcher(own), own).start_waiting(tidy=False)


def _run_attempt(workspace: Workspace, history: History, settings: Settings) -> int:
    _given_up.clear()
    run_id, attempt = history.run_id, history.last.attempt
    with (
        _sigterm_stops(),
        task_log(workspace, run_id, attempt, settings.log_level, settings.log_format),
        heartbeat(
            workspace, run_id, attempt, settings.heartbeat_seconds, _stop_this_process, _actor()
        ),
    ):
        return _Task(workspace, history, attempt, settings.draw_reports).run()


#: Set when the heartbeat has seen that others ended the attempt: leaving is then no failure.
_given_up = threading.Event()


def _stop_this_process() -> None:
    _given_up.set()
    os.kill(os.getpid(), signal.SIGTERM)


class _Task:
    """One attempt. Every way out of it ends in one event, unless someone else has ended the attempt
    already.
    """

    def __init__(
        self, workspace: Workspace, history: History, attempt: int, draw_reports: bool
    ) -> None:
        self._workspace = workspace
        self._history = history
        self._run_id = history.run_id
        self._attempt = attempt
        self._draw_reports = draw_reports
        self._actor = _actor()

    def run(self) -> int:
        try:
            self._work()
        except TransitionRefused as refusal:
            log.info("stopping without results: %s", refusal)
            return EXIT_DONE
        except (_Stopped, KeyboardInterrupt):
            if _given_up.is_set():
                log.info("others have ended the attempt; stopping without results")
                return EXIT_DONE
            return self._end(
                RunState.CRASHED, "The platform stopped the task (SIGTERM).", code=EXIT_STOPPED
            )
        except MemoryError:
            return self._end(RunState.CRASHED, "The task ran out of memory.")
        except Killed as error:
            return self._end(RunState.CRASHED, str(error))
        except StoreError as error:
            return self._end(RunState.CRASHED, str(error))
        except UserError as error:
            return self._end(RunState.FAILED, str(error))
        except Exception as error:  # the border of the process: a defect is told by its id, its trace is in the log
            return self._end(
                RunState.FAILED, f"An unexpected error ended the training ({type(error).__name__})."
            )
        return EXIT_DONE

    def _work(self) -> None:
        # numpy, pyarrow and the engine: loaded when the heartbeat beats and errors are caught.
        kind = study_kind(self._run_id)
        if kind == "stability":
            from mmm.runs.stability import study as work
        elif kind == "certificate":
            from mmm.runs.certification import certify_run as work
        else:
            from mmm.runs.training import train as work

        try:
            work(self._workspace, self._history, self._actor)
            if kind is None and self._draw_reports:
                from mmm.runs.training import draw

                draw(self._workspace, self._run_id)
        finally:
            # What is left is to record the end: a second SIGTERM must not interrupt that.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def _end(self, state: RunState, what: str, code: int = EXIT_FAILED) -> int:
        """Called while the error is being handled: its stack trace goes to the log, its message to
        the user.
        """
        if self._history.refresh().state in FINAL:
            log.info("the run is %s; stopping", LABELS[self._history.last.state])
            return code
        log_id = secrets.token_hex(4)
        log.error("%s: %s (id %s)", state, what, log_id, exc_info=True)
        flush_log()
        error = RunError(what=what, log_id=log_id, exit_code=code)
        try:
            self._history.add(state, self._actor, attempt=self._attempt, message=what, error=error)
        except TransitionRefused as refusal:
            log.info("not recorded: %s", refusal)
        return code


@contextmanager
def _sigterm_stops() -> Iterator[None]:
    """Turn the first SIGTERM into an exception of the main thread while the block runs."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise _Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
