"""Secrets in AWS Secrets Manager, under their own names."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from mmm.errors import NotFound
from mmm.platforms.aws.errors import aws_errors, error_code
from mmm.platforms.aws.session import open_client, open_session
from mmm.platforms.base import checked_secret_name
from mmm.settings import Settings

#: Secrets Manager keeps no empty text; this byte, which no text of ours begins with, stands for it.
_EMPTY = b"\0"
#: The shortest time in which an administrator can bring a deleted secret back.
_RECOVERY_DAYS = 7
_MISSING, _EXISTS, _MARKED_DELETED = (
    "ResourceNotFoundException",
    "ResourceExistsException",
    "InvalidRequestException",
)


class SecretsManagerStore:
    """One secret of Secrets Manager per secret. A deleted one can be restored by hand for seven
    days.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def from_settings(cls, settings: Settings) -> SecretsManagerStore:
        return cls(open_client(open_session(settings), "secretsmanager", settings))

    def get(self, name: str) -> str:
        found = self._call("get_secret_value", name)
        if found is None:
            raise NotFound(f"there is no secret {name!r}.", where="secrets")
        if "SecretString" in found:
            return str(found["SecretString"])
        value = bytes(found["SecretBinary"])
        return "" if value == _EMPTY else value.decode()

    def put(self, name: str, value: str) -> None:
        """Store the secret, over an earlier value if there is one, also over a deleted one."""
        checked_secret_name(name)
        content = {"SecretString": value} if value else {"SecretBinary": _EMPTY}
        with aws_errors(f"secret {name}"):
            try:
                self._client.put_secret_value(SecretId=name, **content)
            except ClientError as error:
                if error_code(error) not in (_MISSING, _MARKED_DELETED):
                    raise
                if error_code(error) == _MARKED_DELETED:
                    self._client.restore_secret(SecretId=name)
                elif self._created(name, content):
                    return
                self._client.put_secret_value(SecretId=name, **content)

    def _created(self, name: str, content: dict[str, Any]) -> bool:
        """Make the secret with its value; False when someone else has made it since."""
        try:
            self._client.create_secret(Name=name, **content)
        except ClientError as error:
            if error_code(error) != _EXISTS:
                raise
            return False
        return True

    def delete(self, name: str) -> None:
        self._call("delete_secret", name, RecoveryWindowInDays=_RECOVERY_DAYS)

    def exists(self, name: str) -> bool:
        """Whether it has a value: Terraform may have made it without one."""
        found = self._call("describe_secret", name) or {"DeletedDate": None}
        stages = found.get("VersionIdsToStages", {}).values()
        return "DeletedDate" not in found and any("AWSCURRENT" in names for names in stages)

    def _call(self, operation: str, name: str, **arguments: Any) -> dict[str, Any] | None:
        """The service's answer; None where there is no such secret or it is marked deleted."""
        checked_secret_name(name)
        with aws_errors(f"secret {name}"):
            try:
                answer: dict[str, Any] = getattr(self._client, operation)(
                    SecretId=name, **arguments
                )
            except ClientError as error:
                if error_code(error) in (_MISSING, _MARKED_DELETED):
                    return None
                raise
        return answer
