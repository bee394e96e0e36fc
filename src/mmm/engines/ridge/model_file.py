"""One model as JSON that makes it again exactly: its data, the frame's components, its parameters,
and what it said.

The sections InputCollect, ModelsCollect, ExportedModel and Extras are those of Robyn's
RobynModel-<id>.json. The section `mmm` holds in full precision what making the model again needs:
Prophet's components and the cost per exposure are stored, so that neither another Prophet nor
another table can change them unseen.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, field_validator

from mmm.engines.adstock_hill.candidates import Evaluation
from mmm.engines.adstock_hill.decomposition import Model, decompose
from mmm.engines.adstock_hill.features import exposure_costs
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.models import Search, kept_models
from mmm.engines.adstock_hill.space import build_space
from mmm.engines.base import PreviousModel, Problem
from mmm.engines.capabilities import Deviation
from mmm.engines.ridge.candidates import evaluate
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.exact_frame import ridge_frame
from mmm.engines.ridge.rebuild import Rebuilt, components
from mmm.engines.ridge.settings import RidgeSettings

_ERRORS = ("nrmse", "decomp_rssd", "calibration_error")
_SPLITS = ("train", "val", "test")


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hyper(_Stored):
    variable: str
    parameter: str
    value: float


class Previous(_Stored):
    """What a refresh's loss needs of the model it refreshes."""

    model_id: str
    steps: int
    effects: dict[str, float]


class Said(_Stored):
    """What the model said when it was trained; making it again is compared with this. Effects sum
    over the window.
    """

    coefficients: dict[str, float]
    intercept: float
    effects: dict[str, float]
    carryover: dict[str, float]
    fitted: list[float]
    errors: dict[str, float]

    @field_validator("errors")
    @classmethod
    def _names_of_today(cls, errors: dict[str, float]) -> dict[str, float]:
        """`decomp_rssd` had another name in documents of earlier versions."""
        names = {"business_distance": "decomp_rssd"}
        return {names.get(name, name): value for name, value in errors.items()}


class StoredModel(_Stored):
    """The section `mmm` of a model's JSON. `lambda` among `hyperparameters` is absolute."""

    format: Literal[1] = 1
    engine: Literal["ridge"] = "ridge"
    engine_version: str
    run_id: str
    model_id: str
    experiment: dict[str, Any]
    settings: dict[str, Any]
    dates: list[str]
    components: dict[str, list[float]]
    costs: dict[str, float]
    hyperparameters: list[Hyper]
    previous: Previous | None = None
    said: Said


def stored_model(
    built: Rebuilt,
    row: int,
    tables: Any,
    *,
    run_id: str,
    experiment: dict[str, Any],
    engine_version: str,
) -> StoredModel:
    """The candidate at `row` of `built` with all that makes it again. `tables` are the run's, for
    the components.
    """
    problem, frame, search = built.problem, built.frame, built.search
    model, _ = built.model(row)
    values = [
        Hyper(variable=item.variable, parameter=item.parameter, value=float(search.values[row, i]))
        for i, item in enumerate(built.space.hyperparameters)
        if item.parameter != "lambda"
    ]
    values.append(
        Hyper(variable="", parameter="lambda", value=float(built.candidates.lambda_[row]))
    )
    parts = components(problem, built.settings, tables["frame"])
    return StoredModel(
        engine_version=engine_version,
        run_id=run_id,
        model_id=model.model_id,
        experiment=experiment,
        settings=built.settings.model_dump(mode="json", by_alias=True),
        dates=[str(day) for day in frame.dates.astype("datetime64[D]")],
        components={name: values.tolist() for name, values in parts.items()},
        costs=exposure_costs(problem),
        hyperparameters=values,
        previous=_stored_previous(problem.previous),
        said=_said(frame, model, search.evaluation, row),
    )


