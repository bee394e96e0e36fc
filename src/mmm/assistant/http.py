"""The MCP server over streamable HTTP: each request with a token of the platform's, and its scopes."""

from __future__ import annotations

from typing import Any

import uvicorn
from anyio.to_thread import run_sync
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from mmm.assistant.server import Assistant, mcp_server
from mmm.errors import UserError
from mmm.logs import log_to_stderr
from mmm.services.context import Services
from mmm.services.limits import Rate
from mmm.services.tokens import NotAuthenticated, acting, holder
from mmm.settings import Settings

PATH = "/mcp"


class Tokens:
    """Tells the SDK whose a token is."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def verify_token(self, token: str) -> AccessToken | None:
        try:
            found = await run_sync(holder, self._services.runs.workspace, token)
        except UserError:
            return None
        scopes = [scope.value for scope in found.scopes]
        return AccessToken(
            token=token,
            client_id=found.token_id,
            scopes=scopes,
            expires_at=int(found.expires.timestamp()),
        )


class OfRequest:
    """The tools as the token of the request has them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rate = Rate(services.settings.api_per_minute)

    def assistant(self, text: str) -> Assistant:
        """NotAuthenticated where the token has ended since, TooOften after too many requests."""
        token = holder(self._services.runs.workspace, text)
        self._rate.take(token.token_id)
        return Assistant(self._services.by(acting(token)), token.scopes)


def http_app(services: Services, host: str) -> Any:
    """The ASGI app, for the names under which the server answers."""
    of_request = OfRequest(services)

    def current() -> Assistant:
        known = get_access_token()
        if known is None:
            raise NotAuthenticated("A token is needed.", where="Authorization")
        return of_request.assistant(known.token)

    server = mcp_server(current)
    public = services.settings.public_url or f"http://{host}"
    # No address of a login service is told: tokens come from an administrator.
    auth = AuthSettings(issuer_url=AnyHttpUrl(public), resource_server_url=None)
    return server.streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        auth=auth,
        token_verifier=Tokens(services),
        transport_security=_hosts(services.settings),
    )


def _hosts(settings: Settings) -> TransportSecuritySettings:
    """A page of a foreign name that resolves to this machine must not reach the server."""
    hosts = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
    origins = [f"http://{name}" for name in hosts]
    if settings.public_url:
        public = settings.public_url.rstrip("/")
        hosts += [public.partition("://")[2].partition("/")[0]]
        origins += [public]
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True, allowed_hosts=hosts, allowed_origins=origins
    )


def serve_http(settings: Settings, host: str, port: int) -> None:
    """Answer clients until the process is stopped."""
    log_to_stderr(settings.log_format, settings.log_level)
    app = http_app(Services.open(settings), host)
    uvicorn.run(app, host=host, port=port, log_config=None, server_header=False)
