"""infra/terraform-gcp against the current provider's schema, and against what the code expects."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from mmm.settings import NAMES
from terraform_cli import (
    CONFIGURATION,
    GCP_CONFIGURATION,
    HERE,
    ROOT,
    Applied,
    Terraform,
    schema_mirror,
    variables,
)

TESTS = HERE / "gcp"
SECRETS = ("sf_private_key", "auth_client_id", "auth_client_secret", "auth_cookie_secret")


@pytest.fixture(scope="module")
def gcp_terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    folder = tmp_path_factory.mktemp("terraform-gcp")
    copy = Terraform(folder, schema_mirror(folder / "mirror", "google"), GCP_CONFIGURATION)
    (copy.folder / "tests").mkdir()
    for file in TESTS.glob("*.tftest.hcl"):
        shutil.copy(file, copy.folder / "tests")
    copy.run("init", "-backend=false", "-input=false")
    return copy


@pytest.fixture(scope="module")
def google(gcp_terraform: Terraform) -> dict[str, Applied]:
    """By run of configuration.tftest.hcl: prod, with everything set, and dev, with nothing."""
    chosen = "-filter=tests/configuration.tftest.hcl"
    done = gcp_terraform.run("test", "-json", "-verbose", chosen)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["@testrun"]: Applied(one["test_state"]) for one in events if "test_state" in one}


def environment(applied: Applied) -> dict[str, Any]:
    (service,) = applied.of("google_cloud_run_v2_service")
    (container,) = service["template"][0]["containers"]
    return {one["name"]: one["value"] or one["value_source"] for one in container["env"]}


def test_the_files_are_formatted_and_valid(gcp_terraform: Terraform) -> None:
    gcp_terraform.run("fmt", "-check", "-recursive", "-diff", str(GCP_CONFIGURATION))
    gcp_terraform.run("fmt", "-check", "-diff", str(TESTS))
    said = gcp_terraform.run("validate", "-no-color").stdout
    assert "The configuration is valid" in said


def test_the_check_finds_what_the_provider_would_refuse(
    gcp_terraform: Terraform, tmp_path: Path
) -> None:
    mistakes = [
        ("web.tf", "session_affinity ", "session_afinity ", '"session_afinity" is not expected'),
        ("training.tf", "max_retries = 0", "max_retries = []", "number required"),
        ("storage.tf", "  location ", "  # location ", '"location" is required'),
        ("iam.tf", "google_service_account.web.member", "google_service_account.web.m", '"m"'),
    ]
    shutil.copytree(gcp_terraform.folder, tmp_path / "copy", symlinks=True)
    for name, written, instead, _ in mistakes:
        file = tmp_path / "copy" / name
        assert written in file.read_text()
        file.write_text(file.read_text().replace(written, instead))
    done = gcp_terraform.run(f"-chdir={tmp_path / 'copy'}", "validate", "-no-color", check=False)
    found = re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert [complaint for *_, complaint in mistakes if complaint not in found] == [], found


def test_variables_refuse_what_cannot_be_meant(gcp_terraform: Terraform) -> None:
    done = gcp_terraform.run("test", "-no-color", "-filter=tests/refused.tftest.hcl", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tested = re.findall(r"var\.(\w+)", (TESTS / "refused.tftest.hcl").read_text())
    with_rules = [
        name for name, block in variables(GCP_CONFIGURATION).items() if "validation {" in block
    ]
    assert set(tested) == set(with_rules)


def test_variables_have_the_names_that_they_have_on_aws() -> None:
    own = {"project", "billing_account", "github_repository"}
    aws_only = {
        "allowed_networks", "backup_bucket", "certificate_arn", "log_retention_days", "nat_gateways",
        "network", "vcpu_quota",
    }  # fmt: skip
    google, aws = variables(GCP_CONFIGURATION), variables(CONFIGURATION)
    assert google.keys() - own == aws.keys() - aws_only
    assert [name for name, block in google.items() if "description" not in block] == []
    secret = [name for name, block in google.items() if "sensitive   = true" in block]
    assert sorted(secret) == sorted(SECRETS)
    for file in (GCP_CONFIGURATION / "envs").glob("*.tfvars"):
        assert not [name for name in secret if re.search(rf"\b{name}\s*=", file.read_text())]


def test_the_web_service_is_the_guides(google: dict[str, Applied]) -> None:
    (service,) = google["prod"].of("google_cloud_run_v2_service")
    template = service["template"][0]
    container = template["containers"][0]
    assert service["name"] == "mmm-app-web"
    assert container["resources"][0]["limits"] == {"cpu": "2", "memory": "4096Mi"}
    assert container["resources"][0]["cpu_idle"] is False
    assert (template["session_affinity"], template["timeout"]) == (True, "3600s")
    assert template["execution_environment"] == "EXECUTION_ENVIRONMENT_GEN2"
    assert template["scaling"][0]["max_instance_count"] == 4
    for probe in ("startup_probe", "liveness_probe"):
        assert container[probe][0]["http_get"][0]["path"] == "/_stcore/health"


def test_the_training_job_is_the_guides(google: dict[str, Applied]) -> None:
    (job,) = google["prod"].of("google_cloud_run_v2_job")
    template = job["template"][0]["template"][0]
    (container,) = template["containers"]
    assert (job["name"], container["name"]) == ("mmm-app-training", "training")
    assert container["resources"][0]["limits"] == {"cpu": "8", "memory": "32768Mi"}
    assert (template["max_retries"], template["timeout"]) == (0, "86400s")
    given = {one["name"] for one in container["env"]}
    assert given == {"HOME", "MMM_LOG_LEVEL"}


def test_one_apply_gives_an_address_with_https_and_a_working_sign_in(
    google: dict[str, Applied],
) -> None:
    url = "https://mmm-app-web-123456789012.europe-west3.run.app"
    prod = google["prod"]
    assert prod.outputs["web_service_url"] == url
    assert prod.outputs["oauth_redirect_uri"] == f"{url}/oauth2callback"
    assert environment(prod)["MMM_PUBLIC_URL"] == url
    assert google["dev"].outputs["web_service_url"] == "https://mmm.example.com"


def test_every_setting_can_be_set_or_is_excused(google: dict[str, Applied]) -> None:
    text = (GCP_CONFIGURATION / "web.tf").read_text()
    settable = set(re.findall(r'"([A-Z_]+)"', text.partition("settable = [")[2].partition("]")[0]))
    excused = {
        "GCP_ENDPOINT_URL", "GOOGLE_APPLICATION_CREDENTIALS", "MMM_WORKSPACE", "MMM_SECRETS_DIR",
        "MMM_RSCRIPT", "MMM_ROBYN_LIBRARY", "SF_PASSWORD", "SF_PRIVATE_KEY_PASSPHRASE", "MMM_SMTP_PASSWORD",
    }  # fmt: skip
    aws = {name for name in NAMES if name.startswith(("AWS_", "S3_", "ECS_", "TRAINING_"))}
    made = set(environment(google["prod"]))
    assert NAMES.keys() - made - settable - excused - aws == set()
    assert (settable | made) - NAMES.keys() - {"HOME"} == set()


def test_secrets_are_bound_by_version_and_their_values_are_in_no_state(
    google: dict[str, Applied],
) -> None:
    found = environment(google["prod"])
    for name in ("AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET", "AUTH_COOKIE_SECRET", "SF_PRIVATE_KEY"):
        (reference,) = found[name][0]["secret_key_ref"]
        assert reference["secret"] == f"mmm-app-{name.lower().replace('_', '-')}"
        assert reference["version"]
    state = json.dumps(google["prod"].state)
    assert "client secret value" not in state
    assert "cookie secret of" not in state
    assert len(google["dev"].of("google_secret_manager_secret")) == 3


def test_roles_hold_what_the_platforms_page_names_and_nothing_else(
    google: dict[str, Applied],
) -> None:
    granted = {
        permission
        for role in google["prod"].of("google_project_iam_custom_role")
        for permission in role["permissions"]
    }
    page = (ROOT / "docs" / "gcp.md").read_text()
    named = set(re.findall(r"`((?:run|storage|secretmanager|logging)\.\w+\.\w+)`", page))
    multipart = {one for one in granted if one.startswith("storage.multipartUploads.")}
    assert granted - multipart == named


def test_rights_end_at_the_apps_own_things(google: dict[str, Applied]) -> None:
    prod = google["prod"]
    conditions = {
        address: [one["expression"] for one in values["condition"]]
        for address, values in prod.resources.items()
        if values.get("condition")
    }
    objects = "projects/_/buckets/mmm-app-output-gcp/objects"
    for what in ("create_objects", "delete_objects"):
        address = f'google_storage_bucket_iam_member.training_writes["{what}"]'
        assert conditions[address] == [f'resource.name.startsWith("{objects}/runs/")']
    (secrets,) = conditions["google_project_iam_member.web_secrets"]
    assert secrets == 'resource.name.startsWith("projects/123456789012/secrets/mmm-app-")'
    (overwrites,) = conditions["google_storage_bucket_iam_member.web_overwrites"]
    assert "runs/" not in overwrites
    assert f"{objects}/connections/" in overwrites
    predefined = [one["role"] for one in prod.of("google_project_iam_member") if "role" in one]
    assert not [role for role in predefined if role in ("roles/owner", "roles/editor")]


def test_the_bucket_is_closed_and_keeps_what_was_deleted(google: dict[str, Applied]) -> None:
    (bucket,) = google["prod"].of("google_storage_bucket")
    assert bucket["uniform_bucket_level_access"] is True
    assert bucket["public_access_prevention"] == "enforced"
    assert bucket["versioning"][0]["enabled"] is True
    assert bucket["soft_delete_policy"][0]["retention_duration_seconds"] == 604800


def test_each_deploy_account_is_bound_to_its_environment(google: dict[str, Applied]) -> None:
    accounts = {one["account_id"] for one in google["prod"].of("google_service_account")}
    assert accounts == {
        "mmm-app-web", "mmm-app-training", "mmm-app-gcp-plan", "mmm-app-gcp-dev", "mmm-app-gcp-prod",
    }  # fmt: skip
    bound = {
        one["member"].rpartition("/")[2]
        for one in google["prod"].of("google_service_account_iam_member")
        if one["role"] == "roles/iam.workloadIdentityUser"
    }
    assert bound == {"gcp-plan", "gcp-dev", "gcp-prod"}
    (provider,) = google["prod"].of("google_iam_workload_identity_pool_provider")
    assert provider["attribute_condition"] == 'assertion.repository == "example/mmm-app"'
    plan = [
        values["role"]
        for address, values in google["prod"].resources.items()
        if address.startswith('google_project_iam_member.deploy["gcp-plan')
    ]
    assert sorted(plan) == ["roles/iam.securityReviewer", "roles/viewer"]
    assert google["dev"].of("google_iam_workload_identity_pool") == []


def test_what_is_watched(google: dict[str, Applied]) -> None:
    watched = google["prod"].of("google_monitoring_alert_policy")
    assert len(watched) == 5
    assert all(len(one["notification_channels"]) == 1 for one in watched)
    (budget,) = google["prod"].of("google_billing_budget")
    assert budget["amount"][0]["specified_amount"][0]["units"] == "300"
    assert google["dev"].of("google_billing_budget") == []
