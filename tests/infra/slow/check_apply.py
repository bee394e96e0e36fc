"""The guide's sequence against moto: create by hand, plan, apply, no drift, destroy. Run by `make
test-infra`.

With AWS provider 3.39, so without what only newer ones have: `provider3/` stands in for the modules
storage and secrets, and the service does not wait for tasks, which moto never starts. Terraform
acts with the rights of GitHub's role (infra/github/permissions.json) as far as moto looks:
signatures, actions, S3's resources; destroying is an administrator's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest

from servers import free_port, wait_for
from slow_tools import PROVIDER, provider_mirror
from terraform_cli import HERE, ROOT, Terraform

OVERRIDE = """
terraform {{
  required_providers {{
    aws = {{ source = "hashicorp/aws", version = "{version}" }}
  }}
  backend "local" {{}}
}}

provider "aws" {{
  max_retries                 = 2
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  s3_force_path_style         = true

  # It loses count of tags that are known only after others are made.
  default_tags {{}}

  endpoints {{
{endpoints}
  }}
}}

resource "aws_ecs_service" "web" {{
  wait_for_steady_state             = false
  health_check_grace_period_seconds = 0 # moto forgets another one
}}

resource "aws_security_group_rule" "training_to_s3" {{
  description = null # moto forgets it where the rule names a prefix list
}}

resource "aws_eip" "nat" {{
  vpc = true
}}
"""
SERVICES = (
    "applicationautoscaling", "cloudwatch", "cloudwatchevents", "cloudwatchlogs", "ec2", "ecr", "ecs", "elb",
    "iam", "s3", "secretsmanager", "sns", "sts",
)  # fmt: skip
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
VARIABLES = (
    "-var-file=envs/prod.tfvars",
    f"-var=web_image={REGISTRY}/mmm-app-web:latest",
    f"-var=training_image={REGISTRY}/mmm-app-training:latest",
)
INPUTS = {
    "TF_VAR_sf_private_key": "-----BEGIN PRIVATE KEY-----",
    "TF_VAR_auth_client_id": "id",
    "TF_VAR_auth_client_secret": "secret",
    "TF_VAR_auth_cookie_secret": "cookie secret of 32 characters..",
}


class Moto:
    """A server that checks signatures and policies, with an administrator and GitHub's role as
    users.
    """

    def __init__(self, url: str) -> None:
        self.url, self.admin = url, {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
        admin, self.github = (
            self.user("admin", everything),
            self.user("github", github_as_moto_sees()),
        )
        self.admin = admin
        request = urllib.request.Request(  # noqa: S310
            f"{url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(request).close()  # noqa: S310

    def client(self, service: str) -> Any:
        session = boto3.Session(
            self.admin["AWS_ACCESS_KEY_ID"],
            self.admin["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        return session.client(service, endpoint_url=self.url)

    def user(self, name: str, statements: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """A new user's keys, as environment variables."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }


