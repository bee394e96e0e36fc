"""Plans: the best split of a budget by a run's models, made, kept, read again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmm.models.plans import PlanningModel, ahead_fields, parse_request, save_plan, saved_plan
from mmm.planning.forecast_tables import Forecast
from mmm.planning.plan import Plan, PlanDocument
from mmm.planning.request import PlanRequest
from mmm.results.model_summary import labels_of
from mmm.results.trust import trust, warning_line
from mmm.services.context import Context
from mmm.services.operation import Fields, Method, operation
from mmm.services.pages import before, page_of
from mmm.services.results import Model
from mmm.services.runs import Name, OfRun
from mmm.workspace.names import checked_time_id
from mmm.workspace.tokens import Scope


class PlanBody(PlanRequest):
    """The question, as `mmm plan` asks it. `model`: a kept model's id, or all for all kept ones
    together; empty for the accepted one, else all. `phasing` spreads the money of a forward plan.
    """

    model: Model = ""
    phasing: Literal["as_last_year", "even"] = "as_last_year"
    name: Annotated[str, Field(max_length=200, description="A name to find it by.")] = ""


class PlanOut(Fields):
    """`warning` is the run's open red warning, empty where it has none."""

    plan: PlanDocument
    warning: str


class PlanSaved(PlanOut):
    plan_id: str


class PlansAsked(Fields):
    """`before` is a plan's id."""

    before: Name = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class PlanIds(Fields):
    """Newest first. `next` is what to ask for `before`."""

    plans: list[str]
    next: str | None


class OfPlan(Fields):
    plan_id: Name


@operation(Method.POST, "/runs/{run}/plan", Scope.READ)
def plan_budget(context: Context, asked: OfRun, body: PlanBody) -> PlanOut:
    """Split a budget over the paid channels for the largest response, or find the budget for a
    target or for the largest profit; keep nothing.
    """
    chosen = context.planning(asked.run, body.model or None, geos=body.by_geo)
    plan, ahead = _made(chosen, body)
    return PlanOut(
        plan=_document(context, chosen, plan, ahead, body), warning=_warning(context, asked.run)
    )


@operation(Method.POST, "/runs/{run}/plans", Scope.WRITE, once=True)
def store_plan(context: Context, asked: OfRun, body: PlanBody) -> PlanSaved:
    """Make a plan and keep it."""
    context.workspace.permit(context.user, "plan.save", asked.run)
    chosen = context.planning(asked.run, body.model or None, geos=body.by_geo)
    plan, ahead = _made(chosen, body)
    plan_id = save_plan(
        context.workspace, chosen.run_id, plan, context.user, name=body.name, ahead=ahead
    )
    document = _document(context, chosen, plan, ahead, body)
    return PlanSaved(plan_id=plan_id, plan=document, warning=_warning(context, asked.run))


def _made(chosen: PlanningModel, body: PlanBody) -> tuple[Plan, Forecast | None]:
    own = PlanRequest.model_fields
    fields = {name: value for name, value in body.model_dump().items() if name in own}
    if not body.ahead:
        return chosen.plan(parse_request(fields)), None
    plan = chosen.plan(parse_request(ahead_fields(chosen.history, fields)))
    return plan, chosen.forecast(plan, body.phasing)


def _document(
    context: Context, chosen: PlanningModel, plan: Plan, ahead: Forecast | None, body: PlanBody
) -> PlanDocument:
    made = plan.document(chosen.run_id, name=body.name, created_by=context.user.id)
    return made.model_copy(update={"forecast": ahead})


def _warning(context: Context, run: str) -> str:
    _, results = context.results(run)
    return warning_line(trust(results, results.summary, labels_of(results.summary)))


@operation(Method.GET, "/plans", Scope.READ)
def list_plans(context: Context, asked: PlansAsked) -> PlanIds:
    """List plans' ids, newest first."""
    page, following = page_of(before(context.workspace.plan_ids(), asked.before), asked.limit)
    return PlanIds(plans=page, next=following)


@operation(Method.GET, "/plans/{plan_id}", Scope.READ)
def get_plan(context: Context, asked: OfPlan) -> PlanDocument:
    """Give a stored plan."""
    return saved_plan(context.workspace, checked_time_id(asked.plan_id, "plan"))
