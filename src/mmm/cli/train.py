"""`mmm train`."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.runs.task import run_task
from mmm.settings import load_settings


def train_command(
    run_uri: Annotated[
        str, typer.Argument(help="The run's address: file:///.../runs/ID or s3://bucket/runs/ID.")
    ],
) -> None:
    """Train a starting run: what a training container or process runs. Use `mmm submit` to start
    one.

    Example: `mmm train s3://bucket/runs/20260105T080000-1a2b3c4d`.
    """
    raise typer.Exit(run_task(run_uri, load_settings().settings))
