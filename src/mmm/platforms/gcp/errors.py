"""What Google Cloud's clients raise, as this project's errors, in one table. Nobody outside this
folder sees google.api_core, google.auth or requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from mmm.errors import NotFound, UserError

_UNREACHED = (
    "Google Cloud cannot be reached ({reason}).",
    "Check the network, GCP_REGION and GCP_ENDPOINT_URL.",
)
_BUSY = "Try again in a few minutes."
#: What the clients raise, what a user sees instead, and what to do about it. The first match counts.
_CLASSES: tuple[tuple[tuple[type[Exception], ...], type[UserError], str, str], ...] = (
    (
        (api.Forbidden,),
        UserError,
        "Google Cloud does not allow {action}.",
        "Give the service account or user in use the permission {action} "
        "(docs/gcp.md lists them all).",
    ),
    (
        (api.Unauthorized,),
        UserError,
        "Google Cloud does not accept the credentials ({reason}).",
        "Sign in again (`gcloud auth application-default login`) or check "
        "GOOGLE_APPLICATION_CREDENTIALS.",
    ),
    ((api.NotFound,), NotFound, "does not exist on Google Cloud.", ""),
    (
        (api.TooManyRequests,),
        UserError,
        "Google Cloud has no room or is asked too often ({reason}).",
        "Try again in a few minutes, or have the project's quota raised.",
    ),
    (
        (api.ServerError,),
        UserError,
        "Google Cloud is busy and did not answer as it should ({reason}).",
        _BUSY,
    ),
    ((api.GoogleAPICallError,), UserError, "Google Cloud refused: {reason}.", ""),
    ((api.RetryError,), UserError, *_UNREACHED),
    (
        (auth.DefaultCredentialsError,),
        UserError,
        "there are no Google Cloud credentials ({reason}).",
        "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS; on "
        "Google Cloud give the job a service account.",
    ),
    (
        (auth.RefreshError,),
        UserError,
        "the Google Cloud credentials give no access ({reason}).",
        "Sign in again (`gcloud auth application-default login`) or check "
        "GOOGLE_APPLICATION_CREDENTIALS.",
    ),
    ((auth.TransportError, requests.RequestException), UserError, *_UNREACHED),
    ((auth.GoogleAuthError,), UserError, "the Google Cloud client failed: {reason}.", ""),
)
_RAISED = tuple(one for row in _CLASSES for one in row[0])
_PERMISSION = re.compile(r"[Pp]ermission '?(?P<name>[a-z]+(?:\.[A-Za-z]+)+)'?")
_DISABLED = re.compile(r"(?P<api>[A-Z][\w ]+ API) has not been used in project")


@contextmanager
def gcp_errors(where: str) -> Iterator[None]:
    """Turn whatever Google Cloud's clients raise in the block into a UserError about `where`."""
    try:
        yield
    except _RAISED as error:
        raise _own(_innermost(error), where) from error


def in_doubt(error: BaseException | None) -> bool:
    """Whether what was asked for may have been done all the same: there was a connection, and no
    clear answer. Google's refusals (400 to 499) are clear.
    """
    if isinstance(error, api.ServerError):
        return True
    if isinstance(error, requests.ConnectTimeout):
        return False
    if isinstance(error, requests.ConnectionError):
        return not re.search(r"NewConnectionError|NameResolutionError|SSLError", str(error))
    return isinstance(error, requests.RequestException)


def may_pass(error: BaseException | None) -> bool:
    """Whether Google Cloud took nothing now and may later: quota, throttling, credentials that have
    ended, no connection at all.
    """
    if isinstance(error, api.TooManyRequests | api.Unauthorized | auth.RefreshError):
        return True
    unreached = isinstance(error, requests.ConnectionError | auth.TransportError)
    return unreached and not in_doubt(error)


def _innermost(error: Exception) -> Exception:
    """What a client was still told when it gave up asking again."""
    cause = error.cause if isinstance(error, api.RetryError) else None
    return cause if isinstance(cause, _RAISED) else error


def _own(error: Exception, where: str) -> UserError:
    reason = _reason(error)
    if disabled := _DISABLED.search(reason):
        what = f"the {disabled['api']} is not enabled in the project."
        return UserError(what, where=where, fix="Enable it: `gcloud services enable`.")
    named = _PERMISSION.search(reason)
    action = named["name"] if named else f"this ({reason})"
    own, what, fix = next(row[1:] for row in _CLASSES if isinstance(error, row[0]))
    if not named:
        fix = fix.replace("the permission {action} ", "the permission for it ")
    facts = {"reason": reason, "action": action}
    return own(what.format(**facts), where=where, fix=fix.format(**facts))


def _reason(error: Exception) -> str:
    """The first line of what was said, without the address that was asked."""
    said = error.message if isinstance(error, api.GoogleAPICallError) else str(error)
    said = re.sub(r"^(?:GET|POST|PUT|PATCH|DELETE) https?://\S+: ", "", str(said or "no reason"))
    return said.partition("\n")[0].rstrip(".")
