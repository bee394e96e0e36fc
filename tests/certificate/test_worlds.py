"""Worlds: on the user's own data, with truths that add up, in every family."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from mmm.certificate.baseline import Noise, residual_noise, smoother
from mmm.certificate.families import SHARES, Family, order, sketch
from mmm.certificate.material import Material
from mmm.certificate.plausible import plausible_truth
from mmm.certificate.response import Response, Shape, lifted, sized, truth_of
from mmm.certificate.worlds import worlds


def test_families_come_in_their_shares_and_mixed() -> None:
    assert Counter(order(40)) == {family: 2 * share for family, share in SHARES.items()}
    first = order(20)[:10]
    assert len(set(first)) >= 7  # few worlds hold most kinds already


def test_material_adds_up_to_the_kpi(material: Material) -> None:
    whole = material.base + material.effects.sum(axis=1) + material.residuals
    assert whole == pytest.approx(material.kpi)
    assert material.inputs[:, material.window].mean(axis=1) == pytest.approx(1.0)
    assert material.rois.shape[1] == len(material.channels)
    assert len(material.rois) >= 20  # every kept model


def test_worlds_differ_from_the_data_in_the_kpi_and_the_tests_alone(material: Material) -> None:
    for world in worlds(material, 3, seed=5):
        assert world.problem.paid is material.problem.paid
        assert world.problem.context is material.problem.context
        made = world.problem.kpi[material.window]
        assert not np.array_equal(made, material.kpi)
        assert np.corrcoef(made, material.kpi)[0, 1] > 0.5  # looks like the user's KPI
        assert made.mean() == pytest.approx(material.kpi.mean(), rel=0.1)
        assert len(world.problem.lift_tests) == len(material.problem.lift_tests)


def test_a_world_is_the_same_for_its_seed_however_many_are_asked_for(material: Material) -> None:
    few, many = list(worlds(material, 2, seed=7)), list(worlds(material, 5, seed=7))
    for one, other in zip(few, many, strict=False):
        assert np.array_equal(one.problem.kpi, other.problem.kpi)
    elsewhere = next(iter(worlds(material, 1, seed=8)))
    assert not np.array_equal(few[0].problem.kpi, elsewhere.problem.kpi)


def test_a_truth_is_consistent_with_itself(material: Material) -> None:
    world = next(iter(worlds(material, 1, seed=3)))
    for place, truth in enumerate(world.truths):
        assert truth.name == material.channels[place]
        assert truth.spend == pytest.approx(material.window_spend[place])
        assert truth.roi == pytest.approx(truth.effect / truth.spend)
        weeks = len(material.kpi)
        assert float(truth.response(truth.today)) * weeks == pytest.approx(truth.effect)
        assert float(truth.response(0.0)) == 0.0


def test_special_families_are_what_they_say(material: Material) -> None:
    noise = residual_noise(material)
    smooth = smoother(material, noise.deviation / material.kpi.mean())

    def rois(family: Family) -> np.ndarray:
        random = np.random.default_rng(11)
        truth = plausible_truth(family, material, smooth, random)
        return truth.effects(material).sum(axis=0) / material.window_spend

    assert (rois(Family.NO_EFFECT) == 0.0).sum() == 1
    assert (rois(Family.HARMFUL) < 0.0).sum() == 1
    assert (rois(Family.WIDE) > 0.0).all()
    random = np.random.default_rng(2)
    delayed = sketch(Family.DELAYED, material, random)
    assert min(int(np.argmax(shape.weights)) for shape in delayed.shapes) >= 1
    convex = sketch(Family.CONVEX, material, random)
    assert min(shape.steepness for shape in convex.shapes) >= 1.6
    broken = sketch(Family.LEVEL_BREAK, material, random)
    assert len(np.unique(broken.extra)) == 2
    drifting = sketch(Family.DRIFTING, material, random)
    assert all(shape.drift is not None for shape in drifting.shapes)
    growing = sketch(Family.GROWING_SEASON, material, random)
    assert growing.extra.std() > 0
    hidden = sketch(Family.HIDDEN_DEMAND, material, random)
    against = [
        np.corrcoef(hidden.extra, inputs[material.window])[0, 1] for inputs in material.inputs
    ]
    assert max(against) > 0.2  # some spend follows it


def test_the_data_choose_among_truths(material: Material) -> None:
    """The channels that clearly move the KPI move it in the worlds as well, though their ROIs were
    drawn from wide priors.
    """
    noise = residual_noise(material)
    smooth = smoother(material, noise.deviation / material.kpi.mean())
    strongest = np.argsort(material.effects.std(axis=0))[-2:]
    drawn = []
    for number in range(12):
        truth = plausible_truth(Family.WIDE, material, smooth, np.random.default_rng(number))
        drawn.append(truth.effects(material).std(axis=0))
    assert set(np.argsort(np.median(drawn, axis=0))[-2:]) == set(strongest)


def test_noise_has_the_residuals_size_and_persistence() -> None:
    noise = Noise(0.6, np.random.default_rng(1).normal(0.0, 2.0, 400))
    drawn = noise.draw(20_000, np.random.default_rng(2))
    assert drawn.std() == pytest.approx(noise.deviation, rel=0.05)
    assert np.corrcoef(drawn[1:], drawn[:-1])[0, 1] == pytest.approx(0.6, abs=0.03)


def test_the_smoother_takes_level_trend_and_season_and_leaves_shocks(material: Material) -> None:
    smooth = smoother(material, 0.02)
    rows = len(material.kpi)
    season = 5.0 + 0.01 * np.arange(rows) + np.sin(2 * np.pi * np.arange(rows) * 7 / 365.25)
    assert np.abs(smooth.rest(season)).max() < 0.1
    shock = np.zeros(rows)
    shock[rows // 2] = 1.0
    assert smooth.rest(shock)[rows // 2] > 0.5


def test_responses_by_hand() -> None:
    """Half of the input acts at once, half a period later; at its own mean a curve gives a half."""
    shape = Shape(np.array([0.5, 0.5]), half=1.0, steepness=1.0)
    inputs = np.array([2.0, 0.0, 0.0, 2.0, 2.0])
    assert shape.saturated(inputs) == pytest.approx([0.5, 0.5, 0.0, 0.5, 2 / 3])
    spend = np.array([20.0, 0.0, 0.0, 20.0, 20.0])
    response = sized(shape, 3.0, inputs, spend, slice(0, 5))
    assert response.effect(inputs).sum() == pytest.approx(180.0)
    truth = truth_of("tv", response, inputs, spend, slice(0, 5))
    assert truth.roi == pytest.approx(3.0)
    assert 0.0 < truth.marginal_roi < 3.0  # it saturates
    one = Response(shape, 1.0)
    assert lifted(one, inputs, slice(0, 1), "total") == pytest.approx(1.0)
    assert lifted(one, inputs, slice(0, 1), "immediate") == pytest.approx(0.5)
