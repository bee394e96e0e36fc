"""Lift tests against a model: what the tests moved, and whether the model now says what was
measured.

"From" is the effect in the model that the same run - data, seed, settings - would have recommended
without any lift test, "to" that of the model shown. A test's interval holds 90 %. Results of
earlier versions have no standard error, only a confidence: a test that shows its lift to differ
from 0 at confidence c has the standard error |lift| / z((1 + c) / 2).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import pyarrow as pa

from mmm.format import Labels, percent
from mmm.results.summary import Tables, of_model

LEVEL = 0.9
INSIDE, OUTSIDE, UNTOLD = "inside", "outside", "not known"

_f8, _i4, _s, _d = pa.float64(), pa.int32(), pa.string(), pa.date32()
_SCHEMA = pa.schema(
    [
        ("test", _i4), ("channels", _s), ("test_start", _d), ("test_end", _d), ("scope", _s), ("lift", _f8),
        ("lift_low", _f8), ("lift_high", _f8), ("uncalibrated", _f8), ("calibrated", _f8), ("inside", _s),
    ]
)  # fmt: skip


def interval(
    lift: float, confidence: float, standard_error: float | None = None
) -> tuple[float | None, float | None]:
    """The test's interval; (None, None) for a test without any doubt, which gives no width to
    measure by.
    """
    normal = NormalDist()
    if standard_error is None:
        if not 0 < confidence < 1:
            return None, None
        standard_error = abs(lift) / normal.inv_cdf((1 + confidence) / 2)
    half = standard_error * normal.inv_cdf((1 + LEVEL) / 2)
    return lift - half, lift + half


def calibration(tables: Tables, model_id: str, labels: Labels) -> pa.Table:
    """One row per lift test: measured lift with interval, the effect without and with the tests,
    inside or not.
    """
    rows = []
    for row in of_model(tables["lift_tests"], model_id).sort_by("test").to_pylist():
        low, high = interval(row["lift"], row["confidence"], row.get("standard_error"))
        rows.append(
            {
                **row,
                "test_start": row["start"],
                "test_end": row["end"],
                "lift_low": low,
                "lift_high": high,
                "calibrated": row["effect"],
                "inside": _place(low, row["effect"], high),
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _place(low: float | None, effect: float | None, high: float | None) -> str:
    """Whether a test's interval holds the effect, as a word."""
    if low is None or high is None or effect is None:
        return UNTOLD
    return INSIDE if low <= effect <= high else OUTSIDE


def _says_little(row: dict[str, Any]) -> bool:
    """Whether the interval reaches from 0 to twice the lift, as a confidence of 90 % alone gives."""
    low, high = row["lift_low"], row["lift_high"]
    if low is None or high is None or not row["lift"]:
        return False
    return bool((high - low) / 2 >= abs(row["lift"]) * (1 - 1e-9))


def calibrated(tables: Tables) -> bool:
    """Whether the run had lift tests."""
    return bool(tables["lift_tests"].num_rows)


def finding(numbers: pa.Table, labels: Labels) -> str:
    """How many tests the model agrees with, and what moved most."""
    rows: list[dict[str, Any]] = numbers.to_pylist()
    if not rows:
        return "No lift test was used."
    within = sum(row["inside"] == INSIDE for row in rows)
    text = f"The model says what was measured, within the test's interval, in {within} of {len(rows)} lift tests."
    wide = sum(_says_little(row) for row in rows)
    if wide:
        whose = "1 of them gives" if wide == 1 else f"{wide} of them give"
        text += (
            f" {whose} no more than an interval from 0 to twice the lift: nearly every model agrees "
            "with it."
        )
    moved = [
        row for row in rows if None not in (row["uncalibrated"], row["calibrated"]) and row["lift"]
    ]
    if not moved:
        return text
    most = max(
        moved, key=lambda row: abs(row["calibrated"] - row["uncalibrated"]) / abs(row["lift"])
    )
    change = (most["calibrated"] - most["uncalibrated"]) / abs(most["lift"])
    if abs(change) < 0.005:
        return f"{text} The tests moved nothing."
    return (
        f"{text} The tests moved {most['channels']} most: from {labels.effect(most['uncalibrated'])} to "
        f"{labels.effect(most['calibrated'])}, where "
        f"{labels.effect_band(most['lift'], most['lift_low'], most['lift_high'])} was measured "
        f"({percent(abs(change))} of the lift)."
    )
