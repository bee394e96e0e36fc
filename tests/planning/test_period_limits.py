"""Bounds of single periods: the flighting that meets them, and what they ask of the totals."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.errors import UserError
from mmm.planning.period_limits import PeriodLimit, asked_of_totals, flighting_within, period_limits
from mmm.planning.request import PlanRequest

CHANNELS = ("tv", "radio", "print")
DATES = np.datetime64("2026-11-30") + 7 * np.arange(6)
TOTALS = np.array([600.0, 120.0, 0.0])
WANTED = np.array([[100.0] * 6, [40.0, 40.0, 40.0, 0.0, 0.0, 0.0], [0.0] * 6])
INITIAL = np.array([100.0, 20.0, 0.0])


def limit(name: str, **bounds: float) -> tuple[PeriodLimit, ...]:
    request = PlanRequest.model_validate({"limits": {name: bounds}, "ahead": True})
    return period_limits(request, CHANNELS, INITIAL, DATES)


def test_the_nearest_flighting_meets_bounds_of_channels_sums_and_all() -> None:
    limits = (
        *limit("tv@2026-12-10:2026-12-20", low=1.5),  # the weeks from 7 and 14 December
        *limit("tv+radio@2026-12-21", most=50.0),
        *limit("all@2026-12-28:2027-01-10", high=0.5),
    )
    found = flighting_within(WANTED, TOTALS, limits)
    assert found.sum(axis=1) == pytest.approx(TOTALS)
    assert (found >= 0.0).all()
    assert (found[0, 1:3] >= 150.0 - 1e-3).all()
    assert found[:, 3].sum() <= 50.0 + 1e-3
    assert (found[:, 4:].sum(axis=0) <= 60.0 + 1e-3).all()
    assert found[2] == pytest.approx(np.zeros(6))
    assert flighting_within(WANTED, TOTALS, ()) is WANTED
    loose = flighting_within(WANTED, TOTALS, limit("tv@2026-12-21", high=3.0))
    assert loose == pytest.approx(WANTED)


def test_no_other_flighting_within_the_bounds_is_nearer() -> None:
    limits = limit("tv+radio@2026-11-30:2026-12-13", most=70.0)
    found = flighting_within(WANTED, TOTALS, limits)
    weight = np.maximum(WANTED, 0.05 * TOTALS[:, None] / 6)[:2]

    def distance(x: np.ndarray) -> float:
        return float((((x - WANTED)[:2] ** 2) / weight).sum())

    rng = np.random.default_rng(1)
    for _ in range(200):
        moved = found.copy()
        i, a, b = rng.integers(2), *rng.choice(6, 2, replace=False)
        by = min(0.1, moved[i, a])
        moved[i, a] -= by
        moved[i, b] += by
        if (moved[:, :2].sum(axis=0) <= 70.0).all():
            assert distance(moved) >= distance(found) - 1e-6


def test_what_the_periods_ask_of_totals() -> None:
    every = np.array([True, True, True])
    tv = np.array([True, False, False])
    dark = limit("all@2026-12-21:2026-12-28", most=0.0)
    assert asked_of_totals(dark, every, 6) == (0.0, np.inf)  # money can go elsewhere
    capped = limit("all@2026-11-30:2027-01-10", most=90.0)
    assert asked_of_totals(capped, every, 6) == (0.0, pytest.approx(90.0))
    assert asked_of_totals(capped, tv, 6) == (0.0, pytest.approx(90.0))
    pushed = limit("tv@2026-11-30:2026-12-13", least=300.0)
    assert asked_of_totals(pushed, tv, 6) == (pytest.approx(100.0), np.inf)
    with pytest.raises(UserError, match="contradict each other"):
        asked_of_totals((*pushed, *limit("all@2026-12-07", most=10.0)), tv, 6)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tv@2025-01-01", "none of the planned periods is in 2025-01-01"),
        ("tv@2026-13-01", "is no range of dates"),
        ("tv@2026-12-20:2026-12-10", "ends before it begins"),
        ("cinema@2026-12-10", "'cinema' is no paid channel"),
    ],
)
def test_what_is_wrong_is_said(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        limit(name, high=1.0)
    with pytest.raises(ValueError, match="need a plan of the periods ahead"):
        PlanRequest.model_validate({"limits": {name: {"high": 1.0}}})
    assert PlanRequest.model_validate({"limits": {"ads@home": {"high": 1.0}}}).period_limits == {}


def test_money_that_cannot_be_placed_is_refused() -> None:
    with pytest.raises(UserError, match="cannot be met"):
        flighting_within(WANTED, TOTALS, limit("tv@2026-11-30:2027-01-10", most=50.0))
