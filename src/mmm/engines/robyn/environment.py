"""What a Robyn run needs of the machine: R, its packages, Python's nevergrad, cores."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from mmm.errors import Finding, UserError
from mmm.settings import load_settings

#: The release that `r/run_robyn.R` is written for.
ROBYN = "3.12.1"
_INSTALL = "docs/robyn-engine.md says how to install it, or use the training image."
_SECONDS = 60
#: What R may see of this process's environment: nothing that holds a secret.
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("LC_", "R_", "RETICULATE_", "OMP_", "OPENBLAS_", "MKL_")


@dataclass(frozen=True)
class REnvironment:
    """Where R is. `library` is searched before R's own libraries."""

    rscript: str = "Rscript"
    library: Path | None = None

    @classmethod
    def from_settings(cls) -> REnvironment:
        settings = load_settings().settings
        return cls(settings.rscript, settings.robyn_library)

    def command(self, *arguments: str) -> list[str]:
        """The command that runs `run_robyn.R`; UserError without R."""
        program = shutil.which(self.rscript)
        if program is None:
            fix = f"Install R 4.0 or newer, or name its Rscript in MMM_RSCRIPT. {_INSTALL}"
            raise UserError(
                f"{self.rscript!r} is not found; the engine robyn runs in R.", where="R", fix=fix
            )
        return [program, "--no-init-file", str(script()), *arguments]

    def variables(self) -> dict[str, str]:
        """The environment that R gets."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _KEPT or name.startswith(_KEPT_PREFIXES)
        }
        kept.setdefault("LANG", "C.UTF-8")  # without one, R reads and writes ASCII
        kept.setdefault("TZ", "UTC")  # without one, R asks the system and prints that it cannot
        if self.library is not None:
            kept["R_LIBS"] = os.pathsep.join(filter(None, (str(self.library), kept.get("R_LIBS"))))
        return kept

    def check(self) -> list[Finding]:
        """What is missing, and a warning where another Robyn than `ROBYN` is installed."""
        try:
            command = self.command("--check")
        except UserError as error:
            return [Finding("error", error.what, error.where, error.fix)]
        try:
            done = subprocess.run(  # noqa: S603
                command,
                env=self.variables(),
                capture_output=True,
                text=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return [Finding("error", f"cannot be started: {error}.", "R", _INSTALL)]
        if done.returncode:
            return [
                Finding(
                    "error",
                    f"ends with code {done.returncode}: {done.stderr.strip()}",
                    "R",
                    _INSTALL,
                )
            ]
        found = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
        return [
            *_packages({name: version.strip() for name, version in found.items()}),
            *self._nevergrad(),
        ]

    def _nevergrad(self) -> list[Finding]:
        """Robyn searches with Python's nevergrad. Only a named Python can be asked without starting
        reticulate.
        """
        python = os.environ.get("RETICULATE_PYTHON")
        if not python:
            what = "is not set: R chooses some Python, which may lack nevergrad."
            return [
                Finding("warning", what, "RETICULATE_PYTHON", "Name a Python that has nevergrad.")
            ]
        code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('nevergrad') is None)"
        try:
            missing = subprocess.run(  # noqa: S603
                [python, "-c", code], capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return [
                Finding(
                    "error",
                    f"cannot be started: {error}.",
                    "RETICULATE_PYTHON",
                    "Name a Python program.",
                )
            ]
        if missing.returncode == 0:
            return []
        fix = f"Install it: {python} -m pip install nevergrad."
        return [
            Finding(
                "error",
                f"{python} has no nevergrad, with which Robyn searches.",
                "RETICULATE_PYTHON",
                fix,
            )
        ]


def _packages(versions: dict[str, str]) -> list[Finding]:
    missing = sorted(name for name, version in versions.items() if version == "missing")
    if missing:
        what = f"lacks {', '.join(missing)}."
        return [
            Finding(
                "error", what, "R's library", f"Set MMM_ROBYN_LIBRARY where they are. {_INSTALL}"
            )
        ]
    if versions["Robyn"] != ROBYN:
        what = f"version {versions['Robyn']} is installed; this engine is written for {ROBYN}."
        return [Finding("warning", what, "Robyn", f"Install {ROBYN} if the run fails.")]
    return []


def script() -> Path:
    """`run_robyn.R`. It lies in the package so that an installed one has it; `r/run_robyn.R` leads
    here.
    """
    return Path(__file__).with_name("run_robyn.R")
