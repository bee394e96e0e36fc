"""`mmm schedule`: models that are brought up to date by the clock."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.cli import show
from mmm.platforms.local.user import local_user
from mmm.runs.schedules import (
    Schedule,
    next_moment,
    pause_schedule,
    read_firings,
    read_schedule,
    save_schedule,
)
from mmm.runs.service import RunService
from mmm.settings import load_settings
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now

schedule_command = typer.Typer(
    name="schedule",
    help="Bring models up to date by the clock; a person accepts what comes of it.",
    no_args_is_help=True,
)
Name = Annotated[str, typer.Argument(help="The schedule's name.")]


@schedule_command.command("add")
def add(
    name: Name,
    cron: Annotated[str, typer.Option(help="Minute, hour, day, month, weekday: '0 6 * * 1'.")],
    run: Annotated[str, typer.Option(help="A run of the model's chain of refreshes.")] = "latest",
    zone: Annotated[
        str, typer.Option(help="Whose clocks count, for example Europe/Berlin.")
    ] = "UTC",
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train anew on all periods instead of refreshing.")
    ] = False,
) -> None:
    """Read the run's data again at these moments, prepare them as before, and refresh its model.

    Data of a connection are read again; of uploads the market's newest is taken. Data that have not
    changed train nothing. The new model waits for `mmm accept`. The same name again replaces it.

    Example: `mmm schedule add weekly --run latest --cron "0 6 * * 1" --zone Europe/Berlin`.
    """
    workspace = _workspace()
    fields = {
        "name": name,
        "run": workspace.find_run(run),
        "cron": cron,
        "zone": zone,
        "mode": "retrain" if retrain else "refresh",
    }
    _say(save_schedule(workspace, fields, local_user()))


@schedule_command.command("list")
def list_() -> None:
    """List the schedules with their next moment.

    Example: `mmm schedule list`.
    """
    workspace = _workspace()
    rows = []
    for name in workspace.schedules():
        item = read_schedule(workspace, name)
        rows.append((name, item.run, item.mode, f"{item.cron} {item.zone}", _next(item)))
    show.table(("SCHEDULE", "RUN", "MODE", "CRON", "NEXT"), rows)


@schedule_command.command("show")
def show_(name: Name) -> None:
    """Show what came of a schedule's last moments, and what waits for a person.

    Example: `mmm schedule show weekly`.
    """
    from mmm.runs.outcome import outcome

    service = RunService.open(load_settings().settings)
    _say(read_schedule(service.workspace, name))
    for firing in read_firings(service.workspace, name):
        found = outcome(service, firing)
        run = f"run {found.run_id}: " if found.run_id else ""
        typer.echo(f"{show.moment(firing.moment)}  {run}{found.text}")
        if found.waits:
            typer.echo(
                f"  Look: mmm compare {found.before} {found.run_id}. Use it: mmm accept {found.run_id}."
            )


@schedule_command.command("pause")
def pause(name: Name) -> None:
    """Stop a schedule.

    Example: `mmm schedule pause weekly`.
    """
    _say(pause_schedule(_workspace(), name, local_user(), paused=True))


@schedule_command.command("resume")
def resume(name: Name) -> None:
    """Let a stopped schedule go on, from now.

    Example: `mmm schedule resume weekly`.
    """
    _say(pause_schedule(_workspace(), name, local_user(), paused=False))


def _say(schedule: Schedule) -> None:
    typer.echo(f"{schedule.name}: {schedule.mode} of run {schedule.run}, next {_next(schedule)}")


def _next(schedule: Schedule) -> str:
    if schedule.paused:
        return "paused"
    return show.moment(next_moment(schedule, utc_now()))


def _workspace() -> Workspace:
    return Workspace.open(load_settings().settings)
