"""What ECS says of a task, as this project's task states and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmm.platforms.base import TaskState, TaskStatus, exit_reason

#: The container whose command is the run's address and whose end is the task's.
CONTAINER = "training"

_WAITING = {
    "PROVISIONING": "AWS is looking for a machine and a network address",
    "PENDING": "AWS is fetching the image",
    "ACTIVATING": "AWS is starting it",
}
#: From DEPROVISIONING on its containers are gone; ECS still takes the network away.
_OVER = ("DEPROVISIONING", "STOPPED", "DELETED")
#: Parts of ECS's own words (documented as stopped task errors and API failure reasons), what they
#: mean here, and what to do. The first match counts.
_WORDS = (
    (
        "OutOfMemory",
        "it ran out of memory",
        "Give the training task more, or the experiment fewer candidates",
    ),
    (
        "CannotPull",
        "its image could not be fetched",
        "Check that it was pushed, the execution role and the way to ECR",
    ),
    (
        "unable to pull secrets or registry auth",
        "AWS could not get its image or secrets",
        "Check the execution role and the way to ECR and Secrets Manager",
    ),
    (
        "ResourceInitializationError",
        "AWS could not set it up",
        "Check the network, the log group and the execution role",
    ),
    (
        "network interface",
        "its network did not come up",
        "Check the subnets and their free addresses",
    ),
    (
        "Capacity is unavailable",
        "AWS had no capacity for it",
        "Try again later, or name subnets of more zones",
    ),
    ("RESOURCE:", "the cluster had no room for it", "Try again later"),
    ("Spot Task was interrupted", "AWS took its Spot capacity back", "Try again"),
)

#: Parts of ECS's reasons for which the same task may be taken later.
_NO_ROOM = ("capacity is unavailable", "resource:")


def is_no_room(ecs: str) -> bool:
    """Whether ECS's reason says that there is no room now, rather than that the task is wrong."""
    return any(part in ecs.lower() for part in _NO_ROOM)


def in_words(ecs: str) -> str:
    """ECS's reason with what it means and what to do, as the rest of a sentence, without a full
    stop at its end.
    """
    ecs = ecs.strip().rstrip(".")
    if not ecs:
        return "AWS gives no reason"
    for part, meaning, advice in _WORDS:
        if part.lower() in ecs.lower():
            return f"{meaning} (AWS says: {ecs}). {advice}"
    return f"AWS says: {ecs}"


def task_status(task: Mapping[str, Any]) -> TaskStatus:
    """The status of one task of DescribeTasks.

    A task that was told to stop counts as stopped: ECS kills it after its `stopTimeout`, whatever
    it does until then.
    """
    last = str(task.get("lastStatus", ""))
    told = task.get("desiredStatus") == "STOPPED" and task.get("stopCode") == "UserInitiated"
    if last in _OVER or told:
        code = _container(task).get("exitCode")
        return TaskStatus(TaskState.STOPPED, code, _why(task, code), task.get("startedAt"))
    if last in _WAITING:
        return TaskStatus(TaskState.PENDING, reason=_WAITING[last])
    return TaskStatus(TaskState.RUNNING, began=task.get("startedAt"))


def _container(task: Mapping[str, Any]) -> Mapping[str, Any]:
    containers = task.get("containers") or [{}]
    found: Mapping[str, Any] = next(
        (one for one in containers if one.get("name") == CONTAINER), containers[0]
    )
    return found


def _why(task: Mapping[str, Any], code: int | None) -> str:
    reason, stopped = (
        str(part or "") for part in (_container(task).get("reason"), task.get("stoppedReason"))
    )
    if reason:
        return in_words(reason)
    match task.get("stopCode"):
        case "UserInitiated":
            return f"it was stopped ({stopped or 'no reason given'})"
        case "EssentialContainerExited" if code is not None:
            return exit_reason(code)
    return in_words(stopped) if stopped or code is None else exit_reason(code)
