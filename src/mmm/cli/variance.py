"""`mmm commit` and `mmm variance`: the plan of record, and what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import show
from mmm.cli.artifacts import Model
from mmm.cli.runs import Run
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import Workspace


def commit_command(
    plan: Annotated[str, typer.Argument(help="A saved plan of the periods ahead.")],
) -> None:
    """Make a saved plan the plan of record: what the coming periods are held against.

    Example: `mmm commit 20260105T080910-1a2b3c4d`.
    """
    from mmm.models.plan_of_record import commit

    commit(Workspace.open(load_settings().settings), plan, local_user())
    typer.echo(f"Plan {plan} is the plan of record.")


def variance_command(
    run: Run = "latest",
    model: Model = None,
    plan: Annotated[
        str | None, typer.Option(help="A saved plan; default the plan of record.")
    ] = None,
    actuals: Annotated[
        Path | None,
        typer.Option(
            help="A table of dates, spends and KPI of the plan's periods, where no run has them yet."
        ),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table to a CSV file.")] = None,
) -> None:
    """Hold a plan against what became of it, with a run whose data reach into its periods.

    Example: `mmm variance latest --csv variance.csv`.
    """
    from mmm.models.flighting import read_table
    from mmm.models.plan_of_record import (
        actuals_for,
        require_record,
        variance_of_actuals,
        variance_to_plan,
    )
    from mmm.results.tables_out import write_csv

    workspace = Workspace.open(load_settings().settings)
    run_id = workspace.find_run(run)
    if actuals is None:
        found = variance_to_plan(workspace, run_id, plan, model)
    else:
        plan_id = plan or require_record(workspace, run_id).plan_id
        given = actuals_for(workspace, plan_id, read_table(actuals), str(actuals))
        found = variance_of_actuals(workspace, plan_id, given)
    if csv is not None:
        write_csv(found.found.channels, csv)
    for sentence in found.findings():
        typer.echo(sentence)
    typer.echo("")
    labels = found.labels
    rows: list[tuple[str, ...]] = []
    for row in found.found.channels.to_pylist():
        money = (labels.money(row["spend_planned"]), labels.money(row["spend_delivered"]))
        names = ("response_planned", "by_spend", "by_response", "response_now")
        rows.append((row["channel"], *money, *(labels.effect(row[name]) for name in names)))
    headings = ("CHANNEL", "PLANNED", "SPENT", "RESPONSE", "BY SPEND", "BY RESPONSE", "NOW")
    show.table(headings, rows)
