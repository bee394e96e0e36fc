"""Commands in this process, in an empty folder, without the developer's own environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm import cli
from mmm.settings import NAMES
from robyn_library import RobynLibrary


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in an empty folder; its exit code, output and errors."""
    for name in list(os.environ):
        if name in NAMES or name.startswith("MMM_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mmm", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        out, err = capsys.readouterr()
        return int(exit_.value.code or 0), out, err

    return call


@pytest.fixture
def robyn_here(run: object, robyn: RobynLibrary, monkeypatch: pytest.MonkeyPatch) -> RobynLibrary:
    """The engine `robyn` with the stand-in, for commands: `run` has emptied the environment."""
    monkeypatch.setenv("MMM_ROBYN_LIBRARY", str(robyn.folder))
    return robyn
