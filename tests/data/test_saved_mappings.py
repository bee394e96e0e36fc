"""Saved mappings: versions, and what is other in new data."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.data.mapping import Mapping, PaidColumns, SignedColumn
from mmm.data.saved_mappings import Change, difference, load_mapping, reapply, save_mapping
from mmm.errors import InvalidInput
from mmm.sources.files import FileSource
from mmm.workspace import DatasetManifest, Workspace

ANA = User("ana", role=Role.ADMIN)
MAPPING = Mapping(
    date="date",
    kpi="revenue",
    paid=(PaidColumns(spend="tv_spend"),),
    context=(SignedColumn(column="price"),),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace((tmp_path / "w").as_uri())


def dataset(workspace: Workspace, folder: Path, text: str) -> DatasetManifest:
    (folder / "t.csv").write_text(text)
    return ingest(
        FileSource(folder / "t.csv"), market="de", origin="t.csv", workspace=workspace, by=ANA
    )


@pytest.fixture
def first(workspace: Workspace, tmp_path: Path) -> DatasetManifest:
    return dataset(
        workspace,
        tmp_path,
        "date,revenue,tv_spend,price,note\n2024-01-01,1,2,3.5,a\n2024-01-08,2,3,4,b\n",
    )


def test_a_mapping_is_saved_in_versions(workspace: Workspace, first: DatasetManifest) -> None:
    later = MAPPING.model_copy(update={"context": ()})
    assert save_mapping(workspace, "weekly", MAPPING, first, ANA) == 1
    assert save_mapping(workspace, "weekly", later, first, User("bob", role=Role.ANALYST)) == 2
    assert load_mapping(workspace, "weekly").mapping == later
    saved = load_mapping(workspace, "weekly", 1)
    assert (saved.mapping, saved.saved_by, saved.dataset) == (
        MAPPING,
        "ana",
        f"de/{first.dataset_id}",
    )
    assert saved.columns == {
        "date": "date",
        "revenue": "number",
        "tv_spend": "number",
        "price": "number",
        "note": "text",
    }
    assert not difference(saved, first)
    assert reapply(saved, first)[0] == MAPPING


def test_a_mapping_of_unknown_columns_is_not_saved(
    workspace: Workspace, first: DatasetManifest
) -> None:
    wrong = MAPPING.model_copy(update={"kpi": "sales", "market": "geo"})
    with pytest.raises(
        InvalidInput, match="column 'sales': the dataset has no such column"
    ) as error:
        save_mapping(workspace, "weekly", wrong, first, ANA)
    assert [finding.where for finding in error.value.findings] == ["column 'sales'", "column 'geo'"]
    assert workspace.mapping_names() == []


def test_new_data_show_what_is_other(
    workspace: Workspace, first: DatasetManifest, tmp_path: Path
) -> None:
    save_mapping(workspace, "weekly", MAPPING, first, ANA)
    saved = load_mapping(workspace, "weekly")
    later = dataset(
        workspace,
        tmp_path,
        "date,revenue,tv_spend,price,radio\n2024-01-01,1,2,3.5,1\n2024-01-08,2,3,4,2\n",
    )
    mapping, found = reapply(saved, later)
    assert mapping == MAPPING
    assert (found.gone, found.new, found.changed) == (("note",), ("radio",), ())
    assert [finding.level for finding in found.findings()] == ["warning", "warning"]


def test_mapped_columns_that_are_gone_or_changed_stop(
    workspace: Workspace, first: DatasetManifest, tmp_path: Path
) -> None:
    save_mapping(workspace, "weekly", MAPPING, first, ANA)
    saved = load_mapping(workspace, "weekly")
    later = dataset(
        workspace,
        tmp_path,
        "date,revenue,tv_spends,price,note\n2024-01-01,1,2,l,a\n2024-01-08,2,3,x,b\n",
    )
    assert difference(saved, later).changed == (Change("price", "number", "text"),)
    with pytest.raises(InvalidInput) as error:
        reapply(saved, later)
    assert str(error.value).splitlines()[1:] == [
        "  - column 'tv_spend': the column is gone. Perhaps it is now 'tv_spends'; map it anew.",
        "  - column 'price': it held numbers and now holds texts. Correct the source or map the data anew.",
    ]
