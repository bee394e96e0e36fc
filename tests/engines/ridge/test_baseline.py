"""Method "exact": the baseline that every candidate fits beside its media, and lift tests in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.engines.adstock_hill.decomposition import decompose
from mmm.engines.adstock_hill.features import build_frame
from mmm.engines.adstock_hill.models import Search, kept_models
from mmm.engines.adstock_hill.space import Space, build_space
from mmm.engines.base import LiftTest, PaidMedium, Problem, Variable
from mmm.engines.ridge.candidates import Design, Evaluation, evaluate
from mmm.engines.ridge.design import build_design
from mmm.engines.ridge.exact_frame import media_drivers, ridge_frame, variant_frames
from mmm.engines.ridge.settings import RidgeSettings

COUNT = 208


def market() -> Problem:
    """Four years of weeks: two media, one of them in the same weeks of each year, and a control
    that drives spend and KPI alike.
    """
    rng = np.random.default_rng(3)
    dates = np.datetime64("2020-01-06") + 7 * np.arange(COUNT)
    year = 2 * np.pi * np.arange(COUNT) * 7 / 365.25
    demand = np.cumsum(rng.normal(size=COUNT)) * 0.2 + rng.normal(size=COUNT)
    seasonal = np.clip(np.cos(year), 0, None) * 100 * rng.uniform(0.5, 1.5, COUNT)
    search = 50 + 12 * demand + rng.uniform(0, 30, COUNT)
    problem = Problem(
        dates=dates, step_days=7, kpi_name="sales", kpi=np.ones(COUNT), kpi_kind="revenue",
        paid=(PaidMedium("tv", seasonal), PaidMedium("search", np.clip(search, 1, None))),
        context=(Variable("demand", demand + 7.0),), window=(0, COUNT - 1),
    )  # fmt: skip
    tv, searched = media_drivers(problem)
    kpi = 1000 + 40 * demand + 500 * tv + 60 * searched + rng.normal(0, 15, COUNT)
    return replace(problem, kpi=kpi)


def at_middle(problem: Problem, tests: tuple[LiftTest, ...] = ()) -> tuple[Design, Evaluation]:
    """One candidate in the middle of the search space, with a small lambda."""
    frame = ridge_frame(problem, RidgeSettings())
    design, space = build_design(frame, RidgeSettings(), tests), build_space(frame, RidgeSettings())
    return design, evaluate(design, candidate(space), cores=1)


def candidate(space: Space):  # type: ignore[no-untyped-def]
    values = space.values(np.full((1, space.dimensions), 0.5))
    found = space.candidates(values)
    return found._replace(lambda_=found.lambda_ * 0.01)


def test_taking_the_baseline_out_is_the_joint_optimum() -> None:
    """The gradient of the joint problem in the baseline's own coefficients is 0, and the reported
    parts add up to the fit.
    """
    problem = market()
    frame = ridge_frame(problem, RidgeSettings())
    design, space = build_design(frame, RidgeSettings()), build_space(frame, RidgeSettings())
    found = evaluate(design, candidate(space), cores=1)
    one = np.array([1])
    search = Search(space.values(np.full((1, space.dimensions), 0.5)), found, one, one, np.zeros(1))
    parts = decompose(frame, kept_models(frame, space, search, np.array([0]))[0])
    residual = design.y - parts.fitted
    gradient = design.flexible.T @ residual - design.flexible_precision * found.flexible[0]
    assert np.abs(gradient).max() < 1e-8 * np.abs(design.flexible.T @ design.y).max()
    assert abs(residual.sum()) < 1e-8 * design.y.sum()  # the level is free
    assert parts.effects.sum(axis=0) == pytest.approx(found.effects[0, :-1], abs=1e-6)


def test_what_spends_did_is_not_booked_on_the_season() -> None:
    """A medium that runs in the same weeks of each year, and no season: Prophet's finished season
    takes its effect.
    """
    problem = market()
    season = build_frame(problem, RidgeSettings(method="robyn")).base[:, 1]
    ours = ridge_frame(problem, RidgeSettings()).base[:, 1]
    assert np.ptp(ours) < 0.6 * np.ptp(season)


def test_a_confounder_given_as_a_control_is_adjusted_for() -> None:
    """Search follows demand. With demand in the table its effect is near the truth, without it is
    several times that.
    """
    problem = market()
    truth = 60 * media_drivers(problem)[1].sum()
    with_control = at_middle(problem)[1].effects[0, -2]
    without = at_middle(replace(problem, context=()))[1].effects[0, -2]
    assert abs(with_control - truth) < 0.5 * abs(without - truth)


def test_a_controls_mean_belongs_to_the_intercept() -> None:
    design, found = at_middle(market())
    frame = ridge_frame(market(), RidgeSettings())
    demand = frame.base_names.index("demand")
    assert abs(found.effects[0, demand]) < 1e-6 * design.y.sum()
    assert found.coefficients[0, demand] == pytest.approx(40, rel=0.2)


def test_a_lift_test_counts_by_its_standard_error() -> None:
    """A precise test moves the effect to what was measured, a vague one hardly; one that found
    nothing as well.
    """
    problem = market()
    days = (problem.dates[100].item(), (problem.dates[107] + 6).item())

    def effect(lift: float, error: float) -> float:
        test = LiftTest(("search",), *days, lift, 0.0, scope="total", standard_error=error)
        return float(at_middle(problem, (test,))[1].studied[0, 0, 0])

    untested = effect(100.0, 1e12)
    assert effect(2 * untested, 0.001 * untested) == pytest.approx(2 * untested, rel=0.01)
    assert effect(2 * untested, 1e5 * untested) == pytest.approx(untested, rel=0.01)
    assert effect(0.0, 0.01 * untested) < 0.02 * untested


def test_tests_of_several_channels_are_summed() -> None:
    problem = market()
    days = (problem.dates[100].item(), (problem.dates[107] + 6).item())
    alone = [
        LiftTest((name,), *days, 1.0, 0.0, scope="total", standard_error=1e12)
        for name in ("tv", "search")
    ]
    both = LiftTest(("tv", "search"), *days, 1.0, 0.0, scope="total", standard_error=1e12)
    found = at_middle(problem, (*alone, both))[1].studied[0, :, 0]
    assert found[2] == pytest.approx(found[0] + found[1])
    precise = replace(both, lift=3 * found[2], standard_error=0.001 * found[2])
    moved = at_middle(problem, (*alone, precise))[1].studied[0, :, 0]
    assert moved[2] == pytest.approx(3 * found[2], rel=0.01)


def test_variants_differ_in_the_baseline_alone() -> None:
    problem = market()
    frame = ridge_frame(problem, RidgeSettings())
    variants = variant_frames(problem, RidgeSettings(), frame)
    assert len(variants) == 6
    kinds = {
        name: (other.baseline.columns.shape[1], round(float(other.baseline.precision.sum()), 3))
        for name, other in variants.items()
        if other.baseline is not None
    }
    assert len(set(kinds.values())) == 6
    assert all(other.media is frame.media for other in variants.values())
    assert variant_frames(problem, RidgeSettings(method="robyn"), frame) == {}
