"""The training itself, from a run's job config to its results. Imports what it computes with."""

from __future__ import annotations

import logging

from mmm.engines import load_engine
from mmm.engines.base import Progress
from mmm.engines.training import train as train_engine
from mmm.experiments.config import parse_experiment
from mmm.experiments.environment import environment_findings
from mmm.experiments.problem import build_problem
from mmm.models.advice import ensure_advice
from mmm.models.forecast_score import ensure_score
from mmm.models.refresh import data_findings, previous_of
from mmm.results import RunInfo, draw_report, read_results, write_results
from mmm.results.model_summary import engine_warnings
from mmm.runs.events import History
from mmm.runs.progress import ProgressRecorder
from mmm.runs.provenance import provenance
from mmm.runs.signs import flush_log, memory_peak_bytes
from mmm.workspace import Workspace
from mmm.workspace.models import RunState

log = logging.getLogger(__name__)


def train(workspace: Workspace, history: History, actor: str) -> None:
    """Train the newest attempt of a starting run, write its results, record its success.

    Raises UserError for what cannot be modelled, and TransitionRefused when someone else has ended
    the attempt.
    """
    run_id, attempt = history.run_id, history.last.attempt
    experiment = parse_experiment(workspace.job_config(run_id), where="job_config.json")
    dataset = workspace.dataset(experiment.dataset.market, experiment.dataset.dataset_id)
    engine, settings = load_engine(experiment.engine), experiment.engine_settings()
    origin = provenance(experiment, dataset, engine)
    workspace.save_provenance(run_id, attempt, origin)
    stages = ("data", *engine.stages, "results")
    history.add(RunState.RUNNING, actor, attempt=attempt, stages=stages, details=origin)
    log.info("training with %s %s", engine.name, engine.version)

    progress = ProgressRecorder(history, actor, attempt)
    progress(Progress("data", 0, 1))
    table = workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, findings = build_problem(experiment, table, previous_of(workspace, experiment))
    findings += data_findings(workspace, experiment, table)
    warnings = tuple(str(finding) for finding in findings)
    for warning in warnings:
        log.warning("%s", warning)
    progress(Progress("data", 1, 1))

    for missing in environment_findings(engine):
        log.warning("%s", missing)
    result = train_engine(engine, problem, settings, progress)
    info = RunInfo(
        run_id=run_id,
        title=experiment.name,
        country=experiment.country,
        settings=settings.model_dump(mode="json", by_alias=True),
        provenance=origin,
        warnings=warnings,
        refresh=None if experiment.refresh is None else experiment.refresh.model_dump(),
    )
    write_results(workspace, info, problem, result, progress)
    advise(workspace, run_id)

    details = {"seconds": progress.seconds_per_stage(), "memory_peak_bytes": memory_peak_bytes()}
    log.info("succeeded: %s", details)
    flush_log()
    history.add(
        RunState.SUCCEEDED,
        actor,
        attempt=attempt,
        message=result.reason,
        details=details,
        warnings=tuple(engine_warnings(result.tables["diagnostics"])),
    )


def advise(workspace: Workspace, run_id: str) -> None:
    """Make what the first page tells, and the forecast score of a refresh, before anybody is told to look at it: a web server that had to
    make it would do so beside this task, on the same cores. Whatever goes wrong here takes nothing
    of the results; the advice is made when it is asked for, too.
    """
    try:
        ensure_advice(workspace, run_id, read_results(workspace, run_id))
    except Exception:
        log.warning("the advice was not made; it is when it is asked for", exc_info=True)
    try:
        ensure_score(workspace, run_id, read_results(workspace, run_id))
    except Exception:
        log.warning("the forecast score was not made; it is when asked for", exc_info=True)


def draw(workspace: Workspace, run_id: str) -> None:
    """Draw the report of a run that has succeeded already: whatever goes wrong here takes nothing of
    it. The report is drawn when it is asked for, too.
    """
    try:
        draw_report(read_results(workspace, run_id))
    except Exception:
        log.warning("the report was not drawn; it is when it is asked for", exc_info=True)
    flush_log()
