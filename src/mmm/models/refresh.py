"""Refresh: an experiment on new periods of a chosen model, and which model of such a chain is in
use.

A refresh is a run like any other whose experiment names the run and the model it brings up to date.
Nothing takes the place of the model in use until someone accepts the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel

from mmm.access import User
from mmm.data.naming import naming_rules
from mmm.engines import load_engine, settings_model
from mmm.engines.base import PreviousModel, Problem
from mmm.engines.capabilities import Refreshes, Varies, asked
from mmm.errors import Finding, NotFound, UserError
from mmm.experiments.config import (
    DatasetRef,
    Experiment,
    LiftTestConfig,
    RefreshOf,
    Window,
)
from mmm.experiments.of_run import experiment_of
from mmm.experiments.problem import build_problem
from mmm.models.refresh_data import data_changes
from mmm.results import read_results
from mmm.workspace import Workspace
from mmm.workspace.models import Acceptance
from mmm.workspace.names import utc_now


def previous_of(workspace: Workspace, experiment: Experiment) -> PreviousModel | None:
    """What the refreshed model said of its window, from its run's results; None where nothing is
    refreshed.
    """
    of = experiment.refresh
    if of is None:
        return None
    results = read_results(workspace, of.run)
    channels = _of_model(results["channels"], results.require_kept(of.model, where="refresh.model"))
    sums = (
        _of_model(results["contributions"], of.model)
        .group_by("component")
        .aggregate([("effect", "sum")])
    )
    parameters = _of_model(results["parameters"], of.model).to_pylist()
    return PreviousModel(
        model_id=of.model,
        steps=of.steps,
        parameters={(row["variable"], row["parameter"]): row["value"] for row in parameters},
        effects={row["component"]: row["effect_sum"] for row in sums.to_pylist()},
        spend={
            row["channel"]: row["spend"] for row in channels.to_pylist() if row["kind"] == "paid"
        },
        draws=_draws(_of_model(results["draws"], of.model)),
    )


def _draws(table: pa.Table) -> dict[tuple[str, str], np.ndarray]:
    """Posterior draws (K,) by (variable, parameter)."""
    found: dict[tuple[str, str], list[float]] = {}
    ordered = table.sort_by("draw")
    columns = [ordered[name].to_pylist() for name in ("variable", "parameter", "value")]
    for variable, parameter, value in zip(*columns, strict=True):
        found.setdefault((variable, parameter), []).append(value)
    return {key: np.array(values) for key, values in found.items()}


def _of_model(table: pa.Table, model_id: str) -> pa.Table:
    return table.filter(pc.equal(table["model_id"], model_id))


def refresh_experiment(
    workspace: Workspace,
    run_id: str,
    dataset: DatasetRef,
    *,
    model: str | None = None,
    steps: int | None = None,
    changes: dict[str, Any] | None = None,
    effort: Mapping[str, int] | None = None,
) -> tuple[Experiment, list[Finding]]:
    """The experiment that brings a run's model up to date with a dataset of old and new periods,
    and warnings.

    `model`: None is the chain's accepted model where it is this run's, else the recommended one.
    `steps`: by how many periods the window moves on; None takes in all new ones. `changes` replace
    settings; `effort` is as `mmm.engines.capabilities.Varies.variant` takes it. Raises InvalidInput and UserError for data that do not fit.
    """
    parent = experiment_of(workspace, run_id)
    fix = "Submit a new experiment on the new data."
    engine = asked(load_engine(parent.engine), Refreshes, "are not refreshed", fix)
    results = read_results(workspace, run_id)
    summary = results.summary
    chosen = model or _model_in_use(workspace, run_id) or summary["model"]["id"]
    bare = parent.model_copy(
        update={
            "dataset": dataset,
            "window": Window(),
            "lift_tests": (),
            "refresh": None,
            "retrains": None,
        }
    )
    table = workspace.read_dataset(dataset.market, dataset.dataset_id)
    problem, _ = build_problem(bare, table)
    window, steps = _moved(
        problem, summary["data"]["window_first"], summary["data"]["window_last"], steps
    )
    tests = tuple(test for test in parent.lift_tests if inside(test, window))
    experiment = parent.model_copy(
        update={
            "name": f"{parent.name} (refreshed)" if parent.refresh is None else parent.name,
            "dataset": dataset,
            "window": window,
            "lift_tests": tests,
            "refresh": RefreshOf(run=run_id, model=chosen, steps=steps),
            "retrains": None,
            "settings": _settings(parent.engine, engine, summary["settings"], effort)
            | (changes or {}),
        }
    )
    experiment = Experiment.model_validate(experiment.model_dump())
    _, findings = build_problem(experiment, table, previous_of(workspace, experiment))
    if len(tests) < len(parent.lift_tests):
        what = f"{len(parent.lift_tests) - len(tests)} lift tests lie outside the new window and are left out."
        findings.append(Finding("warning", what, "lift_tests"))
    return experiment, findings


def _settings(
    name: str, engine: Refreshes, before: Mapping[str, Any], effort: Mapping[str, int] | None
) -> dict[str, Any]:
    """A refresh's settings, with another effort where one is asked for."""
    settings = engine.refresh_settings(before)
    if not effort:
        return settings
    varied = asked(load_engine(name), Varies, "have no effort to change")
    parsed = settings_model(name).model_validate(settings)
    found: BaseModel = varied.variant(parsed, effort=effort)
    return found.model_dump(mode="json", by_alias=True)


