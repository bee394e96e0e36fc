"""What a model was made with, so that it can be made again."""

from __future__ import annotations

import platform
import shutil
import socket
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import mmm
from mmm.cores import usable_cores
from mmm.engines.base import Engine
from mmm.experiments.config import Experiment
from mmm.workspace import DatasetManifest

#: Libraries that take part in the numbers or in how they are stored.
LIBRARIES = ("numpy", "scipy", "numba", "prophet", "pandas", "pyarrow", "pydantic", "obstore")


def provenance(experiment: Experiment, dataset: DatasetManifest, engine: Engine) -> dict[str, Any]:
    return {
        "engine": engine.name,
        "engine_version": engine.version,
        "code_version": mmm.__version__,
        "commit": commit(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "host": socket.gethostname(),
        "cpus": usable_cores(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "seed": getattr(experiment.engine_settings(), "seed", None),
        "market": dataset.market,
        "dataset_id": dataset.dataset_id,
        "dataset_hash": dataset.content_hash,
    }


def commit() -> str | None:
    """The git commit this code is of, with "-modified" where it differs; None outside a checkout of
    this project.

    An image has no checkout: its build notes the commit in a file of the package.
    """
    package = Path(mmm.__file__).parent
    with suppress(FileNotFoundError):
        return (package / "commit.txt").read_text().strip() or None
    git = shutil.which("git")
    # An installed package may lie inside some other project's checkout, which does not track it.
    if git is None or not _git(git, package, "ls-files", "--", "errors.py"):
        return None
    head = _git(git, package, "rev-parse", "HEAD")
    return (
        f"{head}-modified"
        if head and _git(git, package, "status", "--porcelain", "--", ".")
        else head
    )


def _git(git: str, folder: Path, *arguments: str) -> str | None:
    done = subprocess.run(  # noqa: S603
        [git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or None if done.returncode == 0 else None
