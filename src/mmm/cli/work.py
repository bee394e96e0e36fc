"""`mmm work`."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.settings import load_settings

Task = Annotated[
    int,
    typer.Option(
        min=0,
        envvar=["CLOUD_RUN_TASK_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"],
        show_envvar=False,
        help="Which task of the batch's job this is, from 0; on a cloud it says so itself.",
    ),
]
Of = Annotated[int, typer.Option("--of", min=1, help="How many tasks the job has.")]
Slots = Annotated[int, typer.Option(min=1, help="Runs that this task trains at the same time.")]


def work_command(
    batch: Annotated[
        str, typer.Argument(help="The batch's address: file:///.../batches/ID, s3:// or gs://.")
    ],
    task: Task = 0,
    of: Of = 1,
    slots: Slots = 1,
) -> None:
    """Train a task's share of a batch: what a task of a batch's job runs.

    The share is every `--of`-th run from run `--task` on; those that have ended are left alone.

    Example: `mmm work s3://bucket/batches/20260105T080000-1a2b3c4d --task 0 --of 4 --slots 2`.
    """
    from mmm.runs.work import work

    raise typer.Exit(work(batch, load_settings().settings, task=task, of=of, slots=slots))
