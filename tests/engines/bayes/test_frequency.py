"""A channel with reach and frequency: its curve is the frequency's, and the best one is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.engines import load_engine
from mmm.engines.adstock_hill.media import read_draws
from mmm.engines.base import EngineResult, PaidMedium, PreviousModel, Problem
from mmm.engines.bayes.settings import BayesSettings
from mmm.engines.capabilities import Responds, asked
from mmm.engines.training import train

SHORT = {"warm_up": 400, "sweeps": 600, "longest": 1, "draws": 100, "holdout": None}
#: The planted curve: its best frequency is kappa (k - 1)^(1 / k).
KAPPA, SHAPE = 3.0, 2.5
BEST = KAPPA * (SHAPE - 1.0) ** (1.0 / SHAPE)


def problem(rows: int = 156) -> Problem:
    """Video with an ROI of 2 by its reach and frequency, search with one of 1."""
    rng = np.random.default_rng(11)
    dates = np.datetime64("2022-01-03") + 7 * np.arange(rows)
    reach = 1000.0 * rng.lognormal(0.0, 0.6, rows) * (rng.random(rows) < 0.8)
    frequency = np.where(reach > 0.0, rng.uniform(1.2, 9.0, rows), 0.0)
    spend = 0.02 * reach * frequency * rng.uniform(0.97, 1.03, rows)
    acting = reach * frequency**SHAPE / (frequency**SHAPE + KAPPA**SHAPE)
    carried = np.convolve(acting, 0.6 * 0.4 ** np.arange(8.0))[:rows]
    search = rng.lognormal(3.5, 0.5, rows)
    kpi = 400.0 + 2.0 * carried * spend.sum() / carried.sum() + search + rng.normal(0.0, 8.0, rows)
    video = PaidMedium("video", spend, reach, "video_reach", frequency=frequency)
    return Problem(
        dates=dates,
        step_days=7,
        kpi_name="sales",
        kpi=kpi,
        kpi_kind="revenue",
        paid=(video, PaidMedium("search", search)),
        window=(4, rows - 1),
    )


def fit(case: Problem) -> EngineResult:
    settings = BayesSettings.model_validate(SHORT)
    return train(load_engine("bayes"), case, settings, lambda progress: None)


@pytest.fixture(scope="module")
def result() -> EngineResult:
    return fit(problem())


def row(result: EngineResult, table: str, channel: str) -> dict[str, float]:
    return next(r for r in result.tables[table].to_pylist() if r["channel"] == channel)


def test_roi_and_best_frequency_are_found(result: EngineResult) -> None:
    video = row(result, "channels", "video")
    assert video["roi_low"] < 2.0 < video["roi_high"]
    assert abs(video["roi"] - 2.0) < 0.4
    point = row(result, "frequency_points", "video")
    assert point["optimal_frequency_low"] <= BEST <= point["optimal_frequency_high"]
    assert abs(point["optimal_frequency"] - BEST) < 0.8
    assert point["gain_low"] > 0.0
    assert result.tables["frequency_points"].num_rows == 1  # search has none


def test_the_curve_of_frequencies_passes_through_its_point(result: EngineResult) -> None:
    point = row(result, "frequency_points", "video")
    curve = result.tables["frequencies"].to_pylist()
    best = max(curve, key=lambda at: at["worth"])
    assert abs(best["frequency"] - point["optimal_frequency"]) < 0.5
    assert all(at["worth_low"] <= at["worth"] <= at["worth_high"] for at in curve)
    assert [at["observed"] for at in curve].count(True) > 40
    assert not curve[-1]["observed"]


def test_stored_draws_give_the_reported_effects(result: EngineResult) -> None:
    drawn = read_draws(result.tables, "posterior")
    sums = []
    for model in drawn:
        medium = model.medium("video")
        sums.append(medium.curve.apply(medium.input).response[model.window].sum())
    reported = row(result, "channels", "video")["contribution"]
    assert abs(np.median(sums) / reported - 1.0) < 1e-6


def test_more_money_reaches_more_people_in_proportion(result: EngineResult) -> None:
    engine = asked(load_engine("bayes"), Responds, "plan")
    model = engine.response_model(result.tables, carryover="follows")
    today = np.array([row(result, "channels", name)["mean_spend"] for name in model.channels])
    once, twice = model.response(today), model.response(2.0 * today)
    video, search = model.channels.index("video"), model.channels.index("search")
    np.testing.assert_allclose(twice[:, video], 2.0 * once[:, video], rtol=1e-5)
    assert not np.allclose(twice[:, search], 2.0 * once[:, search], rtol=1e-3)
    roi = np.median(once[:, video]) / today[video]
    assert abs(roi / row(result, "channels", "video")["roi"] - 1.0) < 1e-3


def test_a_refresh_knows_the_earlier_curve(result: EngineResult) -> None:
    from mmm.engines.bayes.earlier import earlier_media
    from mmm.engines.bayes.setup import set_up

    previous = PreviousModel(
        model_id="earlier",
        parameters={},
        effects={},
        spend={},
        steps=0,
        draws=drawn_parameters(result),
    )
    setup = set_up(replace(problem(), previous=previous), BayesSettings.model_validate(SHORT))
    effect = earlier_media(setup)[0].effect
    assert abs(np.median(effect) / row(result, "channels", "video")["roi"] - 1.0) < 0.02


def drawn_parameters(result: EngineResult) -> dict[tuple[str, str], np.ndarray]:
    found: dict[tuple[str, str], list[float]] = {}
    for at in result.tables["draws"].to_pylist():
        found.setdefault((at["variable"], at["parameter"]), []).append(at["value"])
    return {key: np.array(values) for key, values in found.items()}


def test_worlds_of_a_certificate_saturate_by_the_frequency(result: EngineResult) -> None:
    from mmm.certificate.families import Family, sketch
    from mmm.certificate.material import read_material

    case = problem()
    material = read_material(case, result.tables, "posterior")
    assert material.by_frequency == (True, False)
    frequency, reach = case.paid[0].frequency, case.paid[0].exposure
    assert frequency is not None
    assert reach is not None
    acting = reach * frequency**SHAPE / (frequency**SHAPE + KAPPA**SHAPE)
    assert np.corrcoef(material.inputs[0], acting)[0, 1] > 0.995
    drawn = sketch(Family.WIDE, material, np.random.default_rng(1))
    once, twice = (drawn.shapes[0].saturated(k * material.inputs[0]).sum() for k in (1.0, 2.0))
    assert abs(twice / once - 2.0) < 0.1
