"""Training tasks on ECS Fargate."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import ClientError

from mmm.errors import UserError
from mmm.platforms.aws.errors import aws_errors, error_code, is_quota, may_pass
from mmm.platforms.aws.session import open_client, open_session
from mmm.platforms.aws.tasks import CONTAINER, in_words, is_no_room, task_status
from mmm.platforms.base import NoRoom, TaskState, TaskStatus
from mmm.settings import Settings

log = logging.getLogger(__name__)

#: Tags of the training task definition that say where its tasks run; tags hold no commas, so spaces
#: part the ids.
SUBNETS_TAG, SECURITY_GROUPS_TAG = "mmm-app:subnets", "mmm-app:security-groups"
#: "yes" in a network without NAT gateway and endpoints, where a task needs an address of its own.
PUBLIC_ADDRESS_TAG = "mmm-app:public-address"
_STARTED_BY_LENGTH = 36
#: While a deployment replaces the task definition there may be no active one. Longer than this it
#: is a wrong name or a deployment that failed.
_REPLACED_WITHIN_SECONDS = 600.0
_NO_DEFINITION = re.compile(r"unable to describe task definition|inactive", re.IGNORECASE)


@dataclass(frozen=True)
class _Handle:
    """Enough for a later process: the log stream is known before the task writes to it."""

    cluster: str
    task: str
    log_group: str
    log_stream: str


@dataclass(frozen=True)
class _Definition:
    """What the launcher needs of the newest revision of the task definition."""

    arn: str
    log_group: str
    log_prefix: str
    tags: Mapping[str, str]


class EcsLauncher:
    """Runs the newest revision of a task definition in a cluster; the run's address is the
    container's command.
    """

    def __init__(
        self,
        ecs: Any,
        logs: Any,
        *,
        cluster: str,
        family: str,
        subnets: Sequence[str] = (),
        security_groups: Sequence[str] = (),
    ) -> None:
        self._ecs, self._logs = ecs, logs
        self._cluster, self._family = cluster, family
        self._subnets, self._security_groups = subnets, security_groups

    @classmethod
    def from_settings(cls, settings: Settings) -> EcsLauncher:
        for name, value in (
            ("ECS_CLUSTER", settings.ecs_cluster),
            ("TRAINING_TASK_FAMILY", settings.training_task_family),
        ):
            if not value:
                raise UserError("is needed to train on AWS.", where=name)
        session = open_session(settings)
        return cls(
            open_client(session, "ecs", settings),
            open_client(session, "logs", settings),
            cluster=str(settings.ecs_cluster),
            family=str(settings.training_task_family),
            subnets=settings.training_subnets,
            security_groups=settings.training_security_groups,
        )

    def submit(self, run_uri: str, name: str) -> str:
        """Start the task; UserError when AWS refuses, NoRoom when it may take the task later. The
        same name and run again give the same task.
        """
        try:
            return self._submit(run_uri, name)
        except NoRoom:
            raise
        except UserError as error:
            patience = _REPLACED_WITHIN_SECONDS if _is_being_replaced(error) else None
            if patience is None and not may_pass(error):
                raise
            raise NoRoom(
                error.what, where=error.where, fix=error.fix, patience_seconds=patience
            ) from error

    def _submit(self, run_uri: str, name: str) -> str:
        definition = self._definition()
        where = f"ECS cluster {self._cluster}"
        with aws_errors(where):
            answer = self._ecs.run_task(
                cluster=self._cluster,
                taskDefinition=definition.arn,
                launchType="FARGATE",
                networkConfiguration={"awsvpcConfiguration": self._network(definition)},
                overrides={"containerOverrides": [{"name": CONTAINER, "command": [run_uri]}]},
                clientToken=hashlib.sha256(f"{name} {run_uri}".encode()).hexdigest(),
                startedBy=f"mmm/{name}"[:_STARTED_BY_LENGTH],
                tags=[
                    {"key": "mmm-app:run", "value": run_uri.rpartition("/runs/")[2]},
                    {"key": "mmm-app:task", "value": name},
                ],
            )
        if not answer["tasks"]:
            failures = [str(failure.get("reason", "")) for failure in answer.get("failures", ())]
            said = "; ".join(sorted({in_words(reason) for reason in failures})) or in_words("")
            full = any(is_no_room(reason) or is_quota(reason) for reason in failures)
            raise (NoRoom if full else UserError)(f"{said}.", where=where)
        task = str(answer["tasks"][0]["taskArn"])
        stream = f"{definition.log_prefix}/{CONTAINER}/{task.rpartition('/')[2]}"
        return json.dumps(asdict(_Handle(self._cluster, task, definition.log_group, stream)))

    def describe(self, handle: str) -> TaskStatus:
        """Unknown is no verdict: ECS knows a new task only after a moment and forgets a stopped one
        after an hour.
        """
        task = _Handle(**json.loads(handle))
        try:
            with aws_errors("ECS"):
                answer = self._ecs.describe_tasks(cluster=task.cluster, tasks=[task.task])
        except UserError as error:
            log.warning("a task cannot be looked at: %s", error)
            return TaskStatus(TaskState.UNKNOWN, reason=str(error).rstrip("."))
        if not answer["tasks"]:
            return TaskStatus(TaskState.UNKNOWN, reason="AWS does not know its task (any more)")
        return task_status(answer["tasks"][0])

    def cancel(self, handle: str, grace_seconds: float = 10.0) -> None:
        """SIGTERM now and SIGKILL later; on ECS the grace is the task definition's `stopTimeout`,
        not the caller's.
        """
        task = _Handle(**json.loads(handle))
        with aws_errors("ECS"):
            try:
                self._ecs.stop_task(
                    cluster=task.cluster, task=task.task, reason="Cancelled by mmm-app"
                )
            except ClientError as error:
                if error_code(error) != "InvalidParameterException":  # ECS has forgotten it
                    raise

    def logs(self, handle: str) -> Iterator[str]:
        task = _Handle(**json.loads(handle))
        stream = {"logGroupName": task.log_group, "logStreamName": task.log_stream}
        page: dict[str, str] = {}
        while task.log_group:
            with aws_errors(f"log group {task.log_group}"):
                try:
                    answer = self._logs.get_log_events(**stream, **page, startFromHead=True)
                except ClientError as error:
                    if (
                        error_code(error) == "ResourceNotFoundException"
                    ):  # it has printed nothing yet
                        return
                    raise
            yield from (str(event["message"]).rstrip("\n") for event in answer["events"])
            if answer["nextForwardToken"] == page.get("nextToken"):
                return
            page = {"nextToken": answer["nextForwardToken"]}

    def _definition(self) -> _Definition:
        """The newest ACTIVE revision."""
        where = f"TRAINING_TASK_FAMILY {self._family}"
        with aws_errors(where):
            answer = self._ecs.describe_task_definition(
                taskDefinition=self._family, include=["TAGS"]
            )
        found = answer["taskDefinition"]
        container = next(
            (one for one in found["containerDefinitions"] if one["name"] == CONTAINER), None
        )
        if container is None:
            raise UserError(f"has no container named {CONTAINER!r}.", where=where)
        options = container.get("logConfiguration", {}).get("options", {})
        return _Definition(
            arn=found["taskDefinitionArn"],
            log_group=options.get("awslogs-group", ""),
            log_prefix=options.get("awslogs-stream-prefix", ""),
            tags={tag["key"]: tag["value"] for tag in answer.get("tags", ())},
        )

    def _network(self, definition: _Definition) -> dict[str, Any]:
        """Private subnets and security groups: the settings' or those of the task definition's
        tags.
        """
        subnets = self._subnets or definition.tags.get(SUBNETS_TAG, "").split()
        groups = self._security_groups or definition.tags.get(SECURITY_GROUPS_TAG, "").split()
        if not subnets:
            fix = f"Set TRAINING_SUBNETS, or give the task definition the tag {SUBNETS_TAG} (Terraform does)."
            raise UserError("does not say in which subnets to run.", where=self._family, fix=fix)
        public = definition.tags.get(PUBLIC_ADDRESS_TAG) == "yes"
        network: dict[str, Any] = {
            "subnets": list(subnets),
            "assignPublicIp": "ENABLED" if public else "DISABLED",
        }
        return network | ({"securityGroups": list(groups)} if groups else {})


def _is_being_replaced(error: UserError) -> bool:
    """Whether ECS says that there is no active task definition (any more)."""
    cause = error.__cause__
    if not isinstance(cause, ClientError) or error_code(cause) != "ClientException":
        return False
    message = str(cause.response.get("Error", {}).get("Message", ""))
    return _NO_DEFINITION.search(message) is not None
