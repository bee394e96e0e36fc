"""Google Cloud Storage as obstore's store, with google-auth's chain of credentials."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from obstore.auth.google import GoogleCredentialProvider
from obstore.store import GCSStore

from mmm.platforms.gcp.errors import gcp_errors
from mmm.platforms.gcp.session import open_credentials
from mmm.settings import Settings

if TYPE_CHECKING:
    from obstore.store import GCSConfig, GCSCredential, ObjectStore


class _Credentials(GoogleCredentialProvider):
    """google-auth's credentials; what it cannot do about them becomes this project's error."""

    def __call__(self) -> GCSCredential:
        with gcp_errors("Cloud Storage"):
            return super().__call__()


def open_gs(bucket: str, prefix: str | None, settings: Settings) -> ObjectStore:
    """The bucket, or what lies under a prefix in it; UserError where there are no credentials."""
    credentials = open_credentials(settings)
    endpoint = settings.gcp_endpoint_url
    config: GCSConfig = {}
    if endpoint:
        # obstore takes another address only as a part of a key; the provider's token is used.
        key = {"gcs_base_url": endpoint, "disable_oauth": True}
        unused = {"private_key": "", "private_key_id": "", "client_email": ""}
        config = {"service_account_key": json.dumps(key | unused)}
    return GCSStore(
        bucket,
        prefix=prefix,
        config=config,
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://"))},
        credential_provider=_Credentials(credentials),
    )