def _moved(problem: Problem, first: str, last: str, steps: int | None) -> tuple[Window, int]:
    """The window moved on by `steps` periods of the new data, which must hold the old window."""
    dates = problem.dates.astype("datetime64[D]")
    rows = [int(np.searchsorted(dates, np.datetime64(day))) for day in (first, last)]
    for row, day in zip(rows, (first, last), strict=True):
        if row == len(dates) or dates[row] != np.datetime64(day):
            what = f"has no period {day}, which is an end of the previous model's window."
            raise UserError(
                what, where="the data", fix="Give the whole history, old periods and new ones."
            )
    new = len(dates) - 1 - rows[1]
    if new == 0:
        raise UserError(
            f"ends on {last}, as the previous model's window does.",
            where="the data",
            fix="Add periods.",
        )
    steps = new if steps is None else steps
    if steps > new:
        what = f"{steps} are asked for, the data hold {new} new periods."
        raise UserError(what, where="steps", fix=f"Ask for {new} or fewer.")
    start, end = rows[0] + steps, rows[1] + steps
    return Window(start=dates[start].item(), end=dates[end].item()), steps


def inside(test: LiftTestConfig, window: Window) -> bool:
    return (
        window.start is not None
        and window.end is not None
        and window.start <= test.start
        and test.end <= window.end
    )


def data_findings(workspace: Workspace, experiment: Experiment, table: pa.Table) -> list[Finding]:
    """What a refresh's data, `table`, hold otherwise than the previous model's; none for an
    experiment that refreshes nothing, or where the old data are gone.
    """
    if experiment.refresh is None:
        return []
    before = experiment_of(workspace, experiment.refresh.run).dataset
    try:
        old = workspace.read_dataset(before.market, before.dataset_id)
    except NotFound:
        return []
    return data_changes(old, table, experiment.mapping, naming_rules(workspace))


def chain_of(workspace: Workspace, run_id: str) -> list[str]:
    """The run and those that it refreshes or was trained anew to replace, the chain's first run
    last.
    """
    chain = [run_id]
    while (before := _before(workspace, chain[-1])) is not None:
        chain.append(before)
    return chain


def _before(workspace: Workspace, run_id: str) -> str | None:
    experiment = experiment_of(workspace, run_id)
    if experiment.refresh is None:
        return experiment.retrains
    return experiment.refresh.run


def accept(workspace: Workspace, run_id: str, by: User, model: str | None = None) -> Acceptance:
    """Put a run's model (None: the recommended one) to use in place of its chain's model in use so
    far.
    """
    workspace.permit(by, "run.accept", run_id)
    results = read_results(workspace, run_id)
    chosen = results.require_kept(model or results.summary["model"]["id"])
    first = chain_of(workspace, run_id)[-1]
    before = workspace.acceptances(first)
    replaces = (before[-1].run_id, before[-1].model_id) if before else None
    if replaces == (run_id, chosen):
        raise UserError(f"model {chosen} of run {run_id} is in use already.", where="accept")
    accepted = Acceptance(
        run_id=run_id, model_id=chosen, at=utc_now(), actor=by.id, replaces=replaces
    )
    workspace.save_acceptance(first, accepted)
    workspace.append_audit(by, "run.accept", run_id, model=chosen, replaces=replaces)
    return accepted


def in_use(workspace: Workspace, run_id: str) -> Acceptance | None:
    """The accepted model of a run's chain; None while none is."""
    before = workspace.acceptances(chain_of(workspace, run_id)[-1])
    return before[-1] if before else None


def _model_in_use(workspace: Workspace, run_id: str) -> str | None:
    used = in_use(workspace, run_id)
    if used is not None and used.run_id == run_id:
        return used.model_id
    return None
