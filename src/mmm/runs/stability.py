"""A study of how firm a run's model is: trained again with other seeds, on earlier windows, with
periods held out.

It is a run of its own inside the run's folder, so it has a task, a history, a log and a retry like
any other.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem, Progress
from mmm.engines.capabilities import Varies
from mmm.engines.capabilities import asked as asked_of
from mmm.engines.training import train
from mmm.errors import Killed, UserError
from mmm.experiments.config import Experiment, Window, parse_experiment
from mmm.experiments.problem import build_problem
from mmm.models.refresh import inside, previous_of
from mmm.results import RunResults, read_results
from mmm.results.stability import SOURCES, VALUES, values_of
from mmm.runs.events import History
from mmm.runs.progress import ProgressRecorder
from mmm.runs.provenance import provenance
from mmm.runs.signs import flush_log, memory_peak_bytes
from mmm.workspace import Workspace
from mmm.workspace.models import RunState
from mmm.workspace.names import studied_run
from mmm.workspace.stored import model_of

log = logging.getLogger(__name__)

_f8, _s = pa.float64(), pa.string()
VARIANTS = pa.schema(
    [
        ("source", _s), ("variant", _s), ("model_id", _s), ("nrmse_train", _f8), ("nrmse_test", _f8),
        ("rsq_test", _f8), ("seconds", _f8), ("note", _s),
    ]
)  # fmt: skip


class StabilityStudy(BaseModel):
    """What is trained again. The settings are the run's; fewer `iterations` make it quicker and its
    spread wider.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: int = Field(default=3, ge=0, le=20, description="How many other seeds.")
    shifts: tuple[int, ...] = Field(
        default=(4, 8, 13), max_length=10, description="Windows that end so many periods earlier."
    )
    holdouts: tuple[float, ...] = Field(
        default=(0.9, 0.8, 0.7),
        max_length=10,
        description="Shares of the window that are trained on; the rest is held out.",
    )
    iterations: int | None = Field(
        default=None, ge=10, description="Candidates of a trial. Default: as the run."
    )
    trials: int | None = Field(default=None, ge=1, description="Trials. Default: as the run.")


@dataclass(frozen=True)
class _Variant:
    source: str
    name: str
    experiment: Experiment


def _variants(base: Experiment, problem: Problem, study: StabilityStudy) -> Iterator[_Variant]:
    varied, settings = _varies(base), base.engine_settings()

    def changed(**how: Any) -> Experiment:
        found: BaseModel = varied.variant(settings, **how)
        return base.model_copy(update={"settings": found.model_dump(mode="json", by_alias=True)})

    for number in range(1, study.seeds + 1):
        seeded = changed(seed=number)
        name = f"seed {seeded.settings['seed']}" if "seed" in seeded.settings else f"seed {number}"
        yield _Variant("seeds", name, seeded)
    dates = problem.dates.astype("datetime64[D]")
    for shift in study.shifts:
        first, last = max(problem.window[0] - shift, 0), problem.window[1] - shift
        if last <= first:
            continue
        window = Window(start=dates[first].item(), end=dates[last].item())
        tests = tuple(test for test in base.lift_tests if inside(test, window))
        moved = base.model_copy(update={"window": window, "lift_tests": tests})
        yield _Variant("windows", f"{shift} periods earlier", moved)
    for share in study.holdouts:
        yield _Variant("holdouts", f"{share:.0%} trained on", changed(holdout=share))


def study(workspace: Workspace, history: History, actor: str) -> None:
    """Train every variant of the newest attempt's study, write what they say, record its success.

    A variant that cannot be trained is noted and the others go on; UserError when none can.
    """
    study_id, attempt = history.run_id, history.last.attempt
    run_id = str(studied_run(study_id))
    asked = model_of(StabilityStudy, workspace.job_config(study_id), f"study {study_id}")
    results = read_results(workspace, run_id)
    base = _experiment(workspace, run_id, results, asked)
    engine = load_engine(base.engine)
    dataset = workspace.dataset(base.dataset.market, base.dataset.dataset_id)
    origin = provenance(base, dataset, engine)
    workspace.save_provenance(study_id, attempt, origin)
    table = workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(base, table, previous_of(workspace, base))
    variants = list(_variants(base, problem, asked))
    stages = tuple(dict.fromkeys(variant.source for variant in variants))
    history.add(RunState.RUNNING, actor, attempt=attempt, stages=stages, details=origin)

    progress = ProgressRecorder(history, actor, attempt)
    told, values = [], [values_of(results, results.summary["model"]["id"]).to_pylist()]
    compared = [row for row in values[0] if row["source"] == "candidates" and row["variant"] == ""]
    for source in stages:
        own = [variant for variant in variants if variant.source == source]
        values.append([{**row, "source": source} for row in compared])
        for done, variant in enumerate(own):
            listener = _Listener(progress, source, variant.name, done, len(own))
            row, found = _trained(workspace, variant, table, listener)
            told.append(row)
            values.append(found)
        progress(Progress(source, len(own), len(own)))
    if not any(row["model_id"] for row in told):
        raise UserError(
            f"none of the {len(told)} variants could be trained: {told[0]['note'] if told else ''}"
        )

    writer = workspace.results_writer(study_id)
    writer.table(
        "values", pa.Table.from_pylist([row for rows in values for row in rows], schema=VALUES)
    )
    writer.table("variants", pa.Table.from_pylist(told, schema=VARIANTS))
    writer.commit()
    details = {"seconds": progress.seconds_per_stage(), "memory_peak_bytes": memory_peak_bytes()}
    trained = sum(row["model_id"] is not None for row in told)
    flush_log()
    history.add(
        RunState.SUCCEEDED,
        actor,
        attempt=attempt,
        message=f"{trained} of {len(told)} variants trained.",
        details=details,
    )


