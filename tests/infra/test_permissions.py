"""The product's own operations under the policies that Terraform gives its roles.

The server checks signatures, actions and resources as AWS does (tests/servers/aws_permissions.py),
but no conditions: those are judged by `allows`, which reads a policy as IAM does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aws_servers import ACCOUNT, ALLOW_ALL, CLUSTER, FAMILY, REGION, Aws, aws_server
from mmm.platforms import open_launcher, open_secret_store
from mmm.platforms.base import TaskState
from mmm.settings import Settings
from mmm.workspace.objects import Objects, open_store
from terraform_cli import Applied

BUCKET = "mmm-app-output-aws"
TASK = f"arn:aws:ecs:us-east-1:111122223333:task/{CLUSTER}/1"
OTHER_TASK = "arn:aws:ecs:us-east-1:111122223333:task/payroll/1"
CLUSTER_ARN = f"arn:aws:ecs:us-east-1:111122223333:cluster/{CLUSTER}"
ROLE = "arn:aws:iam::111122223333:role"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret"


def statements(applied: Applied, role: str) -> list[dict[str, Any]]:
    return [one for policy in applied.policies(role).values() for one in policy["Statement"]]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An administrator's view of a server of our own: its training task definition has Terraform's
    roles.
    """
    with aws_server(tmp_path_factory.mktemp("infra-aws")) as server:
        ecs = server.client("ecs")
        old = ecs.describe_task_definition(taskDefinition=FAMILY, include=["TAGS"])
        names = ("networkMode", "requiresCompatibilities", "cpu", "memory", "containerDefinitions")
        ecs.register_task_definition(
            family=FAMILY,
            taskRoleArn=f"arn:aws:iam::{ACCOUNT}:role/mmm-app-training-task-role",
            executionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/mmm-app-training-execution-role",
            tags=old["tags"],
            **{name: old["taskDefinition"][name] for name in names},
        )
        for bucket in (BUCKET, "payroll"):
            server.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        admin = server.user("admin", {"Version": "2012-10-17", "Statement": [ALLOW_ALL]})
        server.enforce()
        yield admin


def as_role(applied: dict[str, Applied], strict: Aws, role: str) -> Aws:
    """The server in the eyes of a user with that role's policies."""
    unconditional = [
        {name: one[name] for name in one if name != "Condition"}
        for one in statements(applied["prod"], role)
    ]
    here = json.dumps(unconditional).replace("us-east-1", REGION).replace("111122223333", ACCOUNT)
    return strict.user(role, {"Version": "2012-10-17", "Statement": json.loads(here)})


@pytest.fixture(scope="module")
def web(applied: dict[str, Applied], strict: Aws) -> Aws:
    return as_role(applied, strict, "mmm-app-web-service-task-role")


@pytest.fixture(scope="module")
def training(applied: dict[str, Applied], strict: Aws) -> Aws:
    return as_role(applied, strict, "mmm-app-training-task-role")


def refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "403")
    return False


def start(family: str) -> dict[str, Any]:
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
    return {
        "cluster": CLUSTER,
        "taskDefinition": family,
        "launchType": "FARGATE",
        "networkConfiguration": network,
    }


def settings_of(aws: Aws) -> Settings:
    return aws.settings(BUCKET)


def objects_of(aws: Aws) -> Objects:
    settings = settings_of(aws)
    return Objects(open_store(settings.workspace_url, settings), settings.workspace_url)


def test_the_web_app_stores_reads_lists_and_forgets_in_its_bucket(web: Aws) -> None:
    objects = objects_of(web)
    objects.create("runs/1/job_config.json", b"{}")
    assert objects.get("runs/1/job_config.json") == b"{}"
    assert not objects.exists("runs/1/nothing.json")
    assert objects.names("runs/1") == ["job_config.json"]
    objects.put("drafts/ann/experiment.json", b"{}")
    objects.delete("drafts/ann/experiment.json")
    assert not objects.exists("drafts/ann/experiment.json")


def test_the_web_app_starts_follows_and_stops_a_task(web: Aws) -> None:
    launcher = open_launcher(settings_of(web))
    handle = launcher.submit(f"s3://{BUCKET}/runs/1", "1-1")
    assert launcher.describe(handle).state in (
        TaskState.PENDING,
        TaskState.RUNNING,
        TaskState.STOPPED,
    )
    list(launcher.logs(handle))
    launcher.cancel(handle, grace_seconds=0.1)


def test_the_web_app_keeps_connections_secrets_and_reads_its_own(web: Aws, strict: Aws) -> None:
    store = open_secret_store(settings_of(web))
    store.put("mmm-app-connection-shop-password", "open")
    assert store.get("mmm-app-connection-shop-password") == "open"
    store.delete("mmm-app-connection-shop-password")
    strict.client("secretsmanager").create_secret(Name="mmm-app-sf-private-key", SecretString="key")
    assert store.get("mmm-app-sf-private-key") == "key"


