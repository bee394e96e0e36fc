"""The command line. Each command calls one service function and prints what it gives."""

from __future__ import annotations

import difflib
import sys
import tempfile
import traceback
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from mmm.errors import UserError

#: Commands by panel, in the order of the work. Dotted paths: looking at runs must not import what
#: training needs.
PANELS = {
    "Begin": {
        "demo": "mmm.cli.demo:demo_command",
        "simulate": "mmm.cli.simulate:simulate_command",
        "recover": "mmm.cli.recover:recover_command",
        "settings": "mmm.cli.settings:settings_command",
        "version": "mmm.cli.settings:version_command",
    },
    "Data": {
        "connect": "mmm.cli.connections:connect_command",
        "ingest": "mmm.cli.data:ingest_command",
        "datasets": "mmm.cli.data:datasets_command",
        "propose": "mmm.cli.preparation:propose_command",
        "quality": "mmm.cli.preparation:quality_command",
        "join": "mmm.cli.preparation:join_command",
        "prepare": "mmm.cli.preparation:prepare_command",
    },
    "Runs": {
        "template": "mmm.cli.templates:template_command",
        "submit": "mmm.cli.runs:submit_command",
        "batch": "mmm.cli.batch:batch_command",
        "runs": "mmm.cli.runs:runs_command",
        "status": "mmm.cli.runs:status_command",
        "logs": "mmm.cli.runs:logs_command",
        "cancel": "mmm.cli.runs:cancel_command",
        "retry": "mmm.cli.runs:retry_command",
        "train": "mmm.cli.train:train_command",
    },
    "Results": {
        "report": "mmm.cli.artifacts:report_command",
        "onepager": "mmm.cli.artifacts:onepager_command",
        "compare": "mmm.cli.compare:compare_command",
        "stability": "mmm.cli.stability:stability_command",
        "calibration": "mmm.cli.stability:calibration_command",
        "certify": "mmm.cli.certify:certify_command",
        "plan": "mmm.cli.plan:plan_command",
        "export": "mmm.cli.artifacts:export_command",
        "recreate": "mmm.cli.artifacts:recreate_command",
    },
    "New periods": {
        "refresh": "mmm.cli.refresh:refresh_command",
        "changes": "mmm.cli.refresh:changes_command",
        "accept": "mmm.cli.refresh:accept_command",
    },
}
COMMANDS = {name: path for panel in PANELS.values() for name, path in panel.items()}

HELP = """Self-hosted marketing mix modelling.

Example: `mmm demo`, or with your own data `mmm ingest sales.csv --market DE`, then `mmm propose DE/latest`.

Exit codes: 0 done; 1 what was asked about is bad (red light, failed run); 2 something to correct; 3 defect; 130 Ctrl-C.
"""
EXIT_USER_ERROR, EXIT_DEFECT, EXIT_INTERRUPTED = 2, 3, 130


class _Commands(TyperGroup):
    """Loads a command's module when the command is called (or listed with its help)."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].partition(":")
        found = getattr(import_module(module), function)
        if not isinstance(found, typer.Typer):  # else a command with commands of its own
            app = typer.Typer(add_completion=False)
            app.command(cmd_name)(found)
            found = app
        command: Any = typer.main.get_command(found)
        command.rich_help_panel = next(
            panel for panel, names in PANELS.items() if cmd_name in names
        )
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(EXIT_INTERRUPTED) from None


def main() -> None:
    """Run the command line. A user's error is one message and exit code 2, a defect a file with its
    trace and 3.
    """
    commands = _Commands(name="mmm", help=HELP, no_args_is_help=True)
    try:
        commands()
    except UserError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(EXIT_USER_ERROR)
    except Exception as error:  # the border: a person gets a sentence, the trace goes into a file
        with tempfile.NamedTemporaryFile(
            "w", prefix="mmm-error-", suffix=".txt", delete=False
        ) as file:
            traceback.print_exc(file=file)
        typer.echo(
            f"Error: unexpected {type(error).__name__}: {error}. Please report it with {file.name}",
            err=True,
        )
        sys.exit(EXIT_DEFECT)
