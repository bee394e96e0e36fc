"""Certifying a run: a task of its own inside the run, what it leaves, and how it is stopped."""

from __future__ import annotations

import html
import json
from collections.abc import Callable

import pytest

from mmm.access import NotAllowed, Role, User
from mmm.errors import UserError
from mmm.experiments.config import Experiment
from mmm.platforms.base import TaskState, TaskStatus
from mmm.results import read_results
from mmm.results.branding import Look
from mmm.results.certified import (
    before_sentences,
    certified,
    channels,
    checks,
    checks_finding,
    families,
    finding,
    sentences,
)
from mmm.results.model_summary import labels_of
from mmm.results.report import report_of
from mmm.results.store import newest_certificate
from mmm.results.summary import channels as summary_channels
from mmm.runs.certification import CertificateRequest, certify_run
from mmm.runs.events import History, TransitionRefused
from mmm.runs.service import RunService
from mmm.runs.task import EXIT_DONE, run_task
from mmm.settings import Settings
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

ANA = User("ana", role=Role.ANALYST)
QUICK = {"trials": 1, "iterations": 40, "min_candidates": 12, "bootstrap": 100}
ASKED = CertificateRequest(worlds=5, effort="full")


class NoLauncher:
    """Hands out handles and starts nothing: the test runs the task itself."""

    def submit(self, run_uri: str, name: str) -> str:
        return "handle"

    def describe(self, handle: str) -> TaskStatus:
        return TaskStatus(TaskState.RUNNING)

    def cancel(self, handle: str) -> None:
        return None


@pytest.fixture
def service(workspace: Workspace, settings: Settings) -> RunService:
    return RunService(workspace, NoLauncher(), settings)  # type: ignore[arg-type]


@pytest.fixture
def trained(workspace: Workspace, settings: Settings, experiment: Callable[..., Experiment]) -> str:
    run_id = workspace.create_run(experiment(**QUICK))
    History.begin(workspace, run_id, "ana", details={}).add(RunState.STARTING, "ana")
    assert run_task(workspace.run_uri(run_id), settings) == EXIT_DONE
    return run_id


def test_a_certificate_is_made_stored_and_said(
    trained: str, service: RunService, settings: Settings
) -> None:
    workspace = service.workspace
    results = read_results(workspace, trained)
    assert results.certificate is None
    assert not certified(results)
    study_id = service.submit_certificate(trained, ASKED, ANA)
    assert study_id == f"{trained}/certificate/0001"
    assert workspace.run_ids() == [trained]
    with pytest.raises(UserError, match="is under way"):
        service.submit_certificate(trained, ASKED, ANA)

    assert run_task(workspace.run_uri(study_id), settings) == EXIT_DONE
    last = workspace.last_event(study_id)
    assert last.state is RunState.SUCCEEDED, last.message
    assert last.stages == ("worlds", "checks")
    assert last.message == "5 of 5 worlds trained."
    told = [event.progress for event in workspace.events(study_id) if event.progress]
    assert [item.done for item in told if item.stage == "worlds"][-1] == 5
    assert told[-1].stage == "checks"
    assert newest_certificate(workspace, trained) == study_id

    results = read_results(workspace, trained)
    found = results.certificate
    assert found is not None
    labels, model_id = labels_of(results.summary), results.summary["model"]["id"]
    assert found.model_id == model_id
    assert (found.effort, found.seed) == ("full", 1)
    rows = channels(results, model_id, labels).to_pylist()
    reported = {
        row["channel"]: row
        for row in results["channels"].to_pylist()
        if row["model_id"] == model_id and row["kind"] == "paid"
    }
    assert [row["channel"] for row in rows] == [item.channel for item in found.channels]
    for row in rows:
        assert row["value"] == reported[row["channel"]]["roi"]
        assert row["low"] == reported[row["channel"]]["roi_low"]
        assert row["recalibrated_low"] <= row["low"]
        assert row["recalibrated_high"] >= row["high"]
    assert channels(results, "another", labels).num_rows == 0
    assert "% on average" in finding(channels(results, model_id, labels), labels)
    said = " ".join(sentences(found, labels))
    assert "simulated worlds on your data" in said
    assert "advised budget" in said
    assert "Even with the right model" in " ".join(before_sentences(found.before))
    assert families(found)["worlds"].to_pylist() == [item.worlds for item in found.families]

    shown = checks(found)
    assert shown.num_rows == len(found.checks) > 7
    assert "reason to test, never a verdict" in checks_finding(found)
    words = summary_channels(results, model_id, labels)
    assert dict(
        zip(words["channel"].to_pylist(), words["confidence"].to_pylist(), strict=True)
    ) == {item.channel: item.confidence for item in found.channels}

    report = report_of(results, None, Look(), "html").decode()
    assert "How wrong could these numbers be?" in report
    assert "Low, recalibrated" in report
    assert "Stress and refutation" in report
    assert checks_finding(found) in html.unescape(report)
    assert not any("cannot be drawn" in line for line in report.splitlines())


def test_certifying_needs_the_right(trained: str, service: RunService) -> None:
    with pytest.raises(NotAllowed, match=r"run\.study needs the role analyst"):
        service.submit_certificate(trained, ASKED, User("vic"))
    assert service.workspace.study_ids(trained, "certificate") == []


def test_a_cancelled_certificate_stops_between_worlds(trained: str, service: RunService) -> None:
    workspace = service.workspace
    study_id = service.submit_certificate(trained, ASKED, ANA)
    history = History(workspace, study_id)

    class Cancelling(History):
        """Somebody cancels when the first progress of the worlds is about to be written."""

        def add(self, state: RunState, actor: str, **more: object) -> object:  # type: ignore[override]
            if more.get("progress") is not None:
                service.cancel(study_id, ANA)
            return super().add(state, actor, **more)  # type: ignore[arg-type]

    assert history.last.state is RunState.STARTING
    with pytest.raises(TransitionRefused):
        certify_run(workspace, Cancelling(workspace, study_id), "task@here")
    assert workspace.last_event(study_id).state is RunState.CANCELLED
    assert newest_certificate(workspace, trained) is None
    assert service.submit_certificate(trained, ASKED, ANA) == f"{trained}/certificate/0002"


def test_a_request_is_checked_at_the_border() -> None:
    with pytest.raises(ValueError, match="greater than or equal to 5"):
        CertificateRequest.model_validate(json.loads('{"worlds": 4}'))
    with pytest.raises(ValueError, match="short"):
        CertificateRequest.model_validate({"effort": "none"})
