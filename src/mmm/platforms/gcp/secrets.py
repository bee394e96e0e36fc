"""Secrets in Google Secret Manager, under their own names."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any

from google.api_core import exceptions as api
from google.cloud.secretmanager_v1 import SecretManagerServiceClient, SecretVersion

from mmm.errors import NotFound
from mmm.platforms.base import checked_secret_name
from mmm.platforms.gcp.errors import gcp_errors
from mmm.platforms.gcp.session import READS, TIMEOUT, open_client, open_credentials, project
from mmm.settings import Settings

#: Secret Manager keeps no empty text; this byte, which no text of ours begins with, stands for it.
_EMPTY = b"\0"
#: For so long an administrator can bring a deleted value back; the same as on AWS.
_RECOVERY = timedelta(days=7)
#: What Secret Manager says of a newest version that was deleted or switched off.
_TAKEN_AWAY = re.compile(r"is in \w+ state")
_ENABLED = SecretVersion.State.ENABLED


class SecretManagerStore:
    """One secret of Secret Manager per secret; its newest version is the value. Deleting marks the
    versions for destruction: they can be enabled again by hand for seven days.
    """

    def __init__(self, client: Any, project: str) -> None:
        self._client, self._project = client, project

    @classmethod
    def from_settings(cls, settings: Settings) -> SecretManagerStore:
        credentials = open_credentials(settings)
        client = open_client(SecretManagerServiceClient, credentials, settings)
        return cls(client, project(settings))

    def get(self, name: str) -> str:
        path = self._path(name)
        with gcp_errors(f"secret {name}"):
            try:
                found = self._client.access_secret_version(
                    name=f"{path}/versions/latest", retry=READS, timeout=TIMEOUT
                )
            except api.NotFound as error:  # no such secret, or one without a version
                raise NotFound(f"there is no secret {name!r}.", where="secrets") from error
            except api.BadRequest as error:
                if not _TAKEN_AWAY.search(error.message):
                    raise
                raise NotFound(f"there is no secret {name!r}.", where="secrets") from error
        value = bytes(found.payload.data)
        return "" if value == _EMPTY else value.decode()

    def put(self, name: str, value: str) -> None:
        """Store the secret as a new version, also over a deleted one."""
        path = self._path(name)
        with gcp_errors(f"secret {name}"):
            try:
                self._add(path, value)
            except api.NotFound:
                self._create(path)
                self._add(path, value)

    def delete(self, name: str) -> None:
        path = self._path(name)
        with gcp_errors(f"secret {name}"):
            try:
                for version in self._client.list_secret_versions(
                    request={"parent": path, "filter": "state:ENABLED"},
                    retry=READS,
                    timeout=TIMEOUT,
                ):
                    self._client.destroy_secret_version(
                        name=version.name, retry=READS, timeout=TIMEOUT
                    )
            except api.NotFound:
                return

    def exists(self, name: str) -> bool:
        """Whether it has a value: Terraform may have made it without one."""
        path = self._path(name)
        with gcp_errors(f"secret {name}"):
            try:
                newest = self._client.get_secret_version(
                    name=f"{path}/versions/latest", retry=READS, timeout=TIMEOUT
                )
            except api.NotFound:
                return False
        return bool(newest.state == _ENABLED)

    def _path(self, name: str) -> str:
        return f"projects/{self._project}/secrets/{_id(checked_secret_name(name))}"

    def _create(self, path: str) -> None:
        """Make the secret; someone else may have made it since."""
        parent, _, secret_id = path.partition("/secrets/")
        secret = {"replication": {"automatic": {}}, "version_destroy_ttl": _RECOVERY}
        request = {"parent": parent, "secret_id": secret_id, "secret": secret}
        try:
            self._client.create_secret(request=request, timeout=TIMEOUT)
        except api.Conflict:
            return

    def _add(self, path: str, value: str) -> None:
        """The same value twice, after an answer that was lost, does no harm."""
        payload = {"data": value.encode() or _EMPTY}
        request = {"parent": path, "payload": payload}
        self._client.add_secret_version(request=request, retry=READS, timeout=TIMEOUT)


def _id(name: str) -> str:
    """Secret Manager takes no dots: such a name gets hyphens and a mark of its own."""
    if "." not in name:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name.replace('.', '-')}-{digest}"
