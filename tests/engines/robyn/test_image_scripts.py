"""The R scripts of the training image: the installer and the smoke test, in real R with the
stand-in for Robyn.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Repository:
    """A repository of R packages with one archived version of the package tiny."""

    folder: Path

    def manifest(self, package: Path) -> str:
        """Write the package's manifest as R's archives have it; its sha256."""
        files = sorted(path for path in package.rglob("*") if path.is_file() and path.name != "MD5")
        lines = [
            f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()} *{path.relative_to(package)}"
            for path in files
        ]
        (package / "MD5").write_text("\n".join(lines) + "\n")
        return hashlib.sha256((package / "MD5").read_bytes()).hexdigest()

    def store(self, package: Path) -> None:
        archive = self.folder / "src" / "contrib" / "Archive" / "tiny" / "tiny_1.2.3.tar.gz"
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:gz") as made:
            made.add(package, package.name)

    def install(self, lock: str) -> subprocess.CompletedProcess[str]:
        path = self.folder / "some.lock"
        path.write_text(lock)
        command = ["Rscript", SCRIPTS / "install.R", path, self.library, self.folder.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @property
    def library(self) -> Path:
        return self.folder / "library"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    (folder / "R").mkdir(parents=True)
    (folder / "DESCRIPTION").write_text(PACKAGE)
    (folder / "NAMESPACE").write_text("export(answer)\n")
    (folder / "R" / "answer.R").write_text("answer <- function() 42\n")
    return folder


@pytest.fixture
def repository(tmp_path: Path, stand_in: RobynLibrary) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_package_is_installed_by_its_manifest_however_its_archive_was_packed(
    repository: Repository, package: Path
) -> None:
    pinned = repository.manifest(package)
    repository.store(package)
    done = repository.install(f"# a comment\ntiny 1.2.3 {pinned}\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "tiny 1.2.3 \n"
    code = f".libPaths('{repository.library}'); cat(tiny::answer())"
    assert subprocess.check_output(["Rscript", "-e", code], text=True) == "42"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("another manifest", "its manifest MD5 has the sha256"),
        ("no manifest", "has no manifest MD5, so its content cannot be checked"),
        ("another content", "other content than its manifest says: R/answer.R"),
        ("a file more", "has files that its manifest does not name: R/more.R"),
        ("a file less", "lacks R/answer.R"),
        ("another version", "tiny_9.9.tar.gz is not in the repository"),
    ],
)
def test_other_content_than_the_pinned_ends_the_build(
    repository: Repository, package: Path, change: str, said: str
) -> None:
    pinned, version = repository.manifest(package), "1.2.3"
    if change == "another manifest":
        (package / "R" / "answer.R").write_text("answer <- function() 43\n")
        repository.manifest(package)
    elif change == "no manifest":
        (package / "MD5").unlink()
    elif change == "another content":
        (package / "R" / "answer.R").write_text("answer <- function() 43\n")
    elif change == "a file more":
        (package / "R" / "more.R").write_text("more <- 1\n")
    elif change == "a file less":
        (package / "R" / "answer.R").unlink()
    else:
        version = "9.9"
    repository.store(package)
    done = repository.install(f"tiny {version} {pinned}\n")
    assert done.returncode != 0
    assert said in done.stderr
    assert not (repository.library / "tiny").exists()


def test_a_package_that_cannot_be_installed_shows_what_r_said(
    repository: Repository, package: Path
) -> None:
    (package / "R" / "answer.R").write_text("answer <- function( {\n")
    pinned = repository.manifest(package)
    repository.store(package)
    done = repository.install(f"tiny 1.2.3 {pinned}\n")
    assert done.returncode != 0
    assert "unable to collate and parse R files for package" in done.stderr
    assert "tiny 1.2.3 could not be installed; what R said is above" in done.stderr


def test_every_package_of_the_image_is_pinned() -> None:
    lines = (SCRIPTS / "robyn.lock").read_text().splitlines()
    pinned = [line.split() for line in lines if not line.startswith("#")]
    assert [name for name, _, _ in pinned][-2:] == ["lares", "Robyn"]
    assert all(re.fullmatch(r"[0-9a-f]{64}", checksum) for _, _, checksum in pinned)


def test_the_smoke_test_says_on_how_many_cores_it_ran(robyn: RobynLibrary) -> None:
    command = ["Rscript", SCRIPTS / "smoke.R", "1"]
    environment = os.environ | {"R_LIBS": str(robyn.folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("seconds on 1 cores\n")
    assert dict(robyn.calls())["robyn_run"]["cores"] == 1
