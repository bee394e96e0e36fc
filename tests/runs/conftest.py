"""A workspace folder with the sample data in it, and settings quick enough for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.experiments.config import DatasetRef, Experiment, Window
from mmm.settings import Settings
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import Workspace

TEST = User("test", role=Role.ANALYST)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        workspace=str(tmp_path / "work space"),
        heartbeat_seconds=0.2,
        crash_after_seconds=120,
        start_timeout_seconds=300,
    )


@pytest.fixture
def workspace(settings: Settings) -> Workspace:
    return Workspace.open(settings)


@pytest.fixture
def dataset(workspace: Workspace) -> DatasetRef:
    source = FileSource(sample.PATH)
    stored = ingest(source, market="DE", origin=sample.PATH.name, workspace=workspace, by=TEST)
    return DatasetRef(market=stored.market, dataset_id=stored.dataset_id)


@pytest.fixture
def experiment(dataset: DatasetRef) -> Callable[..., Experiment]:
    """Make an experiment on the sample; further arguments are the engine's settings."""

    def make(engine: str = "ridge", **engine_settings: Any) -> Experiment:
        start, end = sample.WINDOW
        return Experiment(
            name="sample",
            dataset=dataset,
            mapping=sample.sample_mapping(),
            window=Window(start=start, end=end),
            country=sample.COUNTRY,
            currency=sample.CURRENCY,
            engine=engine,
            settings=engine_settings,
        )

    return make
