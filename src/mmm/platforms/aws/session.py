"""The one way to AWS: boto3's chain of credentials (keys, profile, SSO, a container's role), region
and endpoint.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from mmm.platforms.aws.errors import aws_errors
from mmm.settings import Settings

#: Standard mode waits and asks again when AWS is busy or does not answer; a page waits for the sum
#: of it.
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=20
)


def open_session(settings: Settings) -> boto3.Session:
    """A session with the settings' keys or profile, else with what boto3 finds; UserError for an
    unknown profile.
    """
    given: dict[str, Any] = {"region_name": settings.aws_region}
    if settings.aws_access_key_id and settings.aws_secret_access_key:
        token = settings.aws_session_token
        given["aws_access_key_id"] = settings.aws_access_key_id
        given["aws_secret_access_key"] = settings.aws_secret_access_key.get_secret_value()
        given["aws_session_token"] = token.get_secret_value() if token else None
    elif settings.aws_profile:
        given["profile_name"] = settings.aws_profile
    with aws_errors("AWS_PROFILE"):
        return boto3.Session(**given)


def open_client(session: boto3.Session, service: str, settings: Settings) -> Any:
    """A client; safe to share between threads."""
    with aws_errors(service):
        return session.client(service, endpoint_url=settings.aws_endpoint_url, config=_CONFIG)
