"""Terraform's own checks against the current provider's schema."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from terraform_cli import CONFIGURATION, HERE, Terraform

VARIABLES = (CONFIGURATION / "variables.tf").read_text()


def test_the_files_are_formatted_as_terraform_formats_them(terraform: Terraform) -> None:
    terraform.run("fmt", "-check", "-recursive", "-diff", str(CONFIGURATION))
    terraform.run("fmt", "-check", "-diff", str(HERE))


def test_every_resource_argument_and_reference_is_the_current_providers(
    terraform: Terraform,
) -> None:
    assert "The configuration is valid" in terraform.run("validate", "-no-color").stdout


def test_the_check_finds_what_the_provider_would_refuse(
    terraform: Terraform, tmp_path: Path
) -> None:
    mistakes = [
        (
            "alb.tf",
            "  idle_timeout =",
            "  idle_time_out =",
            'An argument named "idle_time_out" is not expected here',
        ),
        (
            "alb.tf",
            "subnets                    = local",
            "subnets = 3 # ",
            "list of string required",
        ),
        (
            "alb.tf",
            "  health_check {",
            "  health_checks {",
            'Blocks of type "health_checks" are not expected here',
        ),
        (
            "iam.tf",
            "aws_iam_role.training.arn",
            "aws_iam_role.training.urn",
            'attribute named "urn"',
        ),
        ("training.tf", "  family ", "  # family ", '"family" is required'),
    ]
    shutil.copytree(terraform.folder, tmp_path / "terraform-aws", symlinks=True)
    for name, written, instead, _ in mistakes:
        file = tmp_path / "terraform-aws" / name
        assert written in file.read_text()
        file.write_text(file.read_text().replace(written, instead))
    done = terraform.run(
        f"-chdir={tmp_path / 'terraform-aws'}", "validate", "-no-color", check=False
    )
    found = re.sub(r"\s+", " ", done.stdout + done.stderr)
    assert [complaint for *_, complaint in mistakes if complaint not in found] == [], found


def test_variables_refuse_what_cannot_be_meant(terraform: Terraform) -> None:
    done = terraform.run("test", "-no-color", "-filter=tests/refused.tftest.hcl", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tested = re.findall(r"var\.(\w+)", (HERE / "refused.tftest.hcl").read_text())
    with_rules = [name for name, block in _blocks() if "validation {" in block]
    assert set(tested) == set(with_rules)


def test_every_variable_has_a_type_and_a_description() -> None:
    assert [name for name, block in _blocks() if not re.search(r"^  type += ", block, re.M)] == []
    assert [
        name
        for name, block in _blocks()
        if not re.search(r'^  description += "\w.{10}', block, re.M)
    ] == []


def test_secret_variables_are_sensitive_and_the_files_of_values_hold_none_of_them() -> None:
    secret = [name for name, block in _blocks() if "sensitive   = true" in block]
    assert secret == [
        "sf_private_key",
        "auth_client_id",
        "auth_client_secret",
        "auth_cookie_secret",
    ]
    for file in (CONFIGURATION / "envs").glob("*.tfvars"):
        assert not [name for name in secret if re.search(rf"\b{name}\s*=", file.read_text())]


def test_what_the_guide_made_before_is_taken_over() -> None:
    blocks = re.findall(
        r"^import \{\n(.*?)^\}", (CONFIGURATION / "imports.tf").read_text(), re.M | re.S
    )
    assert [re.findall(r"(?:to|id) += (.*)", block) for block in blocks] == [
        ["module.storage.aws_s3_bucket.this", "var.bucket"],
        ["aws_ecr_repository.this[each.key]", "each.key"],
    ]


def _blocks() -> list[tuple[str, str]]:
    return re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', VARIABLES, re.M | re.S)
