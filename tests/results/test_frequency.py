"""What is said and drawn of how often to reach a person."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from mmm.engines.schemas import table
from mmm.format import Labels
from mmm.results import frequency
from mmm.results.views import view

ROAS = Labels("revenue", "revenue", "EUR")
GRID = np.linspace(1.0, 8.0, 15)


def tables() -> dict[str, pa.Table]:
    """Video reached too often, social about right."""
    worth = np.tile(1.3 - 0.05 * (GRID - 3.0) ** 2, 2)
    return {
        "frequencies": table(
            "frequencies",
            {
                "model_id": ["posterior"] * 30,
                "channel": ["video"] * 15 + ["social"] * 15,
                "frequency": np.tile(GRID, 2),
                "worth": worth,
                "worth_low": worth - 0.1,
                "worth_high": worth + 0.1,
                "observed": [True] * 30,
            },
        ),
        "frequency_points": table(
            "frequency_points",
            {
                "model_id": ["posterior"] * 2,
                "channel": ["video", "social"],
                "mean_frequency": [5.6, 3.1],
                "optimal_frequency": [3.0, 3.0],
                "optimal_frequency_low": [2.5, 1.5],
                "optimal_frequency_high": [3.6, 5.0],
                "gain": [0.3, 0.01],
                "gain_low": [0.2, -0.05],
                "gain_high": [0.4, 0.06],
            },
        ),
    }


def test_the_finding_names_who_is_reached_too_often_and_what_it_costs() -> None:
    shown = view("frequency")
    assert shown.present(tables())
    numbers = shown.numbers(tables(), "posterior", ROAS)
    assert shown.finding(numbers, ROAS) == (
        "video reaches people too often: 3.0 times a week (2.5 to 3.6) would be best, it is 5.6. "
        "The same exposures would earn 30.0 % more (20.0 % to 40.0 %). No other frequency is surely "
        "better for social."
    )
    assert shown.shown(numbers).num_rows == 30
    drawn = json.dumps(shown.chart(numbers, ROAS).to_dict())
    assert "video" in drawn
    assert "social" in drawn
    empty = {name: one.slice(0, 0) for name, one in tables().items()}
    assert not frequency.known(empty)
