"""Lift tests against a model: intervals, inside or not, what moved."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from mmm.engines.schemas import SCHEMAS
from mmm.format import Labels
from mmm.results.calibration import calibrated, calibration, finding, interval
from mmm.results.charts import svg
from mmm.results.stability_charts import calibration as drawn

EUR = Labels("revenue", "revenue", "EUR")


def tables(*rows: dict[str, Any]) -> dict[str, pa.Table]:
    filled = [
        {
            "model_id": "1_1",
            "start": date(2024, 1, 1),
            "end": date(2024, 1, 28),
            "scope": "total",
            "test": n,
            **row,
        }
        for n, row in enumerate(rows, start=1)
    ]
    return {"lift_tests": pa.Table.from_pylist(filled, schema=SCHEMAS["lift_tests"])}


def test_the_interval_comes_from_the_confidence() -> None:
    """At 90 % confidence the 90 % interval just reaches 0; a test without doubt has none."""
    assert interval(100.0, 0.9) == (0.0, 200.0)
    assert interval(53_100.7, 0.9)[0] == 0.0  # not what rounding leaves of it
    low, high = interval(-50.0, 0.95)
    assert (low, high) == pytest.approx(
        (-50 - 50 * 1.6448536 / 1.9599640, -50 + 50 * 1.6448536 / 1.9599640)
    )
    assert interval(100.0, 1.0) == (None, None)


def test_inside_outside_and_not_known() -> None:
    found = calibration(
        tables(
            {
                "channels": "tv",
                "lift": 100.0,
                "confidence": 0.9,
                "effect": 150.0,
                "uncalibrated": 900.0,
            },
            {
                "channels": "radio",
                "lift": 100.0,
                "confidence": 0.99,
                "effect": 10.0,
                "uncalibrated": 20.0,
            },
            {
                "channels": "tv + radio",
                "lift": 100.0,
                "confidence": 1.0,
                "effect": 100.0,
                "uncalibrated": 100.0,
            },
            {"channels": "print", "lift": 100.0, "confidence": 0.9},
        ),
        "1_1",
        EUR,
    )
    assert found["inside"].to_pylist() == ["inside", "outside", "not known", "not known"]
    text = finding(found, EUR)
    assert text.startswith(
        "The model says what was measured, within the test's interval, in 1 of 4 lift tests."
    )
    assert "2 of them give no more than an interval from 0 to twice the lift" in text
    assert "moved tv most: from EUR 900 to EUR 150, where EUR 100 (0 to 200) was measured" in text
    assert "900" in svg(drawn(found, EUR))


def test_nothing_moved_and_nothing_tested() -> None:
    same = tables(
        {"channels": "tv", "lift": 100.0, "confidence": 0.9, "effect": 90.0, "uncalibrated": 90.0}
    )
    assert finding(calibration(same, "1_1", EUR), EUR).endswith("The tests moved nothing.")
    assert calibrated(same)
    assert not calibrated(tables())
    assert finding(calibration(tables(), "1_1", EUR), EUR) == "No lift test was used."
