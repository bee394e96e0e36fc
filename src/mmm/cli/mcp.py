"""`mmm mcp`: the workspace's numbers for an assistant in a chat."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from mmm.errors import UserError
from mmm.platforms.local.user import local_user
from mmm.settings import load_settings


def mcp_command(
    allow: Annotated[
        list[str] | None,
        typer.Option(help="What it may do beside reading: write, compute. May be repeated."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Answer over HTTP at /mcp on this port, with tokens."),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
) -> None:
    """Answer an MCP client on standard input and output; a chat program starts this command. It only
    reads where nothing else is allowed. With --port it answers over streamable HTTP: each client
    has a token of `mmm token create`, whose scopes say what it may do.

    Example: `mmm mcp`, or `mmm mcp --allow compute`, or `mmm mcp --port 8091`.
    """
    if find_spec("mcp") is None:
        fix = "Install it: pip install 'mmm-app[mcp]'."
        raise UserError("the official MCP package is not installed.", where="mmm mcp", fix=fix)
    if port is not None:
        if allow:
            fix = "Leave it out: each token's scopes say what it may do."
            raise UserError("goes without --port.", where="--allow", fix=fix)
        from mmm.assistant.http import serve_http

        serve_http(load_settings().settings, host, port)
        return
    from mmm.assistant.server import serve_stdio  # the SDK, which no other command needs
    from mmm.services.context import Services
    from mmm.workspace.tokens import Scope

    allowed = {Scope.READ}
    for word in allow or []:
        if word not in (Scope.WRITE, Scope.COMPUTE):
            raise UserError(f"{word!r} is none.", where="--allow", fix="Use write or compute.")
        allowed.add(Scope(word))
    serve_stdio(Services.open(load_settings().settings).by(local_user()), allowed)
