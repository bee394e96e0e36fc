"""The one way to Google Cloud: google-auth's chain of credentials (a key file, the user's own sign-in,
workload identity, the service account that a container runs as), project, region and endpoint.
"""

from __future__ import annotations

import warnings
from typing import Any

import google.auth
from google.api_core import retry

from mmm.errors import UserError
from mmm.platforms.gcp.errors import gcp_errors
from mmm.settings import Settings

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
#: Seconds for one call's answer.
TIMEOUT = 20.0
#: Calls that may be made twice wait and ask again when Google Cloud is busy or does not answer; a
#: page waits for the sum of it.
READS = retry.Retry(
    predicate=retry.if_transient_error, initial=0.3, maximum=4.0, multiplier=2.0, timeout=15.0
)


def open_credentials(settings: Settings) -> Any:
    """The credentials that google-auth finds; UserError where there are none."""
    file = settings.google_application_credentials
    with gcp_errors("GOOGLE_APPLICATION_CREDENTIALS" if file else "Google Cloud"):
        if file is None:
            return google.auth.default(scopes=_SCOPES)[0]
        with warnings.catch_warnings():
            # google-auth warns of files from strangers; this one was chosen by the operator.
            warnings.simplefilter("ignore")
            return google.auth.load_credentials_from_file(str(file), scopes=_SCOPES)[0]


def client_options(settings: Settings) -> dict[str, str]:
    """Where a client finds its service: Google's own address, or the one for every service."""
    url = settings.gcp_endpoint_url
    return {"api_endpoint": url} if url else {}


def open_client(client: Any, credentials: Any, settings: Settings) -> Any:
    """A client of one service by REST; safe to share between threads and after a fork."""
    with gcp_errors(client.__name__):
        return client(
            credentials=credentials, transport="rest", client_options=client_options(settings)
        )


def project(settings: Settings) -> str:
    """GCP_PROJECT; UserError where it is not set."""
    return needed("GCP_PROJECT", settings.gcp_project)


def needed(name: str, value: str | None) -> str:
    """The value of a setting that this platform cannot do without; UserError where it is missing."""
    if not value:
        raise UserError("is needed to train on Google Cloud.", where=name)
    return value
