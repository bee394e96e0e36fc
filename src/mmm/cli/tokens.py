"""`mmm token`: tokens of programs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mmm.cli import show
from mmm.experiments.config import parsed
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings
from mmm.workspace import Workspace

token_command = typer.Typer(
    name="token", help="Tokens with which programs use the API.", no_args_is_help=True
)


@token_command.command("create")
def create_(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, write (store) or compute (start runs). May be repeated."),
    ] = None,
    role: Annotated[str, typer.Option(help="viewer, analyst or admin.")] = "",
    days: Annotated[int, typer.Option(help="How long it lasts, at most 366 days.")] = 90,
) -> None:
    """Make a token and print it: this once, the workspace keeps only its hash. Without --role it is
    a viewer's, with the scopes write or compute an analyst's.

    Example: `mmm token create "nightly report" --scope read --days 30`.
    """
    from mmm.services.tokens import TokenRequest, issue

    scopes = scope or ["read"]
    lowest = "viewer" if scopes == ["read"] else "analyst"
    fields: dict[str, Any] = {"name": name, "scopes": scopes, "role": role or lowest, "days": days}
    request = parsed(TokenRequest, fields, "the token")
    made = issue(Workspace.open(load_settings().settings), request, local_user())
    typer.echo(made.token)
    typer.echo(f"Token {made.token_id}, until {show.moment(made.expires)}.", err=True)


@token_command.command("list")
def list_() -> None:
    """List all tokens, without their secrets.

    Example: `mmm token list`.
    """
    from mmm.services.tokens import listed

    found = listed(Workspace.open(load_settings().settings), local_user())
    rows = [
        (
            token.token_id,
            token.name,
            str(token.role),
            ", ".join(token.scopes),
            show.moment(token.expires),
            "revoked" if token.revoked else "",
        )
        for token in found
    ]
    show.table(("TOKEN", "NAME", "ROLE", "SCOPES", "UNTIL", ""), rows)


@token_command.command("revoke")
def revoke_(token: Annotated[str, typer.Argument(help="The token's id, as listed.")]) -> None:
    """End a token at once.

    Example: `mmm token revoke 0a1b2c3d4e5f`.
    """
    from mmm.services.tokens import revoke

    ended = revoke(Workspace.open(load_settings().settings), token, local_user())
    typer.echo(f"Token {ended.token_id} ({ended.name}) is revoked.")
