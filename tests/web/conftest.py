"""A workspace with real runs in it, copied for every test, and the app on it."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.experiments.config import DatasetRef, Experiment
from mmm.runs.events import History
from mmm.runs.sample import sample_experiment
from mmm.runs.service import RunService
from mmm.runs.task import run_task
from mmm.settings import NAMES, Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.web.shell import links
from mmm.workspace import Workspace
from mmm.workspace.models import RunState, StageProgress
from web_servers import chromium

ANN = User("ann", role=Role.ANALYST)
APP = Path(links.__file__).with_name("script.py")
QUICK = {"trials": 1, "iterations": 60, "min_candidates": 20, "bootstrap": 100}
HOSTILE_NAME = "<img src=x onerror=alert(1)> **bold** [click](javascript:alert(1)) :red[x] $y$"
HOSTILE_CHANNEL = "=cmd|<b>tv</b>_S"
STAGES = ("data", "features", "search", "select", "tables", "results")


class Stored:
    """A workspace folder and what stands in it."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(workspace=str(folder))
        self.workspace = Workspace.open(self.settings)
        self.service = RunService.open(self.settings)
        self.folder = folder

    def experiment(self, name: str, *, channel: str = HOSTILE_CHANNEL) -> Experiment:
        (dataset,) = self.workspace.datasets("DE")
        given = sample_experiment(dataset.dataset_id, "ridge").model_dump()
        given["dataset"] = DatasetRef(market=dataset.market, dataset_id=dataset.dataset_id)
        given["mapping"]["paid"][0]["spend"] = channel
        return Experiment.model_validate({**given, "name": name, "settings": QUICK})

    def start(self, experiment: Experiment) -> History:
        """A run that waits for its task."""
        run_id = self.workspace.create_run(experiment)
        details = {
            "name": experiment.name,
            "market": experiment.dataset.market,
            "dataset_id": experiment.dataset.dataset_id,
            "engine": experiment.engine,
        }
        history = History.begin(
            self.workspace, run_id, "ann", warnings=("row 3: odd.",), details=details
        )
        history.add(RunState.STARTING, "ann")
        return history

    def train(self, experiment: Experiment) -> str:
        history = self.start(experiment)
        run_task(self.workspace.run_uri(history.run_id), self.settings)
        return history.run_id

    def running(self) -> str:
        """A run in the middle of its search."""
        history = self.start(self.experiment("Under way"))
        progress = StageProgress(stage="search", done=25, total=100, seconds_left=90.0)
        history.add(RunState.RUNNING, "task@test", stages=STAGES, progress=progress)
        return history.run_id

    def of_state(self, state: RunState) -> str:
        return next(status.run_id for status in self.service.runs() if status.state is state)


@pytest.fixture(scope="session", autouse=True)
def _packages_are_looked_through_once() -> Iterator[None]:
    """Streamlit looks through all installed packages for components for every `AppTest`, which takes
    longer than most pages; what it finds stays the same.
    """
    once = functools.cache(manifest_scanner.scan_component_manifests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", once)
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: a run that succeeded, with hostile names, and one that failed for a column that is
    not there.
    """
    folder = tmp_path_factory.mktemp("web")
    data = folder / "data.csv"
    data.write_text(sample.PATH.read_text().replace("tv_S", HOSTILE_CHANNEL, 1))
    (folder / "workspace").mkdir()
    stored = Stored(folder / "workspace")
    ingest(FileSource(data), market="DE", origin="data.csv", workspace=stored.workspace, by=ANN)
    stored.train(stored.experiment(HOSTILE_NAME))
    stored.train(stored.experiment("Wrong column", channel="radio_S"))
    return folder / "workspace"


@pytest.fixture(scope="session")
def stored_in() -> type[Stored]:
    """stored_in(folder): what stands in a workspace folder."""
    return Stored


@pytest.fixture
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's settings nor another test's caches."""
    for name in list(os.environ):
        if name in NAMES or name.startswith("MMM_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def stored(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _clean: None) -> Stored:
    shutil.copytree(template, tmp_path / "workspace")
    monkeypatch.setenv("MMM_WORKSPACE", str(tmp_path / "workspace"))
    return Stored(tmp_path / "workspace")


@pytest.fixture(scope="module")
def kept(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A copy for all tests of a module."""
    folder = tmp_path_factory.mktemp("kept") / "workspace"
    shutil.copytree(template, folder)
    return Stored(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium for all tests of a module."""
    with chromium() as started:
        yield started


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _clean: None) -> None:
    monkeypatch.setenv("MMM_WORKSPACE", str(tmp_path / "nothing"))


@pytest.fixture
def open_page() -> Callable[..., AppTest]:
    """Open a page at an address; whatever it draws, no exception may reach the user."""

    def at(where: Path = links.HOME, **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=90)
        if where != links.HOME:
            app.run()
            app.switch_page(str(where))
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    return at
