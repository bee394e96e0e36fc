"""Holidays ahead: the same effect at their own new dates, in either kind of component."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from mmm.engines.bayes.calendar import easter
from mmm.experiments.config import EventConfig
from mmm.models.feasts import moving_feast
from mmm.models.occasions import occasions_of
from mmm.planning.baseline_ahead import baseline_ahead
from mmm.planning.holidays_ahead import moved, rows_of
from mmm.runs.sample import sample_experiment

WEEKS, AHEAD = 156, 16
FIRST = np.datetime64("2022-01-03")
DATES = FIRST + 7 * np.arange(WEEKS)  # to the end of 2024
COMING = FIRST + 7 * np.arange(WEEKS, WEEKS + AHEAD)
EASTERS = tuple(easter(year) for year in range(2022, 2027))
RAMADANS = moving_feast("Ramadan", range(2022, 2027))


def week_of(day: date) -> int:
    return int((np.datetime64(day) - FIRST).astype(int) // 7)


def series(*blocks: tuple[tuple[date, ...], dict[int, float]]) -> np.ndarray:
    """Effects over window and periods ahead: each block's values around each of its days."""
    found = np.zeros(WEEKS + AHEAD)
    for days, shape in blocks:
        for day in days:
            for offset, value in shape.items():
                if 0 <= week_of(day) + offset < len(found):
                    found[week_of(day) + offset] += value
    return found


def tables(effect: np.ndarray, name: str) -> dict[str, pa.Table]:
    rows = []
    for kind, component, values in (
        ("intercept", "intercept", np.full(WEEKS, 100.0)),
        ("holiday", name, effect),
    ):
        for day, value in zip(DATES.tolist(), values.tolist(), strict=True):
            rows.append(
                {
                    "model_id": "m",
                    "date": day,
                    "component": component,
                    "kind": kind,
                    "effect": value,
                }
            )
    fit = {"model_id": ["m"] * WEEKS, "date": DATES, "actual": 100.0 + effect}
    return {"contributions": pa.Table.from_pylist(rows), "fit": pa.table(fit)}


def test_a_holiday_of_its_own_stands_around_its_new_date() -> None:
    """Easter 2024 was on 31 March, in 2025 it is on 20 April: three weeks later."""
    whole = series((EASTERS, {-1: 40.0, 0: -25.0}))
    found = baseline_ahead(tables(whole[:WEEKS], "Easter"), "m", AHEAD, None, {"Easter": EASTERS})
    assert found.values == pytest.approx(100.0 + whole[WEEKS:])
    assert found.deviation == pytest.approx(np.zeros(AHEAD), abs=1e-8)
    assert found.holidays == ((date(2025, 4, 20), "Easter"),)
    before = baseline_ahead(tables(whole[:WEEKS], "Easter"), "m", AHEAD)
    assert before.unmoved == ("Easter",)
    assert np.abs(before.values - 100.0 - whole[WEEKS:]).max() > 20.0


def test_one_component_of_all_holidays_is_taken_apart() -> None:
    """As ridge and Robyn have it: Ramadan begins eleven days earlier, Labour Day stays."""
    labour = tuple(date(year, 5, 1) for year in range(2022, 2027))
    whole = series((EASTERS, {0: 30.0}), (RAMADANS, {0: -20.0}), (labour, {0: 12.0}))
    days = {"Easter": EASTERS, "Ramadan": RAMADANS, "Labour Day": labour}
    found = moved("holiday", whole[:WEEKS], DATES, COMING, days)
    assert found is not None
    assert found.ahead == pytest.approx(whole[WEEKS:])
    noise = np.random.default_rng(1).normal(0.0, 30.0, WEEKS)
    assert moved("holiday", noise, DATES, COMING, days) is None  # not what these days make


def test_days_outside_of_the_periods_are_seen_around_them() -> None:
    rows = rows_of(
        COMING, (date(2024, 12, 30), date(2025, 1, 7), date(2025, 5, 1), date(2029, 1, 1))
    )
    assert rows.tolist() == [0, 1, 17]


def test_own_events_come_again_at_their_feast_or_in_the_same_weeks() -> None:
    start = RAMADANS[2] - timedelta(days=3)
    given = sample_experiment("data", "ridge").model_dump()
    given["country"] = "TR"
    given["events"] = [
        EventConfig(name="Ramadan sale", start=start, end=start + timedelta(days=1)).model_dump(),
        EventConfig(name="Summer fair", start=date(2024, 7, 1)).model_dump(),
    ]
    found = occasions_of(
        type(sample_experiment("data", "ridge")).model_validate(given),
        date(2022, 1, 3),
        date(2025, 12, 31),
    )
    apart = [RAMADANS[3] - timedelta(days=3), RAMADANS[3] - timedelta(days=2)]
    assert [day for day in found["Ramadan sale"] if day.year == 2025] == apart
    assert found["Summer fair"] == (date(2024, 7, 1), date(2025, 6, 30))
    assert easter(2025) in found["Easter"]
    assert any("Ramadan Feast" in name for name in found)


@pytest.mark.parametrize(
    ("name", "year", "day"),
    [
        ("Easter week", 2026, date(2026, 4, 5)),
        ("Black Friday", 2026, date(2026, 11, 27)),
        ("Cyber Monday", 2024, date(2024, 12, 2)),
        ("Chinese New Year", 2025, date(2025, 1, 29)),
        ("Eid al-Fitr", 2025, date(2025, 3, 30)),
        ("Diwali", 2024, date(2024, 10, 31)),
    ],
)
def test_moving_feasts_are_when_they_are(name: str, year: int, day: date) -> None:
    """Published dates; those of the moon may be a day off, as countries see it differently."""
    (found,) = moving_feast(name, [year])
    assert abs((found - day).days) <= 1
    assert moving_feast("Payday", [year]) == ()
