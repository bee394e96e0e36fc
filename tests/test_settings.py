"""Settings: where each value comes from, and clear errors before anything starts."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import mmm
from mmm.errors import InvalidInput
from mmm.settings import NAMES, Settings, load_settings

#: The deployment guide has people set it; nothing here needs it.
NOT_READ = {"aws_account_id"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name in NAMES or name.startswith("MMM_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def problems() -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        load_settings()
    return [str(finding) for finding in raised.value.findings]


def test_without_anything_the_platform_is_local_in_a_folder_here(tmp_path: Path) -> None:
    loaded = load_settings()
    assert loaded.settings.cloud_provider == "local"
    assert loaded.settings.workspace_url == (tmp_path / "workspace").as_uri()
    assert set(loaded.origins.values()) == {"default"}
    assert not (tmp_path / "workspace").exists()


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "export SERVICE_NAME=from-file\nENVIRONMENT=dev  # or prod\nS3_BUCKET=\n"
    )
    monkeypatch.setenv("SERVICE_NAME", "from-env")
    loaded = load_settings()
    assert (loaded.settings.service_name, loaded.origins["SERVICE_NAME"]) == (
        "from-env",
        "environment",
    )
    assert (loaded.settings.environment, loaded.origins["ENVIRONMENT"]) == ("dev", ".env")
    assert (loaded.settings.s3_bucket, loaded.origins["S3_BUCKET"]) == (None, "default")


def test_the_guides_aws_variables_are_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text(
        "# AWS Configuration\n"
        "export AWS_REGION=us-east-1\n"
        "export AWS_ACCOUNT_ID=$(aws sts get-caller-identity --query Account --output text)\n"
        "export SERVICE_NAME=mmm-app\n"
        "export S3_BUCKET=mmm-app-output-aws\n"
        "export ENVIRONMENT=prod  # or 'dev'\n"
        'export TF_VAR_sf_private_key="$(cat path/to/snowflake_private_key.pem)"\n'
        "export CLOUD_PROVIDER=aws\n"
        "export TRAINING_TASK_FAMILY=mmm-app-training\n"
        "export ECS_CLUSTER=mmm-app-cluster\n"
    )
    loaded = load_settings()
    assert loaded.settings.workspace_url == "s3://mmm-app-output-aws"
    assert loaded.settings.ecs_cluster == "mmm-app-cluster"
    assert loaded.settings.training_task_family == "mmm-app-training"
    assert loaded.settings.aws_account_id is None
    assert loaded.origins["AWS_ACCOUNT_ID"].startswith("default (.env holds a shell command")


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----"
    (tmp_path / ".env").write_text(f'SF_PRIVATE_KEY="{key}"\n')
    monkeypatch.setenv("AUTH_CLIENT_SECRET", "hush-hush")
    loaded = load_settings()
    assert loaded.settings.sf_private_key is not None
    assert loaded.settings.sf_private_key.get_secret_value() == key
    shown = "\n".join(" ".join(line) for line in loaded.lines())
    assert "SF_PRIVATE_KEY ********** .env" in shown
    assert "MIIE" not in shown + repr(loaded)
    assert "hush" not in shown + repr(loaded)


def test_a_misspelt_name_is_told_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MMM_WORKSPCE", "x")
    (tmp_path / ".env").write_text("MMM_ZZZ=1\n")
    unknown, misspelt = problems()
    assert (
        misspelt
        == "MMM_WORKSPCE (environment): there is no such setting. Did you mean MMM_WORKSPACE?"
    )
    assert unknown.startswith(
        "MMM_ZZZ (.env): there is no such setting. Known are: MMM_WORKSPACE, "
    )


def test_all_problems_are_told_at_once_without_a_secrets_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "CLOUD_PROVIDER": "azure",
        "MMM_HEARTBEAT_SECONDS": "0",
        "MMM_TASK_TIMEOUT_SECONDS": "inf",
        "S3_BUCKET": "Not A Bucket",
        "AWS_ACCOUNT_ID": "123",
        "AUTH_COOKIE_SECRET": "too-short",
        "MMM_LOG_LEVL": "INFO",
    }.items():
        monkeypatch.setenv(name, value)
    found = problems()
    assert [text.split(" ")[0] for text in found] == [
        "MMM_LOG_LEVL",
        "CLOUD_PROVIDER",
        "MMM_HEARTBEAT_SECONDS",
        "MMM_TASK_TIMEOUT_SECONDS",
        "AWS_ACCOUNT_ID",
        "S3_BUCKET",
        "AUTH_COOKIE_SECRET",
    ]
    assert (
        "CLOUD_PROVIDER (environment): Input should be 'local', 'aws' or 'gcp'; got 'azure'."
        in found
    )
    assert "too-short" not in "".join(found)
    assert "32 characters" in found[-1]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"CLOUD_PROVIDER": "aws"}, ["AWS_REGION", "S3_BUCKET"]),
        (
            {
                "CLOUD_PROVIDER": "aws",
                "AWS_REGION": "eu-central-1",
                "MMM_WORKSPACE": "s3://bucket/team",
            },
            [],
        ),
        (
            {"CLOUD_PROVIDER": "aws", "AWS_REGION": "eu-central-1", "MMM_WORKSPACE": "folder"},
            ["S3_BUCKET", "MMM_WORKSPACE"],
        ),
        (
            {
                "CLOUD_PROVIDER": "gcp",
                "GCP_PROJECT": "p",
                "GCP_REGION": "europe-west3",
                "GCS_BUCKET": "bucket",
            },
            [],
        ),
        ({"CLOUD_PROVIDER": "gcp"}, ["GCP_PROJECT", "GCP_REGION", "GCS_BUCKET"]),
        ({"MMM_WORKSPACE": "ftp://x"}, ["MMM_WORKSPACE"]),
        ({"MMM_HEARTBEAT_SECONDS": "100"}, ["MMM_CRASH_AFTER_SECONDS"]),
    ],
)
def test_what_a_choice_requires_is_checked(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: list[str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    if missing:
        assert [text.split(":")[0] for text in problems()] == missing
    else:
        load_settings()


def test_tasks_and_secrets_have_places_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert load_settings().settings.tasks_dir == tmp_path / "workspace" / ".tasks"
    assert load_settings().settings.local_secrets_dir == tmp_path / "config" / "mmm" / "secrets"
    monkeypatch.setenv("MMM_WORKSPACE", "s3://bucket")
    assert load_settings().settings.tasks_dir == tmp_path / "state" / "mmm" / "tasks"


def test_where_tasks_run_is_given_as_ids_with_commas_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRAINING_SUBNETS", "subnet-0a1, subnet-0b2")
    monkeypatch.setenv("TRAINING_SECURITY_GROUPS", "sg-0c3")
    loaded = load_settings()
    assert loaded.settings.training_subnets == ("subnet-0a1", "subnet-0b2")
    assert loaded.settings.training_security_groups == ("sg-0c3",)
    assert ("TRAINING_SUBNETS", "subnet-0a1, subnet-0b2", "environment") in loaded.lines()
    monkeypatch.setenv("TRAINING_SUBNETS", "my subnet")
    (problem,) = problems()
    assert problem.startswith(
        "TRAINING_SUBNETS (environment): String should match pattern '^subnet-"
    )


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    assert problems() == [".env: is not UTF-8 text. Save it as UTF-8."]


def test_a_snowflake_account_needs_a_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SF_ACCOUNT", "MYORG-SHOP")
    with pytest.raises(InvalidInput, match="SF_USER: is needed with SF_ACCOUNT"):
        load_settings(tmp_path / ".env")


def test_every_setting_is_read_by_something() -> None:
    """As an attribute, or by its environment variable's name outside of settings.py, where names
    stand in its own checks, too.
    """
    package = Path(mmm.__file__).parent
    files = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    attributes = set(re.findall(r"\.([a-z_0-9]+)\b", "\n".join(files.values())))
    del files[package / "settings.py"]
    elsewhere = "\n".join(files.values())
    unread = {
        name
        for name, field in Settings.model_fields.items()
        if name not in attributes and f'"{field.alias}"' not in elsewhere
    }
    assert unread == NOT_READ