def _experiment(
    workspace: Workspace, run_id: str, results: RunResults, asked: StabilityStudy
) -> Experiment:
    """The run's experiment with the settings it really had, defaults of its version included."""
    parsed = parse_experiment(workspace.job_config(run_id), where="job_config.json")
    base = parsed.model_copy(update={"settings": results.summary["settings"]})
    effort = {"iterations": asked.iterations, "trials": asked.trials}
    changes = {name: value for name, value in effort.items() if value is not None}
    # Without changes too: an engine leaves out what a study has no use for.
    found = _varies(base).variant(base.engine_settings(), effort=changes or None)
    return base.model_copy(update={"settings": found.model_dump(mode="json", by_alias=True)})


def _varies(experiment: Experiment) -> Varies:
    """The experiment's engine, to train it another way; UserError where it cannot be."""
    return asked_of(load_engine(experiment.engine), Varies, "are not trained again in a study")


class _Listener:
    """An engine's progress within one variant, told as the source's."""

    def __init__(
        self, progress: ProgressRecorder, source: str, name: str, done: int, total: int
    ) -> None:
        self._progress, self._source, self._name = progress, source, name
        self._done, self._total = done, total

    def __call__(self, progress: Progress) -> None:
        message = f"{self._name}: {progress.stage} {progress.done:,}/{progress.total:,}"
        self._progress(Progress(self._source, self._done, self._total, message=message))


def _trained(
    workspace: Workspace, variant: _Variant, table: pa.Table, listener: _Listener
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(row of VARIANTS, rows of VALUES) of one variant; without values where it cannot be trained."""
    row: dict[str, Any] = {"source": variant.source, "variant": variant.name, "model_id": None}
    log.info("%s: %s", variant.source, variant.name)
    begun = time.monotonic()
    try:
        # Validated again: the changed settings have not been, and another engine may not know them.
        experiment = parse_experiment(variant.experiment.to_json(), where=variant.name)
        problem, _ = build_problem(experiment, table, previous_of(workspace, experiment))
        engine = load_engine(experiment.engine)
        result = train(engine, problem, experiment.engine_settings(), listener)
    except (UserError, MemoryError, Killed) as error:  # the variants that are finished are kept
        log.warning("%s: %s", variant.name, error)
        return {**row, "note": str(error) or "It ran out of memory."}, []
    model = _of_chosen(result, "models")[0]
    found = [
        {
            "source": variant.source,
            "variant": variant.name,
            "channel": item["channel"],
            "roi": item["roi"],
        }
        for item in _of_chosen(result, "channels")
        if item["kind"] == "paid"
    ]
    told = {name: model[name] for name in ("model_id", "nrmse_train", "nrmse_test", "rsq_test")}
    return {**row, **told, "seconds": round(time.monotonic() - begun, 1)}, found


def _of_chosen(result: EngineResult, name: str) -> list[dict[str, Any]]:
    table = result.tables[name]
    rows: list[dict[str, Any]] = table.filter(
        pc.equal(table["model_id"], result.recommended)
    ).to_pylist()
    return rows


@dataclass(frozen=True)
class StudyResult:
    """What a finished study found: the long table of values and one row per variant."""

    study_id: str
    values: pa.Table
    variants: pa.Table


def newest_study(workspace: Workspace, run_id: str) -> StudyResult | None:
    """The newest study of a run that has come to its end; None while there is none."""
    for study_id in reversed(workspace.study_ids(run_id)):
        if workspace.results_exist(study_id):
            tables = {
                name: workspace.result_table(study_id, name) for name in ("values", "variants")
            }
            return StudyResult(study_id, **tables)
    return None


def held_out(variants: pa.Table) -> str:
    """What the holdouts say about periods the models had not seen; empty without any."""
    rows = [
        row
        for row in variants.to_pylist()
        if row["source"] == "holdouts" and row["nrmse_test"] is not None
    ]
    if not rows:
        return ""
    parts = [
        f"{row['variant']}: {row['nrmse_test']:.3f} against {row['nrmse_train']:.3f} in training"
        for row in rows
    ]
    return f"NRMSE on periods held out and never looked at - {'; '.join(parts)}."


def notes(variants: pa.Table) -> list[str]:
    """Variants that could not be trained, and why."""
    rows = variants.to_pylist()
    return [
        f"{SOURCES[row['source']]} {row['variant']}: {row['note']}" for row in rows if row["note"]
    ]
