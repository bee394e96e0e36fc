"""Plans with a run's models: made, saved, read again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmm.access import User
from mmm.planning.allocation import Plan, PlanDocument, allocate
from mmm.planning.media import MediaModel, read_model, read_models
from mmm.planning.request import PlanRequest
from mmm.planning.steady import AtRest, at_rest
from mmm.results import read_results
from mmm.results.format import Labels
from mmm.results.model_summary import labels_of
from mmm.runs.config import parsed
from mmm.runs.refresh import in_use
from mmm.workspace import Workspace


def parse_request(fields: dict[str, Any], *, where: str = "the plan") -> PlanRequest:
    """A request from plain values; InvalidInput with one finding per wrong field."""
    return parsed(PlanRequest, fields, where)


@dataclass(frozen=True)
class PlanningModel:
    """What plans are made with: a run's model, its kept models for the band, and what its numbers
    are called.

    Reading it takes longer than planning with it: keep it while a user tries bounds.
    """

    run_id: str
    model: MediaModel
    kept: AtRest
    labels: Labels

    def plan(self, request: PlanRequest) -> Plan:
        """Answer a request. UserError for what cannot be met, with the nearest that can."""
        return allocate(self.model, request, self.labels, self.kept)


def model_to_plan(workspace: Workspace, run_id: str, model: str | None = None) -> PlanningModel:
    """A run's model to plan with: the named one, or the accepted, or the recommended."""
    results = read_results(workspace, run_id)
    accepted = None if model else in_use(workspace, run_id)
    if accepted is not None and accepted.run_id == run_id:
        model = accepted.model_id
    models = {found.model_id: found for found in read_models(results)}
    chosen = model or results.summary["model"]["id"]
    found = models.get(chosen) or read_model(results, chosen)
    return PlanningModel(run_id, found, at_rest(list(models.values())), labels_of(results.summary))


def plan_run(
    workspace: Workspace, run_id: str, request: PlanRequest, model: str | None = None
) -> Plan:
    """Answer a request with one of a run's models."""
    return model_to_plan(workspace, run_id, model).plan(request)


def save_plan(workspace: Workspace, run_id: str, plan: Plan, by: User, *, name: str = "") -> str:
    """Store a plan; return its id."""
    workspace.permit(by, "plan.save", run_id)
    plan_id = workspace.save_plan(plan.document(run_id, name=name, created_by=by.id))
    workspace.append_audit(by, "plan.save", plan_id, run=run_id, model=plan.model_id)
    return plan_id


def saved_plan(workspace: Workspace, plan_id: str) -> PlanDocument:
    """A stored plan."""
    return PlanDocument.model_validate_json(workspace.plan(plan_id))
