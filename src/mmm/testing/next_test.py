"""Which test next: for each paid channel and realistic design what a test is worth through our own
allocator, what it costs, and what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.engines.response import ResponseModel
from mmm.format import Labels, percent
from mmm.planning.history import History
from mmm.planning.problem import Known, build_market, solve_budget, space_for
from mmm.planning.request import PlanRequest
from mmm.planning.risk import Risk
from mmm.planning.sides import PlannedWith
from mmm.planning.weighted import SomeDraws
from mmm.testing.value import Measured, sample_value

#: As many draws as are looked at: the value is a mean over them, and each is planned with.
_MOST_DRAWS = 120
_YEAR_DAYS, _DESIGN_DAYS = 364, 28


@dataclass(frozen=True)
class Design:
    """How a channel is tested: its spend times `factor` in `share` of the market for `periods`."""

    name: str
    factor: float
    share: float
    periods: int


@dataclass(frozen=True)
class TestValue:
    """In money: `value` of knowing better over the year ahead, `cost` of the test (below 0 where it
    saves money), `net` of both, in which savings do not count: the plan has them without a test.
    `moved` is what the test holds back or adds. `error` is the standard error that the test would
    have, in units of the KPI, `spread` that of what it measures, as it is known today.
    """

    __test__ = False  # no test of pytest's

    channel: str
    design: Design
    value: float
    cost: float
    moved: float
    error: float
    spread: float

    @property
    def net(self) -> float:
        return self.value - max(self.cost, 0.0)

    def sentence(self, labels: Labels) -> str:
        money = labels.money
        rest = f"costs {money(self.cost)}, which leaves {money(self.net)}"
        if self.cost < 0:
            rest = f"itself saves {money(-self.cost)}, which the plan does without a test, too"
        return (
            f"{self.channel}, {self.design.name}: knowing it better is worth {money(self.value)} over "
            f"a year, the test {rest}."
        )


def designs(step_days: float) -> tuple[Design, ...]:
    """A go-dark and a heavy-up of four weeks in a quarter of the market."""
    periods = max(round(_DESIGN_DAYS / step_days), 1)
    return (
        Design("go dark in 25 % of the market for 4 weeks", 0.0, 0.25, periods),
        Design("double spend in 25 % of the market for 4 weeks", 2.0, 0.25, periods),
    )


def next_tests(
    history: History,
    planned: PlannedWith,
    labels: Labels,
    kpi: float,
    *,
    precision: float = 0.02,
    offered: tuple[Design, ...] | None = None,
) -> list[TestValue]:
    """All tests, the largest net value first. `kpi` is per period; `precision` the standard error of
    a test as a share of the tested geos' KPI in its periods. Money moves within the plan's bounds,
    today's budget stays. Revenue counts in full where no margin is known.
    """
    step = float(np.median(np.diff(history.dates).astype(int)))
    year = max(round(_YEAR_DAYS / step), 1)
    period = f"last_{year}" if year < len(history.window) else "all"
    request = PlanRequest.model_validate({"risk": Risk.EXPECTED, "hold": "none", "period": period})
    model = _thinned(planned.response(history.rows(period), request.carryover))
    problem = _Problem(history, model, request, planned.known, labels.revenue, year)
    found = []
    for place, channel in enumerate(history.channels):
        for design in offered or designs(step):
            found.append(problem.test(place, channel, design, kpi, precision))
    return sorted(found, key=lambda test: -test.net)


def finding(tests: list[TestValue], labels: Labels, *, certain: bool) -> str:
    """What to test next, in a sentence; that no test is worth it is an answer. `certain`: the run
    has no draws to be unsure by.
    """
    if certain:
        return "Nothing can be said: the run's engine gives one model without uncertainty."
    best = tests[0]
    if best.net <= 0:
        return (
            "No test is worth it: none is expected to bring more than it costs. "
            f"Nearest: {best.sentence(labels)}"
        )
    return f"Test next: {best.sentence(labels)}"


@dataclass(frozen=True)
class _Weighted:
    """Draws of a response model with other weights."""

    model: ResponseModel
    weights: np.ndarray

    @property
    def channels(self) -> tuple[str, ...]:
        return self.model.channels

    def response(self, spend: np.ndarray) -> np.ndarray:
        return self.model.response(spend)

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        return self.model.marginal(spend)


def _thinned(model: ResponseModel) -> ResponseModel:
    count = len(model.weights)
    if count <= _MOST_DRAWS:
        return model
    return SomeDraws(model, np.linspace(0, count - 1, _MOST_DRAWS).astype(int))


@dataclass(frozen=True)
class _Problem:
    """The decision that a test is to improve: the split of today's budget over a year."""

    history: History
    model: ResponseModel
    request: PlanRequest
    known: Known
    revenue: bool
    year: int

    @property
    def initial(self) -> np.ndarray:
        rows = self.history.rows(self.request.period)
        return np.asarray(self.history.spend[:, rows].mean(axis=1))

    @property
    def unit_values(self) -> np.ndarray:
        found = self.request.values(self.known.unit_value, self.history.channels)
        return np.ones(len(self.history.channels)) if found is None else np.array(found)

    def decide(self, weights: np.ndarray) -> np.ndarray:
        """The best split of today's budget for these weights of the draws."""
        model = _Weighted(self.model, weights)
        market = build_market(self.history, model, self.request, self.known, revenue=self.revenue)
        spend, _ = solve_budget(
            market, space_for(market, self.request, self.year), self.request, self.year
        )
        return spend

    def worth(self, spend: np.ndarray) -> np.ndarray:
        """What a split brings in a year in each draw (K,), in money."""
        return np.asarray(self.model.response(spend) @ self.unit_values * self.year)

    def test(
        self, place: int, channel: str, design: Design, kpi: float, precision: float
    ) -> TestValue:
        spend, size = self.initial, design.share * design.periods
        other = spend.copy()
        other[place] *= design.factor
        effect = (self.model.response(other) - self.model.response(spend))[:, place] * size
        measured, weights = Measured(effect, precision * kpi * size), self.model.weights
        middle = float(weights @ effect)
        spread = float(np.sqrt(weights @ (effect - middle) ** 2))
        lost = -middle * float(self.unit_values[place])
        moved = float(other[place] - spend[place]) * size
        value = sample_value(measured, weights, self.decide, self.worth)
        return TestValue(channel, design, value, lost + moved, abs(moved), measured.error, spread)


def shown(tests: list[TestValue], labels: Labels) -> list[tuple[str, ...]]:
    """A row a test: channel, design, value, cost, net, how sure one is before and after."""
    rows = []
    for test in tests:
        left = test.error**2 / (test.error**2 + test.spread**2)
        money = (labels.money(value) for value in (test.value, test.cost, test.net))
        rows.append((test.channel, test.design.name, *money, percent(float(np.sqrt(left)))))
    return rows


HEADINGS = ("CHANNEL", "TEST", "VALUE", "COST", "NET", "SPREAD LEFT")
