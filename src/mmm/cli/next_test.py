"""`mmm next-test`: which test next."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.cli import show
from mmm.cli.runs import Run
from mmm.settings import load_settings
from mmm.workspace import Workspace


def next_test_command(
    run: Run = "latest",
    precision: Annotated[
        float,
        typer.Option(
            min=0.0001,
            max=1.0,
            help="Standard error of a test, as a share of the tested geos' KPI.",
        ),
    ] = 0.02,
) -> None:
    """Say which test is worth more than it costs: what knowing a channel better adds to the plan.

    Example: `mmm next-test latest --precision 0.01`.
    """
    from mmm.models.next_test import tests_of
    from mmm.models.plans import ALL_KEPT, model_to_plan
    from mmm.testing.next_test import HEADINGS, shown

    workspace = Workspace.open(load_settings().settings)
    chosen = model_to_plan(workspace, workspace.find_run(run), ALL_KEPT)
    found = tests_of(chosen, precision)
    typer.echo(found.finding)
    typer.echo("")
    show.table(HEADINGS, shown(found.tests, chosen.labels))
    if found.unknown_value:
        typer.echo("\nA unit of the KPI counts as one unit of money: give the experiment's margin.")
