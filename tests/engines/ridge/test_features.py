"""Feature engineering against Robyn's recorded frame and by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from mmm.engines.adstock_hill.checks import prophet_parts
from mmm.engines.adstock_hill.features import (
    build_frame,
    exposure_costs,
    exposure_fit,
    money,
    period_holidays,
)
from mmm.engines.adstock_hill.frame import period_days, study_rows
from mmm.engines.base import Factor, Holiday, LiftTest, PaidMedium, Problem, Variable
from mmm.engines.ridge.settings import RidgeSettings


def weeks(count: int, first: str = "2020-01-06") -> np.ndarray:
    return np.datetime64(first) + 7 * np.arange(count)


def small(dates: np.ndarray, step: int, **fields: object) -> Problem:
    rng = np.random.default_rng(1)
    count = len(dates)
    spend = rng.random(count) * 100
    kpi = 1000 + 3 * spend + rng.normal(size=count)
    return Problem(
        dates=dates, step_days=step, kpi_name="sales", kpi=kpi, kpi_kind="revenue",
        paid=(PaidMedium("tv", spend), PaidMedium("web", rng.random(count), rng.random(count), "clicks")),
        window=(0, count - 1), **fields,
    )  # fmt: skip


def test_frame_of_the_demo_equals_robyns(
    golden: Path, run_cases: ModuleType, demo_problem: Problem
) -> None:
    """Media exactly; Prophet's columns as close as another Prophet version gives (see the method:
    same for Robyn).
    """
    frame = build_frame(demo_problem, RidgeSettings(method="robyn"))
    recorded = run_cases.read_csv(golden / "data" / "dt_mod_demo.csv")
    assert frame.base_names == ("trend", "season", "holiday", "competitor_sales_B", "events")
    assert frame.selected == (
        "tv_S",
        "ooh_S",
        "print_S",
        "facebook_I",
        "search_clicks_P",
        "newsletter",
    )
    for name, values in zip(frame.selected, frame.media, strict=True):
        assert run_cases.deviation(values, run_cases.numbers(recorded[name])) < 1e-12
    for name, values in zip(frame.base_names, frame.base.T, strict=True):
        reference = run_cases.numbers(recorded[name])
        assert np.corrcoef(values, reference)[0, 1] > 0.998, name
        assert np.abs(values - reference).max() < 0.06 * np.abs(reference).max(), name


def test_a_factors_levels_do_not_shift_the_trend(demo_problem: Problem) -> None:
    """The most frequent level is the baseline, so that the trend's level is determined."""
    frame = build_frame(demo_problem, RidgeSettings())
    events = next(item for item in demo_problem.context if isinstance(item, Factor))
    effect = frame.base[:, frame.base_names.index("events")]
    assert effect.min() == 0.0
    assert len(np.unique(effect.round(6))) == len(set(events.levels))
    renamed = Factor("events", tuple({"na": "zz"}.get(level, level) for level in events.levels))
    again = build_frame(
        replace(demo_problem, context=(demo_problem.context[0], renamed)), RidgeSettings()
    )
    assert np.abs(again.base[:, 0] / frame.base[:, 0] - 1).max() < 1e-6


def test_weekly_holidays_move_to_the_start_of_their_week() -> None:
    holidays = (
        Holiday(date(2020, 1, 6), "A"),
        Holiday(date(2020, 1, 12), "B"),
        Holiday(date(2020, 1, 13), "C"),
    )
    outside = (Holiday(date(2019, 12, 31), "before"), Holiday(date(2020, 2, 28), "after"))
    found = period_holidays(small(weeks(4), 7, holidays=holidays + outside))
    assert found == [(date(2020, 1, 6), "A, B"), (date(2020, 1, 13), "C")]


def test_monthly_holidays_move_to_the_first_of_the_month() -> None:
    dates = np.arange("2020-01", "2020-07", dtype="datetime64[M]").astype("datetime64[D]")
    found = period_holidays(
        small(dates, 31, holidays=(Holiday(date(2020, 2, 14), "V"), Holiday(date(2020, 2, 3), "W")))
    )
    assert found == [(date(2020, 2, 1), "V, W")]


def test_exposure_in_money_keeps_the_windows_spend() -> None:
    medium = PaidMedium("web", np.array([10.0, 20, 30, 40]), np.array([1.0, 3, 2, 4]), "clicks")
    costs = exposure_costs(replace(small(weeks(4), 7), paid=(medium,), window=(1, 3)))
    modelled = money(medium, costs)
    assert modelled[1:].sum() == pytest.approx(90.0)
    assert modelled.tolist() == pytest.approx([10.0, 30.0, 20.0, 40.0])
    assert exposure_fit(PaidMedium("tv", np.array([1.0, 2.0, 4.0])), costs, slice(0, 3)) == 1.0


def test_weekday_is_for_daily_data_only() -> None:
    daily = small(np.datetime64("2020-01-01") + np.arange(30), 1)
    assert prophet_parts(daily, RidgeSettings()) == ("trend", "season", "weekday")
    assert prophet_parts(small(weeks(30), 7), RidgeSettings(prophet=("trend", "weekday"))) == (
        "trend",
    )


def test_frame_without_prophet() -> None:
    problem = small(weeks(60), 7, context=(Variable("price", np.arange(60.0)),))
    frame = build_frame(problem, RidgeSettings(prophet=()))
    assert frame.base_names == ("price",)
    assert frame.base[:, 0].tolist() == list(np.arange(60.0))


def test_rows_of_a_study() -> None:
    """Days of the study over days of the periods it touches; Robyn's factor divides by one period
    too few.
    """
    frame = build_frame(small(weeks(10), 7), RidgeSettings(prophet=()))
    study = LiftTest(("tv",), date(2020, 1, 13), date(2020, 1, 26), 10.0, 1.0)
    assert study_rows(frame, study, robyn=False) == (1, 2, 1.0)
    assert study_rows(frame, study, robyn=True) == (1, 2, 13 / 7)
    within_a_week = LiftTest(("tv",), date(2020, 1, 14), date(2020, 1, 16), 10.0, 1.0)
    assert study_rows(frame, within_a_week, robyn=False) == (1, 1, 3 / 7)
    assert np.isnan(study_rows(frame, within_a_week, robyn=True)[2])  # type: ignore[index]
    assert (
        study_rows(
            frame, LiftTest(("tv",), date(2019, 1, 1), date(2019, 1, 9), 1.0, 1.0), robyn=False
        )
        is None
    )


def test_days_of_months() -> None:
    dates = np.array(["2020-01-01", "2020-02-01", "2020-03-01"], "datetime64[D]")
    assert period_days(dates, 31).tolist() == [31, 29, 29]
    assert period_days(weeks(3), 7).tolist() == [7, 7, 7]
