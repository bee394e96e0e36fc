"""The baseline ahead from a model's components, and a plan's variance in parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from mmm.errors import UserError
from mmm.planning.baseline_ahead import baseline_ahead
from mmm.planning.forecast import shares_of
from mmm.planning.history import History
from mmm.planning.periods import dates_ahead
from mmm.planning.variance import variance
from mmm.planning.weighted import MeanResponse

WEEKS, AHEAD = 160, 13


def tables(level: np.ndarray, noise: np.ndarray, price: np.ndarray) -> dict[str, pa.Table]:
    """A model of level, season, the control `price` (two a unit) and 50 a week of paid tv."""
    days = np.datetime64("2022-01-03") + 7 * np.arange(WEEKS)
    season = 30.0 * np.sin(2 * np.pi * np.arange(WEEKS) / 52)
    parts = {
        "intercept": ("intercept", level),
        "season": ("season", season),
        "price": ("context", 2.0 * price),
        "tv": ("paid", np.full(WEEKS, 50.0)),
    }
    rows = []
    for name, (kind, effect) in parts.items():
        for day, value in zip(days.tolist(), effect.tolist(), strict=True):
            row = {"model_id": "m", "date": day, "component": name, "kind": kind, "effect": value}
            rows.append(row)
    actual = sum(effect for _, effect in parts.values()) + noise
    fit = {"model_id": ["m"] * WEEKS, "date": days, "actual": actual}
    frame = {"date": days, "variable": ["price"] * WEEKS, "value": price}
    return {
        "contributions": pa.Table.from_pylist(rows),
        "fit": pa.table(fit),
        "frame": pa.table(frame),
    }


def season_ahead() -> np.ndarray:
    return 30.0 * np.sin(2 * np.pi * np.arange(WEEKS, WEEKS + AHEAD) / 52)


def test_season_and_trend_go_on() -> None:
    still = np.zeros(WEEKS)
    growing = baseline_ahead(tables(200.0 + np.arange(WEEKS), still, still), "m", AHEAD)
    expected = 200.0 + np.arange(WEEKS, WEEKS + AHEAD) + season_ahead()
    assert growing.values == pytest.approx(expected)
    assert growing.deviation == pytest.approx(np.zeros(AHEAD), abs=1e-9)
    assert growing.dates[0] == np.datetime64("2022-01-03") + 7 * WEEKS
    flat = baseline_ahead(tables(np.full(WEEKS, 200.0), still, still), "m", AHEAD)
    assert flat.values == pytest.approx(200.0 + season_ahead())


def test_the_range_is_that_of_past_forecasts_errors() -> None:
    rng = np.random.default_rng(1)
    still = np.zeros(WEEKS)
    noisy = tables(np.full(WEEKS, 200.0), rng.normal(0.0, 5.0, WEEKS), still)
    found = baseline_ahead(noisy, "m", AHEAD)
    assert found.checked == 60
    assert found.deviation.mean() == pytest.approx(5.0, rel=0.15)
    assert found.total_deviation == pytest.approx(5.0 * np.sqrt(AHEAD), rel=0.4)


def test_a_control_counts_with_its_known_values() -> None:
    rng = np.random.default_rng(2)
    still, price = np.zeros(WEEKS), rng.uniform(5, 9, WEEKS)
    given = tables(np.full(WEEKS, 200.0), still, price)
    found = baseline_ahead(given, "m", AHEAD, {"price": np.full(AHEAD, 20.0)})
    assert found.values == pytest.approx(240.0 + season_ahead())
    before = baseline_ahead(given, "m", AHEAD)
    assert before.values == pytest.approx(
        200.0 + season_ahead() + 2.0 * price[WEEKS - 52 : WEEKS - 52 + AHEAD]
    )
    with pytest.raises(UserError, match="no control variable") as error:
        baseline_ahead(given, "m", AHEAD, {"tv": np.zeros(AHEAD)})
    assert error.value.fix == "The control variables are price."


def test_months_go_on_as_months() -> None:
    months = np.arange("2023-01", "2024-01", dtype="datetime64[M]").astype("datetime64[D]")
    assert (
        dates_ahead(months, 2).tolist() == np.array(["2024-01-01", "2024-02-01"], "M8[D]").tolist()
    )


def test_money_is_spread_as_in_the_year_before() -> None:
    dates = np.datetime64("2022-01-03") + 7 * np.arange(60)
    spend = np.vstack([np.arange(60.0), np.zeros(60)])
    history = History(dates, np.arange(60), ("tv", "radio"), spend)
    shares = shares_of(history, 4, "as_last_year")
    assert shares[0] == pytest.approx(np.array([8.0, 9.0, 10.0, 11.0]) / 38.0)
    assert shares[1] == pytest.approx(np.full(4, 0.25))
    assert shares_of(history, 4, "even") == pytest.approx(np.full((2, 4), 0.25))


@dataclass(frozen=True)
class Linear:
    """Each channel brings so much per unit of money."""

    slope: np.ndarray
    channels: tuple[str, ...] = ("tv", "radio")

    @property
    def weights(self) -> np.ndarray:
        return np.ones(1)

    def response(self, spend: np.ndarray) -> np.ndarray:
        return (self.slope * spend)[None]

    def marginal(self, spend: np.ndarray) -> np.ndarray:
        return np.broadcast_to(self.slope, np.shape(spend))[None]


def test_a_variance_adds_up_exactly() -> None:
    then, now = (MeanResponse(Linear(np.array(slope))) for slope in ([2.0, 1.0], [1.5, 1.3]))
    planned, delivered = np.array([100.0, 50.0]), np.array([90.0, 60.0])
    found = variance(("tv", "radio"), planned, delivered, then, now, 4, (5000.0, 4801.7))
    rows = {row["channel"]: row for row in found.channels.to_pylist()}
    assert rows["tv"]["by_spend"] == pytest.approx(-80.0)
    assert rows["tv"]["by_response"] == pytest.approx(-180.0)
    assert rows["radio"]["by_spend"] == pytest.approx(40.0)
    assert rows["radio"]["by_response"] == pytest.approx(72.0)
    parts = (found.by_spend, found.by_response, found.by_baseline)
    assert parts[:2] == pytest.approx((-40.0, -108.0))
    assert abs(found.planned + sum(parts) - found.actual) < 1e-9
    for row in rows.values():
        moved = row["by_spend"] + row["by_response"]
        assert abs(row["response_planned"] + moved - row["response_now"]) < 1e-9
