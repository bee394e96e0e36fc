"""The loop of tests on a case of known truth: train, choose the next test, hold it, train with its
result, and see what the advised budget has lost each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem
from mmm.engines.capabilities import Responds, asked
from mmm.experiments.config import LiftTestConfig
from mmm.format import Labels
from mmm.planning.history import History, read_history
from mmm.planning.models import confidence_words, planned_with
from mmm.planning.problem import Known
from mmm.recovery.folder import Case
from mmm.recovery.recover import recover
from mmm.recovery.summary import CaseScore
from mmm.testing.next_test import Design, TestValue, designs, next_tests

#: Noise of the tests' results: so many seeds apart from those of engines.
_STREAM = 21


@dataclass(frozen=True)
class Held:
    """A test that was chosen and held: what it is, the channel's true effect over the data, and what
    the test made of it with its standard error, in units of the KPI.
    """

    test: TestValue
    truth: float
    measured: float
    error: float


@dataclass(frozen=True)
class Step:
    """The case as it was trained with the tests so far; `held` is the newest, None at the start."""

    scored: CaseScore
    result: EngineResult
    problem: Problem
    held: Held | None = None


#: What training a case gives: its score, the result and the problem.
Trained = tuple[CaseScore, EngineResult, Problem]
#: Which of the tests that are open is held next; None: no more.
Choose = Callable[[list[TestValue], History], TestValue | None]


def by_net(tests: list[TestValue], history: History) -> TestValue | None:
    """The one that the product puts first."""
    return max(tests, key=lambda test: test.net, default=None)


def with_tests(
    case: Case,
    count: int,
    *,
    precision: float = 0.02,
    choose: Choose = by_net,
    trained: Trained | None = None,
) -> Iterator[Step]:
    """A step for the case as it is (as `trained` where that is given), then one for each of `count`
    tests, fewer where channels are.

    Each test takes a channel's spend away in a quarter of the market for four weeks; `precision` is
    its standard error as a share of the tested geos' KPI. The truth is known as totals and curves,
    not by week: the result is taken in proportion to spend as the channel's whole effect over the
    data, which is how a run takes a geo test. No channel is tested twice. UserError for an engine
    that plans are not made with.
    """
    scored, result, problem = trained or recover(case)
    yield Step(scored, result, problem)
    tested: set[str] = set()
    for _ in range(count):
        tests, history = _open_tests(result, problem, precision, tested)
        chosen = choose(tests, history)
        if chosen is None:
            return
        tested.add(chosen.channel)
        held = _held(case, chosen)
        case = _with_result(case, held, problem)
        scored, result, problem = recover(case)
        yield Step(scored, result, problem, held)


def _open_tests(
    result: EngineResult, problem: Problem, precision: float, tested: set[str]
) -> tuple[list[TestValue], History]:
    """What the tool says of tests of channels that were not tested yet."""
    engine = asked(load_engine(result.engine), Responds, "are not planned with")
    history = read_history(result.tables)
    known = Known(confidence_words(result.tables, None), problem.margin)
    planned = planned_with(engine, result.tables, history, None, known)
    labels = Labels(problem.kpi_name, problem.kpi_kind, problem.currency)
    kpi = float(np.nanmean(problem.kpi[problem.window_rows]))
    found = next_tests(
        history, planned, labels, kpi, precision=precision, offered=(_dark(problem.step_days),)
    )
    return [test for test in found if test.channel not in tested and test.moved > 0], history


def _dark(step_days: float) -> Design:
    """Of the offered designs the one whose result is of all of a channel's spend."""
    return next(design for design in designs(step_days) if design.factor == 0.0)


def _held(case: Case, test: TestValue) -> Held:
    """The truth with the test's error: both in proportion to spend for all of the data."""
    names = {column: name for name, column in case.columns.items()}
    truth = next(one for one in case.truths if one.name == names[test.channel])
    error = test.error * truth.spend / test.moved
    rng = np.random.default_rng([_STREAM, *case.name.encode(), *test.channel.encode()])
    return Held(test, truth.effect, truth.effect + error * float(rng.normal()), error)


def _with_result(case: Case, held: Held, problem: Problem) -> Case:
    """The case with the test among its experiment's."""
    first, last = (problem.dates[row].astype("datetime64[D]") for row in problem.window)
    spend = dict(zip(case.columns.values(), case.truths, strict=True))[held.test.channel].spend
    entry = LiftTestConfig(
        channels=(held.test.channel,),
        start=first.item(),
        end=(last + np.timedelta64(problem.step_days - 1, "D")).item(),
        lift=held.measured,
        spend=spend,
        standard_error=held.error,
        scope="total",
        source=f"simulated: {held.test.design.name}",
    )
    tests = (*case.experiment.lift_tests, entry)
    return replace(case, experiment=case.experiment.model_copy(update={"lift_tests": tests}))
