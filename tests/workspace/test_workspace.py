"""What is stored comes back, once, whole, and under checked names."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmm.access import Role, User
from mmm.data.mapping import Mapping, PaidColumns
from mmm.errors import AlreadyExists, NotFound, UserError
from mmm.workspace import DatasetManifest, Workspace
from mmm.workspace.models import Attempt, Heartbeat, LogRecord, RunEvent, RunState
from mmm.workspace.names import new_id, utc_now

TABLE = pa.table({"date": ["2024-01-01", "2024-01-08"], "revenue": [1.5, 2.5]})


def manifest(market: str = "DE", digit: str = "0", by: str = "ann") -> DatasetManifest:
    return DatasetManifest(
        dataset_id=digit * 16,
        market=market,
        source="csv",
        origin="file.csv",
        rows=2,
        bytes=10,
        content_hash=digit * 64,
        columns=(),
        created=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=int(digit)),
        created_by=by,
    )


def mapping(kpi: str) -> Mapping:
    return Mapping(date="date", kpi=kpi, paid=(PaidColumns(spend="tv"),))


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    path = tmp_path / "data.parquet"
    pq.write_table(TABLE, path)
    return path


def test_a_dataset_comes_back(workspace: Workspace, parquet: Path) -> None:
    workspace.save_dataset(manifest(), parquet)
    assert workspace.dataset("DE", "0" * 16) == manifest()
    assert workspace.read_dataset("DE", "0" * 16).equals(TABLE)
    assert workspace.read_dataset("DE", "0" * 16, ["revenue"]).column_names == ["revenue"]


def test_columns_are_chosen_by_their_whole_names_in_the_given_order(
    workspace: Workspace, tmp_path: Path
) -> None:
    dotted = pa.table({"tv": [1], "tv.spend": [2], "radio": pa.array(["x"]).dictionary_encode()})
    pq.write_table(dotted, tmp_path / "dotted.parquet")
    workspace.save_dataset(manifest(), tmp_path / "dotted.parquet")
    assert workspace.read_dataset("DE", "0" * 16).equals(dotted)
    assert workspace.read_dataset("DE", "0" * 16, ["radio", "tv"]).equals(
        dotted.select(["radio", "tv"])
    )
    with pytest.raises(NotFound, match=r"no column 'ooh', 'x'. There are: tv, tv.spend, radio."):
        workspace.read_dataset("DE", "0" * 16, ["ooh", "tv", "x"])


def test_the_same_content_again_gives_the_first_manifest(
    workspace: Workspace, parquet: Path
) -> None:
    workspace.save_dataset(manifest(by="ann"), parquet)
    assert workspace.save_dataset(manifest(by="bob"), parquet).created_by == "ann"
    assert len(workspace.datasets()) == 1


def test_datasets_are_listed_newest_first_by_market(workspace: Workspace, parquet: Path) -> None:
    for market, digit in (("DE", "1"), ("FR", "3"), ("DE", "2")):
        workspace.save_dataset(manifest(market, digit), parquet)
    assert [found.dataset_id[0] for found in workspace.datasets()] == ["3", "2", "1"]
    assert [found.dataset_id[0] for found in workspace.datasets("DE")] == ["2", "1"]
    assert workspace.datasets("IT") == []


def test_a_dataset_without_its_manifest_does_not_exist(workspace: Workspace, parquet: Path) -> None:
    workspace._objects.upload(
        f"datasets/DE/{'0' * 16}/data.parquet", parquet
    )  # an upload that went no further
    assert workspace.datasets() == []
    with pytest.raises(NotFound):
        workspace.read_dataset("DE", "0" * 16)


def test_a_missing_dataset_names_the_ones_there_are(workspace: Workspace, parquet: Path) -> None:
    workspace.save_dataset(manifest(), parquet)
    with pytest.raises(
        NotFound, match=rf"market 'DE' has no dataset {'1' * 16}. Its datasets are: {'0' * 16}."
    ):
        workspace.dataset("DE", "1" * 16)


@pytest.mark.parametrize(
    "market",
    ["", " ", ".", "..", "../x", "a/b", ".hidden", "a\nb", "a#1", "x" * 101, "end ", "a\\b"],
)
def test_a_market_that_cannot_be_a_folder_is_refused(workspace: Workspace, market: str) -> None:
    with pytest.raises(UserError, match="cannot be the name of a market"):
        workspace.datasets(market)


def test_composed_and_decomposed_accents_are_one_market(
    workspace: Workspace, parquet: Path
) -> None:
    workspace.save_dataset(manifest("O\u0308sterreich"), parquet)
    assert workspace.datasets("\u00d6sterreich")[0].market == "\u00d6sterreich"


@pytest.mark.parametrize("dataset_id", ["../../x", "0" * 15, "0" * 17, "G" * 16, "A" * 16])
def test_a_dataset_id_is_16_hexadecimal_digits(workspace: Workspace, dataset_id: str) -> None:
    with pytest.raises(UserError, match="is not a dataset id"):
        workspace.dataset("DE", dataset_id)


@pytest.mark.parametrize(
    "run_id", ["../x", "latest", "20261123T121722", "20261123T121722-0a1b2c3d/../x"]
)
def test_a_run_id_is_checked(workspace: Workspace, run_id: str) -> None:
    with pytest.raises(UserError, match="is not a run id"):
        workspace.job_config(run_id)


def test_mappings_are_versioned_and_never_overwritten(workspace: Workspace) -> None:
    with ThreadPoolExecutor(8) as pool:
        versions = list(
            pool.map(lambda n: workspace.save_mapping("sales", mapping(f"kpi{n}")), range(8))
        )
    assert sorted(versions) == [1, 2, 3, 4, 5, 6, 7, 8]
    for number, version in enumerate(versions):
        assert Mapping.model_validate_json(workspace.mapping("sales", version)) == mapping(
            f"kpi{number}"
        )
    assert workspace.mapping("sales") == workspace.mapping("sales", 8)
    assert workspace.mapping_names() == ["sales"]
    with pytest.raises(NotFound, match=r"no mapping 'sales' version 9. Its versions are 1 to 8."):
        workspace.mapping("sales", 9)
    with pytest.raises(NotFound, match=r"no mapping 'other'. Known mappings: sales."):
        workspace.mapping("other")


def test_plans_come_back_newest_first(workspace: Workspace) -> None:
    first, second = (workspace.save_plan(mapping(kpi)) for kpi in ("a", "b"))
    assert workspace.plan_ids() == [second, first]
    assert Mapping.model_validate_json(workspace.plan(first)) == mapping("a")


def test_ids_sort_by_time() -> None:
    start = datetime(2026, 11, 23, 23, 59, 59, 999_998, tzinfo=UTC)
    ids = [new_id(start + timedelta(microseconds=step)) for step in range(4)]
    assert ids == sorted(ids)
    assert ids[0].startswith("20261123T235959-f423e")


def test_runs_are_found_by_the_start_of_their_id(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="there is no run yet"):
        workspace.find_run("latest")
    first = workspace.create_run(mapping("a"))
    time.sleep(0.001)
    second = workspace.create_run(mapping("b"))
    assert workspace.run_ids() == [second, first]
    assert workspace.find_run("latest") == second
    assert workspace.find_run(first) == first
    assert workspace.find_run(first[:-1]) == first
    with pytest.raises(UserError, match="is the start of 2 ids"):
        workspace.find_run("2")
    with pytest.raises(NotFound, match="no run's id starts with 'x'"):
        workspace.find_run("x")


def test_a_runs_address_leads_back_to_it(tmp_path: Path) -> None:
    workspace = Workspace((tmp_path / "a b").as_uri())
    run_id = workspace.create_run(mapping("a"))
    found, found_id = Workspace.of_run(workspace.run_uri(run_id) + "/")
    assert (found.url, found_id) == (workspace.url, run_id)
    assert Mapping.model_validate_json(found.job_config(run_id)) == mapping("a")
    with pytest.raises(NotFound, match="there is no run"):
        Workspace.of_run(workspace.run_uri(new_id()))
    with pytest.raises(NotFound, match="no such folder"):
        Workspace.of_run((tmp_path / "none" / "runs" / run_id).as_uri())
    assert not (tmp_path / "none").exists()


def test_an_event_number_can_be_taken_once(workspace: Workspace) -> None:
    run_id = workspace.create_run(mapping("a"))
    events = [
        RunEvent(number=1, state=RunState.QUEUED, at=utc_now(), attempt=1, actor=str(n))
        for n in range(16)
    ]

    def append(event: RunEvent) -> bool:
        try:
            workspace.append_event(run_id, event)
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        won = [
            event for event, first in zip(events, pool.map(append, events), strict=True) if first
        ]
    assert workspace.events(run_id) == won
    assert workspace.last_event(run_id) == won[0]


def test_handles_and_heartbeats_come_back(workspace: Workspace) -> None:
    run_id = workspace.create_run(mapping("a"))
    assert workspace.attempt(run_id, 1) is None
    assert workspace.heartbeat(run_id) is None
    attempt = Attempt(attempt=1, platform="local", handle="{}", at=utc_now())
    workspace.save_attempt(run_id, attempt)
    assert workspace.attempt(run_id, 1) == attempt
    for memory in (1, 2):
        beat = Heartbeat(attempt=1, at=utc_now(), host="h", pid=1, memory_bytes=memory)
        workspace.write_heartbeat(run_id, beat)
        assert workspace.heartbeat(run_id) == beat


def test_the_log_is_read_from_where_one_stopped(workspace: Workspace) -> None:
    run_id = workspace.create_run(mapping("a"))

    def record(text: str) -> LogRecord:
        return LogRecord(at=utc_now(), level="INFO", logger="x", message=text, attempt=1)

    part = workspace.append_log(run_id, [record("a"), record("line\nbreak")], 1)
    assert part == 2
    records, last = workspace.log(run_id)
    assert [found.message for found in records] == ["a", "line\nbreak"]
    assert workspace.append_log(run_id, [record("second attempt")], 1) == 3
    assert [found.message for found in workspace.log(run_id, after=last)[0]] == ["second attempt"]


def test_results_become_visible_all_at_once(workspace: Workspace) -> None:
    run_id = workspace.create_run(mapping("a"))
    writer = workspace.results_writer(run_id)
    writer.table("models", TABLE)
    writer.file("report.html", "<p>é</p>")
    assert not workspace.results_exist(run_id)
    with pytest.raises(NotFound, match="has no results"):
        workspace.result_table(run_id, "models")
    written = writer.commit()
    assert workspace.results_exist(run_id)
    assert workspace.results_manifest(run_id) == written
    assert written.files["models.parquet"].rows == 2
    assert written.files["report.html"].bytes == 9
    assert workspace.result_table(run_id, "models", ["revenue"]).to_pydict() == {
        "revenue": [1.5, 2.5]
    }
    assert workspace.result_file(run_id, "report.html") == "<p>é</p>".encode()
    with pytest.raises(
        NotFound, match=r"no result 'other.parquet'. It has: models.parquet, report.html"
    ):
        workspace.result_table(run_id, "other")


def test_two_writers_of_results_never_mix(workspace: Workspace) -> None:
    run_id = workspace.create_run(mapping("a"))
    stale, fresh = workspace.results_writer(run_id), workspace.results_writer(run_id)
    fresh.file("summary.json", "fresh")
    fresh.commit()
    stale.file("summary.json", "stale")
    stale.commit()
    assert workspace.result_file(run_id, "summary.json") == b"fresh"


@pytest.mark.parametrize("name", ["../x.json", "a/b.json", "Report.HTML", "noending"])
def test_a_result_files_name_is_checked(workspace: Workspace, name: str) -> None:
    writer = workspace.results_writer(workspace.create_run(mapping("a")))
    with pytest.raises(UserError, match="is not a result file name"):
        writer.file(name, b"")


def test_an_engines_own_files_keep_their_names(workspace: Workspace) -> None:
    run_id = workspace.create_run(mapping("a"))
    writer = workspace.results_writer(run_id)
    writer.file("model_summary.json", "{}")
    writer.artifact("RobynModel-1_2_3.json", b"[1]")
    writer.artifact("1_2_3.png", b"\x89")
    with pytest.raises(UserError, match="is not a file name of an engine"):
        writer.artifact("../1_2_3.png", b"")
    writer.commit()
    assert workspace.result_artifacts(run_id) == ["1_2_3.png", "RobynModel-1_2_3.json"]
    assert workspace.result_artifact(run_id, "RobynModel-1_2_3.json") == b"[1]"
    with pytest.raises(NotFound):
        workspace.result_artifact(run_id, "model_summary.json")


def test_provenance_is_the_newest_attempts(workspace: Workspace) -> None:
    run_id = workspace.create_run(mapping("a"))
    with pytest.raises(NotFound):
        workspace.provenance(run_id)
    workspace.save_provenance(run_id, 1, {"seed": 1})
    workspace.save_provenance(run_id, 2, {"seed": 2, "libraries": {"numpy": "2"}})
    assert workspace.provenance(run_id) == {"seed": 2, "libraries": {"numpy": "2"}}


def test_the_audit_trail_keeps_the_order(workspace: Workspace) -> None:
    for action in ("first", "second"):
        workspace.append_audit(User("ann", role=Role.ANALYST), action, "run-1", reason="x")
        time.sleep(0.001)
    entries = workspace.audit(utc_now().date())
    assert [(entry.action, entry.actor, entry.details) for entry in entries] == [
        ("first", "ann", {"reason": "x"}),
        ("second", "ann", {"reason": "x"}),
    ]


def test_files_of_a_file_manager_do_no_harm(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path.as_uri())
    run_id = workspace.create_run(mapping("a"))
    workspace.append_event(
        run_id, RunEvent(number=1, state=RunState.QUEUED, at=utc_now(), attempt=1, actor="a")
    )
    for folder in (tmp_path, tmp_path / "runs", tmp_path / "runs" / run_id / "events"):
        (folder / ".DS_Store").write_bytes(b"x")
    (tmp_path / "runs" / "my notes").mkdir()
    (tmp_path / "runs" / "my notes" / "x.txt").write_text("x")
    assert workspace.run_ids() == [run_id]
    assert workspace.last_event(run_id).number == 1


def test_threads_share_a_workspace(workspace: Workspace, parquet: Path) -> None:
    barrier = threading.Barrier(8)

    def save(number: int) -> str:
        barrier.wait()
        return workspace.save_dataset(manifest(by=str(number)), parquet).created_by

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(save, range(8)))) == 1
