"""`mmm serve`: the REST API alone."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from mmm.errors import UserError
from mmm.settings import load_settings


def serve_command(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8090,
) -> None:
    """Answer the REST API at /api/v1, without the web app. Programs come in with a token of
    `mmm token create`.

    Example: `mmm serve --port 8090`.
    """
    if find_spec("uvicorn") is None or find_spec("starlette") is None:
        fix = "Install it: pip install 'mmm-app[api]'."
        raise UserError("the server is not installed.", where="mmm serve", fix=fix)
    from mmm.api.serve import serve  # uvicorn, which no other command needs

    serve(load_settings().settings, host, port)
