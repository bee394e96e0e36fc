"""Which test next, for a run: its models together, and the KPI that its data has a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.models.plans import PlanningModel
from mmm.testing.next_test import TestValue, finding, next_tests


@dataclass(frozen=True)
class NextTests:
    """All tests, the largest net value first; `unknown_value`: a unit of the KPI counts as one unit
    of money, since nobody said its worth.
    """

    tests: list[TestValue]
    finding: str
    unknown_value: bool


def tests_of(chosen: PlanningModel, precision: float) -> NextTests:
    """The worth of each test by a run's models, see `mmm.testing.next_test`."""
    fit = chosen.tables["fit"]
    first = fit["model_id"][0]
    actual = fit.filter(np.array([item == first for item in fit["model_id"]]))["actual"]
    kpi = float(np.nanmean(actual.to_numpy(zero_copy_only=False).astype(float)))
    tests = next_tests(chosen.history, chosen.planned, chosen.labels, kpi, precision=precision)
    rows = chosen.history.rows("all")
    certain = len(chosen.planned.response(rows, "follows").weights) < 2
    said = finding(tests, chosen.labels, certain=certain)
    return NextTests(tests, said, chosen.planned.known.unit_value is None)
