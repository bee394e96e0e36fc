"""The plan that was committed to, and what became of it once new periods are modelled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mmm.access import User
from mmm.errors import UserError
from mmm.format import Labels
from mmm.models.actuals import Actuals, read_actuals
from mmm.models.plans import ALL_KEPT, PlanningModel, model_to_plan, saved_plan
from mmm.models.refresh import chain_of
from mmm.planning.forecast_tables import Forecast
from mmm.planning.plan import PlanDocument
from mmm.planning.sides import sides_of
from mmm.planning.variance import Variance, variance
from mmm.planning.weighted import MeanResponse
from mmm.results.plan_charts import ACTUAL_KPI, PLANNED_KPI
from mmm.results.summary import recommended
from mmm.workspace import Workspace
from mmm.workspace.models import PlanOfRecord
from mmm.workspace.names import utc_now


@dataclass(frozen=True)
class PlanVariance:
    """What became of a plan over `periods` of its own that a run's window holds."""

    plan_id: str
    first: date
    last: date
    periods: int
    planned_periods: int
    labels: Labels
    found: Variance

    def findings(self) -> list[str]:
        """The difference in parts, the sum first."""
        found, labels = self.found, self.labels
        gap = found.actual - found.planned
        begin = (
            f"From {self.first} to {self.last} ({self.periods} of {self.planned_periods} planned "
            f"periods) the {labels.kpi_name} was {labels.effect(found.actual)}, "
            f"{_signed(gap, labels)} against the plan's {labels.effect(found.planned)}."
        )
        if not found.modelled:
            return [
                begin,
                f"Of that {_signed(found.by_spend, labels)} is for other spend than planned and "
                f"{_signed(found.by_baseline, labels)} for response and all else, which a model that "
                "is brought up to date with these periods tells apart.",
            ]
        return [
            begin,
            f"Of that {_signed(found.by_spend, labels)} is for other spend than planned, "
            f"{_signed(found.by_response, labels)} for what today's model says otherwise of that spend, "
            f"and {_signed(found.by_baseline, labels)} for all else.",
        ]


def steps_of(found: Variance) -> pa.Table:
    """The way from the planned to the actual KPI as rows of a waterfall: step, effect, start, end."""
    parts = [("Other spend than planned", found.by_spend)]
    if found.modelled:
        parts += [("Other response", found.by_response), ("All else", found.by_baseline)]
    else:
        parts.append(("Response and all else", found.by_baseline))
    rows = [{"step": PLANNED_KPI, "effect": found.planned, "start": 0.0, "end": found.planned}]
    level = found.planned
    for name, effect in parts:
        rows.append({"step": name, "effect": effect, "start": level, "end": level + effect})
        level += effect
    rows.append({"step": ACTUAL_KPI, "effect": found.actual, "start": 0.0, "end": found.actual})
    return pa.Table.from_pylist(rows)


def _signed(value: float, labels: Labels) -> str:
    return f"{'+' if value >= 0 else '-'}{labels.effect(abs(value))}"


def commit(workspace: Workspace, plan_id: str, by: User) -> PlanOfRecord:
    """Make a stored plan the one of record of its run's chain of refreshes. UserError for a plan
    that is not of the periods ahead.
    """
    plan = saved_plan(workspace, plan_id)
    workspace.permit(by, "plan.commit", plan_id)
    _forecast_of(plan, plan_id)
    record = PlanOfRecord(plan_id=plan_id, at=utc_now(), actor=by.id)
    workspace.commit_plan(chain_of(workspace, plan.run_id)[-1], record)
    workspace.append_audit(by, "plan.commit", plan_id, run=plan.run_id)
    return record


def of_record(workspace: Workspace, run_id: str) -> PlanOfRecord | None:
    """The plan of record of a run's chain; None while none was committed to."""
    records = workspace.plans_of_record(chain_of(workspace, run_id)[-1])
    return records[-1] if records else None


def require_record(workspace: Workspace, run_id: str) -> PlanOfRecord:
    """The plan of record of a run's chain; UserError while none was committed to."""
    record = of_record(workspace, run_id)
    if record is None:
        raise UserError(
            "no plan of record was committed to.",
            where="plan",
            fix="Name a plan, or commit one.",
        )
    return record


