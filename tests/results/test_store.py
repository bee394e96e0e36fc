"""Results are written at once and read back as they were."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmm.engines.base import EngineResult, Problem, Progress
from mmm.engines.schemas import SCHEMAS
from mmm.errors import NotFound
from mmm.results import RunInfo, read_results, write_results
from mmm.results.store import artifacts_zip
from mmm.simulation.generator import World
from mmm.workspace import Workspace

RUN = "20260102T030405-0a1b2c3d"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(f"file://{tmp_path}")


def test_tables_summary_and_report_come_back(
    workspace: Workspace, world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> None:
    seen: list[Progress] = []
    run = RunInfo(RUN, title="Test", provenance={"seed": 1})
    write_results(workspace, run, make_problem(world), result, seen.append)

    results = read_results(workspace, RUN)
    assert list(results) == list(SCHEMAS)
    assert all(results[name].equals(result.tables[name]) for name in SCHEMAS)
    assert results.summary["model"]["id"] == result.recommended
    assert results.report.startswith("<!doctype html>")
    names = {f"{name}.parquet" for name in SCHEMAS} | {"model_summary.json"}
    assert set(workspace.results_manifest(RUN).files) == names
    assert {progress.stage for progress in seen} == {"results"}
    assert [progress.done for progress in seen] == list(range(seen[0].total + 1))


def test_an_engines_own_files_are_kept_and_packed(
    workspace: Workspace, world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> None:
    own = replace(result, files={"Model.RDS": b"\x1f\x8b", "page.png": b"drawn"})
    write_results(workspace, RunInfo(RUN), make_problem(world), own, lambda progress: None)
    with zipfile.ZipFile(io.BytesIO(artifacts_zip(workspace, RUN))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == own.files


def test_what_was_begun_to_be_read_stays_of_one_set_of_results(
    workspace: Workspace, world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> None:
    for title in ("First", "Second"):
        if title == "Second":
            first = read_results(workspace, RUN)
        write_results(
            workspace, RunInfo(RUN, title=title), make_problem(world), result, lambda progress: None
        )
    assert first.summary["title"] == "First"
    assert "<title>First" in first.report
    assert read_results(workspace, RUN).summary["title"] == "Second"


def test_a_run_without_results_says_so(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match="has no results"):
        read_results(workspace, RUN)


def test_the_summary_is_plain_json_and_agrees_with_the_tables(
    world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> None:
    from mmm.results.model_summary import summarise

    problem = make_problem(world)
    summary = json.loads(json.dumps(summarise(RunInfo(RUN), problem, result), allow_nan=False))
    assert summary["kpi"] == {
        "name": "revenue",
        "kind": "revenue",
        "currency": "EUR",
        "value_per_conversion": None,
        "margin": None,
        "total": world.kpi.sum(),
    }
    assert summary["totals"]["fitted"] == pytest.approx((world.kpi - world.noise).sum())
    paid = sum(effect.sum() for effect in world.effects.values())
    assert summary["totals"]["effect"]["paid"] == pytest.approx(paid)
    assert summary["totals"]["roi"] == pytest.approx(
        paid / sum(spend.sum() for spend in world.spend.values())
    )
    assert [channel["channel"] for channel in summary["channels"]][-1] == "newsletter"
    assert summary["candidates"] == {"evaluated": 2000, "kept": 30, "fronts": 3, "clusters": 3}
    assert summary["warnings"] == ["Fewer than 10 rows per variable."]
    assert (summary["data"]["window_first"], summary["data"]["window_rows"]) == ("2021-01-04", 156)
