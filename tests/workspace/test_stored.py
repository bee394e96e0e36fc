"""One damaged object takes nothing else down, newer fields are passed over, newer versions refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, ConfigDict

from mmm.access import Role, User
from mmm.workspace import DatasetManifest, Workspace, stored
from mmm.workspace.models import (
    Acceptance,
    Attempt,
    BatchDocument,
    Heartbeat,
    LogRecord,
    ModelNote,
    RunEvent,
    RunState,
)
from mmm.workspace.names import new_id
from mmm.workspace.stored import Unreadable

ANN = User("ann", role=Role.ADMIN)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLE = pa.table({"revenue": [1.5, 2.5]})


class Plain(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: int


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "room"


@pytest.fixture
def workspace(folder: Path) -> Workspace:
    return Workspace(folder.as_uri())


def dataset(workspace: Workspace, digit: str, folder: Path) -> None:
    file = folder / "data.parquet"
    pq.write_table(TABLE, file)
    workspace.save_dataset(
        DatasetManifest(
            dataset_id=digit * 16,
            market="DE",
            source="csv",
            origin="x",
            rows=2,
            bytes=10,
            content_hash=digit * 64,
            columns=(),
            created=AT.replace(day=int(digit)),
            created_by="ann",
        ),
        file,
    )


def batch(number: int) -> BatchDocument:
    batch_id = f"20260301T12000{number}-0a1b2c3d"
    return BatchDocument(batch_id=batch_id, name="", at=AT, actor="ann", engine="ridge", members=())


def event(number: int) -> RunEvent:
    return RunEvent(number=number, state=RunState.QUEUED, at=AT, attempt=1, actor="ann")


Damage = Callable[[bytes], bytes]
DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "zeros": lambda data: bytes(len(data)),
    "half": lambda data: data[: len(data) // 2],
    "another kind": lambda _: b'{"other": [1, 2]}',
    "a list": lambda _: b"[]",
    "no text": lambda _: b"\xff\xfe\x00\x01",
    "deep": lambda _: b'{"a":' * 5000 + b"1" + b"}" * 5000,
}


@pytest.fixture(params=DAMAGES)
def damage(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        data = file.read_bytes()
        file.write_bytes(DAMAGES[request.param](data))

    return spoil


def test_lists_go_on_and_name_what_cannot_be_read(
    workspace: Workspace, folder: Path, damage: Callable[[Path], None]
) -> None:
    for digit in "12":
        dataset(workspace, digit, folder)
        workspace.save_batch(batch(int(digit)))
        workspace.append_audit(ANN, "run.submit", digit)
    run_id = workspace.create_run(Plain(value=1))
    first = new_id(AT)
    for number in (1, 2, 3):
        workspace.append_event(run_id, event(number))
        workspace.save_note(run_id, ModelNote(model_id="m", at=AT, actor="ann"))
        workspace.save_acceptance(
            first, Acceptance(run_id=run_id, model_id="m", at=AT, actor="ann")
        )
    (day,) = workspace.audit_days()
    entry = min((folder / "audit" / f"{day}").iterdir())
    for file in (
        folder / "datasets/DE" / ("2" * 16) / "manifest.json",
        folder / "batches" / batch(1).batch_id / "batch.json",
        folder / "runs" / run_id / "events/000002.json",
        folder / "runs" / run_id / "notes/000001.json",
        folder / "chains" / first / "000003.json",
        entry,
    ):
        damage(file)
    lists: list[tuple[Any, int]] = [
        (workspace.datasets(), 1),
        (workspace.batches(workspace.batch_ids()), 1),
        (workspace.audit(day), 1),
        (workspace.events(run_id), 2),
        (workspace.notes(run_id), 2),
        (workspace.acceptances(first), 2),
    ]
    for found, readable in lists:
        assert (len(found), len(found.unreadable)) == (readable, 1)
        (told,) = found.unreadable
        assert "mmm doctor" in told.fix
    assert workspace.datasets()[0].dataset_id == "1" * 16
    assert [item.number for item in workspace.events(run_id)] == [1, 3]


def test_single_documents_say_which_object_it_is(
    workspace: Workspace, folder: Path, damage: Callable[[Path], None]
) -> None:
    run_id = workspace.create_run(Plain(value=1))
    workspace.save_attempt(run_id, Attempt(attempt=1, platform="local", handle="h", at=AT))
    workspace.write_heartbeat(run_id, Heartbeat(attempt=1, at=AT, host="h", pid=1, memory_bytes=1))
    workspace.save_provenance(run_id, 1, {"engine": "ridge"})
    workspace.save_draft(ANN, "form", {"a": 1})
    attempt, heartbeat, draft = (
        folder / "runs" / run_id / "attempts/0001.json",
        folder / "runs" / run_id / "heartbeat.json",
        next((folder / "drafts").rglob("form.json")),
    )
    for file in (attempt, heartbeat, draft):
        damage(file)
    if b"other" not in attempt.read_bytes():  # a draft may hold anything that is an object
        assert workspace.draft(ANN, "form") is None
    assert workspace.heartbeat(run_id) is None
    with pytest.raises(Unreadable) as told:
        workspace.attempt(run_id, 1)
    assert told.value.where.endswith("attempts/0001.json")


def test_damaged_lines_of_a_log_stand_between_the_others(
    workspace: Workspace, folder: Path
) -> None:
    run_id = workspace.create_run(Plain(value=1))
    record = LogRecord(at=AT, level="INFO", logger="x", message="good", attempt=1)
    workspace.append_log(run_id, [record, record, record], 1)
    file = folder / "runs" / run_id / "logs/part-000001.jsonl"
    first, _, third = file.read_text().splitlines()
    file.write_text(f'{first}\n{first[:20]}\n{third[:-1]}, "newer": 1}}\n')
    (file.parent / "notes.txt").write_text("not ours")
    messages = [line.message for line in workspace.log(run_id)[0]]
    assert messages == ["good", "(a line of log part 1 is damaged)", "good"]


def test_fields_of_a_newer_version_are_passed_over(workspace: Workspace, folder: Path) -> None:
    dataset(workspace, "1", folder)
    file = folder / "datasets/DE" / ("1" * 16) / "manifest.json"
    content = json.loads(file.read_text())
    assert content["schema_version"] == 1
    content |= {"newer": {"deep": [1]}}
    content["columns"] = [
        {
            "name": "a",
            "source_type": "x",
            "stored_type": "y",
            "nulls": 0,
            "newer": True,
        }
    ]
    file.write_text(json.dumps(content))
    (found,) = workspace.datasets()
    assert found.columns[0].name == "a"


def test_a_newer_schema_is_refused_with_what_to_do(workspace: Workspace, folder: Path) -> None:
    dataset(workspace, "1", folder)
    file = folder / "datasets/DE" / ("1" * 16) / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"schema_version": 99}))
    with pytest.raises(Unreadable, match="newer mmm-app") as told:
        workspace.dataset("DE", "1" * 16)
    assert "Update" in told.value.fix


def test_an_older_schema_is_brought_up_to_date_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(stored.SCHEMA_VERSIONS, "note", 3)
    monkeypatch.setitem(stored.UPGRADES, ("note", 1), lambda old: {"middle": old["old"]})
    monkeypatch.setitem(stored.UPGRADES, ("note", 2), lambda old: {"value": old["middle"] + 1})
    assert stored.read_model(Plain, b'{"old": 1}', "note", "x") == Plain(value=2)
    two = b'{"schema_version": 2, "middle": 5}'
    assert stored.read_model(Plain, two, "note", "x") == Plain(value=6)
    assert json.loads(stored.encoded(Plain(value=1), "note"))["schema_version"] == 3


def test_every_older_version_of_every_kind_has_its_upgrade() -> None:
    for kind, newest in stored.SCHEMA_VERSIONS.items():
        for version in range(1, newest):
            assert (kind, version) in stored.UPGRADES


def test_results_that_are_not_what_the_run_wrote_are_refused(
    workspace: Workspace, folder: Path
) -> None:
    run_id = workspace.create_run(Plain(value=1))
    writer = workspace.results_writer(run_id)
    writer.table("models", TABLE)
    writer.file("summary.json", "{}")
    writer.commit()
    assert workspace.result_table(run_id, "models").equals(TABLE)
    results = folder / "runs" / run_id / "results/0001"
    pq.write_table(pa.table({"revenue": [9.5, 2.5]}), results / "models.parquet")
    (results / "summary.json").write_text("[]")
    with pytest.raises(Unreadable, match="sha256"):
        workspace.result_table(run_id, "models")
    with pytest.raises(Unreadable, match="sha256"):
        workspace.result_file(run_id, "summary.json")


def test_a_torn_table_is_unreadable(workspace: Workspace, folder: Path) -> None:
    dataset(workspace, "1", folder)
    file = folder / "datasets/DE" / ("1" * 16) / "data.parquet"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(Unreadable, match=r"data\.parquet"):
        workspace.read_dataset("DE", "1" * 16)


def test_what_is_not_ours_is_passed_over(workspace: Workspace, folder: Path) -> None:
    workspace.append_audit(ANN, "x", "y")
    for name in ("audit/by hand", "mappings/DE", "plans"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "plans/notes.json").write_text("{}")
    (folder / "mappings/DE/README.json").write_text("{}")
    assert workspace.audit_days() == [datetime.now(UTC).date()]
    assert workspace.plan_ids() == []
    assert workspace.mapping_versions("DE") == []
    assert workspace.audit(date(2020, 1, 1)) == []


def test_local_writes_reach_the_disk_before_they_have_their_name(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content, then name, then folder: the order that a power cut cannot tear."""
    done: list[str] = []
    real_sync, real_link = os.fsync, os.link

    def sync(number: int) -> None:
        done.append("folder" if Path(f"/proc/self/fd/{number}").is_dir() else "content")
        real_sync(number)

    def link(source: Any, target: Any) -> None:
        done.append("name")
        real_link(source, target)

    workspace.append_audit(ANN, "x", "y")  # makes the folders
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    workspace.append_audit(ANN, "x", "z")
    assert done[:3] == ["content", "name", "folder"]
    assert done == done[:3] * (len(done) // 3)  # the entry, and the head of the chain
