"""Commands in this process, in an empty folder, without the developer's own environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm import cli
from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.runs.events import History
from mmm.runs.sample import sample_experiment
from mmm.runs.task import run_task
from mmm.settings import NAMES, Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace
from mmm.workspace.models import RunState
from robyn_library import RobynLibrary

Run = Callable[..., tuple[int, str, str]]
QUICK = {"trials": 1, "iterations": 60, "min_candidates": 20, "bootstrap": 100}
ANN = User("ann", role=Role.ANALYST)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
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


@pytest.fixture(scope="session")
def sample_workspace(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A workspace's folder with nothing but the sample as a dataset of market sample, and its id."""
    folder = tmp_path_factory.mktemp("sample") / "workspace"
    workspace = Workspace.open(Settings(workspace=str(folder)))
    source = FileSource(sample.PATH)
    dataset = ingest(source, market="sample", origin="data.csv", workspace=workspace, by=ANN)
    return folder, dataset.dataset_id


@pytest.fixture
def stored(run: Run, tmp_path: Path, sample_workspace: tuple[Path, str]) -> str:
    """The sample as a dataset of market sample in the empty folder's workspace; its id."""
    folder, dataset_id = sample_workspace
    shutil.copytree(folder, tmp_path / "workspace")
    return dataset_id


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """A workspace with one run on the sample."""
    folder = tmp_path_factory.mktemp("plan") / "workspace"
    settings = Settings(workspace=str(folder))
    workspace = Workspace.open(settings)
    stored = ingest(
        FileSource(sample.PATH), market="sample", origin="data.csv", workspace=workspace, by=ANN
    )
    given = sample_experiment(stored.dataset_id, "ridge").model_dump()
    experiment = type(sample_experiment(stored.dataset_id, "ridge")).model_validate(
        {**given, "settings": QUICK}
    )
    run_id = workspace.create_run(experiment)
    details = {"market": "sample", "dataset_id": stored.dataset_id, "engine": experiment.engine}
    History.begin(workspace, run_id, "ann", details=details).add(RunState.STARTING, "ann")
    run_task(workspace.run_uri(run_id), settings)
    return workspace, run_id


@pytest.fixture
def here(trained: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    """The command line on that workspace."""
    monkeypatch.setenv("MMM_WORKSPACE", trained[0].url.removeprefix("file://"))
    return run