def test_nothing_else_is_allowed_to_the_web_app(web: Aws, strict: Aws) -> None:
    strict.client("ecs").register_task_definition(
        family="payroll", containerDefinitions=[{"name": "x", "image": "x", "memory": 128}]
    )
    s3, ecs, iam = web.client("s3"), web.client("ecs"), web.client("iam")
    calls = {
        "delete a run": lambda: s3.delete_object(Bucket=BUCKET, Key="runs/1/job_config.json"),
        "delete a dataset": lambda: s3.delete_object(
            Bucket=BUCKET, Key="datasets/DE/1/data.parquet"
        ),
        "read another bucket": lambda: s3.list_objects_v2(Bucket="payroll"),
        "write another bucket": lambda: s3.put_object(Bucket="payroll", Key="x", Body=b""),
        "delete the bucket": lambda: s3.delete_bucket(Bucket=BUCKET),
        "open the bucket": lambda: s3.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
        "keep no versions": lambda: s3.put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}
        ),
        "register a task definition": lambda: ecs.register_task_definition(
            family="x", containerDefinitions=[]
        ),
        "change the service": lambda: ecs.update_service(cluster=CLUSTER, service="mmm-app-web"),
        "delete the cluster": lambda: ecs.delete_cluster(cluster=CLUSTER),
        "make a user": lambda: iam.create_user(UserName="mallory"),
        "get more rights": lambda: iam.put_role_policy(
            RoleName="mmm-app", PolicyName="x", PolicyDocument="{}"
        ),
        "run another task": lambda: ecs.run_task(**start("payroll")),
        "read another's secret": lambda: web.client("secretsmanager").get_secret_value(
            SecretId="payroll"
        ),
        "change its own secret": lambda: web.client("secretsmanager").put_secret_value(
            SecretId="mmm-app-auth-client-id", SecretString="mine"
        ),
        "list secrets": lambda: web.client("secretsmanager").list_secrets(),
        "read the web app's log": lambda: web.client("logs").filter_log_events(
            logGroupName="/ecs/mmm-app-web"
        ),
        "start a machine": lambda: web.client("ec2").run_instances(
            ImageId="ami-1", MinCount=1, MaxCount=1
        ),
    }
    assert [what for what, call in calls.items() if not refused(call)] == []


def test_a_training_task_reads_the_bucket_and_writes_its_runs_alone(
    training: Aws, strict: Aws
) -> None:
    s3 = training.client("s3")
    strict.client("s3").put_object(Bucket=BUCKET, Key="datasets/DE/2/data.parquet", Body=b"1")
    assert s3.get_object(Bucket=BUCKET, Key="datasets/DE/2/data.parquet")["Body"].read() == b"1"
    objects_of(training).create("runs/2/heartbeat.json", b"{}")
    calls = {
        "write a dataset": lambda: s3.put_object(
            Bucket=BUCKET, Key="datasets/DE/2/data.parquet", Body=b"2"
        ),
        "write a connection": lambda: s3.put_object(
            Bucket=BUCKET, Key="connections/shop.json", Body=b""
        ),
        "delete a run": lambda: s3.delete_object(Bucket=BUCKET, Key="runs/2/heartbeat.json"),
        "read another bucket": lambda: s3.list_objects_v2(Bucket="payroll"),
        "read a secret": lambda: training.client("secretsmanager").get_secret_value(
            SecretId="mmm-app-sf-private-key"
        ),
        "start a task": lambda: training.client("ecs").run_task(**start(FAMILY)),
        "look at a task": lambda: training.client("ecs").list_tasks(cluster=CLUSTER),
        "write a log": lambda: training.client("logs").create_log_stream(
            logGroupName="/ecs/mmm-app-training", logStreamName="x"
        ),
    }
    assert [what for what, call in calls.items() if not refused(call)] == []


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allows(policy: list[dict[str, Any]], action: str, resource: str, **context: str) -> bool:
    """IAM's reading of Allow statements: action, resource and all conditions must fit."""

    def fits(statement: dict[str, Any]) -> bool:
        conditions = statement.get("Condition", {})
        assert conditions.keys() <= {"StringEquals", "ArnEquals"}
        return (
            any(fnmatchcase(action.lower(), one.lower()) for one in listed(statement["Action"]))
            and any(fnmatchcase(resource, one) for one in listed(statement["Resource"]))
            and all(
                context.get(key.replace(":", "_")) == value
                for c in conditions.values()
                for key, value in c.items()
            )
        )

    return any(fits(statement) for statement in policy)


