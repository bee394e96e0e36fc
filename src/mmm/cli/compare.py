"""`mmm compare`: runs side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.cli import show
from mmm.runs.service import RunService
from mmm.settings import load_settings


def compare_command(
    runs: Annotated[
        list[str], typer.Argument(help="Two to four runs: ids or unambiguous starts of them.")
    ],
) -> None:
    """Put runs side by side, also of different engines or datasets: channels, fit, time, and where
    they agree.

    Example: `mmm compare 20260105T08 20260106T09`.
    """
    from mmm.results.compare import RULE
    from mmm.runs.comparison import compare_runs

    service = RunService.open(load_settings().settings)
    found = compare_runs(service, [service.workspace.find_run(run) for run in runs])
    titles = tuple(side.title for side in found.sides)
    for sentence in (*found.findings, *(f"Note: {limit}" for limit in found.limits)):
        typer.echo(sentence)
    typer.echo("")
    show.table(tuple(name.upper() for name in found.channel_headings()), found.channel_rows())
    typer.echo("")
    show.table(("", *titles), found.facts())
    typer.echo("")
    differing = found.settings()
    if differing:
        show.table(("SETTINGS THAT DIFFER", *(side.letter for side in found.sides)), differing)
    else:
        typer.echo("All settings are the same.")
    typer.echo(f"\n{RULE}")
