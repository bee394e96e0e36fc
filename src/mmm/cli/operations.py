"""`mmm doctor`, `mmm backup`, `mmm restore`, `mmm retention`, `mmm audit`: running the platform."""

from __future__ import annotations

from typing import Annotated

import typer

from mmm.cli import show
from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import Workspace

EXIT_BAD = 1
audit_command = typer.Typer(
    name="audit", help="The audit trail.", no_args_is_help=True, add_completion=False
)


def doctor_command(
    repair: Annotated[bool, typer.Option(help="Put aside what can be.")] = False,
) -> None:
    """Look for damage, orphans and leftovers in the workspace; exit code 1 where there are any.

    Example: `mmm doctor`, then `mmm doctor --repair`: it moves objects to quarantine/, deletes none.
    """
    from mmm.operations import examine

    workspace = Workspace.open(load_settings().settings)
    found = examine(workspace, local_user(), repair=repair)
    rows = [(one.kind, one.where, f"{one.what} {one.fix}") for one in found.problems]
    if rows:
        show.table(("KIND", "WHERE", "WHAT"), rows)
    typer.echo(f"{len(rows)} problems found, {len(found.moved)} objects put aside.")
    mended = sum(bool(one.aside) for one in found.problems) if found.moved else 0
    if mended < len(rows):
        raise typer.Exit(EXIT_BAD)


def backup_command(
    to: Annotated[str, typer.Argument(help="file:///folder, s3://bucket/prefix, gs://bucket.")],
) -> None:
    """Copy the whole workspace to another folder or bucket; again, only what is new.

    Example: `mmm backup file:///mnt/backup/mmm`.
    """
    from mmm.operations import back_up_to

    settings = load_settings().settings
    copied = back_up_to(Workspace.open(settings), to, settings, local_user())
    new = copied.files - copied.skipped
    typer.echo(f"{copied.files:,} objects, {copied.bytes / 1e6:,.1f} MB; {new:,} were new.")


def restore_command(
    backup: Annotated[str, typer.Argument(help="The address that `mmm backup` was given.")],
) -> None:
    """Copy a backup into the workspace, which must be empty. Every object is checked by its hash.

    Example: `mmm restore file:///mnt/backup/mmm`, with MMM_WORKSPACE=/srv/restored.
    """
    from mmm.operations import restore_from

    settings = load_settings().settings
    copied = restore_from(Workspace.open(settings), backup, settings, local_user())
    typer.echo(f"{copied.files:,} objects restored, {copied.bytes / 1e6:,.1f} MB.")


def retention_command(
    keep: Annotated[list[str], typer.Option(help="KIND=DAYS: runs, datasets, drafts, ...")],
    apply: Annotated[bool, typer.Option(help="Delete; without it nothing is.")] = False,
) -> None:
    """List what is older than it is to be kept, and with --apply delete it.

    Example: `mmm retention --keep runs=730 --keep drafts=90`, then the same with `--apply`.
    """
    from mmm.operations import retain

    workspace = Workspace.open(load_settings().settings)
    found = retain(workspace, _days(keep), local_user(), apply=apply)
    rows = [(one.kind, one.what, f"{len(one.keys):,}", f"{one.bytes:,}") for one in found]
    if rows:
        show.table(("KIND", "WHAT", "OBJECTS", "BYTES"), rows)
    done = "deleted" if apply else "would be deleted (nothing was; --apply does)"
    typer.echo(f"{len(rows)} {done}.")


def _days(keep: list[str]) -> dict[str, int]:
    found = {}
    for item in keep:
        kind, _, days = item.partition("=")
        if not days.isdecimal():
            raise UserError("is not KIND=DAYS.", where=item, fix="Write it like runs=730.")
        found[kind] = int(days)
    return found


@audit_command.callback()
def audit_() -> None:
    """The audit trail."""


@audit_command.command("verify")
def verify_(
    head: Annotated[str, typer.Option(help="A head that was noted earlier.")] = "",
) -> None:
    """Check that no entry of the audit trail was changed, removed or put in; exit code 1 if one was.

    Example: `mmm audit verify`; note the head it prints outside of the workspace.
    """
    from mmm.operations import verify_audit

    workspace = Workspace.open(load_settings().settings)
    found = verify_audit(workspace, local_user(), head)
    for finding in found.findings:
        typer.echo(f"  - {finding}")
    typer.echo(found.sentence())
    typer.echo(f"Head: {found.head or '-'}")
    if found.findings:
        raise typer.Exit(EXIT_BAD)
