"""A platform that starts nothing, and batches without data: for who may begin, when, and what is seen."""

from __future__ import annotations

from collections.abc import Iterator

from mmm.errors import UserError
from mmm.platforms.base import TaskState, TaskStatus
from mmm.runs.batch_board import begin
from mmm.workspace import Workspace
from mmm.workspace.models import BatchDocument, BatchMember
from mmm.workspace.names import new_id, new_ids, utc_now


class Launcher:
    """Says that a task runs, and starts none."""

    def __init__(self) -> None:
        self.launched: list[str] = []
        self.refuses = ""

    def submit(self, run_uri: str, name: str) -> str:
        if self.refuses and self.refuses in run_uri:
            raise UserError("not allowed.", where=name)
        self.launched.append(run_uri.rpartition("/")[2])
        return run_uri

    def describe(self, handle: str) -> TaskStatus:
        return TaskStatus(TaskState.PENDING)

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None: ...

    def logs(self, handle: str) -> Iterator[str]:
        return iter(())


def stored_batch(
    workspace: Workspace, runs: int, *, marked: bool = True, platform: str = "local"
) -> BatchDocument:
    """A batch whose runs wait; none has an experiment or data."""
    members = tuple(
        BatchMember(run_id=run_id, label=f"market {number}", market="DE", dataset_id="0" * 16)
        for number, run_id in enumerate(new_ids(runs))
    )
    batch = BatchDocument(
        batch_id=new_id(), name="", at=utc_now(), actor="ann", engine="ridge", members=members,
        marked=marked, platform=platform,
    )  # fmt: skip
    workspace.save_batch(batch)
    begin(workspace, batch)
    return batch
