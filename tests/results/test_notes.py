"""Pins and notes: added, never taken away, by those who may, and shown in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.engines.base import EngineResult, Problem
from mmm.errors import NotFound, UserError
from mmm.results.model_summary import RunInfo, summarise
from mmm.results.notes import annotate, offered, pinned
from mmm.results.store import SUMMARY
from mmm.simulation.generator import World
from mmm.workspace import Workspace
from mmm.workspace.names import utc_now

ANN, VIC = User("ann", role=Role.ANALYST), User("vic", role=Role.VIEWER)
RUN = "20260101T000000-00000000"


@pytest.fixture
def workspace(
    tmp_path: Path, world: World, result: EngineResult, make_problem: Callable[..., Problem]
) -> Workspace:
    """With as much of a run's results as notes look at."""
    stored = Workspace(f"file://{tmp_path}")
    writer = stored.results_writer(RUN)
    writer.table("channels", result.tables["channels"])
    writer.file(SUMMARY, json.dumps(summarise(RunInfo(RUN), make_problem(world), result)))
    writer.commit()
    return stored


def test_notes_are_kept_in_order_with_who_and_when(
    workspace: Workspace, result: EngineResult
) -> None:
    before = utc_now()
    annotate(workspace, RUN, result.recommended, ANN, text="  For the board. ", pinned=True)
    annotate(workspace, RUN, result.recommended, ANN, pinned=False)
    first, second = workspace.notes(RUN)
    assert (first.model_id, first.actor, first.text, first.pinned) == (
        result.recommended, "ann", "For the board.", True,
    )  # fmt: skip
    assert before <= first.at <= second.at
    assert (pinned([first]), pinned([first, second])) == ([result.recommended], [])
    (entries,) = [workspace.audit(day) for day in workspace.audit_days()]
    assert [(entry.action, entry.subject, entry.details["pinned"]) for entry in entries] == [
        ("model.annotate", RUN, True),
        ("model.annotate", RUN, False),
    ]


def test_a_viewer_may_not_and_the_refusal_is_in_the_trail(
    workspace: Workspace, result: EngineResult
) -> None:
    with pytest.raises(NotAllowed, match=r"model\.annotate needs the role analyst"):
        annotate(workspace, RUN, result.recommended, VIC, pinned=True)
    assert workspace.notes(RUN) == []
    (entries,) = [workspace.audit(day) for day in workspace.audit_days()]
    assert [entry.action for entry in entries] == ["model.annotate.refused"]


def test_wrong_notes_are_refused(workspace: Workspace, result: EngineResult) -> None:
    with pytest.raises(UserError, match="note: is empty"):
        annotate(workspace, RUN, result.recommended, ANN, text="  ")
    with pytest.raises(UserError, match="note: has 501 characters"):
        annotate(workspace, RUN, result.recommended, ANN, text="x" * 501)
    with pytest.raises(NotFound, match="has kept no model '9_9'"):
        annotate(workspace, RUN, "9_9", ANN, text="x")
    assert workspace.notes(RUN) == []


def test_pinned_models_are_offered_first_then_the_recommended_one(
    workspace: Workspace, result: EngineResult
) -> None:
    note = annotate(workspace, RUN, result.recommended, ANN, pinned=True).model_copy(
        update={"model_id": "b"}
    )
    gone = note.model_copy(update={"model_id": "gone"})
    assert offered(["a", "b", "c"], "c", [note, gone]) == ["b", "c", "a"]
