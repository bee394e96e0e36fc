"""`mmm submit`, `runs`, `status`, `logs`, `cancel`, `retry`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mmm.cli import EXIT_INTERRUPTED, show
from mmm.cli.data import store_file
from mmm.errors import UserError
from mmm.experiments.config import DatasetRef, Experiment, with_preset
from mmm.platforms.local.user import local_user
from mmm.runs import wording
from mmm.runs.events import LABELS
from mmm.runs.service import RunService
from mmm.runs.status import RunStatus
from mmm.runs.waiting import waits_of
from mmm.settings import load_settings
from mmm.workspace.models import RunState

Run = Annotated[str, typer.Argument(help="A run's id, an unambiguous start of one, or `latest`.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EXIT_RUN_ENDED_BADLY = 1


def submit_command(
    experiment: Annotated[Path, typer.Argument(help="The experiment, a JSON file.")],
    data: Annotated[
        Path | None,
        typer.Option(help="A CSV, Parquet or Excel file to use in place of the dataset it names."),
    ] = None,
    market: Annotated[
        str | None, typer.Option(help="The market of --data; default the experiment's.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the run ends; exit code 1 if it ends badly.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Like --wait, and print the progress.")
    ] = False,
    events: Annotated[
        Path | None,
        typer.Option(help="A table of holidays or events (date or start and end, name)."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Take the engine's settings of this size: fast, standard, thorough."),
    ] = None,
    estimate: Annotated[
        bool,
        typer.Option(
            "--estimate",
            help="Check it, say what it will take and what its data can tell; start nothing.",
        ),
    ] = False,
    prior: Annotated[
        bool,
        typer.Option(
            "--prior", help="Say what it expects of each channel before the data; start nothing."
        ),
    ] = False,
) -> None:
    """Check an experiment against its data and start a run of it; print the run's id.

    The experiment names a dataset by market and id, as `mmm ingest` prints it, or "latest", and
    gives its mapping in full or names a saved one: NAME or NAME@VERSION. The run keeps what they
    stood for. With --data FILE, FILE is stored as a dataset first and the experiment need not name
    one.

    Example: `mmm submit experiment.json --follow`, or `mmm submit experiment.json --data sales.csv
    --preset fast`.
    """
    from mmm.experiments.submission import (
        read_experiment,
    )  # numpy and pyarrow, which looking at runs does not need

    service = _service()
    if data is None and market is not None:
        raise UserError(
            "is the market of --data, which is not given.", where="--market", fix="Add --data FILE."
        )
    if data is None:
        content = read_file(experiment)
        chosen = read_experiment(service.workspace, content, where=str(experiment))
    else:
        chosen = _with_data(service, experiment, data, market)
    if events is not None:
        chosen = _with_events(chosen, events)
    if preset is not None:
        chosen = with_preset(chosen, preset)
    if estimate:
        _print_estimate(service, chosen)
        return
    if prior:
        _print_prior(service, chosen)
        return
    run_id = service.submit(chosen, local_user())
    typer.echo(run_id)
    for warning in service.workspace.event(run_id, 1).warnings:
        typer.echo(f"Warning: {warning}", err=True)
    _print_wait(service, run_id)
    if follow or wait:
        wait_for(service, run_id, quiet=not follow)


def _print_wait(service: RunService, run_id: str) -> None:
    """Why the run was not started, when the platform had no room for it."""
    waits = waits_of(service.workspace.last_event(run_id))
    if waits is not None:
        typer.echo(f"Waiting: {wording.waiting(waits)}", err=True)


def _with_events(experiment: Experiment, file: Path) -> Experiment:
    """The experiment with a file's holidays or events added to its own."""
    import pyarrow as pa

    from mmm.experiments.config import EventConfig
    from mmm.experiments.submission import events_of
    from mmm.sources.guarded import GuardedFile

    with GuardedFile(file).batches() as batches:
        table = pa.Table.from_batches(batches, batches.schema)
    added = [EventConfig.model_validate(item) for item in events_of(table, str(file))]
    return experiment.model_copy(update={"events": (*experiment.events, *added)})


def _print_prior(service: RunService, experiment: Experiment) -> None:
    """What the experiment's settings expect before the data, in words and as a table."""
    from mmm.engines import load_engine
    from mmm.engines.capabilities import Previews, asked
    from mmm.experiments.problem import build_problem
    from mmm.format import Labels
    from mmm.results.learnt import expected_rows

    engine = asked(load_engine(experiment.engine), Previews, "have no priors to show")
    dataset = experiment.dataset
    table = service.workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(experiment, table)
    labels = Labels(problem.kpi_name, problem.kpi_kind, problem.currency, problem.step_days)
    length = problem.window[1] - problem.window[0] + 1
    shown = engine.preview(
        experiment.engine_settings(), "", length=length, period=labels.period, problem=problem
    )
    for sentence in shown.sentences:
        typer.echo(sentence)
    if shown.expected:
        show.table(("OF", "WHAT", "LOW", "MIDDLE", "HIGH"), expected_rows(shown.expected, labels))


def _print_estimate(service: RunService, experiment: Experiment) -> None:
    from mmm.experiments.problem import build_problem
    from mmm.results.certified import before_of
    from mmm.runs.estimate import estimate_of

    for finding in service.check(experiment):
        typer.echo(f"Warning: {finding}", err=True)
    typer.echo(estimate_of(service, experiment).sentence())
    dataset = experiment.dataset
    table = service.workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(experiment, table)
    typer.echo("\nWhat the data alone can tell:")
    for sentence in before_of(problem):
        typer.echo(sentence)


