"""Responses at date ranges and hypothetical spends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmm.engines.adstock_hill.media import MediaModel
from mmm.engines.adstock_hill.range_response import (
    history,
    range_response,
    response_grid,
    responses,
)
from mmm.errors import NotFound, UserError
from planning_cases import history_of

Make = Callable[..., MediaModel]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("all", range(4, 20)),
        ("last_3", range(17, 20)),
        ("2024-02-05", [5]),
        ("2024-02-07", [5]),  # a date within the week
        ("2024-01-02:2024-01-15", range(3)),  # from before the window: every period it touches
        ("2024-05-13:2024-05-19", [19]),
    ],
)
def test_date_ranges(make_model: Make, text: str, rows: list[int]) -> None:
    assert history_of(make_model(tv={})).rows(text).tolist() == list(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("last_0", "'0' is no number of periods. Give 1 to 16, as in last_10."),
        ("last_x", "'x' is no number of periods."),
        (
            "2024-05-20",
            "2024-05-20 lies outside the data. The model knows 2024-01-01 to 2024-05-19.",
        ),
        ("soon", "'soon' is not a date. Write all, last_10 or 2018-01-01:2018-03-26."),
        ("2024-03-04:2024-02-05", "ends before it begins."),
    ],
)
def test_wrong_date_ranges_are_named(make_model: Make, text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        history_of(make_model(tv={})).rows(text)
    assert str(error.value).startswith(f"date range {text!r}: {message}")


def test_a_total_is_spread_like_history_and_carries_over(make_model: Make) -> None:
    spend = np.zeros(20)
    spend[10:12] = 100.0, 300.0
    model = make_model(tv={"spend": spend, "theta": 0.5, "inflexion": 200.0})
    found = range_response(model, "tv", np.array([10, 11]), spend=800.0)
    own = np.array([200.0, 600.0])
    carried = np.array([0.0, 100.0])
    assert found.mean_input == pytest.approx(400.0)
    assert found.mean_carryover == pytest.approx(50.0)
    z = own + carried
    assert found.response == pytest.approx((1000.0 * z / (z + 200.0)).sum())
    assert found.carryover == pytest.approx(1000.0 * 100.0 / 300.0)
    assert found.immediate == pytest.approx(found.response - found.carryover)
    assert found.response_at_mean == pytest.approx(1000.0 * 450.0 / 650.0)
    assert found.marginal == pytest.approx(1000.0 * (451.0 / 651.0 - 450.0 / 650.0))
    assert found.slope == pytest.approx(1000.0 * 200.0 / 650.0**2)


def test_where_there_is_no_history_a_total_is_spread_evenly(make_model: Make) -> None:
    model = make_model(tv={"spend": np.r_[np.full(18, 100.0), 0.0, 0.0]})
    found = range_response(model, "tv", np.array([18, 19]), spend=100.0)
    assert found.response == pytest.approx(2 * 1000.0 * 50.0 / 150.0)


def test_money_buys_what_it_bought_in_the_range(make_model: Make) -> None:
    """Exposures cost twice as much in the last two weeks: the same money is half the modelled
    input.
    """
    price = np.r_[np.ones(18), 2.0, 2.0]
    model = make_model(tv={"spend": 100.0, "exposure_price": price})
    rows = np.array([18, 19])
    now = range_response(model, "tv", rows)
    assert now.spend == 200.0
    assert now.mean_input < 100.0
    assert range_response(model, "tv", rows, spend=400.0).mean_input == pytest.approx(
        2 * now.mean_input
    )
    assert range_response(model, "tv", rows, modelled=2 * now.mean_input).spend == pytest.approx(
        200.0
    )


def test_the_parts_add_up_to_the_history(make_model: Make) -> None:
    rng = np.random.default_rng(2)
    model = make_model(tv={"spend": rng.uniform(0, 200, 20), "theta": 0.6}, radio={"alpha": 2.0})
    table = responses(model, model.window).to_pylist()
    assert [row["channel"] for row in table] == ["tv", "radio"]
    for medium, row in zip(model.media, table, strict=True):
        past = history(medium, model.dates, model.window)
        for name in ("response", "immediate", "carryover"):
            assert row[name] == pytest.approx(sum(past[name].to_pylist()))
        assert row["response"] == pytest.approx(row["immediate"] + row["carryover"])


def test_the_grid_passes_through_the_past(make_model: Make) -> None:
    model = make_model(tv={"theta": 0.3})
    grid = response_grid(model, "tv", model.window, np.array([0.0, 1600.0, 3200.0])).to_pylist()
    assert grid[1]["response"] == pytest.approx(range_response(model, "tv", model.window).response)
    assert grid[0]["response"] < grid[1]["response"] < grid[2]["response"]


def test_what_cannot_be_asked(make_model: Make) -> None:
    model = make_model(tv={})
    with pytest.raises(UserError, match=r"-1\.0 cannot be spent"):
        range_response(model, "tv", model.window, spend=-1.0)
    with pytest.raises(NotFound, match="there is no medium 'radio' in the model"):
        responses(model, model.window, {"radio": 1.0})
