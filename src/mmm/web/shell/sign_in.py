"""Sign-in with OpenID Connect: what it needs, and who may come in. Streamlit and its library do the
protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from mmm.access import Role, User
from mmm.errors import Finding, InvalidInput, UserError
from mmm.platforms import SECRET_STORES, open_secret_store
from mmm.settings import GOOGLE, NAMES, Settings

CALLBACK = "/oauth2callback"
_SECRETS = ("AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET", "AUTH_COOKIE_SECRET")
_LISTS = ("AUTH_ALLOWED_DOMAINS", "AUTH_ALLOWED_EMAILS", "AUTH_ADMINS", "AUTH_ANALYSTS")
_CLOCKS_DIFFER = timedelta(minutes=5)
_COOKIE_SECRET_LENGTH = 32


class SignInNeeded(UserError):
    """Nobody is signed in, or no longer."""


class Refused(UserError):
    """Somebody is signed in who may not use the app."""


@dataclass(frozen=True)
class SignIn:
    """A complete configuration."""

    client_id: str
    client_secret: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    redirect_uri: str
    server_metadata_url: str

    @property
    def https(self) -> bool:
        return self.redirect_uri.startswith("https://")

    def for_streamlit(self) -> dict[str, Any]:
        """Its `auth` secrets, handed over in memory: they are in no file and in no log."""
        names = (
            "client_id",
            "client_secret",
            "cookie_secret",
            "redirect_uri",
            "server_metadata_url",
        )
        return {"auth": {name: getattr(self, name) for name in names}}


def sign_in_of(settings: Settings) -> SignIn | None:
    """The configuration in the settings and the secret store; None on a local platform where
    nothing of it is set.

    InvalidInput names everything that is missing. Half of it set is never taken for none.
    """
    found = _secrets(settings)
    wanted = found or any(getattr(settings, NAMES[name]) for name in (*_LISTS, "AUTH_REDIRECT_URI"))
    if (
        not wanted
        and settings.auth_server_metadata_url == GOOGLE
        and settings.cloud_provider == "local"
    ):
        return None
    redirect_uri = settings.auth_redirect_uri or (settings.public_url or "").rstrip("/") + CALLBACK
    findings = [*_missing_secrets(found, settings), *_redirect_findings(redirect_uri)]
    if not any(getattr(settings, NAMES[name]) for name in _LISTS):
        fix = f"Set one of {', '.join(_LISTS)}."
        findings.append(Finding("error", "nobody would be allowed in.", where=_LISTS[0], fix=fix))
    if findings:
        where = f"CLOUD_PROVIDER={settings.cloud_provider}"
        raise InvalidInput(
            f"{where}: the app does not open, because its sign-in settings are not complete:",
            findings,
        )
    return SignIn(
        **{name.removeprefix("AUTH_").lower(): found[name] for name in _SECRETS},
        redirect_uri=redirect_uri,
        server_metadata_url=settings.auth_server_metadata_url,
    )


def secret_name(settings: Settings, name: str) -> str:
    """What the secret store calls it: AUTH_CLIENT_SECRET is mmm-app-auth-client-secret."""
    return f"{settings.service_name}-{name.lower().replace('_', '-')}"


def _secrets(settings: Settings) -> dict[str, str]:
    """Client id, client secret and cookie secret, as far as they are set; the environment wins over
    the store.
    """
    found: dict[str, str] = {}
    for name in _SECRETS:
        value = getattr(settings, NAMES[name])
        if value is not None:
            found[name] = value if isinstance(value, str) else value.get_secret_value()
    missing = [name for name in _SECRETS if name not in found]
    if missing and settings.cloud_provider in SECRET_STORES:
        store = open_secret_store(settings)
        found |= {
            name: store.get(secret_name(settings, name)).strip()
            for name in missing
            if store.exists(secret_name(settings, name))
        }
    return found


def _missing_secrets(found: Mapping[str, str], settings: Settings) -> list[Finding]:
    findings = [
        Finding(
            "error",
            "is needed.",
            where=name,
            fix=f"Set it, or store the secret {secret_name(settings, name)}.",
        )
        for name in _SECRETS
        if name not in found
    ]
    if 0 < len(found.get("AUTH_COOKIE_SECRET", "")) < _COOKIE_SECRET_LENGTH:
        what = f"must have at least {_COOKIE_SECRET_LENGTH} characters."
        findings.append(Finding("error", what, where="AUTH_COOKIE_SECRET", fix="Use random ones."))
    return findings


def _redirect_findings(redirect_uri: str) -> list[Finding]:
    parts = urlsplit(redirect_uri)
    if not parts.netloc:
        fix = (
            "Set MMM_PUBLIC_URL to the app's address for browsers, such as https://mmm.example.com."
        )
        return [Finding("error", "is needed.", where="AUTH_REDIRECT_URI", fix=fix)]
    findings = []
    if not parts.path.endswith(CALLBACK) or parts.query:
        findings.append(Finding("error", f"must end with {CALLBACK}.", where="AUTH_REDIRECT_URI"))
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1"):
        findings.append(
            Finding("error", "must be https, except on localhost.", where="AUTH_REDIRECT_URI")
        )
    return findings


def signed_in_at(claims: Mapping[str, Any]) -> datetime:
    """When the provider issued the identity; SignInNeeded where it does not say."""
    try:
        return datetime.fromtimestamp(float(claims["iat"]), UTC)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        raise SignInNeeded(
            "The provider does not say when you signed in.", fix="Sign in again."
        ) from None


def admitted(claims: Mapping[str, Any], settings: Settings, now: datetime) -> User:
    """The person of an identity that the provider vouches for and Streamlit has checked.

    SignInNeeded when there is none or its session has ended, Refused when they may not use the app.
    """
    if claims.get("is_logged_in") is not True:
        raise SignInNeeded("Please sign in.")
    age = now - signed_in_at(claims)
    if not -_CLOCKS_DIFFER <= age <= timedelta(seconds=settings.auth_session_seconds):
        raise SignInNeeded(
            "Your session has ended.", fix="Sign in again; the page you were on opens afterwards."
        )
    given = str(claims.get("email") or "").strip()
    # Lower case turns look-alikes into other people's letters (the Kelvin sign into k).
    if not given.isascii():
        raise Refused("Your e-mail address has letters that are not plain.", fix="Use another.")
    email = given.lower()
    if (
        email.count("@") != 1
    ):  # a second one could make the part after the last a domain that it is not
        raise Refused("Your account has no plain e-mail address.", fix="Sign in with one that has.")
    if claims.get("email_verified") is not True:
        raise Refused(
            f"The address {email} is not verified.",
            fix="Verify it at the provider, then sign in again.",
        )
    return User(str(claims.get("name") or email), email, _role(email, settings))


def _role(email: str, settings: Settings) -> Role:
    if email in settings.auth_admins:
        return Role.ADMIN
    if email in settings.auth_analysts:
        return Role.ANALYST
    if (
        email in settings.auth_allowed_emails
        or email.rpartition("@")[2] in settings.auth_allowed_domains
    ):
        return settings.auth_default_role
    raise Refused(
        f"{email} may not use this app.",
        fix="Ask its administrator, or sign in with another account.",
    )