def _with_data(service: RunService, experiment: Path, data: Path, market: str | None) -> Experiment:
    """The experiment on a file's dataset. The file is stored once everything else in the experiment
    is valid.
    """
    from mmm.experiments.submission import read_experiment  # see `submit_command`

    text = read_file(experiment)
    replaced = {"dataset_id": "-"} | ({} if market is None else {"market": market})
    checked = read_experiment(service.workspace, text, where=str(experiment), dataset=replaced)
    stored = store_file(service.workspace, data, checked.dataset.market)
    return checked.model_copy(
        update={"dataset": DatasetRef(market=stored.market, dataset_id=stored.dataset_id)}
    )


def runs_command(as_json: Json = False) -> None:
    """List all runs, newest first.

    Example: `mmm runs --json`.
    """
    service = _service()
    service.start_waiting()
    found = service.runs()
    if as_json:
        typer.echo(json.dumps([status.model_dump(mode="json") for status in found], indent=2))
        return
    rows = [
        (
            status.run_id,
            status.label,
            status.name or "-",
            status.market,
            status.engine,
            show.moment(status.submitted),
            wording.duration(status.seconds),
            show.short(wording.what_now(status)),
        )
        for status in found
    ]
    show.table(("RUN", "STATE", "NAME", "MARKET", "ENGINE", "SUBMITTED", "TOOK", ""), rows)


def status_command(run: Run = "latest", as_json: Json = False) -> None:
    """Show one run: state, progress, why it failed.

    Example: `mmm status latest`.
    """
    service = _service()
    service.start_waiting()
    status = service.status(service.workspace.find_run(run))
    if as_json:
        typer.echo(status.model_dump_json(indent=2))
    else:
        _print_status(status)


def logs_command(
    run: Run = "latest",
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run ends.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="What the task printed outside its log.")
    ] = False,
) -> None:
    """Print a run's log.

    Example: `mmm logs latest --follow`.
    """
    service = _service()
    run_id = service.workspace.find_run(run)
    with _leaving_it_running(run_id):
        if raw:
            for line in service.output(run_id):
                typer.echo(line)
            return
        for record in service.log(run_id, follow=follow):
            typer.echo(f"{show.moment(record.at)} {record.level} {record.message}")


def cancel_command(run: Run) -> None:
    """Stop a run.

    Example: `mmm cancel latest`.
    """
    service = _service()
    status = service.cancel(service.workspace.find_run(run), local_user())
    service.start_waiting()  # its place is free
    typer.echo(f"{status.run_id} {status.label}")


def retry_command(
    run: Run,
    follow: Annotated[
        bool, typer.Option("--follow", help="Print the progress until the run ends.")
    ] = False,
) -> None:
    """Start a run that ended badly again, as its next attempt.

    Example: `mmm retry latest --follow`.
    """
    service = _service()
    status = service.retry(service.workspace.find_run(run), local_user())
    typer.echo(f"{status.run_id} attempt {status.attempt}")
    _print_wait(service, status.run_id)
    if follow:
        wait_for(service, status.run_id, quiet=False)


def _service() -> RunService:
    return RunService.open(load_settings().settings)


def read_file(file: Path) -> bytes:
    """A file a person named; UserError when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}.", where=str(file)) from None


def wait_for(service: RunService, run_id: str, *, quiet: bool) -> None:
    """Wait for the run's end; typer.Exit with code 1 when it is a bad one."""
    ticker = show.Ticker()
    with _leaving_it_running(run_id):
        for event in service.follow(run_id):
            running = event.state is RunState.RUNNING
            text = wording.progress(event.progress) if running else event.message
            if not quiet:
                kind = (event.attempt, event.progress.stage) if running and event.progress else None
                ticker.line(
                    f"{event.at.astimezone():%H:%M:%S}  {LABELS[event.state]:<9}  {text}".rstrip(),
                    kind,
                )
    if event.state is not RunState.SUCCEEDED:
        if quiet:
            typer.echo(f"{LABELS[event.state]}: {event.message}", err=True)
        raise typer.Exit(EXIT_RUN_ENDED_BADLY)


@contextmanager
def _leaving_it_running(run_id: str) -> Iterator[None]:
    """Ctrl-C ends the looking, not the run."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            f"\nThe run goes on. Look again with `mmm status {run_id}`, stop it with `mmm cancel {run_id}`.",
            err=True,
        )
        raise typer.Exit(EXIT_INTERRUPTED) from None


def _print_status(status: RunStatus) -> None:
    lines = {
        "run": status.run_id,
        "name": status.name,
        "dataset": f"{status.market}/{status.dataset_id}",
        "engine": status.engine,
        "batch": status.batch,
        "state": status.label + (f" (attempt {status.attempt})" if status.attempt > 1 else ""),
        "submitted": f"{show.moment(status.submitted)} by {status.submitted_by}",
        "took": wording.duration(status.seconds),
        "progress": "" if status.final else wording.progress(status.progress),
        "waits": wording.waiting(status.waits) if status.waits else "",
        "message": "" if status.waits else status.message,
        "log id": (status.error.log_id or "") if status.error else "",
        "warnings": "\n".join(status.warnings),
        "output": status.error.output if status.error else "",
    }
    for name, text in lines.items():
        if text:
            first, *more = text.splitlines()
            typer.echo(f"{name:<10} {first}")
            for line in more:
                typer.echo(f"{'':<10} {line}")
