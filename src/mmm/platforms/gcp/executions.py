"""What Cloud Run says of a job's execution, as this project's task states and in words."""

from __future__ import annotations

from typing import Any

from google.cloud.run_v2 import Condition

from mmm.platforms.base import TaskState, TaskStatus, exit_reason

#: The container whose argument is the run's address and whose end is the task's.
CONTAINER = "training"
#: The variable that tells the attempt's execution from others of the job.
NAME_VARIABLE = "TASK_NAME"

_COMPLETED = "Completed"
_TOLD = (Condition.ExecutionReason.CANCELLED, Condition.ExecutionReason.CANCELLING)
_OUT_OF_MEMORY = (
    "memory limit",
    "it ran out of memory",
    "Give the training job more, or the experiment fewer candidates",
)
#: Parts of Cloud Run's own words, what they mean here, and what to do. The first match counts.
_WORDS = (
    _OUT_OF_MEMORY,
    (
        "timeout",
        "it took longer than the job allows",
        "Raise MMM_TASK_TIMEOUT_SECONDS, or give the experiment fewer candidates",
    ),
    (
        "secret",
        "Google Cloud could not get its secrets",
        "Check that each has a version and that the job's service account may read it",
    ),
    (
        "image",
        "its image could not be fetched",
        "Check that it was pushed and that Cloud Run may read the registry",
    ),
    ("quota", "the project's quota has no room for it", "Try again later, or have it raised"),
    ("service account", "Google Cloud could not run it under its account", "Check that it exists"),
    ("resources", "Google Cloud had no room for it", "Try again later"),
)


def in_words(said: str) -> str:
    """Cloud Run's reason with what it means and what to do, as the rest of a sentence, without a
    full stop at its end.
    """
    said = said.strip().rstrip(".")
    if not said:
        return "Google Cloud gives no reason"
    for part, meaning, advice in _WORDS:
        if part in said.lower():
            return f"{meaning} (Google Cloud says: {said}). {advice}"
    return f"Google Cloud says: {said}"


def mark(execution: Any) -> tuple[str, str]:
    """(run's address, task's name) that `submit` gave this execution; empty for one by hand."""
    for container in execution.template.containers:
        names = [one.value for one in container.env if one.name == NAME_VARIABLE]
        if names and container.args:
            return container.args[0], names[0]
    return "", ""


def has_succeeded(execution: Any) -> bool:
    """Whether tasks of it have succeeded and none has failed."""
    return bool(execution.succeeded_count) and not execution.failed_count


def is_over(execution: Any) -> bool:
    """Whether its end can be told: then its task's last attempt says how."""
    completed = _condition(execution, _COMPLETED)
    ended = (Condition.State.CONDITION_FAILED, Condition.State.CONDITION_SUCCEEDED)
    return bool(execution.completion_time) or (completed is not None and completed.state in ended)


def execution_status(execution: Any, attempt: Any = None) -> TaskStatus:
    """The status of an execution of one task; `attempt` is the result of the task's last attempt.

    An execution that was cancelled counts as stopped: Cloud Run kills it ten seconds after it was
    told, whatever it does until then.
    """
    began = execution.start_time or None
    if _was_cancelled(execution):
        return TaskStatus(TaskState.STOPPED, _exit_code(attempt), "it was stopped", began)
    if is_over(execution):
        if has_succeeded(execution):
            return TaskStatus(TaskState.STOPPED, 0, exit_reason(0), began)
        code = _exit_code(attempt)
        return TaskStatus(TaskState.STOPPED, code, _why(execution, attempt, code), began)
    if began is None and not execution.running_count:
        return TaskStatus(TaskState.PENDING, reason=_waits_for(execution))
    return TaskStatus(TaskState.RUNNING, began=began)


def _condition(execution: Any, kind: str) -> Any:
    return next((one for one in execution.conditions if one.type_ == kind), None)


def _was_cancelled(execution: Any) -> bool:
    told = any(one.execution_reason in _TOLD for one in execution.conditions)
    return told or execution.cancelled_count > 0


def _exit_code(attempt: Any) -> int | None:
    """None where the container gave none: it was never started, or was taken away."""
    if attempt is None:
        return None
    if attempt.term_signal:
        return 128 + int(attempt.term_signal)
    if attempt.exit_code or not attempt.status.code:
        return int(attempt.exit_code)
    return None


def _why(execution: Any, attempt: Any, code: int | None) -> str:
    told = attempt.status.message if attempt is not None else ""
    completed = _condition(execution, _COMPLETED)
    said = told or (completed.message if completed is not None else "")
    if _OUT_OF_MEMORY[0] in said.lower() or not code:
        return in_words(said)
    return exit_reason(code)


def _waits_for(execution: Any) -> str:
    """What keeps it from starting: the newest condition that says something, else the usual."""
    said = [
        one.message
        for one in execution.conditions
        if one.message and one.state is not Condition.State.CONDITION_SUCCEEDED
    ]
    return in_words(said[-1]) if said else "Google Cloud is looking for a machine"
