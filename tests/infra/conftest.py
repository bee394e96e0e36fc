"""The configuration as Terraform plans and applies it with a mocked provider, once per session."""

from __future__ import annotations

import json
import shutil

import pytest

from terraform_cli import HERE, Applied, Terraform, schema_mirror


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy that is initialised and has the tests. Without imports: a mocked provider has nothing
    to import.
    """
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
    return {
        event["@testrun"]: Applied(event["test_state"]) for event in events if "test_state" in event
    }
