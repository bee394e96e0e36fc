"""What a platform must give: a way to start training tasks and a place for secrets. The object store is obstore's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class TaskState(StrEnum):
    """What the platform itself knows of a task; the run's own state lies in its events."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPED = "stopped"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class TaskStatus:
    state: TaskState
    exit_code: int | None = None
    reason: str = ""


class TaskLauncher(Protocol):
    """Starts training tasks. A handle is a short text that a later process can use to find the task again."""

    def submit(self, run_uri: str, name: str) -> str:
        """Start `mmm train run_uri` as a task that outlives the caller; return its handle."""
        ...

    def describe(self, handle: str) -> TaskStatus: ...

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        """Ask the task to stop, then make it stop. A task that is gone already is no error."""
        ...

    def logs(self, handle: str) -> Iterator[str]:
        """The task's raw output so far: what it printed before or outside its own log."""
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
