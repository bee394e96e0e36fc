"""`mmm dispatch`."""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import Annotated

import typer

from mmm.runs.dispatch import Dispatcher, dispatchers
from mmm.settings import load_settings
from mmm.workspace import Workspace


def dispatch_command(
    once: Annotated[
        bool, typer.Option("--once", help="Take one round and end, for a scheduler.")
    ] = False,
    after: Annotated[
        str | None,
        typer.Option(
            help="A local run's or batch's address: start what its killed task cannot.", hidden=True
        ),
    ] = None,
) -> None:
    """Keep things going while nobody looks: find lost tasks, start what waits, act on schedules.

    Each web process does the same, every MMM_DISPATCH_SECONDS. Several at once do no harm.

    Example: `mmm dispatch`, or `mmm dispatch --once` every minute from a scheduler.
    """
    settings = load_settings().settings
    if after is not None and Workspace.is_batch_uri(after):
        from mmm.runs.work import step_after_work

        step_after_work(after, settings)
        return
    if after is not None:
        from mmm.runs.task import step_after

        _print(step_after(after, settings))
        return
    if once:
        _print(Dispatcher.of(settings).round())
        return
    logging.basicConfig(level=settings.log_level)
    stop = Event()
    queue, *chores = dispatchers(settings)
    for one in chores:
        Thread(target=one.run, args=(stop,), daemon=True).start()
    queue.run(stop)


def _print(run_ids: list[str]) -> None:
    for run_id in run_ids:
        typer.echo(run_id)
