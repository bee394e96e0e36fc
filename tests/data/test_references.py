"""What people call datasets and mappings is found, or the message says what there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.data.mapping import Mapping, PaidColumns
from mmm.data.prepare import Recipe, prepare_dataset
from mmm.data.references import find_dataset, find_mapping, find_source, mapping_for
from mmm.data.saved_mappings import save_mapping
from mmm.errors import InvalidInput, NotFound, UserError
from mmm.sources.files import FileSource
from mmm.workspace import DatasetManifest, Workspace

ANA = User("ana", role=Role.ANALYST)
MAPPING = Mapping(date="date", kpi="revenue", paid=(PaidColumns(spend="tv_spend"),))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace((tmp_path / "w").as_uri())


def store(workspace: Workspace, folder: Path, revenue: str = "revenue") -> DatasetManifest:
    (folder / "t.csv").write_text(f"date,{revenue},tv_spend\n2024-01-01,1,2\n2024-01-08,2,3\n")
    return ingest(
        FileSource(folder / "t.csv"), market="de", origin="t.csv", workspace=workspace, by=ANA
    )


def test_datasets_by_id_and_the_newest(workspace: Workspace, tmp_path: Path) -> None:
    first = store(workspace, tmp_path)
    second = store(workspace, tmp_path, "sales")
    assert find_dataset(workspace, f"de/{first.dataset_id}") == first
    assert find_dataset(workspace, "de/latest") == second
    with pytest.raises(NotFound, match="market 'fr' has no dataset yet"):
        find_dataset(workspace, "fr/latest")
    for name in ("de", "", "../x"):
        with pytest.raises(UserError):
            find_dataset(workspace, name)


def test_what_came_again_is_the_newest(workspace: Workspace, tmp_path: Path) -> None:
    first = store(workspace, tmp_path)
    store(workspace, tmp_path, "sales")
    store(workspace, tmp_path)
    assert find_dataset(workspace, "de/latest").dataset_id == first.dataset_id


def test_a_recipe_starts_from_what_was_read_in_not_from_its_own_result(
    workspace: Workspace, tmp_path: Path
) -> None:
    first = store(workspace, tmp_path)
    rules = [{"column": name, "aggregate": "sum"} for name in ("revenue", "tv_spend")]
    recipe = Recipe.model_validate({"date": "date", "period": "week", "columns": rules[:1]})
    (made,) = prepare_dataset(workspace, "de", first.dataset_id, recipe, ANA)
    assert find_dataset(workspace, "de/latest") == made
    source, note = find_source(workspace, "de/latest")
    assert source == first
    assert note == (
        f"de/latest is {made.dataset_id}, which was prepared; its newest source is used, "
        f"de/{first.dataset_id}."
    )
    assert find_source(workspace, f"de/{made.dataset_id}") == (made, "")


def test_mappings_by_version_and_the_newest(workspace: Workspace, tmp_path: Path) -> None:
    manifest = store(workspace, tmp_path)
    save_mapping(workspace, "weekly", MAPPING, manifest, ANA)
    save_mapping(
        workspace, "weekly", MAPPING.model_copy(update={"kpi_kind": "conversion"}), manifest, ANA
    )
    name, saved = find_mapping(workspace, "weekly")
    assert (name, saved.mapping.kpi_kind) == ("weekly@2", "conversion")
    assert find_mapping(workspace, "weekly@1")[1].mapping == MAPPING
    assert saved.saved is not None
    for wrong in ("other", "weekly@9", "weekly@x", "../x@1"):
        with pytest.raises(UserError):
            find_mapping(workspace, wrong)


def test_the_mapping_for_a_dataset(workspace: Workspace, tmp_path: Path) -> None:
    first, second = store(workspace, tmp_path), store(workspace, tmp_path, "turnover")
    save_mapping(workspace, "weekly", MAPPING, first, ANA)
    assert mapping_for(workspace, first, "weekly") == (MAPPING, [])
    assert mapping_for(workspace, second, None)[0].kpi == "turnover"
    with pytest.raises(InvalidInput, match="does not fit"):
        mapping_for(workspace, second, "weekly@1")
