"""The charts of tests: valid, and of the numbers that they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mmm.format import Labels
from mmm.results.charts import svg
from mmm.testing import charts
from mmm.testing.analysis import Analysis, analyse
from mmm.testing.next_test import Design, TestValue
from mmm.testing.panel import GeoTest

LABELS = Labels(kpi_name="revenue", kpi_kind="revenue", currency="EUR", step_days=7)
DARK = Design("go dark", 0.0, 0.25, 4)


def analysed() -> tuple[str, Analysis]:
    """8 geos, 30 days before and 6 of a test: its first day and what it found."""
    rng = np.random.default_rng(1)
    shared = 1.0 + np.cumsum(rng.normal(0.0, 0.02, 36))
    kpi = 100.0 * (shared[:, None] + rng.normal(0.0, 0.02, (36, 8)))
    marked = np.arange(8) < 2
    kpi[30:, marked] *= 1.2
    dates = np.datetime64("2026-01-01") + np.arange(36)
    names = tuple(f"geo {number}" for number in range(8))
    test = GeoTest(names, dates, kpi, marked, np.zeros(8, dtype=bool), 30, 35)
    return str(test.dates[test.first]), analyse(test)


def values(spec: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for rows in spec["datasets"].values():
        found += rows
    return found


@pytest.fixture(scope="module")
def drawn() -> dict[str, Any]:
    first, found = analysed()
    tests = [
        TestValue("tv", DARK, value=100.0, cost=40.0, moved=50.0, error=1.0, spread=2.0),
        TestValue("radio", DARK, value=0.0, cost=-20.0, moved=50.0, error=1.0, spread=0.1),
    ]
    return {
        "counterfactual": charts.counterfactual(found, first),
        "placebo": charts.placebo(found),
        "power": charts.power([(0.0, 0.1), (0.05, 0.8), (0.1, 1.0)], 0.8),
        "value_cost": charts.value_cost(tests, LABELS),
    }


def test_every_chart_is_valid_and_can_be_drawn(drawn: dict[str, Any]) -> None:
    for chart in drawn.values():
        assert values(chart.to_dict())
        assert svg(chart).startswith("<svg")


def test_the_charts_have_the_numbers_of_what_they_draw(drawn: dict[str, Any]) -> None:
    _, found = analysed()
    rows = values(drawn["placebo"].to_dict())
    assert [row["effect"] for row in rows] == [*found.placebo.effects, found.relative]
    series = [row for row in values(drawn["counterfactual"].to_dict()) if "kpi" in row]
    observed = [row["kpi"] for row in series if row["series"] == charts.OBSERVED]
    assert observed == found.observed.tolist()
    dots = [row for row in values(drawn["value_cost"].to_dict()) if "channel" in row]
    assert [(row["cost"], row["value"]) for row in dots] == [(40.0, 100.0), (-20.0, 0.0)]
