"""Train an engine on a case of known truth and score what it says and the budget it advises."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem, ProgressListener
from mmm.engines.training import train
from mmm.planning.allocation import allocate
from mmm.planning.media import read_model
from mmm.planning.request import PlanRequest
from mmm.recovery.advice import Advice, judge
from mmm.recovery.folder import Case
from mmm.recovery.score import ChannelEstimate, ChannelTruth, score
from mmm.recovery.summary import CaseScore
from mmm.results.format import Labels
from mmm.runs.problem import build_problem

#: How far the advised budget may move each channel, as factors of its spend today.
LOW, HIGH = 0.7, 1.3


def recover(
    case: Case, progress: ProgressListener = lambda progress: None
) -> tuple[CaseScore, EngineResult, Problem]:
    """Train the case's engine on its table and score the recommended model and the budget it
    advises.
    """
    problem, _ = build_problem(case.experiment, case.table)
    engine = load_engine(case.experiment.engine)
    result = train(engine, problem, case.experiment.engine_settings(), progress)
    names = {column: name for name, column in case.columns.items()}
    recovery = score(case.truths, estimates(result, names))
    return (
        CaseScore(case.name, recovery, advice(case.truths, names, result, problem)),
        result,
        problem,
    )


def advice(
    truths: tuple[ChannelTruth, ...],
    names: Mapping[str, str],
    result: EngineResult,
    problem: Problem,
) -> Advice:
    """The worth of the plan for today's money within +-30 % of each channel. NaN for one channel:
    there is nothing to move. `names` gives the truth's name of each column.
    """
    model = read_model(result.tables, result.recommended)
    if len(model.paid) < 2:
        return Advice()
    request = PlanRequest.model_validate({"low": LOW, "high": HIGH})
    plan = allocate(model, request, Labels(problem.kpi_name, problem.kpi_kind, problem.currency))
    advised, today, bounds = {}, {}, {}
    for row in plan.channels.to_pylist():
        name, initial = names[row["channel"]], row["initial_spend"]
        advised[name], today[name] = row["spend"], initial
        bounds[name] = (LOW * initial, HIGH * initial)
    return judge(truths, today, advised, bounds)


def estimates(
    result: EngineResult, names: Mapping[str, str], model: str | None = None
) -> list[ChannelEstimate]:
    """What a model says of the paid channels, by the truth's names; the recommended model when none
    is named.
    """
    wanted = model or result.recommended
    found = []
    for row in result.tables["channels"].to_pylist():
        if row["model_id"] != wanted or row["kind"] != "paid":
            continue
        low, high, marginal = (_number(row[name]) for name in _OPTIONAL)
        found.append(
            ChannelEstimate(
                names[row["channel"]],
                _number(row["contribution"]),
                _number(row["roi"]),
                low,
                high,
                marginal,
                row["confidence"] or "",
            )
        )
    return found


_OPTIONAL = ("roi_low", "roi_high", "marginal_roi")


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
