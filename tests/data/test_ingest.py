"""Ingest: a file becomes one dataset, once, and nothing when it cannot be read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmm.access import Role, User
from mmm.data.ingest import ingest
from mmm.errors import UserError
from mmm.sources.files import FileSource
from mmm.workspace import DatasetManifest, Workspace

CSV = "date,tv,events\n2024-01-01,1.5,na\n2024-01-08,NA,event1\n2024-01-15,3,na\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace((tmp_path / "workspace").as_uri())


def put(workspace: Workspace, path: Path, market: str = "de", who: str = "ana") -> DatasetManifest:
    return ingest(
        FileSource(path),
        market=market,
        origin=path.name,
        workspace=workspace,
        by=User(who, role=Role.ANALYST),
    )


def test_a_file_becomes_a_dataset(tmp_path: Path, workspace: Workspace) -> None:
    path = tmp_path / "weekly.csv"
    path.write_text(CSV)
    manifest = put(workspace, path)
    assert manifest == workspace.dataset("de", manifest.dataset_id)
    assert manifest.dataset_id == manifest.content_hash[:16]
    assert (manifest.source, manifest.origin, manifest.rows, manifest.created_by) == (
        "csv",
        "weekly.csv",
        3,
        "ana",
    )
    assert manifest.created.tzinfo == dt.UTC or manifest.created.utcoffset() == dt.timedelta(0)
    assert manifest.notes == ("Column 'tv': 1 cell was read as empty (1 x 'NA').",)
    assert [(c.name, c.source_type, c.stored_type, c.nulls) for c in manifest.columns] == [
        ("date", "date", "date32[day]", 0),
        ("tv", "number", "float", 1),
        ("events", "text", "string", 0),
    ]
    assert workspace.read_dataset("de", manifest.dataset_id).to_pydict() == {
        "date": [dt.date(2024, 1, 1), dt.date(2024, 1, 8), dt.date(2024, 1, 15)],
        "tv": [1.5, None, 3.0],
        "events": ["na", "event1", "na"],
    }
    assert workspace.read_dataset("de", manifest.dataset_id, ["tv"]).column_names == ["tv"]


def test_the_same_content_is_one_dataset_per_market(tmp_path: Path, workspace: Workspace) -> None:
    path = tmp_path / "weekly.csv"
    path.write_text(CSV)
    first = put(workspace, path)
    table = pa.table(
        {
            "date": [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 8), dt.datetime(2024, 1, 15)],
            "tv": [1.5, None, 3.0],
            "events": ["na", "event1", "na"],
        }
    )
    pq.write_table(table, tmp_path / "weekly.parquet")
    again = put(workspace, tmp_path / "weekly.parquet", who="bob")
    assert again.model_copy(update={"stored_again": None}) == first
    assert again.stored_again is not None
    assert put(workspace, path, market="fr").market == "fr"
    assert len(workspace.datasets("de")) == 1


def test_what_cannot_be_read_leaves_nothing(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    path = tmp_path / "weekly.parquet"
    pq.write_table(pa.table({"a": [str(i) for i in range(100_000)]}), path)
    content = bytearray(path.read_bytes())
    content[1000:60_000] = b"\xff" * 59_000
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"weekly\.parquet: is a damaged Parquet file"):
        put(workspace, path)
    assert workspace.datasets() == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert [p for p in (tmp_path / "workspace").rglob("*") if p.is_file()] == []
