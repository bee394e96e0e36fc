"""The worth of a test: against brute force on a small problem, and what must hold of any."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mmm.format import Labels
from mmm.planning.history import History
from mmm.planning.problem import Known
from mmm.planning.sides import PlannedWith
from mmm.testing.next_test import Design, finding, next_tests, shown
from mmm.testing.value import Measured, posterior, sample_value


@dataclass(frozen=True)
class Roots:
    """Draws of two channels whose response is a coefficient times the root of the spend."""

    betas: np.ndarray
    channels: tuple[str, ...] = ("tv", "radio")

    @property
    def weights(self) -> np.ndarray:
        return np.full(len(self.betas), 1.0 / len(self.betas))

    def response(self, spend: np.ndarray) -> np.ndarray:
        spend = np.asarray(spend, float)
        betas = self.betas if spend.ndim == 1 else self.betas[:, None, :]
        return np.asarray(betas * np.sqrt(spend))

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        spend = np.asarray(spend, float)
        betas = self.betas if spend.ndim == 1 else self.betas[:, None, :]
        return np.asarray(betas * 0.5 / np.sqrt(np.maximum(spend, 1e-9)))


def model(spread: float = 12.0, draws: int = 100) -> Roots:
    rng = np.random.default_rng(7)
    tv = np.abs(rng.normal(40.0, spread, draws))
    return Roots(np.column_stack([tv, np.full(draws, 40.0)]))


def best_split(betas: np.ndarray, budget: float = 200.0) -> np.ndarray:
    """In closed form: spend is as the coefficients squared."""
    squares = betas**2
    return np.asarray(budget * squares / squares.sum())


def test_the_value_is_that_of_brute_force() -> None:
    drawn = model()
    measured = Measured(drawn.betas[:, 0], error=6.0)

    def decide(weights: np.ndarray) -> np.ndarray:
        return best_split(weights @ drawn.betas)

    def worth(spend: np.ndarray) -> np.ndarray:
        return np.asarray(drawn.response(spend).sum(axis=1))

    found = sample_value(measured, drawn.weights, decide, worth, results=64)
    rng = np.random.default_rng(3)
    splits = np.column_stack([grid := np.linspace(0.0, 200.0, 401), 200.0 - grid])
    all_worth = drawn.response(splits).sum(axis=2)  # (K, splits)
    today = int((drawn.weights @ all_worth).argmax())
    gains = []
    for truth in rng.choice(measured.truth, 20_000):
        after = posterior(measured, drawn.weights, truth + rng.normal(0.0, 6.0))
        expected = after @ all_worth
        gains.append(expected.max() - expected[today])
    error = float(np.std(gains) / np.sqrt(len(gains)))
    assert found == pytest.approx(float(np.mean(gains)), abs=4 * error + 0.03 * np.mean(gains))


def test_a_sharper_test_is_worth_more_and_perfect_knowledge_is_the_limit() -> None:
    drawn = model()

    def decide(weights: np.ndarray) -> np.ndarray:
        return best_split(weights @ drawn.betas)

    def worth(spend: np.ndarray) -> np.ndarray:
        return np.asarray(drawn.response(spend).sum(axis=1))

    found = [
        sample_value(Measured(drawn.betas[:, 0], error), drawn.weights, decide, worth, 400)
        for error in (100.0, 12.0, 3.0, 0.1)
    ]
    assert found == sorted(found)
    today = worth(decide(drawn.weights))
    perfect = [worth(best_split(beta))[k] - today[k] for k, beta in enumerate(drawn.betas)]
    assert found[-1] == pytest.approx(np.mean(perfect), rel=0.1)


def planned(spread: float, unit_value: float) -> PlannedWith:
    drawn = model(spread, draws=40)
    known = Known({"tv": "low", "radio": "high"}, unit_value)
    return PlannedWith("posterior", lambda rows, carryover: drawn, known=known)


HISTORY = History(
    np.datetime64("2025-01-06") + 7 * np.arange(60),
    np.arange(60),
    ("tv", "radio"),
    np.full((2, 60), 100.0),
)
LABELS = Labels(kpi_name="revenue", kpi_kind="revenue", currency="EUR", step_days=7)
DARK = (Design("go dark", 0.0, 0.25, 4),)


def test_the_uncertain_channel_is_tested_next() -> None:
    tests = next_tests(HISTORY, planned(16.0, 1.0), LABELS, 2000.0, precision=0.005, offered=DARK)
    best = max(tests, key=lambda test: test.value)
    assert best.channel == "tv"
    radio = next(test for test in tests if test.channel == "radio")
    assert radio.value == 0.0, "it is known already"
    # Without radio in a quarter of the market for four weeks: 40 x 10 a week are lost, 100 saved.
    assert radio.cost == pytest.approx(400.0 - 100.0)
    assert len(shown(tests, LABELS)) == 2


def test_no_test_is_worth_it_where_all_is_known() -> None:
    tests = next_tests(HISTORY, planned(0.01, 1.0), LABELS, 2000.0, offered=DARK)
    assert tests[0].value == pytest.approx(0.0, abs=1e-3)
    assert finding(tests, LABELS, certain=False).startswith("No test is worth it")