def test_resources_and_conditions_of_the_web_role(applied: dict[str, Applied]) -> None:
    policy = statements(applied["prod"], "mmm-app-web-service-task-role")
    here = {"ecs_cluster": CLUSTER_ARN}
    definition = "arn:aws:ecs:us-east-1:111122223333:task-definition"
    passed = {"iam_PassedToService": "ecs-tasks.amazonaws.com"}
    may = [
        allows(policy, "ecs:RunTask", f"{definition}/{FAMILY}:7", **here),
        allows(policy, "ecs:StopTask", TASK, **here),
        allows(policy, "ecs:DescribeTasks", TASK, **here),
        allows(policy, "ecs:TagResource", TASK, ecs_CreateAction="RunTask"),
        allows(policy, "iam:PassRole", f"{ROLE}/mmm-app-training-task-role", **passed),
        allows(policy, "iam:PassRole", f"{ROLE}/mmm-app-training-execution-role", **passed),
        *(
            allows(policy, "s3:DeleteObject", f"arn:aws:s3:::{BUCKET}/{key}")
            for key in (
                "connections/shop.json",
                "drafts/ann/form.json",
                "waiting/20260101T000000-00000000.json",
            )
        ),
        allows(
            policy,
            "secretsmanager:PutSecretValue",
            f"{SECRET}:mmm-app-connection-shop-password-AbCdEf",
        ),
        allows(policy, "secretsmanager:GetSecretValue", f"{SECRET}:mmm-app-auth-client-id-AbCdEf"),
        allows(
            policy,
            "logs:GetLogEvents",
            "arn:aws:logs:us-east-1:111122223333:log-group:/ecs/mmm-app-training:log-stream:training/training/1",
        ),
    ]
    may_not = [
        allows(
            policy,
            "ecs:RunTask",
            f"{definition}/{FAMILY}:7",
            ecs_cluster=CLUSTER_ARN.replace(CLUSTER, "payroll"),
        ),
        allows(policy, "ecs:RunTask", f"{definition}/payroll:1", **here),
        allows(policy, "ecs:RunTask", f"{definition}/mmm-app-web:1", **here),
        allows(
            policy, "ecs:StopTask", OTHER_TASK, ecs_cluster=CLUSTER_ARN.replace(CLUSTER, "payroll")
        ),
        allows(policy, "ecs:TagResource", TASK, ecs_CreateAction="CreateService"),
        allows(
            policy,
            "iam:PassRole",
            f"{ROLE}/mmm-app-training-task-role",
            iam_PassedToService="ec2.amazonaws.com",
        ),
        allows(policy, "iam:PassRole", f"{ROLE}/admin", **passed),
        allows(policy, "iam:PassRole", f"{ROLE}/mmm-app-web-service-task-role", **passed),
        allows(
            policy, "secretsmanager:PutSecretValue", f"{SECRET}:mmm-app-auth-cookie-secret-AbCdEf"
        ),
        allows(policy, "secretsmanager:DeleteSecret", f"{SECRET}:mmm-app-sf-private-key-AbCdEf"),
        allows(
            policy, "secretsmanager:GetSecretValue", f"{SECRET}:mmm-app-dev-auth-client-id-AbCdEf"
        ),
        allows(policy, "secretsmanager:GetSecretValue", f"{SECRET}:payroll-AbCdEf"),
        allows(policy, "s3:GetObject", "arn:aws:s3:::mmm-app-output-aws-dev/runs/1"),
        allows(policy, "s3:DeleteObject", f"arn:aws:s3:::{BUCKET}/runs/1/job_config.json"),
    ]
    assert all(may), may
    assert not any(may_not), may_not


def test_the_training_role_reaches_nothing_but_the_bucket(applied: dict[str, Applied]) -> None:
    policy = statements(applied["prod"], "mmm-app-training-task-role")
    actions = {action for one in policy for action in listed(one["Action"])}
    assert actions == {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"}
    assert allows(
        policy, "s3:PutObject", f"arn:aws:s3:::{BUCKET}/runs/1/results/0001/models.parquet"
    )
    assert not allows(policy, "s3:PutObject", f"arn:aws:s3:::{BUCKET}/datasets/DE/1/manifest.json")


def test_execution_roles_start_their_own_task_only(applied: dict[str, Applied]) -> None:
    web = statements(applied["prod"], "mmm-app-ecs-task-execution-role")
    training = statements(applied["prod"], "mmm-app-training-execution-role")
    image = "arn:aws:ecr:us-east-1:111122223333:repository/mmm-app"
    stream = "arn:aws:logs:us-east-1:111122223333:log-group:/ecs/mmm-app"
    assert allows(web, "ecr:BatchGetImage", f"{image}-web")
    assert allows(training, "ecr:BatchGetImage", f"{image}-training")
    assert not allows(web, "ecr:BatchGetImage", f"{image}-training")
    assert not allows(web, "ecr:PutImage", f"{image}-web")
    assert allows(web, "logs:PutLogEvents", f"{stream}-web:log-stream:web/web/1")
    assert not allows(training, "logs:PutLogEvents", f"{stream}-web:log-stream:web/web/1")
    granted = {
        arn
        for one in web
        if one["Action"] == "secretsmanager:GetSecretValue"
        for arn in one["Resource"]
    }
    container = applied["prod"].container("web")
    assert granted == {one["valueFrom"].partition(":::")[0] for one in container["secrets"]}
    assert not [one for one in training if "secretsmanager" in json.dumps(one)]


def test_only_ecs_tasks_of_this_account_assume_the_roles(applied: dict[str, Applied]) -> None:
    for role in applied["prod"].of("aws_iam_role"):
        (statement,) = json.loads(role["assume_role_policy"])["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}
