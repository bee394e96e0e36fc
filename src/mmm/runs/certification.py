"""Certifying a run: worlds with known truth simulated on its data, each trained with its settings.

It is a run of its own inside the run's folder, so it has a task, a history, a log, a retry and a
cancel like any other.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmm.certificate.certify import STAGES, Asked, Trained, certify
from mmm.certificate.refit import Advise, Bounds
from mmm.engines import load_engine
from mmm.engines.base import Engine, EngineResult, Problem
from mmm.engines.capabilities import Quick, Responds, Varies, offered
from mmm.experiments.config import Experiment, parse_experiment
from mmm.experiments.problem import build_problem
from mmm.format import Labels
from mmm.models.refresh import previous_of
from mmm.planning.advised import HIGH, LOW, advised_budget
from mmm.results import read_results
from mmm.results.store import CERTIFICATE
from mmm.runs.events import History
from mmm.runs.progress import ProgressRecorder
from mmm.runs.provenance import provenance
from mmm.runs.signs import flush_log, memory_peak_bytes
from mmm.workspace import Workspace
from mmm.workspace.models import RunState
from mmm.workspace.names import studied_run
from mmm.workspace.stored import model_of

log = logging.getLogger(__name__)


class CertificateRequest(BaseModel):
    """How a run is certified. With `effort` "short" an engine that can trains each world in less
    time than the run had; "full" takes the run's own settings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    worlds: int = Field(default=200, ge=5, le=2000, description="How many simulated worlds.")
    seed: int = Field(default=1, ge=0, description="The same seed gives the same worlds.")
    effort: Literal["short", "full"] = Field(
        default="short", description="short: less effort for each world; full: as the run"
    )


def certify_run(workspace: Workspace, history: History, actor: str) -> None:
    """Make the newest attempt's certificate, write it, record its success. UserError where no world
    could be trained; TransitionRefused when someone else has ended the attempt.
    """
    study_id, attempt = history.run_id, history.last.attempt
    run_id = str(studied_run(study_id))
    request = model_of(CertificateRequest, workspace.job_config(study_id), f"study {study_id}")
    results = read_results(workspace, run_id)
    parsed = parse_experiment(workspace.job_config(run_id), where="job_config.json")
    base = parsed.model_copy(update={"settings": results.summary["settings"]})
    engine = load_engine(base.engine)
    dataset = workspace.dataset(base.dataset.market, base.dataset.dataset_id)
    origin = provenance(base, dataset, engine)
    workspace.save_provenance(study_id, attempt, origin)
    history.add(RunState.RUNNING, actor, attempt=attempt, stages=STAGES, details=origin)
    table = workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(base, table, previous_of(workspace, base))
    trained = Trained(results, str(results.summary["model"]["id"]))
    progress = ProgressRecorder(history, actor, attempt)
    found = certify(engine, problem, trained, asked_of(engine, base, request), progress)
    for failure in found.failed:
        log.warning("%s", failure)
    writer = workspace.results_writer(study_id)
    writer.file(CERTIFICATE, found.to_json())
    writer.commit()
    details = {"seconds": progress.seconds_per_stage(), "memory_peak_bytes": memory_peak_bytes()}
    flush_log()
    message = f"{request.worlds - len(found.failed)} of {request.worlds} worlds trained."
    history.add(RunState.SUCCEEDED, actor, attempt=attempt, message=message, details=details)


def asked_of(engine: Engine, experiment: Experiment, request: CertificateRequest) -> Asked:
    """The request with the settings that each world is trained with and the way budgets are
    advised.
    """
    settings, effort = experiment.engine_settings(), request.effort
    quick, varied = offered(engine, Quick), offered(engine, Varies)
    if effort == "short" and quick is not None and varied is not None:
        settings = varied.variant(settings, effort=quick.quick_effort(settings))
    else:
        effort = "full"
    return Asked(request.worlds, request.seed, settings, effort, _advise(engine), Bounds(LOW, HIGH))


def _advise(engine: Engine) -> Advise:
    """How the engine's results are planned with; without advice where they cannot be."""
    responds = offered(engine, Responds)

    def advise(result: EngineResult, problem: Problem) -> Any:
        if responds is None:
            return None
        labels = Labels(problem.kpi_name, problem.kpi_kind, problem.currency)
        found = advised_budget(responds, result.tables, labels)
        return None if found is None else (found.today, found.spend)

    return advise
