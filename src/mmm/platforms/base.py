"""What a platform must give: a way to start training tasks and a place for secrets. The object
store is obstore's.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from mmm.errors import UserError

_SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")


class NoRoom(UserError):
    """The platform takes no task at the moment and may take one later; it has started nothing.

    `patience_seconds` is how long that may last before it is a fault after all, None for ever.
    """

    def __init__(
        self, what: str, *, where: str = "", fix: str = "", patience_seconds: float | None = None
    ) -> None:
        super().__init__(what, where=where, fix=fix)
        self.patience_seconds = patience_seconds


class TaskState(StrEnum):
    """What the platform itself knows of a task; the run's own state lies in its events."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class TaskStatus:
    """`began` is when its process was started, where the platform says so: it may have waited for a
    machine before.
    """

    state: TaskState
    exit_code: int | None = None
    reason: str = ""
    began: datetime | None = None


def exit_reason(code: int) -> str:
    """An exit code in words. Shells and container runtimes add 128 to the number of the signal that
    ended the task.
    """
    if code <= 128:
        return f"it ended with exit code {code}"
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        return f"it ended with exit code {code}"
    return f"it was killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")


def checked_secret_name(name: str) -> str:
    """The name, if every platform's secret store can keep it; UserError otherwise."""
    if not _SECRET_NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot be the name of a secret.", fix="Use letters, digits and . _ -"
        )
    return name


class TaskLauncher(Protocol):
    """Starts training tasks. A handle is a short text that a later process can use to find the task
    again.
    """

    def submit(self, run_uri: str, name: str) -> str:
        """Start `mmm train run_uri` as a task that outlives the caller; return its handle.

        NoRoom when the platform takes no task now and may later; UserError when it never will.
        """
        ...

    def describe(self, handle: str) -> TaskStatus: ...

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        """Ask the task to stop, then make it stop. A task that is gone already is no error."""
        ...

    def logs(self, handle: str) -> Iterator[str]:
        """The task's raw output so far: what it printed before or outside its own log."""
        ...


@runtime_checkable
class JobLauncher(Protocol):
    """What a platform's launcher may offer besides: one job of many tasks for a whole batch. Its
    handle is described and cancelled like a task's; it is stopped when no task goes on.
    """

    def submit_job(self, batch_uri: str, name: str, tasks: int, slots: int) -> str:
        """Start `tasks` tasks of `mmm work batch_uri`, each with its number and `slots`; return the
        job's handle. Errors as of `submit`.
        """
        ...


class SecretStore(Protocol):
    """Secrets by name. Values are never logged and never listed."""

    def get(self, name: str) -> str:
        """Return the secret; NotFound when there is none."""
        ...

    def put(self, name: str, value: str) -> None: ...

    def delete(self, name: str) -> None:
        """Delete the secret; deleting a missing one is no error."""
        ...

    def exists(self, name: str) -> bool: ...
