"""IAM as AWS checks it where moto is coarser: calls to ECS, Secrets Manager and CloudWatch Logs on
their own resources, objects deleted in bulk, and the permissions that RunTask needs beside its own.
moto itself knows resources for S3 only, and conditions for trust policies only (others count as
met). It all counts only while moto enforces IAM.
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.ecs.models import ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.iam.access_control import IAMRequest
from moto.logs.responses import LogsResponse
from moto.s3.responses import S3Response
from moto.secretsmanager.responses import SecretsManagerResponse

_SUFFIX = "AbCdEf"  # Secrets Manager ends every ARN with six characters of its own


def install() -> None:
    """Change moto in this process."""
    EC2ContainerServiceResponse._determine_resource = _ecs_resource  # type: ignore[attr-defined]
    SecretsManagerResponse._determine_resource = _secret_resource  # type: ignore[attr-defined]
    LogsResponse._determine_resource = _log_resource  # type: ignore[attr-defined]
    check_s3 = S3Response._authenticate_and_authorize_s3_action

    def check_deleted(
        response: Any, bucket_name: str | None = None, key_name: str | None = None
    ) -> None:
        """Deleting several objects in one request is a matter of each."""
        asked = (
            response.body
            if key_name is None and response.data.get("Action") == "DeleteObject"
            else ""
        )
        keys = re.findall(
            r"<Key>(.*?)</Key>", asked.decode() if isinstance(asked, bytes) else asked
        )
        for key in keys or [key_name]:
            check_s3(response, bucket_name, key)

    S3Response._authenticate_and_authorize_s3_action = check_deleted  # type: ignore[method-assign]
    check = IAMRequest.check_action_permitted

    def check_all(request: Any, resource: str) -> None:
        check(request, resource)
        if request._action == "ecs:RunTask":
            for action, other in _beside_run_task(request, resource):
                request._action = action
                check(request, other)

    IAMRequest.check_action_permitted = check_all  # type: ignore[method-assign]


def _asked(response: Any) -> tuple[str, dict[str, Any]]:
    _, _, action = response.headers["X-Amz-Target"].partition(".")
    return action, json.loads(response.body or "{}")


def _arn(response: Any, service: str, rest: str) -> str:
    return f"arn:aws:{service}:{response.region}:{response.current_account}:{rest}"


def _ecs_resource(response: Any) -> str:
    action, asked = _asked(response)
    if action == "RunTask":
        backend = ecs_backends[response.current_account][response.region]
        return str(backend.describe_task_definition(asked["taskDefinition"]).arn)
    if action in ("DescribeTasks", "StopTask"):
        return str(asked.get("task") or asked["tasks"][0])
    return "*"


def _secret_resource(response: Any) -> str:
    _, asked = _asked(response)
    name = asked.get("SecretId") or asked.get("Name")
    return _arn(response, "secretsmanager", f"secret:{name}-{_SUFFIX}") if name else "*"


def _log_resource(response: Any) -> str:
    action, asked = _asked(response)
    if action != "GetLogEvents":
        return "*"
    return _arn(
        response, "logs", f"log-group:{asked['logGroupName']}:log-stream:{asked['logStreamName']}"
    )


def _beside_run_task(request: Any, definition_arn: str) -> list[tuple[str, str]]:
    """(action, resource): the roles that the task gets, and its tags."""
    region, account = definition_arn.split(":")[3:5]
    definition = ecs_backends[account][region].describe_task_definition(definition_arn)
    asked = json.loads(request._body)
    needed = [
        ("iam:PassRole", role)
        for role in (definition.task_role_arn, definition.execution_role_arn)
        if role
    ]
    if asked.get("tags"):
        needed.append(
            ("ecs:TagResource", f"arn:aws:ecs:{region}:{account}:task/{asked['cluster']}/new")
        )
    return needed