def _stored_previous(previous: PreviousModel | None) -> Previous | None:
    if previous is None:
        return None
    return Previous(
        model_id=previous.model_id, steps=previous.steps, effects=dict(previous.effects)
    )


def _said(frame: Frame, model: Model, evaluation: Evaluation, row: int) -> Said:
    parts = decompose(frame, model)
    return Said(
        coefficients=dict(zip(frame.names, model.coefficients.tolist(), strict=True)),
        intercept=model.intercept,
        effects=dict(
            zip((*frame.names, "intercept"), evaluation.effects[row].tolist(), strict=True)
        ),
        carryover=dict(zip(frame.media_names, parts.carryover.sum(axis=1).tolist(), strict=True)),
        fitted=parts.fitted.tolist(),
        errors=_errors(evaluation, row),
    )


def _errors(evaluation: Evaluation, row: int) -> dict[str, float]:
    found = dict(zip(_ERRORS, evaluation.loss[row].tolist(), strict=True))
    for name, values in (("nrmse", evaluation.nrmse[row]), ("rsq", evaluation.rsq[row])):
        found |= {f"{name}_{split}": float(values[i]) for i, split in enumerate(_SPLITS)}
    return {name: value for name, value in found.items() if np.isfinite(value)}


def recreate(problem: Problem, stored: StoredModel) -> tuple[Said, list[Deviation]]:
    """The stored model made again on the problem's data: what it says now, and how far that is from
    what it said.

    The problem must have the stored dates. Prophet is not asked: its components are the stored
    ones.
    """
    from threadpoolctl import threadpool_limits

    settings = RidgeSettings.model_validate(stored.settings)
    known = {name: np.array(values) for name, values in stored.components.items()}
    frame = ridge_frame(problem, settings, known, stored.costs)
    previous = None
    if stored.previous is not None:
        previous = PreviousModel(
            stored.previous.model_id, stored.previous.steps, {}, stored.previous.effects, {}
        )
    with threadpool_limits(1):  # as in training
        design = build_design(frame, settings, problem.lift_tests, previous)
        space = build_space(frame, settings)
    value = {(item.variable, item.parameter): item.value for item in stored.hyperparameters}
    row = np.array([[value[item.variable, item.parameter] for item in space.hyperparameters]])
    candidate = space.candidates(row)._replace(lambda_=np.array([value["", "lambda"]]))
    evaluation = evaluate(design, candidate, cores=1)
    search = Search(row, evaluation, np.array([0]), np.array([0]), np.zeros(1))
    model = kept_models(frame, space, search, np.array([0]))[0]
    now = _said(frame, model, evaluation, 0)
    return now, compare(now, stored.said, stored.dates[problem.window[0] : problem.window[1] + 1])


def compare(now: Said, then: Said, dates: list[str]) -> list[Deviation]:
    """Largest relative deviation per quantity, and where it is."""
    fitted_now, fitted_then = (
        dict(zip(dates, values, strict=True)) for values in (now.fitted, then.fitted)
    )
    return [
        _largest("coefficients", now.coefficients, then.coefficients),
        _largest("intercept", {"": now.intercept}, {"": then.intercept}),
        _largest("effects over the window", now.effects, then.effects),
        _largest("carryover over the window", now.carryover, then.carryover),
        _largest("fitted per date", fitted_now, fitted_then),
        _largest("errors", now.errors, then.errors),
    ]


def _relative(now: float, then: float) -> float:
    if now == then:
        return 0.0
    return abs(now - then) / abs(then) if then else float("inf")


def _largest(quantity: str, now: dict[str, float], then: dict[str, float]) -> Deviation:
    found: dict[str, float] = {}
    for name in then.keys() | now.keys():
        # A quantity that only one of them has deviates without end.
        found[name] = _relative(now.get(name, float("inf")), then.get(name, 0.0))
    where = max(sorted(found), key=lambda name: found[name])
    return Deviation(quantity, found[where], where if found[where] else "")
