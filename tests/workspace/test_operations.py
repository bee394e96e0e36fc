"""Running a workspace: damage found and put aside, copies that are the same, retention, the chain."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel

from mmm.access import NotAllowed, Role, User
from mmm.errors import UserError
from mmm.operations import back_up_to, examine, restore_from, retain, verify_audit
from mmm.runs.events import History
from mmm.settings import Settings
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.models import Acceptance, Attempt, RunState
from mmm.workspace.names import new_id, utc_now

ANN, VIC = User("ann", role=Role.ADMIN), User("vic", role=Role.VIEWER)
OLD = utc_now() - timedelta(days=100)


class Config(BaseModel):
    name: str = "x"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "room"


@pytest.fixture
def workspace(folder: Path) -> Workspace:
    return Workspace(folder.as_uri())


def run(workspace: Workspace, dataset_id: str = "1" * 16) -> str:
    run_id = workspace.create_run(Config())
    details = {"dataset_id": dataset_id, "market": "DE"}
    workspace.append_audit(ANN, "run.submit", run_id)
    history = History.begin(workspace, run_id, "ann", details=details)
    history.add(RunState.STARTING, "ann")
    attempt = Attempt(attempt=1, platform="local", handle="{}", at=utc_now())
    workspace.save_attempt(run_id, attempt)
    history.add(RunState.RUNNING, "task")
    writer = workspace.results_writer(run_id)
    writer.table("models", pa.table({"a": [1]}))
    writer.commit()
    history.add(RunState.SUCCEEDED, "task")
    return run_id


def dataset(workspace: Workspace, folder: Path, digit: str = "1") -> None:
    pq.write_table(pa.table({"revenue": [1.5, 2.5]}), folder / "x.parquet")
    workspace.save_dataset(
        DatasetManifest(
            dataset_id=digit * 16, market="DE", source="csv", origin="x", rows=2, bytes=1,
            content_hash=digit * 64, columns=(), created=OLD, created_by="ann",
        ),
        folder / "x.parquet",
    )  # fmt: skip
    (folder / "x.parquet").unlink()


def age(folder: Path) -> None:
    """Everything was written long ago."""
    for file in folder.rglob("*"):
        if file.is_file():
            os.utime(file, (OLD.timestamp(), OLD.timestamp()))


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_a_healthy_workspace_has_no_problems(workspace: Workspace, folder: Path) -> None:
    run(workspace)
    dataset(workspace, folder)
    workspace.save_draft(ANN, "form", {"a": 1})
    age(folder)
    assert examine(workspace, ANN).problems == ()
    with pytest.raises(NotAllowed):
        examine(workspace, VIC)


def test_everything_that_is_wrong_is_found_and_what_can_be_is_put_aside(
    workspace: Workspace, folder: Path
) -> None:
    first, second = run(workspace), run(workspace)
    dataset(workspace, folder)
    dataset(workspace, folder, "2")
    orphan = workspace.create_run(Config())
    runs = folder / "runs"
    (runs / first / "attempts/0001.json").write_bytes(b"")
    (runs / first / "events/000004.json").write_text('{"number"')
    (runs / second / "events/000002.json").write_text("{}")
    pq.write_table(pa.table({"a": [2]}), runs / second / "results/0001/models.parquet")
    (folder / "datasets/DE" / ("1" * 16) / "manifest.json").unlink()
    (folder / "datasets/DE" / ("2" * 16) / "data.parquet").write_bytes(b"PAR1")
    (folder / "waiting").mkdir()
    (folder / "waiting/20260301T120001-00000000.json").write_text("{}")
    (folder / "drafts").mkdir()
    (folder / f"drafts/.{'0' * 32}.part").write_text("half")
    age(folder)
    found = examine(workspace, ANN)
    kinds = {
        (one.kind, one.where.replace(second, "SECOND").replace(first, "FIRST")): one
        for one in found.problems
    }
    assert kinds.keys() == {
        ("damaged", "runs/FIRST/attempts/0001.json"),
        ("damaged", "runs/FIRST/events/000004.json"),
        ("damaged", "runs/SECOND/events/000002.json"),
        ("hash", "runs/SECOND/results/0001/models.parquet"),
        ("orphan", f"datasets/DE/{'1' * 16}/data.parquet"),
        ("damaged", f"datasets/DE/{'2' * 16}/data.parquet"),
        ("orphan", "waiting/20260301T120001-00000000.json"),
        ("orphan", f"runs/{orphan}"),
        ("leftover", f"drafts/.{'0' * 32}.part"),
    }
    before = contents(folder)
    repaired = examine(workspace, ANN, repair=True)
    assert len(repaired.moved) == 6
    aside = set(contents(folder / next((folder / "quarantine").iterdir())).values())
    assert {before[key] for key in repaired.moved} == aside
    assert workspace.last_event(first).state is RunState.RUNNING
    left = {one.where for one in examine(workspace, ANN).problems}
    assert left == {
        f"runs/{second}/events/000002.json",
        f"runs/{second}/results/0001/models.parquet",
        f"datasets/DE/{'2' * 16}/data.parquet",
    }


def test_what_is_being_written_is_no_orphan(workspace: Workspace, folder: Path) -> None:
    workspace.create_run(Config())
    (folder / f".{'0' * 32}.part").write_text("half")
    assert examine(workspace, ANN).problems == ()


def test_a_run_without_an_entry_in_the_trail_is_told(workspace: Workspace) -> None:
    run_id = workspace.create_run(Config())
    History.begin(workspace, run_id, "ann")
    (problem,) = examine(workspace, ANN).problems
    assert (problem.kind, problem.aside) == ("audit", ())


def test_a_backup_restored_into_an_empty_workspace_is_the_same(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    settings, url = Settings(), (tmp_path / "backup").as_uri()
    run(workspace)
    dataset(workspace, folder)
    first = back_up_to(workspace, url, settings, ANN)
    run(workspace)
    workspace.append_audit(ANN, "x", "y")
    (folder / ".tasks").mkdir()
    (folder / ".tasks/output.log").write_text("not ours")
    again = back_up_to(workspace, url, settings, ANN)
    assert (first.skipped, again.skipped) == (0, first.files)
    other = Workspace((tmp_path / "other").as_uri())
    restored = restore_from(other, url, settings, ANN)
    assert restored.files == again.files
    there, here = contents(tmp_path / "other"), contents(folder)
    entries = [key for key in there if key not in here]
    assert all(key.startswith("audit") for key in entries)  # that it was restored
    assert {key: there[key] for key in here if not key.startswith((".tasks", "audit"))} == {
        key: here[key] for key in here if not key.startswith((".tasks", "audit"))
    }
    assert examine(other, ANN).problems == ()
    with pytest.raises(UserError, match="not empty"):
        restore_from(other, url, settings, ANN)


def test_a_damaged_or_incomplete_backup_writes_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    settings, url = Settings(), (tmp_path / "backup").as_uri()
    run_id = run(workspace)
    back_up_to(workspace, url, settings, ANN)
    file = tmp_path / "backup/runs" / run_id / "events/000002.json"
    file.write_bytes(file.read_bytes()[:-1])
    other = Workspace((tmp_path / "other").as_uri())
    with pytest.raises(UserError, match="events/000002"):
        restore_from(other, url, settings, ANN)
    assert list((tmp_path / "other").iterdir()) == []
    (tmp_path / "backup/backup.json").unlink()
    with pytest.raises(UserError, match="no complete backup"):
        restore_from(other, url, settings, ANN)


def old_run(workspace: Workspace, folder: Path, **others: str) -> str:
    run_id = run(workspace, **others)
    for file in (folder / "runs" / run_id / "events").iterdir():
        file.write_text(json.dumps(json.loads(file.read_text()) | {"at": OLD.isoformat()}))
    return run_id


def test_retention_finds_what_is_old_and_in_no_use_and_deletes_it_when_asked(
    workspace: Workspace, folder: Path
) -> None:
    dataset(workspace, folder, "1")
    dataset(workspace, folder, "2")
    workspace.save_draft(ANN, "form", {"a": 1})
    gone, accepted = (old_run(workspace, folder, dataset_id=digit * 16) for digit in "12")
    new = run(workspace, "3" * 16)
    workspace.save_acceptance(
        accepted, Acceptance(run_id=accepted, model_id="m", at=utc_now(), actor="ann")
    )
    age(folder)
    days = {"runs": 90, "drafts": 90, "datasets": 90}
    found = {(one.kind, one.what) for one in retain(workspace, days, ANN)}
    draft = next(key for key in contents(folder) if key.startswith("drafts/"))
    assert found == {("runs", gone), ("datasets", f"DE/{'1' * 16}"), ("drafts", draft)}
    assert workspace.run_ids() == sorted([gone, accepted, new], reverse=True)
    retain(workspace, days, ANN, apply=True)
    assert workspace.run_ids() == sorted([accepted, new], reverse=True)
    assert [one.dataset_id for one in workspace.datasets()] == ["2" * 16]
    assert examine(workspace, ANN).problems == ()
    with pytest.raises(UserError):
        retain(workspace, {"audit": 90}, ANN)


Tamper = Callable[[Path], None]


def _change(folder: Path) -> None:
    file = sorted((folder / "audit").rglob("*.json"))[1]
    file.write_text(file.read_text().replace("deed", "other"))


def _remove(folder: Path) -> None:
    sorted((folder / "audit").rglob("*.json"))[1].unlink()


def _insert(folder: Path) -> None:
    file = sorted((folder / "audit").rglob("*.json"))[1]
    (file.parent / f"{new_id()}.json").write_text(file.read_text())


def _relink(folder: Path) -> None:
    """Change an entry and its own link, not those that follow."""
    _change(folder)
    entry = sorted((folder / "audit").rglob("*.json"))[1]
    link = folder / "audit_chain/0000000002.json"
    digest = hashlib.sha256(entry.read_bytes()).hexdigest()
    link.write_text(json.dumps(json.loads(link.read_text()) | {"entry_sha256": digest}))


def _remove_with_link(folder: Path) -> None:
    _remove(folder)
    (folder / "audit_chain/0000000002.json").unlink()


@pytest.mark.parametrize("tamper", [_change, _remove, _insert, _relink, _remove_with_link])
def test_a_changed_audit_trail_is_told(workspace: Workspace, folder: Path, tamper: Tamper) -> None:
    for number in range(4):
        workspace.append_audit(ANN, "deed", str(number))
    whole = verify_audit(workspace, ANN)
    assert (whole.entries, whole.findings) == (4, ())
    tamper(folder)
    assert verify_audit(workspace, ANN).findings


def test_a_chain_whose_end_was_cut_off_does_not_hold_the_noted_head(
    workspace: Workspace, folder: Path
) -> None:
    for number in range(3):
        workspace.append_audit(ANN, "deed", str(number))
    head = verify_audit(workspace, ANN).head
    assert verify_audit(workspace, ANN, head).findings == ()
    max((folder / "audit").rglob("*.json")).unlink()
    (folder / "audit_chain/0000000003.json").unlink()
    assert verify_audit(workspace, ANN).findings == ()
    assert "cut off" in verify_audit(workspace, ANN, head).findings[0]


def test_many_writers_make_one_chain(folder: Path) -> None:
    rooms = [Workspace(folder.as_uri()) for _ in range(4)]

    def write(number: int) -> None:
        rooms[number % 4].append_audit(ANN, "deed", str(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(24)))
    found = verify_audit(Workspace(folder.as_uri()), ANN)
    assert (found.entries, found.findings) == (24, ())


def test_a_deed_has_its_entry_first_and_a_second_one_when_it_fails(workspace: Workspace) -> None:
    seen: list[str] = []

    def fails() -> None:
        with workspace.deed(ANN, "run.submit", "r"):
            seen.extend(entry.action for entry in workspace.audit(utc_now().date()))
            raise UserError("no room.")

    with pytest.raises(UserError):
        fails()
    assert seen == ["run.submit"]
    actions = [entry.action for entry in workspace.audit(utc_now().date())]
    assert actions == ["run.submit", "run.submit.failed"]
