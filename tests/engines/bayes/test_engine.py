"""The engine on small problems of every kind: its tables hold together and find what was planted."""

from __future__ import annotations

from dataclasses import replace
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
    PreviousModel,
    Problem,
    Progress,
    Variable,
)
from mmm.engines.bayes.earlier import earlier_media
from mmm.engines.bayes.kernel import KAPPA
from mmm.engines.bayes.settings import BayesSettings, ChannelPrior
from mmm.engines.bayes.setup import set_up
from mmm.engines.capabilities import Preview, Previews, StiffensTrend, asked
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


def test_a_stiffer_trend_has_a_quarter_of_the_waves() -> None:
    engine = asked(load_engine("bayes"), StiffensTrend, "stiffen")
    usual = BayesSettings()
    stiff = engine.with_stiffer_trend(usual)
    assert stiff.trend_wave == 4.0 * usual.trend_wave
    waves = [
        sum(column.group == "trend" for column in set_up(problem(), chosen).baseline.columns)
        for chosen in (usual, stiff)
    ]
    assert waves == [17, 4]  # 2 x 116 weeks over waves of 13 and of 52


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


def test_what_is_expected_before_the_data_follows_the_settings() -> None:
    engine, case = asked(load_engine("bayes"), Previews, ""), problem()
    media = {"search": {"roi": (1.0, 4.0), "half_life": (7, 21), "saturation": (0.2, 0.6)}}
    settings = BayesSettings.model_validate({"media": media, "media_share": (0.2, 0.6)})

    def shown(channel: str) -> Preview:
        return engine.preview(settings, channel, length=116, period="week", problem=case)

    rows = {row["quantity"]: row for row in shown("search").expected}
    # The soft media share leans on the range of the ROI, but hardly: both can be had.
    assert rows["roi"]["low"] == pytest.approx(1.0, rel=0.25)
    assert rows["roi"]["high"] == pytest.approx(4.0, rel=0.25)
    assert rows["half_life"]["low"] == pytest.approx(7.0, rel=0.15)
    assert rows["half_life"]["high"] == pytest.approx(21.0, rel=0.15)
    assert rows["saturation"]["low"] == pytest.approx(0.2, abs=0.07)
    assert rows["saturation"]["high"] == pytest.approx(0.6, abs=0.07)
    money = case.paid[0].spend[4:].sum() / case.kpi[4:].sum()
    assert rows["share"]["middle"] == pytest.approx(rows["roi"]["middle"] * money, rel=1e-6)
    # The response at today's mean spend is what the share says.
    today = [row for row in shown("search").response if row["end"] == "middle"][10]
    assert today["spend"] == pytest.approx(case.paid[0].spend[4:].mean())
    assert today["response"] == pytest.approx(rows["share"]["middle"] * case.kpi[4:].mean())
    whole = shown("").expected
    assert [row["name"] for row in whole if row["quantity"] == "share"] == [
        "", "search", "video", "mails",
    ]  # fmt: skip
    assert 0.1 < whole[0]["low"] < whole[0]["high"] < 0.7
    torn = BayesSettings(media={"search": ChannelPrior(roi=(900.0, 1000.0))})
    told = engine.preview(torn, "", length=116, period="week", problem=case).sentences
    assert told[0].startswith("The ROI ranges and the media share contradict each other")


def test_what_the_data_moved_is_told_from_what_is_the_prior(weekly: EngineResult) -> None:
    rows = {(row["variable"], row["quantity"]): row for row in weekly.tables["learnt"].to_pylist()}
    search, channels = rows["search", "roi"], weekly.tables["channels"].to_pylist()
    # Strong spends of their own: the data know the ROI better than anyone did.
    assert search["source"] == "data"
    assert search["posterior"] == channels[0]["roi"]
    assert search["posterior_high"] - search["posterior_low"] < 0.5 * (
        search["prior_high"] - search["prior_low"]
    )
    share = channels[2]["contribution_share"]
    assert rows["mails", "share"]["posterior"] == pytest.approx(share, rel=1e-12)
    # 120 weeks say next to nothing of how an organic variable of tiny effect saturates; short chains
    # do not know the ends of that interval well enough.
    longer = fit(problem(), warm_up=1000, sweeps=4000).tables["learnt"].to_pylist()
    (mails,) = [
        row for row in longer if row["variable"] == "mails" and row["quantity"] == "saturation"
    ]
    assert mails["source"] == "prior"
    known = fit(problem(), media={"search": {"roi": (1.9, 2.1)}}).tables["learnt"].to_pylist()
    (told,) = [row for row in known if row["variable"] == "search" and row["quantity"] == "roi"]
    assert told["source"] == "prior"


