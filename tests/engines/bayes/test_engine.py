"""The engine on small problems of every kind: its tables hold together and find what was planted."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from mmm.engines import load_engine
from mmm.engines.base import (
    EngineResult,
    Factor,
    Holiday,
    LiftTest,
    PaidMedium,
    Problem,
    Progress,
    Variable,
)
from mmm.engines.bayes.settings import BayesSettings, ChannelPrior
from mmm.engines.training import train

SHORT = {"warm_up": 300, "sweeps": 400, "longest": 1, "draws": 80}


def problem(step_days: int = 7, rows: int = 120, **changes: object) -> Problem:
    """Two paid channels with an ROI of 2 and 0.5, an exposure, an organic variable, a control, a
    factor.
    """
    rng = np.random.default_rng(7)
    dates = np.datetime64("2022-01-03") + step_days * np.arange(rows)
    if step_days >= 28:
        dates = (np.datetime64("2014-01") + np.arange(rows)).astype("datetime64[D]")
    spends = rng.lognormal(0.0, 0.7, (2, rows)) * np.array([[40.0], [60.0]])
    impressions = spends[1] * rng.uniform(90.0, 110.0, rows)
    mails = rng.poisson(5.0, rows).astype(float)
    price = rng.normal(10.0, 1.0, rows)
    promotion = np.where(rng.random(rows) < 0.1, "sale", "none")
    kpi = 300.0 + 2.0 * spends[0] + 0.5 * spends[1] - 10.0 * (price - 10.0)
    kpi += 40.0 * (promotion == "sale") + rng.normal(0.0, 8.0, rows)
    given: dict[str, object] = {
        "dates": dates,
        "step_days": step_days,
        "kpi_name": "sales",
        "kpi": kpi,
        "kpi_kind": "revenue",
        "paid": (
            PaidMedium("search", spends[0]),
            PaidMedium("video", spends[1], impressions, "video_impressions"),
        ),
        "window": (4, rows - 1),
        "organic": (Variable("mails", mails),),
        "context": (Variable("price", price, "negative"), Factor("promotion", tuple(promotion))),
        "holidays": (Holiday(date(2022, 7, 4), "Day"), Holiday(date(2023, 7, 4), "Day")),
    }
    return Problem(**{**given, **changes})  # type: ignore[arg-type]


def fit(case: Problem, **settings: object) -> EngineResult:
    return train(
        load_engine("bayes"),
        case,
        BayesSettings.model_validate({**SHORT, **settings}),
        lambda p: None,
    )


def column(result: EngineResult, table: str, wanted: str, **where: str) -> list[float]:
    rows = result.tables[table].to_pylist()
    return [r[wanted] for r in rows if all(r[key] == value for key, value in where.items())]


@pytest.fixture(scope="module")
def weekly() -> EngineResult:
    return fit(problem())


def test_planted_effects_are_found(weekly: EngineResult) -> None:
    rows = {row["channel"]: row for row in weekly.tables["channels"].to_pylist()}
    # The planted effects are straight lines, at the edge of what curves are expected to be.
    assert abs(rows["search"]["roi"] - 2.0) < 0.45
    assert abs(rows["video"]["roi"] - 0.5) < 0.25
    price = column(weekly, "parameters", "value", variable="price", parameter="coefficient")
    assert -14.0 < price[0] < -6.0


def test_tables_agree_with_each_other(weekly: EngineResult) -> None:
    for row in weekly.tables["channels"].to_pylist():
        effects = column(weekly, "contributions", "effect", component=row["channel"])
        assert sum(effects) == pytest.approx(row["contribution"], rel=1e-9)
        if row["kind"] == "paid":
            assert row["roi"] * row["spend"] == pytest.approx(row["contribution"], rel=1e-9)
            assert row["roi_low"] < row["roi"] < row["roi_high"]
    spend = column(weekly, "curves", "spend", channel="search")
    response = column(weekly, "curves", "response", channel="search")
    today = weekly.tables["channels"].to_pylist()[0]
    at_mean = np.interp(today["mean_spend"], spend, response)
    assert at_mean == pytest.approx(today["contribution"] / 116, rel=0.02)


def test_same_seed_same_result(weekly: EngineResult) -> None:
    again = fit(problem())
    assert all(again.tables[name].equals(table) for name, table in weekly.tables.items())


@pytest.mark.parametrize(("step_days", "rows"), [(1, 400), (30, 72)])
def test_other_steps(step_days: int, rows: int) -> None:
    result = fit(problem(step_days, rows, kpi_kind="conversion"))
    search = result.tables["channels"].to_pylist()[0]
    assert abs(search["roi"] - 2.0) < 0.5
    assert search["cpa"] == pytest.approx(1.0 / search["roi"])
    assert search["cpa_low"] < search["cpa"] < search["cpa_high"]


def test_lift_test_narrows_its_channel(weekly: EngineResult) -> None:
    case = problem()
    rows = slice(40, 48)
    truth = 0.5 * case.paid[1].spend[rows].sum()
    day = case.dates.astype(object)
    test = LiftTest(
        ("video",), day[40], date.fromordinal(day[48].toordinal() - 1), truth, 100.0,
        scope="total", standard_error=0.1 * truth,
    )  # fmt: skip
    tested = fit(problem(lift_tests=(test,)))
    width = [
        np.subtract(
            *(column(r, "channels", name, channel="video")[0] for name in ("roi_high", "roi_low"))
        )
        for r in (tested, weekly)
    ]
    assert width[0] < width[1]
    row = tested.tables["lift_tests"].to_pylist()[0]
    assert abs(row["effect"] - truth) < 0.15 * truth
    assert row["uncalibrated"] is not None


def test_prior_ranges_and_signs() -> None:
    media = {"search": ChannelPrior(roi=(1.9, 2.1)), "video": ChannelPrior(may_be_negative=True)}
    case = problem()
    harmful = case.kpi - 1.0 * case.paid[1].spend
    result = fit(problem(kpi=harmful), media={k: v.model_dump() for k, v in media.items()})
    search, video = result.tables["channels"].to_pylist()[:2]
    assert 1.85 < search["roi"] < 2.15
    assert video["roi_low"] < -0.5 < video["roi_high"] < 0.0
    negative = (case.paid[0], PaidMedium("video", case.paid[1].spend, sign="negative"))
    result = fit(problem(kpi=harmful, paid=negative))
    assert result.tables["channels"].to_pylist()[1]["roi_high"] < 0.0


def test_held_out_periods_are_forecast() -> None:
    result = fit(problem(), train_size=0.85)
    assert column(result, "fit", "split").count("test") == 17
    assert result.tables["models"]["nrmse_test"][0].as_py() < 0.2
    (coverage,) = column(result, "diagnostics", "value", name="forecast_coverage")
    assert coverage >= 0.7
    # The table is the model's own forecast of these periods.
    assert column(result, "forecast", "actual") == column(result, "fit", "actual", split="test")
    assert column(result, "forecast", "forecast") == column(result, "fit", "fitted", split="test")


def test_a_second_fit_forecasts_while_the_model_keeps_all_periods() -> None:
    result = fit(problem(), holdout=0.15)
    assert set(column(result, "fit", "split")) == {"train"}
    rows = result.tables["forecast"].to_pylist()
    dates = problem().dates[-len(rows) :].astype("datetime64[D]").tolist()
    assert len(rows) == 17
    assert [row["date"] for row in rows] == dates
    actual = np.array([row["actual"] for row in rows])
    told = np.array([row["forecast"] for row in rows])
    wide = np.array([row["forecast_high"] - row["forecast_low"] for row in rows])
    # Nearer than the KPI's own movement, and with an interval that is more than the noise's.
    assert np.abs(actual - told).mean() < 0.6 * actual.std()
    assert (wide > 2 * 1.645 * 8.0 * 0.8).all()
    squared = ((actual - told) ** 2).mean()
    assert result.tables["models"]["nrmse_test"][0].as_py() == pytest.approx(
        np.sqrt(squared) / np.ptp(actual)
    )
    year = column(result, "forecast", "naive")
    assert year == problem().kpi[-17 - 52 : -52].tolist()


def test_noise_that_goes_on_is_told() -> None:
    case = problem()
    told = {
        row["subject"]: row
        for row in fit(case).tables["diagnostics"].to_pylist()
        if row["name"] == "posterior_predictive"
    }
    assert set(told) == {"memory", "largest", "growth"}
    assert 0.01 <= told["memory"]["value"] <= 0.99
    single = case.kpi.copy()
    single[60] += 500.0
    broken = fit(problem(kpi=single)).tables["diagnostics"].to_pylist()
    (text,) = [row["text"] for row in broken if row["subject"] == "largest"]
    assert text.startswith("single periods lie further off than noise explains")


def test_progress_and_refusals() -> None:
    told: list[Progress] = []
    engine = load_engine("bayes")
    engine.train(problem(), BayesSettings.model_validate(SHORT), told.append)
    assert {item.stage for item in told} == set(engine.stages)
    silent = problem(paid=(PaidMedium("none", np.zeros(120)),))
    found = engine.check(silent, BayesSettings())
    assert [item.level for item in found] == ["error"]
    unknown = BayesSettings(media={"radio": ChannelPrior()})
    assert "radio" in engine.check(problem(), unknown)[0].what
