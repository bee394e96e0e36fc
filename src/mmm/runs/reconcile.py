"""Finding runs whose task can no longer speak for itself."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from mmm.errors import UserError
from mmm.platforms.base import TaskLauncher, TaskState, TaskStatus
from mmm.runs.events import FINAL, History, TransitionRefused
from mmm.runs.looks import Looks
from mmm.runs.waiting import waits_of
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import Attempt, RunError, RunEvent, RunState
from mmm.workspace.objects import StoreError
from mmm.workspace.stored import Unreadable

log = logging.getLogger(__name__)

ACTOR = "mmm"
#: In the details of a state that was seen and could not be stored.
NOT_RECORDED = "not_recorded"
_TAIL_LINES = 20
#: A task that is given up has little time to say good-bye: whoever looks at the run waits for it.
_GRACE_SECONDS = 1.0


@dataclass(frozen=True)
class _Verdict:
    state: RunState
    why: str
    exit_code: int | None = None


def reconcile(
    workspace: Workspace, launcher: TaskLauncher, settings: Settings, run_id: str, now: datetime
) -> RunEvent:
    """Compare what the events say with what the platform says; end the run where the task is lost.
    The newest event.
    """
    history = History(workspace, run_id)
    last = history.last
    if last.state in FINAL:
        return last
    launched = True
    try:
        attempt = workspace.attempt(run_id, last.attempt)
        launched = attempt is not None
    except Unreadable as damage:  # judged by its signs of life alone
        log.warning("the task of run %s is not known: %s", run_id, damage)
        attempt = None
    if attempt is not None and attempt.platform != settings.cloud_provider:
        attempt = None
    task = launcher.describe(attempt.handle) if attempt else None
    if last.state is RunState.STARTING and not launched:
        verdict = _judge_launch(settings, last, now)
    else:
        verdict = _judge(workspace, settings, run_id, last, task, now)
    if verdict is None:
        return last
    # The task may have spoken between the two looks; what it says counts.
    if history.refresh() != last:
        return history.last
    return _end(history, launcher, attempt, verdict)


def end_if_silent(workspace: Workspace, settings: Settings, run_id: str, now: datetime) -> RunEvent:
    """End a run under way that gives no sign of life, whatever its platform says; the newest event."""
    history = History(workspace, run_id)
    last = history.last
    if last.state is RunState.STARTING:
        verdict = _judge_launch(settings, last, now)
    elif last.state is RunState.RUNNING:
        verdict = _judge(workspace, settings, run_id, last, None, now)
    else:
        return last
    if verdict is None:
        return last
    if history.refresh() != last:
        return history.last
    return _end(history, None, None, verdict)


def _judge_launch(settings: Settings, last: RunEvent, now: datetime) -> _Verdict | None:
    """A launch takes seconds: whoever is at it for longer than a task may be silent was killed."""
    limit = min(settings.start_timeout_seconds, settings.crash_after_seconds)
    if (now - (last.started or last.at)).total_seconds() <= limit:
        return None
    why = f"No task was started within {limit:g} seconds: whoever was starting it is gone."
    return _Verdict(RunState.CRASHED, why)


def _judge(
    workspace: Workspace,
    settings: Settings,
    run_id: str,
    last: RunEvent,
    task: TaskStatus | None,
    now: datetime,
) -> _Verdict | None:
    """Why the run must be ended, None while all is well."""
    since = last.started or last.at
    age = (now - since).total_seconds()
    if last.state is RunState.QUEUED and (last.details.get("batch") or waits_of(last)):
        return None  # it waits for its turn or for room, however long that takes
    if last.state is RunState.QUEUED or (last.state is RunState.STARTING and task is None):
        if age <= settings.start_timeout_seconds:
            return None
        return _Verdict(
            RunState.CRASHED,
            f"No task was started within {settings.start_timeout_seconds:g} seconds.",
        )
    if age > settings.task_timeout_seconds:
        return _Verdict(
            RunState.TIMED_OUT, f"It took longer than {settings.task_timeout_seconds:g} seconds."
        )
    if task is not None and task.state is TaskState.STOPPED:
        why = f"The task is gone without a result: {task.reason or 'the platform gives no reason'}."
        return _Verdict(RunState.CRASHED, why, task.exit_code)
    if task is not None and task.state is TaskState.PENDING:
        if age <= settings.start_timeout_seconds:
            return None
        what = f"The task did not begin within {settings.start_timeout_seconds:g} seconds"
        return _Verdict(RunState.CRASHED, _because(what, task))
    return _judge_silence(workspace, settings, run_id, last, task, now)


def _judge_silence(
    workspace: Workspace,
    settings: Settings,
    run_id: str,
    last: RunEvent,
    task: TaskStatus | None,
    now: datetime,
) -> _Verdict | None:
    """A task of this machine is judged by its clock; another one by two looks that saw the same."""
    signs = [last.at]
    if task is not None and task.began is not None:
        signs.append(task.began)
    heartbeat = workspace.heartbeat(run_id)
    if heartbeat is not None and heartbeat.attempt == last.attempt:
        signs.append(heartbeat.at)
    silent = (now - max(signs)).total_seconds()
    here = (
        settings.cloud_provider == "local" and task is not None and task.state is TaskState.RUNNING
    )
    if not here:
        sign = f"{last.number} {max(signs).isoformat()}"
        since = Looks(settings.cache_dir, workspace.url).same_since(run_id, sign, now)
        silent = (now - since).total_seconds()
    if silent <= settings.crash_after_seconds:
        return None
    return _Verdict(
        RunState.CRASHED,
        _because(f"The task has given no sign of life for {silent:.0f} seconds", task),
    )


def _because(what: str, task: TaskStatus | None) -> str:
    return f"{what}: {task.reason}." if task is not None and task.reason else f"{what}."


def _end(
    history: History, launcher: TaskLauncher | None, attempt: Attempt | None, verdict: _Verdict
) -> RunEvent:
    output = _last_lines(launcher, attempt) if attempt and launcher else []
    error = RunError(what=verdict.why, exit_code=verdict.exit_code, output="\n".join(output))
    number = history.last.attempt
    try:
        event = history.add(verdict.state, ACTOR, attempt=number, message=verdict.why, error=error)
    except TransitionRefused:
        return history.last
    except StoreError as failure:  # full, or for reading only: what is seen is told all the same
        log.warning("the end of run %s could not be recorded: %s", history.run_id, failure)
        return _unrecorded(history.last, verdict, error)
    if attempt is not None and launcher is not None:
        try:
            launcher.cancel(attempt.handle, _GRACE_SECONDS)
        except (
            UserError
        ) as failure:  # the run has ended all the same; a task that lives sees that and stops
            log.warning("the task of run %s could not be stopped: %s", history.run_id, failure)
    return event


def _unrecorded(last: RunEvent, verdict: _Verdict, error: RunError) -> RunEvent:
    """What the event would be. `details` say that it is not stored: nobody may keep it."""
    seen = {"state": verdict.state, "message": verdict.why, "error": error}
    return last.model_copy(update={**seen, "details": {**last.details, NOT_RECORDED: True}})


def _last_lines(launcher: TaskLauncher, attempt: Attempt) -> list[str]:
    try:
        return list(deque(launcher.logs(attempt.handle), _TAIL_LINES))
    except UserError as failure:
        return [f"(What it printed cannot be read: {failure})"]
