"""Experiments before they run: checked, estimated; and the templates to begin from."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mmm.experiments.config import Experiment
from mmm.experiments.templates import load_template
from mmm.runs.estimate import estimate_of
from mmm.services.context import Context
from mmm.services.given import given_experiment
from mmm.services.operation import Fields, Method, Nothing, operation
from mmm.services.runs import ExperimentBody, Name
from mmm.workspace.tokens import Scope


class Validated(Fields):
    """The experiment with all names resolved, and what is worth knowing before it runs."""

    experiment: Experiment
    warnings: list[str]


class Estimated(Fields):
    """`dollars` is null where the platform costs nothing, or what it costs is not known."""

    seconds: float | None = Field(description="Seconds.")
    memory_bytes: float | None
    dollars: float | None
    basis: str
    sentence: str
    warnings: list[str]


class TemplateNames(Fields):
    templates: list[str]


class TemplateAsked(Fields):
    """NAME, or NAME@VERSION."""

    name: Name


class TemplateOut(Fields):
    """An experiment without its dataset."""

    name: str
    experiment: dict[str, Any]
    saved_by: str


@operation(Method.POST, "/experiments/validate", Scope.READ)
def validate_experiment(context: Context, asked: Nothing, body: ExperimentBody) -> Validated:
    """Check an experiment against its data; start nothing."""
    found = given_experiment(context, body)
    warnings = [str(finding) for finding in context.runs.check(found)]
    return Validated(experiment=found, warnings=warnings)


@operation(Method.POST, "/experiments/estimate", Scope.READ)
def estimate_experiment(context: Context, asked: Nothing, body: ExperimentBody) -> Estimated:
    """Say what a run of an experiment would take; start nothing."""
    found = given_experiment(context, body)
    warnings = [str(finding) for finding in context.runs.check(found)]
    told = estimate_of(context.runs, found)
    return Estimated(
        seconds=told.seconds,
        memory_bytes=told.memory_bytes,
        dollars=told.dollars,
        basis=told.basis,
        sentence=told.sentence(),
        warnings=warnings,
    )


@operation(Method.GET, "/templates", Scope.READ)
def list_templates(context: Context, asked: Nothing) -> TemplateNames:
    """List the names of stored templates of experiments."""
    return TemplateNames(templates=context.workspace.template_names())


@operation(Method.GET, "/templates/{name}", Scope.READ)
def get_template(context: Context, asked: TemplateAsked) -> TemplateOut:
    """Give a stored template."""
    found = load_template(context.workspace, asked.name)
    return TemplateOut(name=asked.name, experiment=found.experiment, saved_by=found.saved_by)
