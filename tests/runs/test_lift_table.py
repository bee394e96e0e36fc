"""Lift tests from a table, as people and platforms write them."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from mmm.errors import UserError
from mmm.experiments.config import LiftTestConfig
from mmm.experiments.lift_table import read_lift_tests


def test_a_table_becomes_tests_that_an_experiment_takes() -> None:
    table = pa.table(
        {
            "Channel": ["tv", "search + social"],
            "Start date": [dt.date(2024, 1, 1), dt.date(2024, 3, 4)],
            "End date": ["2024-01-28", "2024-03-31"],
            "Incremental revenue": [1000.0, 500.0],
            "Spend": [400, 300],
            "Standard error": [120.0, None],
            "CI lower": [None, 300.0],
            "CI upper": [None, 700.0],
            "Source": ["geo test", None],
        }
    )
    found = read_lift_tests(table)
    assert found == [
        {
            "channels": ["tv"],
            "start": "2024-01-01",
            "end": "2024-01-28",
            "lift": 1000.0,
            "spend": 400.0,
            "standard_error": 120.0,
            "source": "geo test",
        },
        {
            "channels": ["search", "social"],
            "start": "2024-03-04",
            "end": "2024-03-31",
            "lift": 500.0,
            "spend": 300.0,
            "interval_low": 300.0,
            "interval_high": 700.0,
        },
    ]
    first, second = (LiftTestConfig.model_validate(item) for item in found)
    assert first.error == 120.0
    assert second.error == pytest.approx(400.0 / (2 * 1.6448536), rel=1e-6)


def test_what_is_missing_or_wrong_is_named() -> None:
    with pytest.raises(UserError, match="has no column for start, end, lift"):
        read_lift_tests(pa.table({"channel": ["tv"]}))
    wrong = pa.table({"channel": ["tv"], "start": ["soon"], "end": ["later"], "lift": [1.0]})
    with pytest.raises(UserError, match="'start'"):
        read_lift_tests(wrong)
