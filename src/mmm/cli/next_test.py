"""`mmm next-test`: which test next."""

from __future__ import annotations

from typing import Annotated

import numpy as np
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
    from mmm.models.plans import ALL_KEPT, model_to_plan
    from mmm.results import read_results
    from mmm.testing.next_test import HEADINGS, finding, next_tests, shown

    workspace = Workspace.open(load_settings().settings)
    run_id = workspace.find_run(run)
    chosen = model_to_plan(workspace, run_id, ALL_KEPT)
    fit = read_results(workspace, run_id)["fit"]
    first = fit["model_id"][0]
    actual = fit.filter(np.array([item == first for item in fit["model_id"]]))["actual"]
    kpi = float(np.nanmean(actual.to_numpy(zero_copy_only=False).astype(float)))
    tests = next_tests(chosen.history, chosen.planned, chosen.labels, kpi, precision=precision)
    rows = chosen.history.rows("all")
    certain = len(chosen.planned.response(rows, "follows").weights) < 2
    typer.echo(finding(tests, chosen.labels, certain=certain))
    typer.echo("")
    show.table(HEADINGS, shown(tests, chosen.labels))
    if chosen.planned.known.unit_value is None:
        typer.echo("\nA unit of the KPI counts as one unit of money: give the experiment's margin.")
