"""Terraform on copies of infra/terraform-aws and infra/terraform-gcp, their provider being the
schema-only one (schema_provider.py).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CONFIGURATION = ROOT / "infra" / "terraform-aws"
GCP_CONFIGURATION = ROOT / "infra" / "terraform-gcp"


def terraform_program() -> str:
    """Terraform's path; without a new enough one the test is skipped, or fails where
    REQUIRE_TERRAFORM is set.
    """
    program = shutil.which("terraform")
    if program:
        out = subprocess.run(
            [program, "version"], check=True, capture_output=True, text=True
        ).stdout
        found = re.search(r"v(\d+)\.(\d+)", out)
        if found and (int(found[1]), int(found[2])) >= (1, 11):
            return program
    reason = "Terraform 1.11 or newer is not on the PATH."
    if os.environ.get("REQUIRE_TERRAFORM"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@cache
def provider_address() -> str:
    """Host, namespace and name under which Terraform looks for the AWS provider in a mirror."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rc").touch()
        (Path(folder) / "main.tf").write_text(
            'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'
        )
        environment = os.environ | {"TF_CLI_CONFIG_FILE": f"{folder}/rc"}
        command = [terraform_program(), "providers"]
        out = subprocess.run(
            command, cwd=folder, env=environment, check=True, capture_output=True, text=True
        ).stdout
    found = re.search(r"provider\[(\S+)\]", out)
    assert found, out
    return found[1]


class Terraform:
    """A working copy of the configuration in a folder of its own, where providers come from
    `mirror` only.
    """

    def __init__(self, folder: Path, mirror: Path, configuration: Path = CONFIGURATION) -> None:
        self.program, self.folder = terraform_program(), folder / configuration.name
        shutil.copytree(
            configuration, self.folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*")
        )
        self.rc = folder / "terraformrc"
        self.rc.write_text(
            "provider_installation {\n  filesystem_mirror {\n"
            f'    path    = "{mirror}"\n    include = ["*/*/*"]\n  }}\n}}\n'
        )

    def run(
        self, *arguments: str, check: bool = True, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run it; where it fails, the test fails with what it printed."""
        own = {
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(self.rc),
            "TF_IN_AUTOMATION": "1",
        }
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TF_", "AWS_"))
        }
        done = subprocess.run(
            [self.program, *arguments],
            cwd=self.folder,
            env=inherited | own | env,
            capture_output=True,
            text=True,
        )
        if check and done.returncode:
            pytest.fail(
                f"terraform {' '.join(arguments)}:\n{done.stdout}{done.stderr}", pytrace=False
            )
        return done


def schema_mirror(folder: Path, provider: str = "aws") -> Path:
    """A mirror of providers with ours, by the version whose schema it has."""
    version = json.loads((HERE / "schema" / f"{provider}.json").read_text())["version"]
    address = f"{provider_address().rpartition('/')[0]}/{provider}"
    name = f"terraform-provider-{provider}_v{version}"
    program = folder / address / version / "linux_amd64" / name
    program.parent.mkdir(parents=True)
    server = HERE / "schema_provider.py"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{server}" {provider}\n')
    program.chmod(0o755)
    return folder


@dataclass(frozen=True)
class Applied:
    """What a run of configuration.tftest.hcl made: values by address, and the outputs."""

    state: Mapping[str, Any]

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        root = self.state["root_module"]
        modules = [root, *root.get("child_modules", ())]
        return {
            one["address"]: one["values"]
            for module in modules
            for one in module.get("resources", ())
        }

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {name: output["value"] for name, output in self.state["outputs"].items()}

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All resources of a type."""
        return [
            values for address, values in self.resources.items() if f".{kind}." in f".{address}"
        ]

    def container(self, task: str) -> dict[str, Any]:
        (container,) = json.loads(
            self.resources[f"aws_ecs_task_definition.{task}"]["container_definitions"]
        )
        return dict(container)

    def environment(self, task: str) -> dict[str, str]:
        return {one["name"]: one["value"] for one in self.container(task)["environment"]}

    def policies(self, role: str) -> dict[str, dict[str, Any]]:
        """The policies of the role with this name, as documents by their names."""
        (identity,) = (one["id"] for one in self.of("aws_iam_role") if one["name"] == role)
        found = [one for one in self.of("aws_iam_role_policy") if one["role"] == identity]
        return {one["name"]: json.loads(one["policy"]) for one in found}


def variables(folder: Path) -> dict[str, str]:
    text = (folder / "variables.tf").read_text()
    return dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.M | re.S))
