"""The permissions that docs/aws.md lists are enough, each is needed, and nothing beyond them is
allowed.

moto checks them on the resources the calls name; conditions it does not check.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from aws_servers import ACCOUNT, CLUSTER, FAMILY, LOG_GROUP, REGION, Aws
from mmm.errors import UserError
from mmm.platforms.aws.launcher import EcsLauncher
from mmm.platforms.aws.secrets import SecretsManagerStore
from mmm.platforms.base import TaskState
from mmm.workspace.objects import Objects, StoreError, open_store

HERE = f"{REGION}:{ACCOUNT}"
TASKS = f"arn:aws:ecs:{HERE}:task/{CLUSTER}/*"
SECRETS = f"arn:aws:secretsmanager:{HERE}:secret:mmm-app-"


def policy(allowed: dict[str, Any], *, without: str = "") -> dict[str, Any]:
    """The actions on their resources, less one."""
    statements = [
        {"Effect": "Allow", "Action": [action], "Resource": resource}
        for action, resource in allowed.items()
        if action != without
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def web(bucket: str) -> dict[str, Any]:
    objects = f"arn:aws:s3:::{bucket}/*"
    connections = f"{SECRETS}connection-*"
    return {
        "s3:ListBucket": f"arn:aws:s3:::{bucket}",
        "s3:GetObject": objects,
        "s3:PutObject": objects,
        "s3:AbortMultipartUpload": objects,
        "s3:DeleteObject": [
            f"arn:aws:s3:::{bucket}/{name}/*" for name in ("connections", "drafts", "waiting")
        ],
        "ecs:DescribeTaskDefinition": "*",
        "ecs:RunTask": f"arn:aws:ecs:{HERE}:task-definition/{FAMILY}:*",
        "ecs:TagResource": TASKS,
        "ecs:DescribeTasks": TASKS,
        "ecs:StopTask": TASKS,
        "iam:PassRole": [
            f"arn:aws:iam::{ACCOUNT}:role/{FAMILY}-task",
            f"arn:aws:iam::{ACCOUNT}:role/{FAMILY}-execution",
        ],
        "logs:GetLogEvents": f"arn:aws:logs:{HERE}:log-group:{LOG_GROUP}:log-stream:*",
        "secretsmanager:GetSecretValue": [connections, f"{SECRETS}sf-*", f"{SECRETS}auth-*"],
        "secretsmanager:DescribeSecret": [connections, f"{SECRETS}sf-*", f"{SECRETS}auth-*"],
        "secretsmanager:CreateSecret": connections,
        "secretsmanager:PutSecretValue": connections,
        "secretsmanager:DeleteSecret": connections,
        "secretsmanager:RestoreSecret": connections,
    }


def training(bucket: str) -> dict[str, Any]:
    return {
        "s3:ListBucket": f"arn:aws:s3:::{bucket}",
        "s3:GetObject": f"arn:aws:s3:::{bucket}/*",
        "s3:PutObject": f"arn:aws:s3:::{bucket}/runs/*",
        "s3:AbortMultipartUpload": f"arn:aws:s3:::{bucket}/runs/*",
    }


def use_everything(user: Aws, bucket: str) -> None:
    """Call whatever the web app calls, once each."""
    settings = user.settings(bucket)
    objects = Objects(open_store(f"s3://{bucket}", settings), f"s3://{bucket}")
    objects.create("runs/20260101T000000-00000000/job_config.json", b"{}")
    objects.get("runs/20260101T000000-00000000/job_config.json")
    objects.names("runs")
    assert not objects.exists("nothing")
    for key in (
        "connections/shop.json",
        "drafts/ann/form.json",
        "waiting/20260101T000000-00000000.json",
    ):
        objects.put(key, b"{}")
        objects.delete(key)

    secrets = SecretsManagerStore.from_settings(settings)
    name = f"mmm-app-connection-{bucket}-password"
    for _ in range(2):  # the second time it is there, deleted
        secrets.put(name, "x")
        assert secrets.exists(name)
        assert secrets.get(name) == "x"
        secrets.delete(name)

    launcher = EcsLauncher.from_settings(settings)
    handle = launcher.submit(f"s3://{bucket}/runs/20260101T000000-00000000", bucket)
    while launcher.describe(handle).state is TaskState.PENDING:
        time.sleep(0.1)
    assert launcher.describe(handle).state is not TaskState.UNKNOWN, launcher.describe(handle)
    list(launcher.logs(handle))
    launcher.cancel(handle)


def test_the_web_apps_permissions_are_enough_and_no_more(strict_aws: Aws) -> None:
    bucket, other = strict_aws.new_bucket(), strict_aws.new_bucket()
    user = strict_aws.user("web", policy(web(bucket)))
    use_everything(user, bucket)

    settings = user.settings(bucket)
    mine, others = (Objects(open_store(f"s3://{name}", settings), name) for name in (bucket, other))
    with pytest.raises(StoreError, match="the store refuses access"):
        others.put("x", b"")
    with pytest.raises(StoreError, match="the store refuses access"):
        mine.delete("runs/20260101T000000-00000000/job_config.json")
    foreign = settings.model_copy(update={"training_task_family": strict_aws.new_family()})
    with pytest.raises(UserError, match="AWS does not allow ecs:RunTask"):
        EcsLauncher.from_settings(foreign).submit("s3://bucket/runs/x", "x")
    with pytest.raises(UserError, match="AWS does not allow secretsmanager:PutSecretValue"):
        SecretsManagerStore.from_settings(settings).put("somebody-elses", "x")


@pytest.mark.parametrize("action", [name for name in web("b") if not name.startswith("s3:")])
def test_a_missing_permission_is_named(strict_aws: Aws, action: str) -> None:
    bucket = strict_aws.new_bucket()
    user = strict_aws.user(
        f"without-{action.replace(':', '-')}", policy(web(bucket), without=action)
    )
    with pytest.raises((UserError, AssertionError)) as raised:
        use_everything(user, bucket)
    assert (
        f"AWS does not allow {action}. Give the role or user in use the permission {action}"
        in str(raised.value)
    )


@pytest.mark.parametrize(
    "action", ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
)
def test_a_missing_right_on_the_bucket_is_told(strict_aws: Aws, action: str) -> None:
    bucket = strict_aws.new_bucket()
    user = strict_aws.user(
        f"without-{action.replace(':', '-')}", policy(web(bucket), without=action)
    )
    with pytest.raises(StoreError, match="the store refuses access"):
        use_everything(user, bucket)


def test_the_training_task_reads_its_data_and_writes_into_runs_alone(strict_aws: Aws) -> None:
    bucket = strict_aws.new_bucket()
    user = strict_aws.user("task", policy(training(bucket)))
    settings = user.settings(bucket)
    objects = Objects(open_store(f"s3://{bucket}", settings), f"s3://{bucket}")
    objects.create("runs/20260101T000000-00000000/events/000001.json", b"{}")
    assert objects.names("datasets") == []
    for denied in (
        lambda: objects.put("datasets/DE/x", b""),
        lambda: objects.delete("runs/20260101T000000-00000000/events/000001.json"),
    ):
        with pytest.raises(StoreError, match="the store refuses access"):
            denied()
    with pytest.raises(UserError, match="AWS does not allow secretsmanager:GetSecretValue"):
        SecretsManagerStore.from_settings(settings).get("mmm-app-auth-client-secret")
