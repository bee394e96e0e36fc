"""Plans with a run's models: made, saved, read again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.access import User
from mmm.certificate.certificate import certificate_of
from mmm.engines import load_engine
from mmm.engines.capabilities import Responds, asked
from mmm.errors import UserError
from mmm.experiments.config import Experiment, parse_experiment, parsed
from mmm.format import Labels, percent
from mmm.models.occasions import occasions_of
from mmm.models.refresh import in_use
from mmm.planning.allocation import allocate
from mmm.planning.by_geo import by_geo
from mmm.planning.forecast import Phasing, forecast
from mmm.planning.forecast_tables import Forecast
from mmm.planning.frontier import FACTORS, frontier
from mmm.planning.geo_names import geo_groups
from mmm.planning.history import History, Tables, read_history
from mmm.planning.holidays_ahead import Occasions
from mmm.planning.models import confidence_words, planned_with
from mmm.planning.periods import dates_ahead
from mmm.planning.plan import Plan, PlanDocument
from mmm.planning.problem import Known
from mmm.planning.request import PlanRequest
from mmm.planning.sides import PlannedWith
from mmm.planning.summary import plan_curves
from mmm.results.certified import error_said
from mmm.results.model_summary import labels_of
from mmm.results.store import RunResults, read_results
from mmm.results.summary import recommended
from mmm.workspace import Workspace
from mmm.workspace.stored import model_of

#: How far ahead a forward plan looks where nothing else is asked, and what its "today" is.
AHEAD_DAYS, TODAY_DAYS = 91, 364
#: How many answers a model keeps for the next time it is asked.
_KEPT_ANSWERS = 60
#: In the place of a model's id: all kept models together.
ALL_KEPT = "all"


def parse_request(fields: dict[str, Any], *, where: str = "the plan") -> PlanRequest:
    """A request from plain values; InvalidInput with one finding per wrong field."""
    return parsed(PlanRequest, fields, where)


@dataclass(frozen=True)
class PlanningModel:
    """What plans are made with: a run's history, its model or all its kept models, and what its
    numbers are called.

    Reading it takes longer than planning with it: keep it while a user tries bounds.
    """

    run_id: str
    history: History
    planned: PlannedWith
    labels: Labels
    tables: Tables
    experiment: Experiment
    by_geo: bool = False
    made: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, what: str, request: PlanRequest, make: Callable[[], Any]) -> Any:
        """What `make` makes of a request under the name `what`, kept: a page asks for the same again
        at every click.
        """
        key = (what, request.model_dump_json())
        if key not in self.made:
            if len(self.made) >= _KEPT_ANSWERS:
                self.made.pop(next(iter(self.made)), None)
            self.made[key] = make()
        return self.made[key]

    def forecast(
        self,
        plan: Plan,
        phasing: Phasing = "as_last_year",
        known: Mapping[str, Sequence[float]] | None = None,
        shares: np.ndarray | None = None,
    ) -> Forecast:
        """The plan over the periods after the data, see `mmm.planning.forecast`."""
        model_id = plan.model_id or recommended(self.tables)
        occasions = self.occasions(plan.totals.periods)
        return forecast(
            self.history, self.tables, model_id, plan, phasing, known, shares, occasions
        )

    def occasions(self, periods: int) -> Occasions:
        """The days of the run's holidays in its data and so many periods ahead. None where one of its
        countries is no longer known.
        """
        dates = self.history.dates
        last = dates_ahead(dates, periods + 1)[-1].item()
        try:
            return occasions_of(self.experiment, dates[0].item(), last)
        except UserError:
            return {}

    def frontier(self, request: PlanRequest, factors: Sequence[float] = FACTORS) -> pa.Table:
        """The best plan at each total budget, see `mmm.planning.frontier`."""

        def make() -> pa.Table:
            return frontier(self.history, self.planned, request, self.labels, factors)

        return self.once(f"frontier {tuple(factors)}", request, make)

    def plan(self, request: PlanRequest) -> Plan:
        """Answer a request. UserError for what cannot be met, with the nearest that can."""

        request = request.model_copy(update={"by_geo": self.by_geo})

        def make() -> Plan:
            return allocate(self.history, self.planned, request, self.labels)

        answered: Plan = self.once("plan", request, make)
        return answered

    def curves(self, plan: Plan) -> pa.Table:
        """The steady curves around one of its plans, see `mmm.planning.summary.plan_curves`."""

        def make() -> pa.Table:
            return plan_curves(plan, self.history, self.planned)

        return self.once("curves", plan.request, make)


def model_to_plan(
    workspace: Workspace, run_id: str, model: str | None = None, *, geos: bool = False
) -> PlanningModel:
    """A run's models to plan with: the named one, or all kept ones together, each with its weight
    (`ALL_KEPT`); None: the accepted one, else all. With `geos` every medium in every geo is a
    channel of its own (`mmm.planning.by_geo`).
    """
    results = read_results(workspace, run_id)
    accepted = None if model else in_use(workspace, run_id)
    if accepted is not None and accepted.run_id == run_id:
        model = accepted.model_id
    if model == ALL_KEPT:
        model = None
    if model is not None:
        results.require_kept(model)
    name = results.summary["engine"]["name"]
    responds = asked(load_engine(name), Responds, "are not planned with")
    tables: Tables = by_geo(results) if geos else results
    history = read_history(tables)
    experiment = parse_experiment(workspace.job_config(run_id), where="job_config.json")
    known = Known(
        confidence_words(tables, model) if geos else certified_words(results, model),
        _unit_value(experiment),
        cited(results, model),
        _of_channels(certified_stretch(results, model), history.channels),
    )
    planned = planned_with(responds, tables, history, model, known)
    labels = labels_of(results.summary)
    return PlanningModel(run_id, history, planned, labels, tables, experiment, geos)


def _of_channels(stretch: Mapping[str, float], channels: Sequence[str]) -> dict[str, float]:
    """The factors of the channels; a medium's is that of all its geos."""
    found = dict(stretch)
    groups = geo_groups(channels)
    for name, factor in stretch.items():
        found |= dict.fromkeys(groups.get(name, ()), factor)
    return found


