"""Train an engine on a case of known truth and score what it says and the budget it advises."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem, ProgressListener
from mmm.engines.capabilities import Responds, offered
from mmm.engines.training import train
from mmm.experiments.problem import build_problem
from mmm.format import Labels
from mmm.planning.advised import HIGH, LOW, advised_budget
from mmm.recovery.folder import Case
from mmm.recovery.summary import CaseScore
from mmm.scoring.advice import Advice, judge
from mmm.scoring.estimates import estimates
from mmm.scoring.score import ChannelTruth, score


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
    recovery = score(case.truths, estimates(result.tables, result.recommended, names))
    advised = advice(case.truths, names, result, problem)
    return CaseScore(case.name, recovery, advised), result, problem


def advice(
    truths: tuple[ChannelTruth, ...],
    names: Mapping[str, str],
    result: EngineResult,
    problem: Problem,
    asked: Mapping[str, Any] = MappingProxyType({}),
) -> Advice:
    """The worth of the plan for today's money within +-30 % of each channel; NaN where there is
    none. `names` gives the truth's name of each column, `asked` other fields of the plan's request.
    """
    labels = Labels(problem.kpi_name, problem.kpi_kind, problem.currency)
    engine = offered(load_engine(result.engine), Responds)
    advised = None if engine is None else advised_budget(engine, result.tables, labels, asked=asked)
    if advised is None:
        return Advice()
    today = {names[column]: spend for column, spend in advised.today.items()}
    spend = {names[column]: spend for column, spend in advised.spend.items()}
    bounds = {name: (LOW * now, HIGH * now) for name, now in today.items()}
    return judge(truths, today, spend, bounds)
