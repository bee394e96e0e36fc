"""Sending one notice: an HTTP POST that Slack's incoming webhooks understand, or an e-mail."""

from __future__ import annotations

import json
import smtplib
import ssl
from email.message import EmailMessage
from fnmatch import fnmatchcase
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from mmm.errors import UserError
from mmm.settings import LOOPBACK, Settings

_TIMEOUT_SECONDS = 10.0


class NoRedirect(HTTPRedirectHandler):
    """A redirect could lead to a host that is not allowed, or that would be sent a token."""

    def redirect_request(self, *_: Any) -> None:
        return None


def require_webhook(url: str, settings: Settings) -> None:
    """UserError for an address that notices are not posted to. It never says more of the address
    than its host: the rest is a secret.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise UserError("is not an address that begins with https://.", where="webhook")
    if not any(fnmatchcase(host, allowed) for allowed in settings.webhook_hosts):
        fix = f"Allowed are {', '.join(settings.webhook_hosts)}; MMM_WEBHOOK_HOSTS names more."
        raise UserError(f"must not post to {host}.", where="webhook", fix=fix)


def post_webhook(url: str, title: str, text: str, link: str, settings: Settings) -> None:
    """Post `{"text": ...}` in Slack's markup; UserError where it is not taken."""
    require_webhook(url, settings)
    body = f"*{_slack(title)}*\n{_slack(text)}"
    if link:
        body += f"\n<{link}|Look at it>"
    headers = {"Content-Type": "application/json", "User-Agent": "mmm-app"}
    request = Request(url, json.dumps({"text": body}).encode(), headers, method="POST")  # noqa: S310
    host = urlsplit(url).hostname
    try:
        with build_opener(NoRedirect).open(request, timeout=_TIMEOUT_SECONDS) as answer:
            answer.read(1000)
    except HTTPError as error:
        raise UserError(f"{host} answered {error.code}.", where="webhook") from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(f"{host} cannot be reached: {reason}", where="webhook") from None


def _slack(text: str) -> str:
    """Text as it stands: Slack's markup begins with these three."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def send_mail(to: str, title: str, text: str, link: str, settings: Settings, password: str) -> None:
    """Send an e-mail by the settings' server; UserError where it is not taken."""
    if not settings.smtp_host or not settings.smtp_from:
        fix = "An administrator sets MMM_SMTP_HOST and MMM_SMTP_FROM."
        raise UserError("there is no mail server.", where="e-mail", fix=fix)
    message = EmailMessage()
    message["From"], message["To"] = settings.smtp_from, to
    message["Subject"] = f"mmm-app: {' '.join(title.split())}"
    more = f"\n\n{link}" if link else ""
    why = (
        "You are told because you asked for it; the page Notifications or `mmm notify off` ends it."
    )
    message.set_content(f"{text}{more}\n\n{why}\n")
    try:
        with _server(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, password)
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        told = f"the mail server {settings.smtp_host} did not take it: {error}"
        raise UserError(told, where="e-mail") from None


def _server(settings: Settings) -> smtplib.SMTP:
    host, port = str(settings.smtp_host), settings.smtp_port
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=context)
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
    return server
