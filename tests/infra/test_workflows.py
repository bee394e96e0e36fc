"""The workflows CI (AWS) and CI (GCP), the deployments they call, the scripts these run, and the role on AWS."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from terraform_cli import CONFIGURATION, GCP_CONFIGURATION, HERE, ROOT, variables

GUIDE = json.loads((HERE / "guide.json").read_text())["workflow"]
WORKFLOWS = ROOT / ".github" / "workflows"
GITHUB = ROOT / "infra" / "github"
#: What making one of each, waiting for it and reading it again takes: the calls of provider 6 that a
#: refused deployment has shown to be forgotten most easily.
CALLS = {
    "aws_appautoscaling_policy": "application-autoscaling:PutScalingPolicy",
    "aws_budgets_budget": "budgets:ModifyBudget budgets:ViewBudget budgets:ListTagsForResource",
    "aws_appautoscaling_target": "application-autoscaling:RegisterScalableTarget",
    "aws_cloudwatch_event_rule": "events:PutRule",
    "aws_cloudwatch_event_target": "events:PutTargets",
    "aws_cloudwatch_log_group": "logs:CreateLogGroup",
    "aws_cloudwatch_metric_alarm": "cloudwatch:PutMetricAlarm",
    "aws_default_security_group": "ec2:RevokeSecurityGroupIngress",
    "aws_ecr_lifecycle_policy": "ecr:PutLifecyclePolicy",
    "aws_ecr_repository": "ecr:CreateRepository",
    "aws_ecs_cluster": "ecs:CreateCluster",
    # `wait_for_steady_state` follows the service's deployment, and stops it when it waits in vain.
    "aws_ecs_service": "ecs:CreateService ecs:DescribeServices ecs:UpdateService "
    "ecs:ListServiceDeployments ecs:DescribeServiceDeployments ecs:DescribeServiceRevisions "
    "ecs:StopServiceDeployment",
    "aws_ecs_task_definition": "ecs:RegisterTaskDefinition",
    "aws_eip": "ec2:AllocateAddress",
    "aws_iam_role": "iam:CreateRole",
    "aws_iam_role_policy": "iam:PutRolePolicy",
    "aws_internet_gateway": "ec2:CreateInternetGateway",
    "aws_lb": "elasticloadbalancing:CreateLoadBalancer",
    "aws_lb_listener": "elasticloadbalancing:CreateListener",
    "aws_lb_target_group": "elasticloadbalancing:CreateTargetGroup",
    "aws_nat_gateway": "ec2:CreateNatGateway",
    "aws_route": "ec2:CreateRoute",
    "aws_route_table": "ec2:CreateRouteTable",
    "aws_route_table_association": "ec2:AssociateRouteTable",
    "aws_s3_bucket": "s3:CreateBucket",
    "aws_s3_bucket_lifecycle_configuration": "s3:PutLifecycleConfiguration",
    "aws_s3_bucket_ownership_controls": "s3:PutBucketOwnershipControls",
    "aws_s3_bucket_policy": "s3:PutBucketPolicy",
    "aws_s3_bucket_public_access_block": "s3:PutBucketPublicAccessBlock",
    "aws_s3_bucket_replication_configuration": "s3:PutReplicationConfiguration",
    "aws_s3_bucket_server_side_encryption_configuration": "s3:PutEncryptionConfiguration",
    "aws_s3_bucket_versioning": "s3:PutBucketVersioning",
    "aws_secretsmanager_secret": "secretsmanager:CreateSecret",
    "aws_secretsmanager_secret_version": "secretsmanager:PutSecretValue",
    "aws_security_group": "ec2:CreateSecurityGroup",
    "aws_security_group_rule": "ec2:AuthorizeSecurityGroupEgress",
    "aws_sns_topic": "sns:CreateTopic",
    "aws_sns_topic_policy": "sns:SetTopicAttributes",
    "aws_sns_topic_subscription": "sns:Subscribe",
    "aws_subnet": "ec2:CreateSubnet",
    "aws_vpc": "ec2:CreateVpc",
    "aws_vpc_endpoint": "ec2:CreateVpcEndpoint",
}


def read(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as true.
    found = yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())
    return {"on" if key is True else key: value for key, value in found.items()}


def secrets_of(name: str) -> set[str]:
    return set(re.findall(r"secrets\.(\w+)", (WORKFLOWS / f"{name}.yml").read_text()))


def test_zizmor_and_the_schema_find_nothing() -> None:
    for command in (
        ["zizmor", "--offline", "--quiet", WORKFLOWS],
        [
            "check-jsonschema",
            "--builtin-schema",
            "vendor.github-workflows",
            *WORKFLOWS.glob("*.yml"),
        ],
    ):
        program = ROOT / ".venv" / "bin" / str(command[0])
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "title", "default"),
    [("ci-aws", GUIDE["name"], "aws-only"), ("ci-gcp", "CI (GCP)", "gcp-only")],
)
def test_names_choices_and_secrets_are_the_guides(name: str, title: str, default: str) -> None:
    workflow = read(name)
    asked = workflow["on"]["workflow_dispatch"]["inputs"]["deploy_target"]
    assert (workflow["name"], asked["options"]) == (title, GUIDE["targets"])
    assert asked["default"] == default
    assert secrets_of(name) == set(GUIDE["secrets"])
    # A push deploys where a person's choice would by default.
    (step,) = workflow["jobs"]["target"]["steps"]
    assert f"|| '{default}'" in step["env"]["CHOSEN"]


@pytest.mark.parametrize("name", ["ci-aws", "ci-gcp"])
def test_each_workflow_can_deploy_to_both(name: str) -> None:
    jobs = read(name)["jobs"]
    for cloud in ("aws", "gcp"):
        called = read(f"deploy-{cloud}")["on"]["workflow_call"]
        job = jobs[cloud]
        assert job["uses"] == f"$/.github/workflows/deploy-{cloud}.yml"
        assert set(job["needs"]) == {"test", "target"}
        assert f"needs.target.outputs.{cloud} == 'true'" in job["if"]
        assert "github.event_name != 'pull_request'" in job["if"]
        assert job["with"].keys() == called["inputs"].keys() == {"environment"}
        assert job["secrets"].keys() == called["secrets"].keys() == secrets_of(f"deploy-{cloud}")
        assert all(value == f"${{{{ secrets.{key} }}}}" for key, value in job["secrets"].items())


def test_every_action_is_pinned_by_its_commit() -> None:
    for file in WORKFLOWS.glob("*.yml"):
        uses = re.findall(r"uses: (\S+)( # v[\d.]+)?$", file.read_text(), re.M)
        foreign = [(name, version) for name, version in uses if not name.startswith("$/")]
        assert len(foreign) >= 2
        loose = [
            name
            for name, version in foreign
            if not (re.search(r"@[0-9a-f]{40}$", name) and version)
        ]
        assert loose == []


@pytest.mark.parametrize("name", ["ci-aws", "ci-gcp", "deploy-aws", "deploy-gcp"])
def test_only_jobs_in_an_environment_get_a_token_and_none_more_than_it_needs(name: str) -> None:
    workflow = read(name)
    assert workflow["permissions"] == {"contents": "read"}
    with_token = {key: job for key, job in workflow["jobs"].items() if "permissions" in job}
    expected = {"plan", "aws", "gcp"} if name.startswith("ci-") else {"deploy"}
    assert with_token.keys() == expected
    for job in with_token.values():
        assert job["permissions"] == {"contents": "read", "id-token": "write"}
        # A job that calls a workflow hands its token to that one's job, which has the environment.
        assert "environment" in job or "uses" in job


@pytest.mark.parametrize("name", ["ci-aws", "ci-gcp"])
def test_pull_requests_plan_and_do_not_deploy(name: str) -> None:
    plan = read(name)["jobs"]["plan"]
    # Code of a fork never meets the secrets.
    assert "github.event.pull_request.head.repo.full_name == github.repository" in plan["if"]
    assert not [step for step in plan["steps"] if "apply" in step.get("run", "")]


@pytest.mark.parametrize("name", ["ci-aws", "ci-gcp"])
@pytest.mark.parametrize(
    ("chosen", "role", "identity", "branch", "pull_request", "aws", "gcp", "environment"),
    [
        ("aws-only", "arn", "pool", "refs/heads/main", "false", "true", "false", "prod"),
        ("both", "arn", "pool", "refs/heads/main", "false", "true", "true", "prod"),
        ("both", "arn", "", "refs/heads/main", "false", "true", "false", "prod"),
        ("both", "", "pool", "refs/heads/feature", "false", "false", "true", "dev"),
        ("aws-only", "arn", "", "refs/heads/feature", "false", "true", "false", "dev"),
        ("gcp-only", "arn", "pool", "refs/heads/main", "false", "false", "true", "prod"),
        ("gcp-only", "arn", "", "refs/heads/main", "false", "false", "false", "prod"),
        ("aws-only", "", "pool", "refs/heads/main", "false", "false", "false", "prod"),
        ("aws-only", "arn", "", "refs/pull/1/merge", "true", "true", "false", "prod"),
    ],
)
def test_where_a_run_deploys(
    name: str, tmp_path: Path, chosen: str, role: str, identity: str, branch: str, pull_request: str,
    aws: str, gcp: str, environment: str,
) -> None:  # fmt: skip
    (step,) = read(name)["jobs"]["target"]["steps"]
    output = tmp_path / "output"
    given = {
        "CHOSEN": chosen,
        "ROLE": role,
        "IDENTITY": identity,
        "BRANCH": branch,
        "PULL_REQUEST": pull_request,
    }
    assert given.keys() == step["env"].keys()
    env = os.environ | given | {"GITHUB_OUTPUT": str(output)}
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]], env=env, check=True, capture_output=True, text=True
    )
    assert output.read_text() == f"aws={aws}\ngcp={gcp}\nenvironment={environment}\n"
    asked_aws, asked_gcp = chosen != "gcp-only", chosen != "aws-only"
    assert ("AWS_ROLE_ARN is not set" in done.stdout) == (asked_aws and not role)
    assert ("GCP_WORKLOAD_IDENTITY_PROVIDER is not" in done.stdout) == (asked_gcp and not identity)


def test_google_clouds_jobs_take_on_the_accounts_that_terraform_makes() -> None:
    made = (GCP_CONFIGURATION / "github.tf").read_text()
    assert 'toset(["gcp-plan", "gcp-dev", "gcp-prod"])' in made
    plan, deploy = read("ci-gcp")["jobs"]["plan"], read("deploy-gcp")["jobs"]["deploy"]
    assert plan["environment"] == "gcp-plan"
    assert deploy["environment"]["name"] == "gcp-${{ inputs.environment }}"
    for job in (plan, deploy):
        (signed_in,) = [step["with"] for step in job["steps"] if "google" in step.get("uses", "")]
        environment = job["environment"]
        environment = environment if isinstance(environment, str) else environment["name"]
        project = "${{ vars.GCP_PROJECT }}"
        account = f"mmm-app-{environment}@{project}.iam.gserviceaccount.com"
        assert signed_in["service_account"] == account
        # Every variable that Terraform asks for without a default, and the state's bucket.
        given = {
            key.removeprefix("TF_VAR_")
            for step in job["steps"]
            for key in step.get("env", {})
            if key.startswith("TF_VAR_")
        }
        blocks = variables(GCP_CONFIGURATION)
        needed = {key for key, block in blocks.items() if "default " not in block}
        assert needed - {"environment", "web_image", "training_image"} <= given


@pytest.mark.parametrize(
    ("script", "arguments", "host", "prefix"),
    [
        (
            "push_images.sh",
            ["us-east-1", "abc"],
            "111122223333.dkr.ecr.us-east-1.amazonaws.com",
            "mmm-app-",
        ),
        (
            "push_images_gcp.sh",
            ["shop", "europe-west3", "abc"],
            "europe-west3-docker.pkg.dev/shop/mmm-app",
            "",
        ),
    ],
)
def test_images_are_named_by_digest_and_not_built_twice(
    tmp_path: Path, script: str, arguments: list[str], host: str, prefix: str
) -> None:
    """With stand-ins for aws, gcloud and docker that keep a registry in a folder."""
    registry = tmp_path / "registry"
    registry.mkdir()
    programs = {
        "aws": 'case "$*" in *get-caller-identity*) echo 111122223333;; *get-login-password*) echo secret;;\n'
        '*describe-images*) for a; do case $a in imageTag=*) t=${a#*=};; mmm-app-*) r=$a;; esac; done\n'
        f'[ -e "{registry}/$r:$t" ] && echo "sha256:of-$r-$t";; esac\n',
        "gcloud": 'case "$*" in *images*describe*) n=${5##*/}\n'
        f'[ -e "{registry}/$n" ] && echo "sha256:of-${{n/:/-}}";; *configure-docker*) ;; esac\n',
        "docker": f'case $1 in login) cat >/dev/null;; build) echo "$*" >>{tmp_path}/built;;\n'
        f'push) touch "{registry}/${{3##*/}}";; esac\n',
    }  # fmt: skip
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}")
        (tmp_path / name).chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [ROOT / "infra" / script, *arguments]
    outputs = [
        subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert (
        outputs[0]
        == outputs[1]
        == (
            f"web_image={host}/{prefix}web@sha256:of-{prefix}web-abc\n"
            f"training_image={host}/{prefix}training@sha256:of-{prefix}training-abc\n"
        )
    )
    built = (tmp_path / "built").read_text().splitlines()
    assert [re.search(r"--file (\S+)", line).group(1) for line in built] == [
        "docker/Dockerfile.training-base", "docker/Dockerfile.web", "docker/Dockerfile.training",
    ]  # fmt: skip
    base = f"{prefix}training-base"
    assert f"BASE_REF={host}/{base}@sha256:of-{base}-" in built[2]


def test_the_bases_tag_changes_with_every_file_that_goes_into_it(tmp_path: Path) -> None:
    """Else an update of R, Robyn or a package would never reach the registry."""
    copy = tmp_path / "project"
    for name in ("docker", "r", "infra"):
        shutil.copytree(ROOT / name, copy / name)
    script = (copy / "infra" / "images.sh").read_text()
    function = re.search(r"^base_tag\(\) \{.*?^\}$", script, re.M | re.S)
    assert function

    def tag() -> str:
        command = ["bash", "-ec", f"{function[0]}\nbase_tag"]
        done = subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    text = (copy / "docker" / "Dockerfile.training-base").read_text()
    sources = re.findall(r"^COPY (?!--from)(.*) \S+$", text, re.M)
    copied = [name for line in sources for name in line.split()]
    assert {"r/debian.lock", "r/robyn.lock", "r/install.R", "r/smoke.R"} <= set(copied)
    tags = [tag()]
    for name in ["docker/Dockerfile.training-base", *copied]:
        with (copy / name).open("a") as file:
            file.write("# changed\n")
        tags.append(tag())
    assert len(set(tags)) == len(tags)


def test_the_role_trusts_this_repositorys_environments_alone() -> None:
    (statement,) = json.loads((GITHUB / "trust.json").read_text())["Statement"]
    (condition,) = statement["Condition"].values()
    subjects = condition["token.actions.githubusercontent.com:sub"]
    named = {subject.rpartition(":")[2] for subject in subjects}
    assert named == {"aws-plan", "aws-dev", "aws-prod"}
    assert condition["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    assert not any("*" in subject for subject in subjects)
    assert read("ci-aws")["jobs"]["plan"]["environment"] in named
    deploy = read("deploy-aws")["jobs"]["deploy"]
    assert deploy["environment"]["name"] == "aws-${{ inputs.environment }}"


def test_the_roles_rights_cover_every_resource_and_stay_with_this_apps_names() -> None:
    document = json.loads((GITHUB / "permissions.json").read_text())
    assert (
        len(json.dumps(document, separators=(",", ":"))) < 10240
    )  # what a role's own policies may have
    actions = {
        action
        for one in document["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }
    used = set(
        re.findall(
            r'^resource "(\w+)"',
            "\n".join(f.read_text() for f in CONFIGURATION.rglob("*.tf")),
            re.M,
        )
    )
    assert used == CALLS.keys()
    given = "|".join(re.escape(action).replace(r"\*", ".*") for action in actions)
    missing = {
        (kind, call)
        for kind, calls in CALLS.items()
        for call in calls.split()
        if not re.fullmatch(given, call)
    }
    assert missing == set()
    # No whole service, no users, no managed policies.
    assert [action for action in actions if action.endswith(":*")] == []
    assert [
        action
        for action in actions
        if re.search("User|AccessKey|AttachRolePolicy|CreatePolicy", action)
    ] == []
    roles = [
        one
        for one in document["Statement"]
        if "iam:PutRolePolicy" in one["Action"] or one["Sid"] == "PassRoles"
    ]
    assert {one["Resource"] for one in roles} == {"arn:aws:iam::ACCOUNT_ID:role/mmm-app-*"}
    everywhere = [one["Sid"] for one in document["Statement"] if one["Resource"] == "*"]
    assert everywhere == ["LookAround"]
