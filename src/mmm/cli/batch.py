"""`mmm batch`: one experiment on several datasets or with several settings, so many runs at a time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmm.cli import show
from mmm.cli.templates import parse_content
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.runs import wording
from mmm.runs.service import POLL_SECONDS, RunService
from mmm.settings import load_settings
from mmm.workspace.models import BatchDocument, RunState

if TYPE_CHECKING:
    from mmm.runs.status import RunStatus

batch_command = typer.Typer(
    name="batch",
    help="Run an experiment on several datasets or with several settings.",
    no_args_is_help=True,
)
Batch = Annotated[
    str, typer.Argument(help="A batch's id, an unambiguous start of one, or `latest`.")
]
_ENDED_BADLY = 1


@batch_command.command("submit")
def submit(
    experiment: Annotated[
        Path | None, typer.Argument(help="The experiment, a JSON file; or give --template.")
    ] = None,
    template: Annotated[str | None, typer.Option(help="A template, NAME or NAME@VERSION.")] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(help="MARKET/DATASET, or MARKET/latest; repeat it. Default the experiment's."),
    ] = None,
    variants: Annotated[
        Path | None,
        typer.Option(
            help='A JSON file of settings by name: {"short": {"trials": 2}, "long": {...}}.'
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="A name for the batch.")] = "",
    follow_it: Annotated[
        bool, typer.Option("--follow", help="Wait for all runs, printing what changes.")
    ] = False,
) -> None:
    """Check every run first, then queue them all; print the batch's id. Nothing starts where one of
    them cannot.

    Example: `mmm batch submit --template weekly --dataset DE/latest --dataset FR/latest --follow`.
    """
    from mmm.data.references import find_dataset
    from mmm.experiments.config import DatasetRef
    from mmm.experiments.templates import load_template
    from mmm.runs.batch import AS_GIVEN, planned, submit_batch

    service = _service()
    if (experiment is None) == (template is None):
        raise UserError("give an experiment's file or --template, one of them.", where="batch")
    if experiment:
        content = parse_content(experiment)
    else:
        content = load_template(service.workspace, str(template)).experiment
    own = content.get("dataset") or {}
    names = dataset or ([f"{own.get('market')}/{own.get('dataset_id')}"] if own else [])
    found = [find_dataset(service.workspace, item) for item in names]
    refs = [DatasetRef(market=item.market, dataset_id=item.dataset_id) for item in found]
    batch = submit_batch(
        service, planned(content, refs, _variants(variants) or AS_GIVEN), local_user(), name=name
    )
    typer.echo(batch.batch_id)
    for member in batch.members:
        for warning in member.warnings:
            typer.echo(f"Warning: {member.label}: {warning}", err=True)
    if follow_it:
        _follow(service, batch)


@batch_command.command("list")
def list_() -> None:
    """List the batches, newest first.

    Example: `mmm batch list`.
    """
    service = _service()
    service.start_waiting()
    rows = []
    found = service.workspace.batches(service.workspace.batch_ids())
    for batch in found:
        states = _counts(service.look_at(batch))
        rows.append((batch.batch_id, batch.name or "-", show.moment(batch.at), batch.actor, states))
    show.table(("BATCH", "NAME", "SUBMITTED", "BY", "RUNS"), rows)
    show.unreadable(found.unreadable)


@batch_command.command("show")
def show_(batch: Batch = "latest") -> None:
    """Show the runs of a batch.

    Example: `mmm batch show latest`.
    """
    from mmm.runs.batch import batch_statuses, first_wait

    service = _service()
    found = service.workspace.find_batch(batch)
    statuses = batch_statuses(service, found)
    rows = [
        (
            run.run_id,
            run.label,
            run.name,
            wording.duration(run.seconds),
            show.short(wording.what_now(run)),
        )
        for run in statuses
    ]
    show.table(("RUN", "STATE", "NAME", "TOOK", ""), rows)
    typer.echo(f"\n{_counts(statuses)}")
    if (waits := first_wait(statuses)) is not None:
        typer.echo(wording.waiting(waits))
    done = [status.run_id for status in statuses if status.state is RunState.SUCCEEDED]
    if 2 <= len(done) <= 4:
        typer.echo(f"Compare them: mmm compare {' '.join(done)}")


@batch_command.command("follow")
def follow(batch: Batch = "latest") -> None:
    """Start the batch's runs as places become free, until all have ended; exit code 1 if one ended
    badly.

    Example: `mmm batch follow latest`.
    """
    service = _service()
    _follow(service, service.workspace.find_batch(batch))


@batch_command.command("step")
def step() -> None:
    """Start what may start of all batches, and end: for a scheduler that keeps batches going while
    nobody looks.

    Example: `mmm batch step`.
    """
    for run_id in _service().start_waiting():
        typer.echo(run_id)


@batch_command.command("cancel")
def cancel(batch: Batch) -> None:
    """Stop every run of a batch that has not ended.

    Example: `mmm batch cancel latest`.
    """
    from mmm.runs.batch import cancel_batch

    service = _service()
    count = cancel_batch(service, service.workspace.find_batch(batch), local_user())
    typer.echo(f"{count} runs cancelled")


@batch_command.command("retry")
def retry(
    batch: Batch = "latest",
    follow_it: Annotated[
        bool, typer.Option("--follow", help="Wait for all runs, printing what changes.")
    ] = False,
) -> None:
    """Try the runs of a batch again that failed, crashed or timed out, each as its next attempt.

    They wait for their turn as at first; cancelled runs stay cancelled.

    Example: `mmm batch retry latest --follow`.
    """
    from mmm.runs.batch import retry_batch

    service = _service()
    found = service.workspace.find_batch(batch)
    typer.echo(f"{retry_batch(service, found, local_user())} runs queued again")
    if follow_it:
        _follow(service, found)


def _follow(service: RunService, batch: BatchDocument) -> None:
    from mmm.runs.batch import batch_statuses

    told: dict[str, str] = {}
    while True:  # Ctrl-C ends the looking, not the runs
        statuses = batch_statuses(service, batch)
        for status in statuses:
            if told.get(status.run_id) != status.label:
                told[status.run_id] = status.label
                typer.echo(
                    f"{show.moment(status.updated)}  {status.run_id}  {status.label:<9}  {status.name}"
                )
        if all(status.final for status in statuses):
            break
        time.sleep(POLL_SECONDS)
    typer.echo(_counts(statuses))
    if any(status.state is not RunState.SUCCEEDED for status in statuses):
        raise typer.Exit(_ENDED_BADLY)


def _counts(statuses: list[RunStatus]) -> str:
    labels = [status.label for status in statuses]
    return ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))


def _variants(file: Path | None) -> dict[str, dict[str, Any]]:
    if file is None:
        return {}
    content = parse_content(file)
    if not all(isinstance(item, dict) for item in content.values()):
        raise UserError(
            "must hold settings by name.", where=str(file), fix='Write {"short": {"trials": 2}}.'
        )
    return content


def _service() -> RunService:
    return RunService.open(load_settings().settings)
