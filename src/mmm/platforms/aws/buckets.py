"""S3 as obstore's store, with boto3's chain of credentials: keys, profile, SSO, a container's role."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from mmm.errors import UserError
from mmm.platforms.aws.errors import aws_errors
from mmm.platforms.aws.session import open_session
from mmm.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Config, S3Credential

#: boto3 renews temporary credentials when they have less than this to live, so none is used for
#: longer.
_CREDENTIALS_LAST = timedelta(minutes=10)


class _Credentials(Boto3CredentialProvider):
    """boto3's credentials; what it cannot do about them becomes this project's error."""

    def __call__(self) -> S3Credential:
        with aws_errors("S3"):
            return super().__call__()


def open_s3(bucket: str, prefix: str | None, settings: Settings) -> ObjectStore:
    """The bucket, or what lies under a prefix in it; UserError where there are no credentials."""
    session = open_session(settings)
    with aws_errors("S3"):
        found = session.get_credentials()
    if found is None:
        raise UserError(
            "there are no AWS credentials.",
            where=f"s3://{bucket}",
            fix="Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; on AWS give the task a role.",
        )
    endpoint = settings.aws_endpoint_url
    config: S3Config = {"endpoint": endpoint} if endpoint else {}
    return S3Store(
        bucket,
        prefix=prefix,
        config=config,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
        credential_provider=_Credentials(session, ttl=_CREDENTIALS_LAST),
    )
