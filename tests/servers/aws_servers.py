"""AWS on loopback: moto's server with ECS tasks that run as processes, and what an infrastructure
would hold.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from mmm.settings import Settings
from servers import HERE, free_port, wait_for

REGION, ACCOUNT, CLUSTER, FAMILY = (
    "eu-central-1",
    "123456789012",
    "mmm-app-cluster",
    "mmm-app-training",
)
LOG_GROUP = "/ecs/mmm-app-training"
IMAGE = "mmm-app-training:test"
#: What the images of the tests run; the override's command is added. The second runs its
#: environment's SCRIPT.
_IMAGES = {
    IMAGE: [sys.executable, "-P", "-m", "mmm", "train"],
    "shell:test": ["/bin/sh", "-c", 'eval "$SCRIPT"'],
}
ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_FREE_CALLS = "1000000"
_numbers = itertools.count(1)


@dataclass
class Aws:
    """A running server. Tests keep apart by names of their own: `new_bucket`, `new_family`."""

    port: int
    keys: Mapping[str, str] = field(
        default_factory=lambda: {"access_key_id": "test", "secret_access_key": "test"}
    )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(
            region_name=REGION, **{f"aws_{name}": value for name, value in self.keys.items()}
        )

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.url)

    def new_bucket(self) -> str:
        name = f"mmm-test-{next(_numbers)}"
        self.client("s3").create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        return name

    def environment(self, bucket: str, **more: str) -> dict[str, str]:
        """The guide's five variables, keys, and the loopback's address."""
        return (
            {
                "CLOUD_PROVIDER": "aws",
                "AWS_REGION": REGION,
                "S3_BUCKET": bucket,
                "ECS_CLUSTER": CLUSTER,
                "TRAINING_TASK_FAMILY": FAMILY,
                "AWS_ENDPOINT_URL": self.url,
                "AWS_EC2_METADATA_DISABLED": "true",
            }
            | {f"AWS_{name.upper()}": value for name, value in self.keys.items()}
            | more
        )

    def settings(self, bucket: str, **more: Any) -> Settings:
        names = {str(one.alias) for one in Settings.model_fields.values()}
        given = {name: value for name, value in self.environment(bucket).items() if name in names}
        return Settings.model_validate(given | more)

    def new_family(self, **container: Any) -> str:
        """Register a training task definition of a family of its own; arguments change its
        container.
        """
        family = f"{FAMILY}-{next(_numbers)}"
        register_family(self, family, **container)
        return family

    def faults(self, *rules: dict[str, Any]) -> None:
        """Add rules, see `aws_server.Faults`; none forgets all."""
        self._post("/test-api/faults", json.dumps(rules)) if rules else self._post(
            "/test-api/faults", "", "DELETE"
        )

    def fault_hits(self) -> int:
        with urllib.request.urlopen(f"{self.url}/test-api/faults") as answer:  # noqa: S310
            return int(json.load(answer)["hits"])

    def pid(self, task_arn: str) -> int | None:
        """The process behind an ECS task."""
        with urllib.request.urlopen(  # noqa: S310
            f"{self.url}/test-api/processes/{task_arn.rpartition('/')[2]}"
        ) as answer:
            return json.load(answer)["pid"]

    def user(self, name: str, policy: Mapping[str, Any]) -> Aws:
        """The same server in the eyes of a new IAM user with this policy."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Aws(
            self.port,
            {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]},
        )

    def role(self, name: str, policy: Mapping[str, Any]) -> str:
        """Make the role of a task, or give it another policy; its ARN."""
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        iam = self.client("iam")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(
                RoleName=name,
                AssumeRolePolicyDocument=json.dumps(
                    {"Version": "2012-10-17", "Statement": [trust]}
                ),
            )
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def enforce(self, on: bool = True) -> None:
        """Let moto check signatures and IAM policies from here on, as AWS does, or not."""
        self._post("/moto-api/reset-auth", "0" if on else _FREE_CALLS)

    def _post(self, path: str, body: str, method: str = "POST") -> None:
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(self.url + path, body.encode(), headers, method=method)  # noqa: S310
        urllib.request.urlopen(request).close()  # noqa: S310


def register_family(aws: Aws, family: str, role: str | None = None, **container: Any) -> None:
    """A training task definition as Terraform makes it, with its network in tags; a new revision
    where there is one.
    """
    options = {
        "awslogs-group": LOG_GROUP,
        "awslogs-region": REGION,
        "awslogs-stream-prefix": "training",
    }
    definition = {
        "name": "training",
        "image": IMAGE,
        "essential": True,
        "memory": 4096,
        "stopTimeout": 2,
        "environment": [{"name": "MMM_HEARTBEAT_SECONDS", "value": "0.5"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    subnet, group = _network(aws)
    aws.client("ecs").register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="1024",
        memory="4096",
        taskRoleArn=role or f"arn:aws:iam::{ACCOUNT}:role/{FAMILY}-task",
        executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{FAMILY}-execution",
        containerDefinitions=[definition | container],
        tags=[
            {"key": "mmm-app:subnets", "value": subnet},
            {"key": "mmm-app:security-groups", "value": group},
        ],
    )


def _network(aws: Aws) -> tuple[str, str]:
    """A private subnet and a security group, made once per server."""
    ec2, tag = aws.client("ec2"), [{"Key": "Name", "Value": "mmm-test"}]
    chosen = [{"Name": "tag:Name", "Values": ["mmm-test"]}]
    subnets = ec2.describe_subnets(Filters=chosen)["Subnets"]
    if not subnets:
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        ec2.create_security_group(GroupName="mmm-test", Description="training tasks", VpcId=vpc)
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        ec2.create_tags(Resources=[subnet], Tags=tag)
        subnets = ec2.describe_subnets(Filters=chosen)["Subnets"]
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["mmm-test"]}])[
        "SecurityGroups"
    ]
    return subnets[0]["SubnetId"], groups[0]["GroupId"]


@contextmanager
def aws_server(folder: Path, pending_seconds: float = 0.2) -> Iterator[Aws]:
    """moto with ECS tasks as processes, holding a cluster, a log group and the family FAMILY."""
    port, config = free_port(), folder / "aws.json"
    config.write_text(json.dumps({"images": _IMAGES, "pending_seconds": pending_seconds}))
    environment = {
        name: value for name, value in os.environ.items() if not re.match(r"AWS_|MMM_|MOTO_", name)
    }
    environment["INITIAL_NO_AUTH_ACTION_COUNT"] = _FREE_CALLS
    with (folder / "aws.log").open("wb") as output:
        command: Sequence[Any] = [sys.executable, HERE / "aws_server.py", str(port), config]
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_for(port, process, 90)
            aws = Aws(port)
            aws.client("ecs").create_cluster(clusterName=CLUSTER)
            aws.client("logs").create_log_group(logGroupName=LOG_GROUP)
            register_family(aws, FAMILY)
            yield aws
        finally:
            process.terminate()
            process.wait(60)
