"""`mmm notify`: what one is told of runs and schedules, and where."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.platforms import open_secret_store
from mmm.platforms.local.user import local_user
from mmm.runs.notices import Event, Subscription
from mmm.runs.subscribing import choose, chosen, end, try_out
from mmm.settings import load_settings
from mmm.workspace import Workspace

notify_command = typer.Typer(
    name="notify",
    help="Be told of runs and schedules, by e-mail or webhook; nobody is without asking.",
    no_args_is_help=True,
)


@notify_command.command("on")
def on(
    of: Annotated[
        list[Event] | None, typer.Option("--of", help="What to be told of; default everything.")
    ] = None,
    email: Annotated[str, typer.Option(help="An e-mail address.")] = "",
    webhook: Annotated[
        bool, typer.Option("--webhook", help="Ask for a webhook's address, which is kept secret.")
    ] = False,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="Of everybody's runs, not only of one's own.")
    ] = False,
) -> None:
    """Choose what to be told of and where, in place of what was chosen before.

    A webhook is an address that takes Slack's messages, of a host in MMM_WEBHOOK_HOSTS.

    Example: `mmm notify on --email ann@example.com --of failed --of refresh-moved`.
    """
    settings = load_settings().settings
    url = typer.prompt("Webhook", hide_input=True) if webhook else ""
    _say(
        choose(
            Workspace.open(settings),
            settings,
            open_secret_store(settings),
            local_user(),
            events=of or list(Event),
            email=email,
            webhook=url,
            everybody=everybody,
        )
    )


@notify_command.command("show")
def show_() -> None:
    """Say what you are told of, and where.

    Example: `mmm notify show`.
    """
    found = chosen(Workspace.open(load_settings().settings), local_user())
    if found is None:
        typer.echo("You are told nothing; `mmm notify on` changes that.")
        return
    _say(found)


@notify_command.command("test")
def test() -> None:
    """Send a notice now by all that you chose.

    Example: `mmm notify test`.
    """
    settings = load_settings().settings
    workspace = Workspace.open(settings)
    sent = try_out(workspace, settings, open_secret_store(settings), local_user())
    typer.echo(f"Sent by {', '.join(sent)}.")


@notify_command.command("off")
def off(
    person: Annotated[str, typer.Option(help="Somebody else, for administrators.")] = "",
) -> None:
    """Be told nothing any more.

    Example: `mmm notify off`.
    """
    settings = load_settings().settings
    end(Workspace.open(settings), settings, open_secret_store(settings), local_user(), person)


def _say(found: Subscription) -> None:
    whose = "everybody's runs" if found.everybody else "your runs"
    where = [found.email] if found.email else []
    where += ["a webhook"] if found.webhook else []
    typer.echo(f"Of {whose}: {', '.join(found.events)}; by {' and '.join(where)}.")
