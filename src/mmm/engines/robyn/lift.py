"""Robyn's own comparison of the kept models with the lift tests, as the engine-neutral table.

Robyn: lift_calibration. It says per model and test what happened over the test's days, of a test's
scope (`decompAbsScaled`), and nothing of what a model without the tests would say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from mmm.engines.base import LiftTest, Problem
from mmm.engines.schemas import columns_of, table

#: By (model, Robyn's name of the channels, first and last day): (lift, effect) of each test of that.
_Compared = Mapping[tuple[str, str, date, date], Sequence[tuple[float, float]]]


def lift_tests_table(problem: Problem, told: pa.Table, models: Sequence[str]) -> pa.Table:
    """Kept models x the tests that Robyn compared. `told` is Robyn's resultCalibration."""
    compared = _by_test(told)
    rows = []
    for model in models:
        for number, test in enumerate(problem.lift_tests, start=1):
            own = compared.get((model, _channels(problem, test), test.start, test.end), ())
            if not own:
                continue
            # R writes 15 digits: of two tests of the same days the one with the nearest lift.
            _, effect = min(own, key=lambda pair: abs(pair[0] - test.lift))
            rows.append(_row(model, number, test, effect))
    names = list(_row("", 0, LiftTest((), date.min, date.min, 1.0, 0.0), 0.0))
    return table("lift_tests", columns_of(rows, names))


def _by_test(told: pa.Table) -> _Compared:
    found: dict[tuple[str, str, date, date], list[tuple[float, float]]] = {}
    for row in told.to_pylist():
        key = (row["solID"], row["rn"], _day(row["liftStart"]), _day(row["liftEnd"]))
        effect = row["decompAbsScaled"]
        known = np.nan if effect is None else float(effect)
        found.setdefault(key, []).append((float(row["liftAbs"]), known))
    return found


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    return date.fromisoformat(str(value))


def _channels(problem: Problem, test: LiftTest) -> str:
    """What Robyn calls the test's channels: their modelled columns, joined."""
    selected = {medium.name: medium.selected for medium in problem.paid}
    return "+".join(selected.get(name, name) for name in test.channels)


def _row(model: str, number: int, test: LiftTest, effect: float) -> dict[str, Any]:
    return {
        "model_id": model,
        "test": number,
        "channels": " + ".join(test.channels),
        "start": test.start,
        "end": test.end,
        "scope": test.scope,
        "test_spend": test.spend,
        "confidence": test.confidence,
        "standard_error": test.error,
        "lift": test.lift,
        "effect": effect,
        "uncalibrated": np.nan,
    }