def certified_words(results: RunResults, model: str | None) -> dict[str, str]:
    """Each paid channel's word of confidence: that of the run's certificate where it has one for
    the model (None: the recommended one).
    """
    words = confidence_words(results, model)
    certificate = certificate_of(results)
    if certificate is None or certificate.model_id != (model or recommended(results)):
        return words
    for item in certificate.channels:
        if item.channel in words and item.confidence:
            words[item.channel] = item.confidence
    return words


def certified_stretch(results: RunResults, model: str | None) -> dict[str, float]:
    """By channel the factor that the run's certificate widens intervals of the model by (None: the
    recommended one); none without a certificate.
    """
    found = certificate_of(results)
    if found is None or found.model_id != (model or recommended(results)):
        return {}
    return {item.channel: item.stretch for item in found.channels}


def cited(results: RunResults, model: str | None) -> str:
    """What the run's certificate says of advice with the model (None: the recommended one)."""
    found = certificate_of(results)
    if found is None or found.model_id != (model or recommended(results)):
        return (
            "This model is not certified: how far its advice can be trusted on data like these is "
            "not known."
        )
    total = found.total
    text = error_said(found)
    if total.uplift_share is None or total.harmful is None:
        return f"{text}."
    return (
        f"{text}; advice within 30 % of today's spend brings {percent(total.uplift_share)} of what "
        f"the best would, and is more than 1 % worse than today in {percent(total.harmful)} of them."
    )


def _unit_value(experiment: Experiment) -> float | None:
    """Profit that one unit of the KPI brings by the run's experiment: its margin, times the value of
    a conversion where the KPI is one. None where that is not said.
    """
    value = experiment.value_per_conversion
    if experiment.mapping.kpi_kind == "revenue":
        return experiment.margin
    if value is None or experiment.margin is None:
        return value
    return value * experiment.margin


def ahead_fields(history: History, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a forward plan: the next 13 weeks, today being the last 52, or all of a shorter
    window, where `fields` do not say otherwise.
    """
    step = int(np.median(np.diff(history.dates).astype(int)))
    found = dict(fields) | {"ahead": True}
    if not found.get("periods"):
        found["periods"] = max(round(AHEAD_DAYS / step), 1)
    year = round(TODAY_DAYS / step)
    if found.get("period", "all") == "all" and year < len(history.window):
        found["period"] = f"last_{year}"
    return found


def plan_run(
    workspace: Workspace, run_id: str, request: PlanRequest, model: str | None = None
) -> Plan:
    """Answer a request with one of a run's models."""
    return model_to_plan(workspace, run_id, model, geos=request.by_geo).plan(request)


def save_plan(
    workspace: Workspace,
    run_id: str,
    plan: Plan,
    by: User,
    *,
    name: str = "",
    ahead: Forecast | None = None,
) -> str:
    """Store a plan, with its forecast where there is one; return its id."""
    workspace.permit(by, "plan.save", run_id)
    document = plan.document(run_id, name=name, created_by=by.id)
    plan_id = workspace.save_plan(document.model_copy(update={"forecast": ahead}))
    workspace.append_audit(by, "plan.save", plan_id, run=run_id, model=plan.model_id)
    return plan_id


def saved_plan(workspace: Workspace, plan_id: str) -> PlanDocument:
    """A stored plan."""
    return model_of(PlanDocument, workspace.plan(plan_id), f"plan {plan_id}")
