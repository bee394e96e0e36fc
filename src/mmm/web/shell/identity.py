"""Who sends a plain HTTP request: the identity in Streamlit's signed cookie, outside of its pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import Scope
from streamlit.auth_util import get_cookie_with_chunks
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from mmm.plain_json import read_json
from mmm.web.shell.sign_in import SignIn

_COOKIE = "_streamlit_user"


def claims_of(scope: Scope, sign_in: SignIn) -> Mapping[str, Any]:
    """The claims that the sign-in put into the request's cookie; none for what is not signed by us."""
    cookies = HTTPConnection(scope).cookies

    def signed(name: str) -> bytes | None:
        value = cookies.get(name)
        if value is None:
            return None
        return decode_signed_value(get_cookie_secret(), name, value.encode("latin-1"))

    content = get_cookie_with_chunks(signed, _COOKIE)
    if content is None:
        return {}
    claims = read_json(content, where="the cookie")
    parts = urlsplit(sign_in.redirect_uri)
    if not isinstance(claims, dict) or claims.get("origin") != f"{parts.scheme}://{parts.netloc}":
        return {}
    return claims
