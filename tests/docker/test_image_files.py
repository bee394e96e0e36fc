"""The images' files: what can be known without building them. `make test-images` builds and runs
them.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pyarrow import csv

from mmm.engines import DEFAULT_ENGINE
from mmm.experiments.problem import build_problem
from mmm.sources import sample

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("Dockerfile.*"))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
_PINNED = re.compile(r"^([a-z0-9-]+(?:\[[a-z,]+\])?==\S+)", re.MULTILINE)

#: What the deployment guide's own compose file sets.
GUIDE = {
    "CLOUD_PROVIDER": "aws",
    "AWS_REGION": "us-east-1",
    "S3_BUCKET": "mmm-app-output-aws",
    "TRAINING_TASK_FAMILY": "mmm-app-training",
    "ECS_CLUSTER": "mmm-app-cluster",
    "AWS_ACCESS_KEY_ID": "${AWS_ACCESS_KEY_ID:-}",
    "AWS_SECRET_ACCESS_KEY": "${AWS_SECRET_ACCESS_KEY:-}",
}


def _environment(service: str) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in COMPOSE["services"][service]["environment"])


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_hadolint_finds_nothing(file: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["web", "training"])
def test_an_image_runs_as_a_number_that_is_not_root(name: str) -> None:
    lines = (ROOT / "docker" / f"Dockerfile.{name}").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]
    assert lines.index("USER 10001:10001") > max(
        n for n, line in enumerate(lines) if line.startswith(("RUN", "COPY"))
    )


@pytest.mark.parametrize("name", ["web", "training"])
def test_an_image_gets_the_versions_the_tests_ran_with(name: str) -> None:
    whole = set(_PINNED.findall((ROOT / "requirements.lock").read_text()))
    own = set(_PINNED.findall((ROOT / "docker" / f"{name}.lock").read_text()))
    assert len(own) > 20
    assert own <= whole


def test_compose_is_the_guides() -> None:
    web = COMPOSE["services"]["web"]
    assert web["build"] == {"context": ".", "dockerfile": "docker/Dockerfile.web"}
    assert web["ports"] == ["8080:8080"]
    assert _environment("web").items() >= GUIDE.items()


def test_the_local_profile_is_reached_from_this_machine_alone() -> None:
    local = COMPOSE["services"]["local"]
    assert local["profiles"] == ["local"]
    assert local["ports"] == ["127.0.0.1:8080:8080"]
    assert _environment("local")["CLOUD_PROVIDER"] == "local"


@pytest.mark.parametrize("service", COMPOSE["services"])
def test_a_service_is_hardened_and_holds_no_secret(service: str) -> None:
    found = COMPOSE["services"][service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    secrets = {
        name: value
        for name, value in _environment(service).items()
        if re.search("SECRET$|KEY|TOKEN", name)
    }
    assert all(re.fullmatch(r"\$\{[A-Z_]+:-\}", value) for value in secrets.values())


def test_the_build_sees_neither_history_nor_data_nor_secrets() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert lines[0] == "*"
    allowed = {line.removeprefix("!").split("/")[0] for line in lines[1:] if line.startswith("!")}
    assert allowed == {"app", ".streamlit", "docker", "pyproject.toml", "README.md", "src", "r"}


def test_what_warms_the_kernels_can_be_trained() -> None:
    spec = importlib.util.spec_from_file_location("warm", ROOT / "docker" / "warm.py")
    assert spec is not None
    assert spec.loader is not None
    warm = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(warm)
    engines = [
        experiment.engine
        for part in warm.PARTS
        for experiment in warm.experiments(part)
        if experiment.engine_settings()
    ]
    assert engines.count(DEFAULT_ENGINE) == 2
    assert engines.count("ridge") == 6
    table = warm.by_geo(csv.read_csv(sample.PATH))
    (panel,) = warm.experiments("panel")
    assert build_problem(panel, table)[0].panel is not None


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("fpu sse2 movbe avx f16c bmi1 avx2 bmi2 fma abm", "x86-64-v3"),
        ("fpu sse2 movbe avx f16c bmi1 avx2x bmi2 fma abm", "generic"),
        ("", "generic"),
    ],
)
def test_the_kernels_that_a_cpu_can_run_are_chosen(tmp_path: Path, flags: str, name: str) -> None:
    lines = ["processor\t: 0", *([f"flags\t\t: {flags}"] * 2 if flags else ["Features\t: fp"])]
    (tmp_path / "cpuinfo").write_text("\n".join(lines) + "\n")
    command = ["sh", ROOT / "docker" / "cpu_name.sh", tmp_path / "cpuinfo"]
    assert subprocess.check_output(command, text=True).strip() == name


@pytest.mark.parametrize(
    ("given", "seen"), [({}, "x86-64-v3"), ({"NUMBA_CPU_NAME": "generic"}, "generic")]
)
def test_the_entry_point_says_which_kernels_to_use(
    tmp_path: Path, given: dict[str, str], seen: str
) -> None:
    choosing = tmp_path / "mmm-cpu-name"
    choosing.write_text("#!/bin/sh\necho x86-64-v3\n")
    choosing.chmod(0o755)
    own = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = ["sh", ROOT / "docker" / "entrypoint.sh", "sh", "-c"]
    show = 'echo "$NUMBA_CPU_NAME:${NUMBA_CPU_FEATURES-unset}"'
    found = subprocess.check_output([*command, show], text=True, env={**own, **given})
    assert found.strip() == f"{seen}:"
