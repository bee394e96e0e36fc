"""The R scripts of the training image: the installer and the smoke test, in real R with the
stand-in for Robyn.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from robyn_library import RobynLibrary

SCRIPTS = Path(__file__).parents[3] / "r"
PACKAGE = """Package: tiny
Title: Tiny
Version: 1.2.3
Description: For a test.
License: MIT
Author: mmm-app
Maintainer: mmm-app <nobody@example.com>
"""


@pytest.fixture
def repository(tmp_path: Path, stand_in: RobynLibrary) -> Path:
    """A repository of R packages with an archived version of one package."""
    package = tmp_path / "tiny"
    package.mkdir()
    (package / "DESCRIPTION").write_text(PACKAGE)
    (package / "NAMESPACE").write_text("")
    archive = tmp_path / "repository" / "src" / "contrib" / "Archive" / "tiny"
    archive.mkdir(parents=True)
    subprocess.run(["R", "CMD", "build", package], cwd=archive, check=True, capture_output=True)
    return tmp_path / "repository"


def install(repository: Path, lock: str) -> subprocess.CompletedProcess[str]:
    path = repository.parent / "some.lock"
    path.write_text(lock)
    command = [
        "Rscript",
        SCRIPTS / "install.R",
        path,
        repository.parent / "library",
        repository.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_locked_package_is_installed_also_from_the_archive(repository: Path) -> None:
    (archive,) = repository.rglob("tiny_1.2.3.tar.gz")
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    done = install(repository, f"# a comment\ntiny 1.2.3 {checksum}\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tiny 1.2.3 \n"
    assert (repository.parent / "library" / "tiny" / "DESCRIPTION").exists()
    assert (
        f"no checksum recorded: tiny_1.2.3.tar.gz {checksum}"
        in install(repository, "tiny 1.2.3 -\n").stdout
    )


def test_another_checksum_or_a_missing_version_ends_the_build(repository: Path) -> None:
    done = install(repository, f"tiny 1.2.3 {'0' * 64}\n")
    assert done.returncode != 0
    assert "the lock file says 000" in done.stderr
    done = install(repository, "tiny 9.9 -\n")
    assert done.returncode != 0
    assert "tiny_9.9.tar.gz is not in the repository" in done.stderr
    assert not (repository.parent / "library" / "tiny").exists()


def test_the_smoke_test_says_on_how_many_cores_it_ran(robyn: RobynLibrary) -> None:
    command = ["Rscript", SCRIPTS / "smoke.R", "1"]
    environment = os.environ | {"R_LIBS": str(robyn.folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("seconds on 1 cores\n")
    assert dict(robyn.calls())["robyn_run"]["cores"] == 1
