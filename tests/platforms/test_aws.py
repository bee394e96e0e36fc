"""The platform aws beyond the contracts: what ECS says in words, where tasks run, credentials,
secrets' own ways.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aws_servers import CLUSTER, Aws, register_family
from mmm.errors import NotFound, UserError
from mmm.platforms import open_launcher, open_secret_store
from mmm.platforms.aws.launcher import EcsLauncher
from mmm.platforms.aws.secrets import SecretsManagerStore
from mmm.platforms.aws.tasks import in_words, task_status
from mmm.platforms.base import TaskState, TaskStatus
from mmm.settings import Settings
from mmm.workspace.objects import Objects, StoreError, open_store

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def stopped(stop_code: str, reason: str, last: str = "STOPPED", **container: Any) -> dict[str, Any]:
    return {
        "lastStatus": last,
        "desiredStatus": "STOPPED",
        "stopCode": stop_code,
        "stoppedReason": reason,
        "startedAt": BEGAN,
        "containers": [{"name": "sidecar"}, {"name": "training", **container}],
    }


@pytest.mark.parametrize(
    ("task", "state", "code", "reason"),
    [
        (
            {"lastStatus": "PROVISIONING"},
            "pending",
            None,
            "AWS is looking for a machine and a network address",
        ),
        ({"lastStatus": "PENDING"}, "pending", None, "AWS is fetching the image"),
        ({"lastStatus": "ACTIVATING"}, "pending", None, "AWS is starting it"),
        ({"lastStatus": "RUNNING", "startedAt": BEGAN}, "running", None, ""),
        (
            stopped("EssentialContainerExited", "Essential container in task exited", "STOPPING"),
            "running",
            None,
            "",
        ),
        (
            stopped(
                "EssentialContainerExited",
                "Essential container in task exited",
                "DEPROVISIONING",
                exitCode=0,
            ),
            "stopped",
            0,
            "it ended with exit code 0",
        ),
        (
            stopped("EssentialContainerExited", "x", exitCode=139),
            "stopped",
            139,
            "it was killed by SIGSEGV",
        ),
        (
            stopped("EssentialContainerExited", "x", exitCode=137),
            "stopped",
            137,
            "it was killed by SIGKILL (often: out of memory)",
        ),
        (
            stopped("UserInitiated", "Task stopped by user", "DEACTIVATING"),
            "stopped",
            None,
            "it was stopped (Task stopped by user)",
        ),
        (
            stopped("SpotInterruption", "Your Spot Task was interrupted.", exitCode=143),
            "stopped",
            143,
            "AWS took its Spot capacity back (AWS says: Your Spot Task was interrupted). Try again",
        ),
        (
            stopped(
                "TaskFailedToStart",
                "Timeout waiting for network interface provisioning to complete.",
            ),
            "stopped",
            None,
            "its network did not come up (AWS says: Timeout waiting for network interface provisioning to complete). "
            "Check the subnets and their free addresses",
        ),
        (
            stopped(
                "TaskFailedToStart",
                "ResourceInitializationError: unable to pull secrets or registry auth: x",
            ),
            "stopped",
            None,
            "AWS could not get its image or secrets (AWS says: ResourceInitializationError: unable to pull secrets or "
            "registry auth: x). Check the execution role and the way to ECR and Secrets Manager",
        ),
        (
            stopped("TaskFailedToStart", "Something new happened."),
            "stopped",
            None,
            "AWS says: Something new happened",
        ),
        ({"lastStatus": "STOPPED"}, "stopped", None, "AWS gives no reason"),
    ],
)
def test_what_ecs_says_of_a_task(
    task: dict[str, Any], state: str, code: int | None, reason: str
) -> None:
    began = task.get("startedAt")
    assert task_status(task) == TaskStatus(TaskState(state), code, reason, began)


def test_words_of_ecs_without_a_meaning_here_are_told_as_they_are() -> None:
    assert in_words(" AGENT. ") == "AWS says: AGENT"


RUN = "s3://bucket/runs/20260101T000000-00000000"


def shell(aws: Aws, script: str, **container: Any) -> EcsLauncher:
    """A launcher whose tasks run a shell script."""
    environment = [{"name": "SCRIPT", "value": script}]
    family = aws.new_family(image="shell:test", environment=environment, **container)
    return EcsLauncher.from_settings(
        aws.settings("no-bucket").model_copy(update={"training_task_family": family})
    )


def until(launcher: EcsLauncher, handle: str, state: TaskState) -> TaskStatus:
    deadline = time.monotonic() + 180
    while (status := launcher.describe(handle)).state is not state:
        assert time.monotonic() < deadline, status
        time.sleep(0.05)
    return status


def last_line(launcher: EcsLauncher, handle: str, text: str) -> None:
    deadline = time.monotonic() + 180
    while [*launcher.logs(handle)][-1:] != [text]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_output_of_any_length_comes_in_order(aws: Aws) -> None:
    launcher = shell(aws, "seq 1 25000")
    handle = launcher.submit(RUN, "long")
    assert list(launcher.logs(handle)) == [], "it has printed nothing yet"
    assert until(launcher, handle, TaskState.STOPPED).exit_code == 0
    assert list(launcher.logs(handle)) == [str(number) for number in range(1, 25001)]


def test_cancel_asks_first_and_ecs_kills_what_does_not_listen(aws: Aws) -> None:
    loop = "echo up; while :; do sleep 0.05; done"
    launcher, stubborn_ones = (
        shell(aws, f"trap 'echo bye; exit 3' TERM; {loop}"),
        shell(aws, f"trap '' TERM; {loop}"),
    )
    polite, stubborn = launcher.submit(RUN, "polite"), stubborn_ones.submit(RUN, "stubborn")
    for handle in (polite, stubborn):
        last_line(launcher, handle, "up")
        launcher.cancel(handle)
        assert launcher.describe(handle).reason == "it was stopped (Cancelled by mmm-app)"
    deadline = time.monotonic() + 180
    while (code := launcher.describe(stubborn).exit_code) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (code, launcher.describe(polite).exit_code) == (137, 3)
    last_line(launcher, polite, "bye")


def test_the_same_submission_twice_is_one_task(aws: Aws) -> None:
    launcher = shell(aws, "true")
    handles = {launcher.submit(RUN, "twice") for _ in range(2)}
    assert len(handles) == 1
    assert launcher.submit(RUN, "thrice") not in handles


def test_a_forgotten_task_is_unknown_and_cancelling_it_no_error(aws: Aws) -> None:
    launcher = shell(aws, "true")
    handle = json.loads(launcher.submit(RUN, "task"))
    handle["task"] = handle["task"].rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
    gone = json.dumps(handle)
    assert launcher.describe(gone) == TaskStatus(
        TaskState.UNKNOWN, reason="AWS does not know its task (any more)"
    )
    launcher.cancel(gone)


def test_the_newest_revision_runs_where_its_tags_say_unless_the_settings_say_otherwise(
    aws: Aws,
) -> None:
    family = aws.new_family(image="mmm-app-training:old")
    register_family(aws, family, image="shell:test")
    settings = aws.settings("no-bucket").model_copy(update={"training_task_family": family})
    handle = json.loads(EcsLauncher.from_settings(settings).submit(RUN, "new"))
    ecs, ec2 = aws.client("ecs"), aws.client("ec2")
    (task,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[handle["task"]])["tasks"]
    assert task["taskDefinitionArn"].endswith(f"{family}:2")
    definition = ecs.describe_task_definition(taskDefinition=family, include=["TAGS"])
    tags = {tag["key"]: tag["value"] for tag in definition["tags"]}
    assert subnet_of(task) == tags["mmm-app:subnets"]

    vpc = ec2.describe_subnets(SubnetIds=[tags["mmm-app:subnets"]])["Subnets"][0]["VpcId"]
    other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]
    given = settings.model_copy(update={"training_subnets": (other,)})
    handle = json.loads(EcsLauncher.from_settings(given).submit(RUN, "elsewhere"))
    (task,) = ecs.describe_tasks(cluster=CLUSTER, tasks=[handle["task"]])["tasks"]
    assert subnet_of(task) == other


def subnet_of(task: dict[str, Any]) -> str:
    details = {detail["name"]: detail["value"] for detail in task["attachments"][0]["details"]}
    return str(details["subnetId"])


def test_a_task_definition_that_does_not_fit_is_told(aws: Aws) -> None:
    other_name, no_tags = aws.new_family(name="trainer"), aws.new_family()
    arn = aws.client("ecs").describe_task_definition(taskDefinition=no_tags)["taskDefinition"][
        "taskDefinitionArn"
    ]
    aws.client("ecs").untag_resource(resourceArn=arn, tagKeys=["mmm-app:subnets"])
    for family, message in (
        (other_name, f"TRAINING_TASK_FAMILY {other_name}: has no container named 'training'."),
        (
            no_tags,
            f"{no_tags}: does not say in which subnets to run. Set TRAINING_SUBNETS, or give the task definition the "
            "tag mmm-app:subnets (Terraform does).",
        ),
    ):
        settings = aws.settings("no-bucket").model_copy(update={"training_task_family": family})
        with pytest.raises(UserError) as raised:
            EcsLauncher.from_settings(settings).submit("s3://bucket/runs/x", "x")
        assert str(raised.value) == message


def test_a_secret_without_a_value_is_none_and_a_binary_one_is_text(aws: Aws) -> None:
    store, client = (
        SecretsManagerStore.from_settings(aws.settings("no-bucket")),
        aws.client("secretsmanager"),
    )
    client.create_secret(Name="made-by-terraform")
    assert not store.exists("made-by-terraform")
    with pytest.raises(NotFound, match="there is no secret 'made-by-terraform'"):
        store.get("made-by-terraform")
    store.put("made-by-terraform", "filled in")
    assert store.get("made-by-terraform") == "filled in"
    client.create_secret(Name="binary", SecretBinary="schlüssel".encode())
    assert store.get("binary") == "schlüssel"


def test_a_deleted_secret_can_be_stored_again_and_restored_by_hand(aws: Aws) -> None:
    store, client = (
        SecretsManagerStore.from_settings(aws.settings("no-bucket")),
        aws.client("secretsmanager"),
    )
    store.put("twice", "first")
    store.delete("twice")
    assert "DeletedDate" in client.describe_secret(SecretId="twice")
    with pytest.raises(NotFound):
        store.get("twice")
    store.put("twice", "second")
    assert store.get("twice") == "second"
    store.delete("twice")
    client.restore_secret(SecretId="twice")
    assert store.get("twice") == "second"


def without_keys(aws: Aws, **more: Any) -> Settings:
    return aws.settings("mmm-test-none").model_copy(
        update={"aws_access_key_id": None, "aws_secret_access_key": None, **more}
    )


@pytest.fixture
def _no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's: boto3 looks at these."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("_no_keys")
def test_a_profile_gives_the_credentials_for_every_service(strict_aws: Aws, tmp_path: Path) -> None:
    bucket = strict_aws.new_bucket()
    keys = "\n".join(f"aws_{name} = {value}" for name, value in strict_aws.keys.items())
    (tmp_path / "credentials").write_text(f"[team]\n{keys}\n")
    settings = without_keys(strict_aws, aws_profile="team", s3_bucket=bucket)
    objects = Objects(open_store(settings.workspace_url, settings), settings.workspace_url)
    objects.create("x", b"1")
    assert objects.get("x") == b"1"
    assert not open_secret_store(settings).exists("nothing")
    assert (
        json.loads(open_launcher(settings).submit(f"s3://{bucket}/runs/x", bucket))["cluster"]
        == CLUSTER
    )


@pytest.mark.usefixtures("_no_keys")
def test_without_credentials_it_is_said_what_to_set(aws: Aws) -> None:
    nothing, unknown = without_keys(aws), without_keys(aws, aws_profile="nobody")
    with pytest.raises(
        UserError,
        match=r"s3://mmm-test-none: there are no AWS credentials. Set AWS_PROFILE, or AWS_",
    ):
        open_store(nothing.workspace_url, nothing)
    with pytest.raises(
        UserError,
        match=r"there are no AWS credentials \(Unable to locate credentials\). Set AWS_PR",
    ):
        open_secret_store(nothing).get("x")
    with pytest.raises(
        UserError,
        match=r"AWS_PROFILE: The config profile \(nobody\) could not be found. Check AWS_PR",
    ):
        open_launcher(unknown)


@pytest.mark.usefixtures("_no_keys")
def test_credentials_that_cannot_be_fetched_are_told(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/credentials")
    settings = without_keys(aws)
    with pytest.raises(UserError, match="there are no AWS credentials"):
        open_store(settings.workspace_url, settings)


def test_keys_that_aws_does_not_know_are_told(strict_aws: Aws) -> None:
    wrong = Aws(
        strict_aws.port, {"access_key_id": "AKIAWRONG", "secret_access_key": "wrong"}
    ).settings("mmm-test-none")
    with pytest.raises(
        UserError,
        match=r"AWS does not accept the credentials \(UnrecognizedClientException\). Check",
    ):
        open_secret_store(wrong).get("x")
    with pytest.raises(StoreError, match="the store refuses access"):
        Objects(open_store(wrong.workspace_url, wrong), "x").put("x", b"")


def test_an_address_where_nobody_answers_is_told(aws: Aws) -> None:
    nowhere = aws.settings("mmm-test-none").model_copy(
        update={"aws_endpoint_url": "http://127.0.0.1:9"}
    )
    with pytest.raises(
        UserError,
        match=r"AWS cannot be reached \(Could not connect .*AWS_REGION and AWS_ENDPOINT_URL",
    ):
        open_launcher(nowhere).submit("s3://bucket/runs/x", "x")


def test_a_bucket_that_is_not_there_is_no_missing_object(aws: Aws) -> None:
    settings = aws.settings("mmm-test-no-such-bucket")
    objects = Objects(open_store(settings.workspace_url, settings), settings.workspace_url)
    for call in (
        lambda: objects.get("x"),
        lambda: objects.put("x", b""),
        lambda: objects.names("runs"),
    ):
        with pytest.raises(
            StoreError,
            match=r"there is no such bucket. Check its name \(S3_BUCKET, GCS_BUCKET, MMM_WORKSPACE\)",
        ):
            call()


@pytest.mark.parametrize(
    ("status", "code"), [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")]
)
def test_a_bucket_of_another_region_is_told(aws: Aws, status: int, code: str) -> None:
    settings = aws.settings(aws.new_bucket())
    objects = Objects(open_store(settings.workspace_url, settings), settings.workspace_url)
    aws.faults(
        {"what": f"s3:PUT /{settings.s3_bucket}", "status": status, "code": code, "times": 1}
    )
    with pytest.raises(
        StoreError,
        match=r"the bucket lies in another region. Set AWS_REGION to the bucket's region",
    ):
        objects.put("x", b"")


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_the_local_platform_imports_no_sdk() -> None:
    code = (
        "import sys, mmm.cli.runs, mmm.platforms, mmm.workspace; from mmm.settings import Settings;"
        "from mmm.platforms import open_launcher, open_secret_store; s = Settings();"
        "open_launcher(s), open_secret_store(s), mmm.workspace.Workspace('memory://');"
        "print(sorted({'boto3', 'botocore', 'mmm.platforms.aws'} & set(sys.modules)))"
    )
    assert run_python(code).strip() == "[]"


def test_without_boto3_the_extra_to_install_is_named() -> None:
    code = (
        "import sys; sys.modules['boto3'] = None; sys.modules['botocore'] = None;"
        "from mmm.errors import UserError; from mmm.platforms import open_launcher, open_secret_store;"
        "from mmm.workspace.objects import open_store; from mmm.settings import Settings\n"
        "s = Settings(cloud_provider='aws', aws_region='eu-central-1', s3_bucket='bucket')\n"
        "for call in (open_launcher, open_secret_store, lambda s: open_store('s3://bucket', s)):\n"
        "    try: call(s)\n"
        "    except UserError as error: print(error)"
    )
    lines = set(run_python(code).splitlines())
    package = r"the platform aws: needs the package boto{}, which is not installed. Run: pip install 'mmm-app[aws]'"
    assert lines <= {package.format("3"), package.format("core")}
    assert lines