def variance_to_plan(
    workspace: Workspace, run_id: str, plan_id: str | None = None, model: str | None = None
) -> PlanVariance:
    """What a run with newer periods says of a plan (None: the one of record). UserError where there
    is no plan, or none of its periods is in the run's window.
    """
    if plan_id is None:
        plan_id = require_record(workspace, run_id).plan_id
    plan = saved_plan(workspace, plan_id)
    ahead = _forecast_of(plan, plan_id)
    then = _model_of(workspace, plan)
    now = model_to_plan(workspace, run_id, model, geos=plan.request.by_geo)
    days = [row["date"] for row in ahead.kpi]
    rows = _rows_of(now, days)
    if not len(rows):
        raise UserError(
            f"none of the plan's periods ({days[0]} to {days[-1]}) is in the window of run {run_id}.",
            where="plan",
            fix="Refresh the model with the new periods first.",
        )
    if then.history.channels != now.history.channels:
        raise UserError("the run has other paid channels than the plan.", where="plan")
    after = _response(now, rows, plan.request.carryover)
    return _compared(plan_id, plan, ahead, then, _modelled(now, rows), after)


def variance_of_actuals(workspace: Workspace, plan_id: str, actuals: Actuals) -> PlanVariance:
    """What actual spends and KPI say of a plan before any model knows them; see `read_actuals`."""
    plan = saved_plan(workspace, plan_id)
    then = _model_of(workspace, plan)
    return _compared(plan_id, plan, _forecast_of(plan, plan_id), then, actuals, None)


def actuals_for(
    workspace: Workspace, plan_id: str, table: pa.Table, where: str = "actuals"
) -> Actuals:
    """What a table says of a plan's periods, see `mmm.models.actuals`."""
    plan = saved_plan(workspace, plan_id)
    then = _model_of(workspace, plan)
    days = [row["date"] for row in _forecast_of(plan, plan_id).kpi]
    names = (then.labels.kpi_name, then.experiment.mapping.kpi)
    return read_actuals(table, days, then.history.channels, names, where)


def _model_of(workspace: Workspace, plan: PlanDocument) -> PlanningModel:
    """What a stored plan was made with."""
    model = plan.model_id or ALL_KEPT
    return model_to_plan(workspace, plan.run_id, model, geos=plan.request.by_geo)


def _modelled(model: PlanningModel, rows: np.ndarray) -> Actuals:
    """What a run's data hold of its rows."""
    dates = model.history.dates[rows].tolist()
    return Actuals(tuple(dates), model.history.spend[:, rows], _actual(model, dates))


def _compared(
    plan_id: str,
    plan: PlanDocument,
    ahead: Forecast,
    then: PlanningModel,
    actuals: Actuals,
    after: MeanResponse | None,
) -> PlanVariance:
    """The plan's periods that there are actuals of, `after` the response that today's model has."""
    dates, count = actuals.dates, len(actuals.dates)
    channels = then.history.channels
    money, said = dict.fromkeys(channels, 0.0), dict.fromkeys(channels, 0.0)
    for row in ahead.flighting:
        if row["date"] in dates:
            money[row["channel"]] += row["spend"]
            said[row["channel"]] += row["response"]
    planned = np.array(list(money.values())) / count
    delivered = actuals.spend.mean(axis=1)
    before = _response(then, then.history.rows(plan.request.period), plan.request.carryover)
    expected = math.fsum(row["kpi"] for row in ahead.kpi if row["date"] in dates)
    responses = np.array(list(said.values()))
    found = variance(
        channels, planned, delivered, before, after, count, (expected, actuals.kpi), responses
    )
    return PlanVariance(plan_id, dates[0], dates[-1], count, len(ahead.kpi), then.labels, found)


def _response(model: PlanningModel, rows: np.ndarray, carryover: str) -> MeanResponse:
    """The response that a plan's numbers are of."""
    return MeanResponse(sides_of(model.planned, rows, carryover).shown)


def _rows_of(model: PlanningModel, days: list[date]) -> np.ndarray:
    """Rows of the model's window that begin on one of the days."""
    window = model.history.window
    return np.asarray(window[np.isin(model.history.dates[window], np.array(days, "datetime64[D]"))])


def _actual(model: PlanningModel, dates: list[date]) -> float:
    """The KPI of the dates as it was."""
    fit = model.tables["fit"]
    own = fit.filter(pc.equal(fit["model_id"], recommended(model.tables)))
    found = {row["date"]: row["actual"] for row in own.select(["date", "actual"]).to_pylist()}
    return math.fsum(found[day] for day in dates)


def _forecast_of(plan: PlanDocument, plan_id: str) -> Forecast:
    if plan.forecast is None:
        raise UserError(
            f"plan {plan_id} is not one of the periods ahead.",
            where="plan",
            fix="Make it with --ahead.",
        )
    return plan.forecast
