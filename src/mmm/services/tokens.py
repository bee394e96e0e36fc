"""Tokens of programs: issued by administrators, shown once, known by their hash from then on."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from mmm.access import LOWEST_ROLE, Role, User
from mmm.errors import NotFound, UserError
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, Nothing, operation
from mmm.workspace import Workspace
from mmm.workspace.names import checked_name, utc_now
from mmm.workspace.tokens import Scope, StoredToken

_TOKEN = re.compile(r"mmm_([0-9a-f]{12})_[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"[0-9a-f]{12}", re.ASCII)
#: How long a token lasts where nobody says, and at most.
DAYS, MOST_DAYS = 90, 366


class NotAuthenticated(UserError):
    """Nobody whom the platform knows asks."""


class TokenRequest(Fields):
    """What a token is for. It acts with `role`, and only as far as its scopes go."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = (Scope.READ,)
    role: Role = Role.VIEWER
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = DAYS


class TokenInfo(Fields):
    """A token without its secret."""

    token_id: str
    name: str
    role: Role
    scopes: list[Scope]
    created: datetime
    created_by: str
    expires: datetime
    revoked: bool


class NewToken(TokenInfo):
    """`token` is shown this once."""

    token: str


class TokenList(Fields):
    tokens: list[TokenInfo]


class TokenAsked(Fields):
    token_id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]


def issue(workspace: Workspace, request: TokenRequest, by: User) -> NewToken:
    """Make a token; its text is nowhere but in the answer."""
    name = checked_name(request.name, "token")
    workspace.permit(by, "token.issue", name)
    _require_use(request)
    token_id, now = secrets.token_hex(6), utc_now()
    text = f"mmm_{token_id}_{secrets.token_hex(32)}"
    stored = StoredToken(
        token_id=token_id,
        name=name,
        sha256=_digest(text),
        role=request.role,
        scopes=tuple(dict.fromkeys(request.scopes)),
        created=now,
        created_by=by.id,
        expires=now + timedelta(days=request.days),
    )
    scopes = [scope.value for scope in stored.scopes]
    with workspace.deed(by, "token.issue", token_id, name=name, role=stored.role, scopes=scopes):
        workspace.save_token(stored)
    return NewToken(**_info(stored, revoked=False).model_dump(), token=text)


def _require_use(request: TokenRequest) -> None:
    """A token whose role allows nothing of what its scopes ask for would be refused at each call."""
    acts = {Scope.WRITE, Scope.COMPUTE} & set(request.scopes)
    if acts and request.role is Role.VIEWER:
        lowest = LOWEST_ROLE["run.submit"]
        what = f"the scope {min(acts)} needs at least the role {lowest}."
        raise UserError(what, where="role", fix=f"Give the role {lowest}, or the scope read alone.")


def revoke(workspace: Workspace, token_id: str, by: User) -> TokenInfo:
    """End a token at once; NotFound where there is none."""
    workspace.permit(by, "token.revoke", token_id)
    found = workspace.token(token_id) if _ID.fullmatch(token_id) else None
    if found is None:
        fix = "`mmm token list` and the page Admin name them."
        raise NotFound(f"there is no token {token_id!r}.", where="token", fix=fix)
    with workspace.deed(by, "token.revoke", token_id, name=found.name):
        workspace.revoke_token(token_id, by.id, utc_now())
    return _info(found, revoked=True)


def listed(workspace: Workspace, by: User) -> list[TokenInfo]:
    """All tokens, the newest first."""
    workspace.permit(by, "token.read", "tokens")
    return [
        _info(token, revoked=workspace.is_token_revoked(token.token_id))
        for token in workspace.tokens()
    ]


def holder(workspace: Workspace, text: str) -> StoredToken:
    """The token that was sent; NotAuthenticated where it is none, has ended or was revoked. What is
    wrong with it is not said: that would help to guess.
    """
    refused = NotAuthenticated(
        "The token is not valid, has expired or was revoked.",
        where="Authorization",
        fix="An administrator issues a new one on the page Admin, or with `mmm token create`.",
    )
    match = _TOKEN.fullmatch(text) if text.isascii() else None
    if match is None:
        raise refused
    found = workspace.token(match.group(1))
    if found is None or not hmac.compare_digest(found.sha256, _digest(text)):
        raise refused
    if found.expires <= utc_now() or workspace.is_token_revoked(found.token_id):
        raise refused
    return found


def acting(token: StoredToken) -> User:
    """Whom the audit trail names: the program, by its token's name and id."""
    return User(f"{token.name} (token {token.token_id})", role=token.role)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _info(token: StoredToken, *, revoked: bool) -> TokenInfo:
    return TokenInfo(
        token_id=token.token_id,
        name=token.name,
        role=token.role,
        scopes=list(token.scopes),
        created=token.created,
        created_by=token.created_by,
        expires=token.expires,
        revoked=revoked,
    )


@operation(Method.GET, "/tokens", Scope.READ)
def list_tokens(context: Context, asked: Nothing) -> TokenList:
    """List all tokens, without their secrets. For administrators."""
    return TokenList(tokens=listed(context.workspace, context.user))


@operation(Method.POST, "/tokens/{token_id}/revoke", Scope.WRITE)
def revoke_token(context: Context, asked: TokenAsked) -> TokenInfo:
    """End a token at once. For administrators."""
    return revoke(context.workspace, asked.token_id, context.user)
