"""Checks: each by its rule, on a trained run, and what cannot run says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mmm.certificate.baseline import smoother
from mmm.certificate.certify import Trained
from mmm.certificate.checks.all import CHECKS, run_checks
from mmm.certificate.checks.base import Outcome, Situation, compared, run_check
from mmm.certificate.checks.confounder import HiddenConfounder, robustness, strongest_control
from mmm.certificate.checks.controls import LeaveOneControlOut
from mmm.certificate.checks.holdout import Holdout
from mmm.certificate.checks.placebo import NAME, Placebo, shuffled_blocks
from mmm.certificate.checks.prior import prior_gain
from mmm.certificate.checks.variants import BaselineVariants, season, waves
from mmm.certificate.material import Material
from mmm.engines import load_engine
from mmm.engines.base import Problem, Progress

SETTINGS = {"trials": 1, "iterations": 60, "min_candidates": 10}


@pytest.fixture(scope="module")
def situation(trained: tuple[Problem, Trained], material: Material) -> Situation:
    problem, run = trained
    engine = load_engine("ridge")
    settings = engine.settings.model_validate(SETTINGS)
    smooth = smoother(material, 0.03)
    return Situation(engine, settings, problem, run.tables, run.model_id, material, smooth, seed=1)


def test_all_checks_run_and_say_what_they_bear_on(situation: Situation) -> None:
    heard: list[Progress] = []
    results = run_checks(situation, heard.append)
    assert {item.check for item in results} == {check.key for check in CHECKS}
    assert [item.done for item in heard] == list(range(len(CHECKS) + 1))
    for item in results:
        assert item.outcome is not Outcome.COULD_NOT_RUN, item.finding
        assert item.decision
        assert item.value is not None
        assert bool(item.recommendation) == (item.outcome is Outcome.CONCERN)
    about = {item.about for item in results if item.check == "hidden_confounder"}
    assert about == set(situation.material.channels)


def test_what_is_beyond_the_threshold_is_a_concern() -> None:
    check = Placebo(threshold=0.4)
    assert compared(check, 0.41, "x", "f", "r").outcome is Outcome.CONCERN
    assert compared(check, 0.4, "x", "f", "r").outcome is Outcome.PASSED
    assert compared(check, 0.41, "x", "f", "r", high=False).outcome is Outcome.PASSED
    assert compared(check, 0.39, "x", "f", "r", high=False).recommendation == "r"


def test_nothing_to_check_and_an_engine_that_cannot_are_results(situation: Situation) -> None:
    bare = replace(situation, problem=replace(situation.problem, context=()))
    (result,) = run_check(LeaveOneControlOut(), bare)
    assert (result.outcome, result.value) == (Outcome.COULD_NOT_RUN, None)
    assert "no control" in result.finding

    class Rigid:
        name, version, stages, settings = "rigid", "1", (), None

        def check(self, problem: Problem, settings: Any) -> list[Any]:
            return []

        check_environment = check

        def train(self, problem: Problem, settings: Any, progress: Any) -> Any:
            raise AssertionError("a holdout must not be trained without the settings for it")

    (result,) = run_check(Holdout(), replace(situation, engine=Rigid()))  # type: ignore[arg-type]
    assert result.outcome is Outcome.COULD_NOT_RUN
    assert result.finding == "The engine cannot hold periods out."


def test_the_placebo_is_a_channel_of_shuffled_spend(situation: Situation) -> None:
    (result,) = run_check(Placebo(), situation)
    assert result.about == NAME
    assert "Shuffled spend of" in result.finding
    values = np.arange(10.0)
    mixed = shuffled_blocks(values, 4, np.random.default_rng(3))
    assert sorted(mixed) == sorted(values)
    assert not np.array_equal(mixed, values)
    assert any(np.array_equal(mixed[at : at + 4], values[:4]) for at in range(7))


def test_other_baselines_are_columns_of_the_whole_data(situation: Situation) -> None:
    columns = (*waves(situation.problem), *season(situation.problem))
    assert len(columns) > 8
    assert {len(column.values) for column in columns} == {situation.problem.rows}


def test_a_stiffer_trend_is_looked_at_where_the_engine_has_one(situation: Situation) -> None:
    class Stiffening:
        """The engine with a trend that can be stiffened: here, other draws stand for it."""

        def __getattr__(self, name: str) -> Any:
            return getattr(situation.engine, name)

        def with_stiffer_trend(self, settings: Any) -> Any:
            return settings.model_copy(update={"seed": settings.seed + 1})

    engine: Any = Stiffening()
    found = BaselineVariants().run(replace(situation, engine=engine))
    assert [item.about for item in found] == ["a looser trend", "a finer season", "a stiffer trend"]
    stiffer = found[-1]
    assert stiffer.value is not None
    assert stiffer.value > 0.0
    assert stiffer.finding.startswith("With a stiffer trend the ROIs change by")


def test_gain_over_the_prior_by_hand() -> None:
    factor = np.exp(1.645 * 0.8)
    assert prior_gain(2.0 / factor, 2.0 * factor, 2.0) == pytest.approx(0.0)
    assert prior_gain(2.0, 2.0, 2.0) == 1.0
    assert prior_gain(0.0, 20.0, 2.0) < 0.0


def test_robustness_grows_with_the_effect_and_its_certainty(situation: Situation) -> None:
    plain = robustness(situation)
    loud = robustness(replace(situation, smoother=smoother(situation.material, 0.3)))
    for name, value in plain.items():
        assert 0.0 <= value < 1.0
        assert loud[name] <= value


def test_a_control_that_spend_follows_is_the_strongest(situation: Situation) -> None:
    """A control made of the largest channel's spend and the KPI explains both."""
    material = situation.material
    kpi = situation.problem.kpi / situation.problem.kpi.mean()
    mixed = kpi / kpi.std() + material.inputs[0] / material.inputs[0].std()
    chased = replace(situation.problem.context[0], name="chased", values=mixed)
    problem = replace(situation.problem, context=(*situation.problem.context, chased))
    name, strength = strongest_control(replace(situation, problem=problem))
    assert name == "chased"
    assert strength > 0.1
    results = run_check(HiddenConfounder(), replace(situation, problem=problem))
    assert "the strongest control, chased," in results[0].finding
    none = strongest_control(replace(situation, problem=replace(problem, context=())))
    assert none == ("", 0.05)
