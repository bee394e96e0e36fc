"""`mmm train`."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.cli.work import Of, Slots, Task, work_command
from mmm.runs.task import run_task
from mmm.settings import load_settings
from mmm.workspace import Workspace


def train_command(
    address: Annotated[
        str, typer.Argument(help="The run's address: file:///.../runs/ID or s3://bucket/runs/ID.")
    ],
    task: Task = 0,
    of: Of = 1,
    slots: Slots = 1,
) -> None:
    """Train a starting run: what a training container or process runs. Use `mmm submit` to start
    one. With a batch's address and the options it is `mmm work`: the container has one entrance.

    Example: `mmm train s3://bucket/runs/20260105T080000-1a2b3c4d`.
    """
    if Workspace.is_batch_uri(address):
        work_command(address, task, of, slots)
    raise typer.Exit(run_task(address, load_settings().settings))