def as_moto_sees(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    """A policy's statement without what moto cannot judge: it knows the resources of S3 alone, and
    few conditions.
    """
    if ":s3:::" in json.dumps(statement["Resource"]):
        return statement
    return {name: statement[name] for name in ("Effect", "Action")} | {"Resource": "*"}


def github_as_moto_sees() -> list[Mapping[str, Any]]:
    text = (ROOT / "infra" / "github" / "permissions.json").read_text()
    # moto takes the service from the signature, where CloudWatch has another name than in IAM.
    document = json.loads(text.replace('"cloudwatch:', '"monitoring:'))
    others = [
        # moto calls it so; IAM's name for it is s3:ListBucket.
        {
            "Effect": "Allow",
            "Action": "s3:HeadBucket",
            "Resource": "arn:aws:s3:::mmm-app-output-aws",
        },
        # What provider 3 calls where today's calls logs:ListTagsForResource.
        {"Effect": "Allow", "Action": "logs:ListTagsLogGroup", "Resource": "*"},
    ]
    return [*others, *map(as_moto_sees, document["Statement"])]


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """Checks rights from the start."""
    port = free_port()
    log = tmp_path_factory.mktemp("moto") / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["INITIAL_NO_AUTH_ACTION_COUNT"] = "1000000"
    with log.open("wb") as output:
        command: list[Any] = [
            Path(sys.executable).parent / "moto_server",
            "-H",
            "127.0.0.1",
            "-p",
            str(port),
        ]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            wait_for(port, process)
            yield Moto(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def terraform(moto: Moto, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    copy = Terraform(tmp_path_factory.mktemp("apply"), provider_mirror())
    for module in ("storage", "secrets"):
        shutil.copy(
            HERE / "slow" / "provider3" / module / "main.tf", copy.folder / "modules" / module
        )
    endpoints = "\n".join(f'    {service} = "{moto.url}"' for service in SERVICES)
    (copy.folder / "override.tf").write_text(OVERRIDE.format(version=PROVIDER, endpoints=endpoints))
    copy.run("init", "-input=false")
    copy.run("workspace", "new", "prod")
    return copy


def test_the_guides_sequence(terraform: Terraform, moto: Moto) -> None:
    given = INPUTS | moto.github
    # By hand, as the guide's steps 4 and 5.
    moto.client("s3").create_bucket(Bucket="mmm-app-output-aws")
    moto.client("s3").put_object(Bucket="mmm-app-output-aws", Key="datasets/here/before", Body=b"1")
    for name in ("web", "training", "training-base"):
        moto.client("ecr").create_repository(repositoryName=f"mmm-app-{name}")

    applied = terraform.run(
        "apply", "-auto-approve", "-input=false", "-no-color", *VARIABLES, **given
    )
    assert "4 imported" in applied.stdout, applied.stdout[-500:]
    # The bucket that was there is the same one, with what was in it.
    held = moto.client("s3").list_objects_v2(Bucket="mmm-app-output-aws")["Contents"]
    assert [one["Key"] for one in held] == ["datasets/here/before"]

    # The commands of the guide's step 3 and of its troubleshooting.
    url = terraform.run("output", "-raw", "web_service_url").stdout
    (balancer,) = moto.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert url == f"http://{balancer['DNSName']}"
    ecs = moto.client("ecs")
    (service,) = ecs.describe_services(cluster="mmm-app-cluster", services=["mmm-app-web"])[
        "services"
    ]
    assert (service["status"], service["desiredCount"]) == ("ACTIVE", 1)
    definition = ecs.describe_task_definition(taskDefinition="mmm-app-training", include=["TAGS"])
    assert {one["key"] for one in definition["tags"]} >= {
        "mmm-app:subnets",
        "mmm-app:security-groups",
    }
    iam = moto.client("iam")
    for role, policy in (
        ("mmm-app-web-service-task-role", "mmm-app-web-service-s3-access"),
        ("mmm-app-ecs-task-execution-role", "mmm-app-ecs-task-execution-secrets"),
    ):
        assert iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]
    secrets = moto.client("secretsmanager")
    assert secrets.get_secret_value(SecretId="mmm-app-auth-client-id")["SecretString"] == "id"
    groups = {one["logGroupName"] for one in moto.client("logs").describe_log_groups()["logGroups"]}
    assert groups == {"/ecs/mmm-app-web", "/ecs/mmm-app-training"}

    again = terraform.run(
        "plan", "-detailed-exitcode", "-input=false", "-no-color", *VARIABLES, check=False, **given
    )
    assert again.returncode == 0, again.stdout[-3000:]
    another = json.dumps("another secret of 32 characters...")
    changed = terraform.run(
        "plan", "-detailed-exitcode", "-input=false", "-no-color", *VARIABLES, f"-var=auth_cookie_secret={another}",
        check=False, **given,
    )  # fmt: skip
    assert changed.returncode == 2
    assert "another secret" not in changed.stdout

    wrong = terraform.run(
        "plan",
        "-input=false",
        "-no-color",
        "-var-file=envs/dev.tfvars",
        *VARIABLES[1:],
        check=False,
        **given,
    )
    assert "This is workspace prod, but the variables are those of dev" in " ".join(
        wrong.stderr.split()
    )

    # The repositories are empty here and prod's load balancer is protected; both are the user's to
    # decide.
    alb = terraform.folder / "alb.tf"
    alb.write_text(alb.read_text().replace('= var.environment == "prod"', "= false"))
    terraform.run("apply", "-auto-approve", "-input=false", *VARIABLES, **given)
    moto.client("s3").delete_object(Bucket="mmm-app-output-aws", Key="datasets/here/before")
    for version in (
        moto.client("s3").list_object_versions(Bucket="mmm-app-output-aws").get("Versions", ())
    ):
        moto.client("s3").delete_object(
            Bucket="mmm-app-output-aws", Key=version["Key"], VersionId=version["VersionId"]
        )
    for marker in (
        moto.client("s3").list_object_versions(Bucket="mmm-app-output-aws").get("DeleteMarkers", ())
    ):
        moto.client("s3").delete_object(
            Bucket="mmm-app-output-aws", Key=marker["Key"], VersionId=marker["VersionId"]
        )
    gone = terraform.run(
        "destroy", "-auto-approve", "-input=false", "-no-color", *VARIABLES, **(INPUTS | moto.admin)
    )
    assert "Destroy complete!" in gone.stdout
    assert moto.client("ecs").list_task_definitions()["taskDefinitionArns"] == []
