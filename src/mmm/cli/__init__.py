"""The command line. Each command calls one service function and prints what it gives."""

from __future__ import annotations

import ast
import difflib
import sys
import tempfile
import traceback
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import mmm
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
        "preview": "mmm.cli.data:preview_command",
        "ingest": "mmm.cli.data:ingest_command",
        "datasets": "mmm.cli.data:datasets_command",
        "label": "mmm.cli.data:label_command",
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
        "dispatch": "mmm.cli.dispatch:dispatch_command",
        "train": "mmm.cli.train:train_command",
        "work": "mmm.cli.work:work_command",
    },
    "Results": {
        "report": "mmm.cli.artifacts:report_command",
        "onepager": "mmm.cli.artifacts:onepager_command",
        "bridge": "mmm.cli.bridge:bridge_command",
        "compare": "mmm.cli.compare:compare_command",
        "stability": "mmm.cli.stability:stability_command",
        "calibration": "mmm.cli.stability:calibration_command",
        "test": "mmm.cli.geo_tests:test_command",
        "next-test": "mmm.cli.next_test:next_test_command",
        "certify": "mmm.cli.certify:certify_command",
        "plan": "mmm.cli.plan:plan_command",
        "commit": "mmm.cli.variance:commit_command",
        "export": "mmm.cli.artifacts:export_command",
        "recreate": "mmm.cli.artifacts:recreate_command",
    },
    "Operation": {
        "serve": "mmm.cli.serve:serve_command",
        "mcp": "mmm.cli.mcp:mcp_command",
        "token": "mmm.cli.tokens:token_command",
        "doctor": "mmm.cli.operations:doctor_command",
        "backup": "mmm.cli.operations:backup_command",
        "restore": "mmm.cli.operations:restore_command",
        "retention": "mmm.cli.operations:retention_command",
        "audit": "mmm.cli.operations:audit_command",
    },
    "New periods": {
        "refresh": "mmm.cli.refresh:refresh_command",
        "changes": "mmm.cli.refresh:changes_command",
        "accept": "mmm.cli.refresh:accept_command",
        "variance": "mmm.cli.variance:variance_command",
        "schedule": "mmm.cli.schedule:schedule_command",
        "notify": "mmm.cli.notify:notify_command",
    },
}
COMMANDS = {name: path for panel in PANELS.values() for name, path in panel.items()}

HELP = """Self-hosted marketing mix modelling.

Example: `mmm demo`, or with your own data `mmm ingest sales.csv --market DE`, then `mmm propose DE/latest`.

Exit codes: 0 done; 1 what was asked about is bad (red light, failed run); 2 something to correct; 3 defect; 130 Ctrl-C.
"""
EXIT_USER_ERROR, EXIT_DEFECT, EXIT_INTERRUPTED = 2, 3, 130


def _load(name: str) -> Any:
    """The command itself; imports its module."""
    module, _, function = COMMANDS[name].partition(":")
    found = getattr(import_module(module), function)
    if not isinstance(found, typer.Typer):  # else a command with commands of its own
        app = typer.Typer(add_completion=False)
        app.command(name)(found)
        found = app
    return typer.main.get_command(found)


def _help_text(name: str) -> str:
    """What a command's help says, read from its module's text: importing all of them takes seconds."""
    module, _, function = COMMANDS[name].partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return ""
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == function:
            return ast.get_docstring(statement) or ""
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == function:
            return _keyword(statement.value, "help")
    return ""


def _keyword(call: ast.expr, name: str) -> str:
    """A text that a call is given by keyword: `typer.Typer(help="...")`."""
    if not isinstance(call, ast.Call):
        return ""
    for given in call.keywords:
        if given.arg == name and isinstance(given.value, ast.Constant):
            return str(given.value.value)
    return ""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mmm-app {mmm.__version__}")
        raise typer.Exit


def _mmm(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """The options of `mmm` itself, before a command."""


class _Commands(TyperGroup):
    """Lists commands by their modules' texts; imports a command's module when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A line for the list of commands; `resolve_command` loads the command that is called."""
        for panel, names in PANELS.items():
            if cmd_name in names:
                text = _help_text(cmd_name)
                return TyperCommand(cmd_name, help=text, rich_help_panel=panel)
        return None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        if args[0] in COMMANDS:
            return args[0], _load(args[0]), args[1:]
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
    app = typer.Typer(cls=_Commands, add_completion=False, no_args_is_help=True, help=HELP)
    app.callback()(_mmm)
    commands = typer.main.get_command(app)
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
