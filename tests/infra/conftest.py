"""The configuration as Terraform plans and applies it with a mocked provider, once per session."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from terraform_cli import HERE, Terraform, schema_mirror


@dataclass(frozen=True)
class Applied:
    """What a run of configuration.tftest.hcl made: values by address, and the outputs."""

    state: Mapping[str, Any]

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        root = self.state["root_module"]
        modules = [root, *root.get("child_modules", ())]
        return {one["address"]: one["values"] for module in modules for one in module.get("resources", ())}

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {name: output["value"] for name, output in self.state["outputs"].items()}

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All resources of a type."""
        return [values for address, values in self.resources.items() if f".{kind}." in f".{address}"]

    def container(self, task: str) -> dict[str, Any]:
        (container,) = json.loads(self.resources[f"aws_ecs_task_definition.{task}"]["container_definitions"])
        return dict(container)

    def environment(self, task: str) -> dict[str, str]:
        return {one["name"]: one["value"] for one in self.container(task)["environment"]}

    def policies(self, role: str) -> dict[str, dict[str, Any]]:
        """The policies of the role with this name, as documents by their names."""
        (identity,) = (one["id"] for one in self.of("aws_iam_role") if one["name"] == role)
        found = [one for one in self.of("aws_iam_role_policy") if one["role"] == identity]
        return {one["name"]: json.loads(one["policy"]) for one in found}


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy that is initialised and has the tests. Without imports: a mocked provider has nothing to import."""
    folder = tmp_path_factory.mktemp("terraform")
    copy = Terraform(folder, schema_mirror(folder / "mirror"))
    (copy.folder / "imports.tf").unlink()
    (copy.folder / "tests").mkdir()
    for file in HERE.glob("*.tftest.hcl"):
        shutil.copy(file, copy.folder / "tests")
    copy.run("init", "-backend=false", "-input=false")
    return copy


@pytest.fixture(scope="session")
def applied(terraform: Terraform) -> dict[str, Applied]:
    """By run: prod (everything set), dev, first (the guide's first apply)."""
    done = terraform.run("test", "-json", "-verbose", "-filter=tests/configuration.tftest.hcl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {event["@testrun"]: Applied(event["test_state"]) for event in events if "test_state" in event}