def refreshed_of(case: Problem, result: EngineResult, steps: int) -> Problem:
    """The case with its window moved on by `steps`, as a refresh of the result."""
    draws: dict[tuple[str, str], list[float]] = {}
    for row in result.tables["draws"].to_pylist():
        draws.setdefault((row["variable"], row["parameter"]), []).append(row["value"])
    effects: dict[str, float] = {}
    for row in result.tables["contributions"].to_pylist():
        effects[row["component"]] = effects.get(row["component"], 0.0) + row["effect"]
    previous = PreviousModel(
        model_id="posterior",
        steps=steps,
        parameters={
            (row["variable"], row["parameter"]): row["value"]
            for row in result.tables["parameters"].to_pylist()
        },
        effects=effects,
        spend={
            row["channel"]: row["spend"]
            for row in result.tables["channels"].to_pylist()
            if row["kind"] == "paid"
        },
        draws={key: np.array(values) for key, values in draws.items()},
    )
    first, last = case.window
    return replace(case, window=(first + steps, last + steps), previous=previous)


def test_a_refresh_counts_what_the_earlier_model_knew() -> None:
    case = problem(rows=140)
    early = replace(case, window=(4, 108))
    before = fit(early)
    new = refreshed_of(early, before, 8)
    alone, light, full = (
        fit(replace(new, previous=None)),
        fit(new),
        fit(new, refresh_weight=1.0),
    )

    def width(result: EngineResult, channel: str) -> float:
        (low,) = column(result, "channels", "roi_low", channel=channel)
        (high,) = column(result, "channels", "roi_high", channel=channel)
        return high - low

    # In full the earlier posterior narrows what the data say; by default it hardly does, as nearly
    # all of its periods are still among the data.
    assert width(full, "search") < 0.9 * width(alone, "search")
    assert width(light, "search") == pytest.approx(width(alone, "search"), rel=0.2)
    (weight,) = column(light, "diagnostics", "value", name="refresh", subject="")
    assert weight == pytest.approx(8 / 105)
    moves = {(row["variable"], row["measure"]): row for row in light.tables["moves"].to_pylist()}
    assert moves["search", "roi"]["old"] == pytest.approx(
        column(before, "channels", "roi", channel="search")[0], rel=1e-6
    )
    (roi,) = column(light, "channels", "roi", channel="search")
    assert moves["search", "roi"]["new"] == pytest.approx(roi, rel=1e-12)
    # The earlier draws on the new spends tell about the same ROI: nothing has changed in this world.
    assert moves["search", "roi"]["refitted"] == pytest.approx(2.0, abs=0.45)
    assert moves["video", "spend"]["new"] == pytest.approx(new.paid[1].spend[12:117].sum())
    assert (
        "within what the earlier model held possible"
        in (column(light, "diagnostics", "text", name="refresh", subject="search")[0])
    )
    assert alone.tables["moves"].num_rows == 0


def test_a_refresh_tells_a_channel_whose_effect_has_changed() -> None:
    case = problem(rows=140)
    early = replace(case, window=(4, 82))
    before = fit(early)
    kpi = case.kpi.copy()
    kpi[83:] -= 1.7 * case.paid[0].spend[83:]
    new = fit(refreshed_of(replace(early, kpi=kpi), before, 57))
    (text,) = column(new, "diagnostics", "text", name="refresh", subject="search")
    assert "beyond what the earlier model held possible" in text


def test_an_exposure_that_became_dearer_keeps_its_curve() -> None:
    """The earlier curve is in money of the earlier cost; evidence is in units of exposure."""
    case = problem(rows=140)
    early = replace(case, window=(4, 68))
    before = fit(early)
    dearer = case.paid[1].spend.copy()
    dearer[69:] *= 3.0
    paid = (case.paid[0], replace(case.paid[1], spend=dearer))
    new = refreshed_of(replace(early, paid=paid), before, 65)
    setup = set_up(new, BayesSettings.model_validate(SHORT))
    medium = earlier_media(setup)[1]
    # Both medians are of logarithms: of an even number of draws, the two of the middle are averaged.
    old_kappa = np.exp(np.median(np.log(before_kappa(before, "video"))))
    # Impressions at the middle of the curve, before and now.
    old_cost = case.paid[1].spend[4:69].sum() / case.paid[1].exposure[4:69].sum()
    mean_impressions = case.paid[1].exposure[69:134].mean()
    told = np.exp(np.median(medium.curve[:, KAPPA])) * mean_impressions
    assert told == pytest.approx(old_kappa / old_cost, rel=1e-4)
    # A third of the effect per money: the same impressions cost three times as much.
    (old_roi,) = column(before, "channels", "roi", channel="video")
    assert np.median(medium.effect) == pytest.approx(old_roi / 3.0, rel=0.2)


def before_kappa(result: EngineResult, channel: str) -> list[float]:
    return column(result, "draws", "value", variable=channel, parameter="inflexion")
