"""The API as a server of its own: `mmm serve`."""

from __future__ import annotations

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from mmm.api import PREFIX
from mmm.api.app import api_app, refused
from mmm.errors import UserError
from mmm.logs import log_to_stderr
from mmm.runs.dispatch import start_in_background
from mmm.services.context import Services
from mmm.settings import Settings


def server_app(services: Services) -> Starlette:
    """The API at its prefix, and whether the server lives and is ready."""

    def live(request: Request) -> PlainTextResponse:
        return PlainTextResponse("ok")

    def ready(request: Request) -> PlainTextResponse:
        try:
            services.runs.workspace.objects.names("branding")
        except UserError:
            return PlainTextResponse("not ready", 503)
        return PlainTextResponse("ok")

    routes = [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Mount(PREFIX, app=api_app(services)),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: refused})


def serve(settings: Settings, host: str, port: int) -> None:
    """Answer requests until the process is stopped."""
    log_to_stderr(settings.log_format, settings.log_level)
    start_in_background(settings)
    app = server_app(Services.open(settings))
    # Access lines have no headers, and so no tokens.
    uvicorn.run(app, host=host, port=port, log_config=None, server_header=False)
