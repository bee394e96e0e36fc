"""`mmm refresh`, `mmm changes`, `mmm accept`: a model brought up to date, what moved, and its
coming into use.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmm.cli import show
from mmm.cli.artifacts import Model
from mmm.cli.data import store_file
from mmm.cli.runs import Run, wait_for
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef
from mmm.experiments.of_run import experiment_of
from mmm.platforms.local.user import local_user
from mmm.runs.service import RunService
from mmm.settings import load_settings

if TYPE_CHECKING:
    pass


def refresh_command(
    run: Run = "latest",
    data: Annotated[
        Path | None, typer.Option(help="A file with the old periods and the new ones.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A dataset's id, in the run's market.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A kept model; default the accepted or recommended one.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Periods to move on by; default all new ones.")
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(
            min=10, help="Candidates of a trial, sweeps of a chain; default the engine's."
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Trials, chains; default the engine's.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the run ends.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Like --wait, and print the progress.")
    ] = False,
) -> None:
    """Bring a model up to date with new periods, as a run of its own; print its id.

    `mmm changes` says what moved and why; nothing is replaced until `mmm accept`.

    Example: `mmm refresh latest --data sales-to-june.csv --follow`.
    """
    from mmm.models.refresh import (
        refresh_experiment,
    )  # numpy and pyarrow, which looking at runs does not need

    if (data is None) == (dataset is None):
        raise UserError(
            "one of them is needed.",
            where="--data or --dataset",
            fix="Give --data FILE or --dataset ID.",
        )
    service = RunService.open(load_settings().settings)
    run_id = service.workspace.find_run(run)
    market = experiment_of(service.workspace, run_id).dataset.market
    found = dataset if data is None else store_file(service.workspace, data, market).dataset_id
    effort = {"iterations": iterations, "trials": trials}
    experiment, findings = refresh_experiment(
        service.workspace,
        run_id,
        DatasetRef(market=market, dataset_id=str(found)),
        model=model,
        steps=steps,
        effort={name: value for name, value in effort.items() if value is not None},
    )
    new_run = service.submit(experiment, local_user())
    typer.echo(new_run)
    said = [str(finding) for finding in findings]
    for warning in dict.fromkeys([*said, *service.workspace.event(new_run, 1).warnings]):
        typer.echo(f"Warning: {warning}", err=True)
    if follow or wait:
        wait_for(service, new_run, quiet=not follow)


def changes_command(run: Run = "latest", model: Model = None) -> None:
    """Say what a refresh moved and why: old and new side by side, by data and by parameters; and how
    well the models before forecast the periods that each refresh brought.

    Example: `mmm changes latest`.
    """
    from mmm.models.forecast_score import scores_of_chain
    from mmm.results import read_results
    from mmm.results.forecast_score import score_table, sentence
    from mmm.results.model_summary import labels_of
    from mmm.results.moves import HEADINGS, finding, moves, shown

    service = RunService.open(load_settings().settings)
    run_id = service.workspace.find_run(run)
    results = read_results(service.workspace, run_id)
    of = results.summary.get("refresh")
    if of is None:
        raise UserError(
            "refreshes no model.",
            where=f"run {run_id}",
            fix="`mmm refresh` starts a run that does.",
        )
    labels = labels_of(results.summary)
    chosen = model or results.summary["model"]["id"]
    numbers = moves(results, chosen, labels)
    show.table(tuple(name.upper() for name in HEADINGS), shown(numbers, labels))
    for warning in service.workspace.event(run_id, 1).warnings:
        typer.echo(f"Warning: {warning}", err=True)
    typer.echo(
        f"\nModel {chosen}, from model {of['model']} of run {of['run']}, {of['steps']} periods on."
    )
    typer.echo(finding(numbers, labels))
    scores = scores_of_chain(service.workspace, run_id)
    if scores:
        typer.echo(f"{sentence(scores[-1][1], labels)}\n")
        show.numbers(score_table(scores), labels)


def accept_command(run: Run, model: Model = None) -> None:
    """Put a run's model to use, in place of the one that its chain of refreshes used so far.

    Example: `mmm accept latest`.
    """
    from mmm.models.refresh import accept

    service = RunService.open(load_settings().settings)
    accepted = accept(service.workspace, service.workspace.find_run(run), local_user(), model)
    before = ""
    if accepted.replaces:
        replaced_run, replaced_model = accepted.replaces
        before = f" in place of model {replaced_model} of run {replaced_run}"
    typer.echo(f"Model {accepted.model_id} of run {accepted.run_id} is in use{before}.")
