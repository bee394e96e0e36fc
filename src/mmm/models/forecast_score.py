"""The forecast score of a refresh: what the model before would have said of the new periods, with
the spends that were made, beside what became.
"""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pyarrow.compute as pc

from mmm.errors import NotFound, UserError
from mmm.experiments.of_run import experiment_of
from mmm.models.plan_of_record import of_record
from mmm.models.plans import PlanningModel, model_to_plan, saved_plan
from mmm.models.refresh import chain_of
from mmm.planning.baseline_ahead import REACH, baseline_ahead
from mmm.planning.history import read_history
from mmm.planning.periods import periods_of_a_year
from mmm.planning.sides import sides_of
from mmm.planning.weighted import MeanResponse, weighted_quantiles
from mmm.results import read_results
from mmm.results.forecast_score import ForecastScore
from mmm.results.store import RunResults
from mmm.results.summary import recommended
from mmm.workspace import Workspace

_ENDS = (0.1, 0.9)


def ensure_score(workspace: Workspace, run_id: str, results: RunResults) -> ForecastScore | None:
    """The score of a refresh, made now where it has not been yet; None for a run that is none, or
    that has no new period or other channels.
    """
    kept = results.forecast_score
    if kept is not None:
        return kept
    made = _scored(workspace, run_id, results)
    if made is not None:
        results.keep_forecast_score(made)
    return made


def scores_of_chain(workspace: Workspace, run_id: str) -> list[tuple[str, ForecastScore]]:
    """The scores of a run's chain of refreshes, the oldest first."""
    found = []
    for member in reversed(chain_of(workspace, run_id)):
        try:
            score = ensure_score(workspace, member, read_results(workspace, member))
        except UserError:  # a run of the chain that is gone, or whose engine plans nothing
            continue
        if score is not None:
            found.append((member, score))
    return found


def _scored(workspace: Workspace, run_id: str, results: RunResults) -> ForecastScore | None:
    experiment = experiment_of(workspace, run_id)
    before = experiment.retrains
    model = None
    if experiment.refresh is not None:
        before, model = experiment.refresh.run, experiment.refresh.model
    if before is None:
        return None
    then = model_to_plan(workspace, before, model)
    history = read_history(results)
    last = then.history.dates[then.history.window[-1]]
    rows = history.window[history.dates[history.window] > last]
    if not len(rows) or history.channels != then.history.channels:
        return None
    dates = history.dates[rows].tolist()
    told = _forecast(then, history.spend[:, rows], dates)
    if told is None:
        return None
    values, low, high = told
    kpi = _kpi(results)
    actual = np.array([kpi[day] for day in dates])
    inside = (actual >= low) & (actual <= high)
    return ForecastScore(
        run=before,
        model=then.planned.model_id or "all",
        first=dates[0],
        last=dates[-1],
        periods=len(dates),
        forecast=math.fsum(values),
        actual=math.fsum(actual),
        error=_error(values, actual),
        naive_error=_naive(results, kpi, dates),
        in_range=float(inside.mean()),
        plan_error=_of_plan(workspace, run_id, kpi, set(dates)),
    )


def _error(values: np.ndarray, actual: np.ndarray) -> float:
    """Sum of absolute errors over the sum of absolute values."""
    size = float(np.abs(actual).sum())
    return float(np.abs(values - actual).sum()) / size if size else 0.0


def _kpi(results: RunResults) -> dict[date, float]:
    """The KPI by date, of all rows of the data that the results have."""
    frame = results["frame"]
    rows = frame.filter(pc.equal(frame["kind"], "kpi")).select(["date", "value"]).to_pylist()
    found = {row["date"]: row["value"] for row in rows}
    fit = results["fit"]
    own = fit.filter(pc.equal(fit["model_id"], recommended(results)))
    return found | {
        row["date"]: row["actual"] for row in own.select(["date", "actual"]).to_pylist()
    }


def _forecast(
    then: PlanningModel, spend: np.ndarray, dates: list[date]
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """(forecast, low, high) of the KPI by period (n,) for spends (P, n), as a plan ahead tells it; None
    where the periods are not those that follow the model's window.
    """
    count = len(dates)
    model_id = then.planned.model_id or recommended(then.tables)
    base = baseline_ahead(then.tables, model_id, count, None, then.occasions(count))
    if base.dates.tolist() != dates:
        return None
    year = periods_of_a_year(then.history.dates)
    window = then.history.window
    sides = sides_of(then.planned, window[-min(year, len(window)) :], "follows")
    mean = spend.mean(axis=1)
    response = MeanResponse(sides.shown).response(mean) * count  # (P,)
    sums = spend.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, spend / np.where(sums > 0, sums, 1.0), 1.0 / count)
    media = shares.T @ response
    arms = np.zeros(2)
    if sides.measured is not None:
        drawn = sides.measured.response(mean).sum(axis=1) * count
        ends = weighted_quantiles(drawn, sides.measured.weights, _ENDS)
        arms = np.maximum(np.array([response.sum() - ends[0], ends[1] - response.sum()]), 0.0)
    part = media / media.sum() if media.sum() > 0 else np.full(count, 1.0 / count)
    own = REACH * base.deviation
    values = base.values + media
    return values, values - np.hypot(own, arms[0] * part), values + np.hypot(own, arms[1] * part)


def _naive(results: RunResults, kpi: dict[date, float], dates: list[date]) -> float | None:
    """The error of repeating the same periods of the year before; None where one is not known."""
    known = sorted(kpi)
    year = periods_of_a_year(np.array(known, "datetime64[D]"))
    places = [known.index(day) - year for day in dates]
    if min(places) < 0:
        return None
    repeated = np.array([kpi[known[place]] for place in places])
    return _error(repeated, np.array([kpi[day] for day in dates]))


def _of_plan(
    workspace: Workspace, run_id: str, kpi: dict[date, float], new: set[date]
) -> float | None:
    """The error of the plan of record's forecast over its periods that are new; None without one."""
    record = of_record(workspace, run_id)
    if record is None:
        return None
    try:
        plan = saved_plan(workspace, record.plan_id)
    except NotFound:
        return None
    if plan.forecast is None:
        return None
    rows = [row for row in plan.forecast.kpi if row["date"] in new]
    if not rows:
        return None
    told = np.array([row["kpi"] for row in rows])
    return _error(told, np.array([kpi[row["date"]] for row in rows]))
