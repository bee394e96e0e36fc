"""Names in an experiment are resolved when it is submitted, so that the run stands alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.data.saved_mappings import save_mapping
from mmm.errors import InvalidInput, NotFound, UserError
from mmm.experiments.config import DatasetRef
from mmm.experiments.submission import read_experiment, resolve
from mmm.sources import sample
from mmm.sources.files import FileSource
from mmm.workspace import DatasetManifest, Workspace

ANA = User("ana", role=Role.ANALYST)
NAMED: dict[str, Any] = {"dataset": {"market": "DE", "dataset_id": "latest"}, "mapping": "weekly"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace((tmp_path / "w").as_uri())


@pytest.fixture
def stored(workspace: Workspace) -> DatasetManifest:
    manifest = ingest(
        FileSource(sample.PATH), market="DE", origin="s.csv", workspace=workspace, by=ANA
    )
    save_mapping(workspace, "weekly", sample.sample_mapping(), manifest, ANA)
    return manifest


@pytest.mark.parametrize("name", ["weekly", "weekly@1"])
def test_names_become_what_they_stand_for(
    workspace: Workspace, stored: DatasetManifest, name: str
) -> None:
    found = read_experiment(workspace, json.dumps(NAMED | {"mapping": name, "country": "DE"}))
    assert found.mapping == sample.sample_mapping()
    assert found.dataset == DatasetRef(market="DE", dataset_id=stored.dataset_id)
    assert found.country == "DE"


def test_what_is_no_name_is_left_as_it_is(workspace: Workspace) -> None:
    mapping = sample.sample_mapping().model_dump(mode="json")
    content = {"dataset": {"market": "DE", "dataset_id": "0123456789abcdef"}, "mapping": mapping}
    assert (
        resolve(workspace, content) == content
    )  # whether the dataset is there is asked at submission
    for odd in (
        {},
        {"dataset": 7, "mapping": None},
        {"dataset": {"market": 1, "dataset_id": "latest"}},
    ):
        assert resolve(workspace, odd) == odd


def test_names_that_nothing_has_are_told(workspace: Workspace, stored: DatasetManifest) -> None:
    with pytest.raises(NotFound, match="there is no mapping 'monthly'"):
        read_experiment(workspace, json.dumps(NAMED | {"mapping": "monthly"}))
    with pytest.raises(NotFound, match="market 'FR' has no dataset yet"):
        read_experiment(
            workspace, json.dumps(NAMED | {"dataset": {"market": "FR", "dataset_id": "latest"}})
        )
    with pytest.raises(UserError, match="is not JSON"):
        read_experiment(workspace, "{")
    with pytest.raises(InvalidInput, match="is not valid"):
        read_experiment(workspace, "[]")


def test_a_named_mapping_must_fit_the_dataset(
    workspace: Workspace, stored: DatasetManifest, tmp_path: Path
) -> None:
    (tmp_path / "other.csv").write_text("DATE,revenue\n2024-01-01,1\n2024-01-08,2\n")
    ingest(FileSource(tmp_path / "other.csv"), market="DE", origin="o", workspace=workspace, by=ANA)
    with pytest.raises(InvalidInput, match="does not fit DE/"):
        read_experiment(workspace, json.dumps(NAMED))
    found = read_experiment(workspace, json.dumps(NAMED), dataset={"dataset_id": "-"})
    assert (found.mapping, found.dataset.dataset_id) == (sample.sample_mapping(), "-")
