"""The certificate: from scored worlds to numbers, stretched intervals, and back from JSON."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.certificate import certify as certify_module
from mmm.certificate.certificate import Certificate, read_certificate
from mmm.certificate.certify import Asked, Trained, certify
from mmm.certificate.claimed import claimed_error, expected_error
from mmm.certificate.families import Family
from mmm.certificate.recalibrate import needed_stretch, stretched, stretches
from mmm.certificate.refit import Bounds, Refit
from mmm.certificate.summarise import channels, families, total
from mmm.engines import load_engine
from mmm.engines.base import EngineResult, Problem, Progress
from mmm.engines.capabilities import Responds, offered
from mmm.engines.words import Confidence
from mmm.format import Labels
from mmm.planning.advised import HIGH, LOW, advised_budget
from mmm.scoring.advice import Advice
from mmm.scoring.score import ChannelEstimate, ChannelScore, ChannelTruth, score


def channel(roi: float, true: float, low: float = 1.0, high: float = 3.0) -> ChannelScore:
    return ChannelScore("tv", 1.0, true, roi, low, high, "", low <= true <= high)


def test_an_interval_is_stretched_to_the_truth() -> None:
    assert needed_stretch(channel(2.0, 2.5)) == pytest.approx(0.5)
    assert needed_stretch(channel(2.0, 0.5)) == pytest.approx(1.5)
    assert needed_stretch(channel(2.0, 2.0)) == 0.0
    assert needed_stretch(channel(2.0, 3.0, low=2.0, high=2.0)) == np.inf
    assert np.isnan(needed_stretch(channel(2.0, 3.0, low=float("nan"))))
    assert stretched(2.0, 1.5, 3.0, 2.0) == (1.0, 4.0)
    assert stretched(2.0, 0.5, 3.0, 2.0) == (0.0, 4.0)  # no harm where none was possible
    assert stretched(2.0, -0.5, 3.0, 2.0) == (-3.0, 4.0)


def test_stretching_makes_nine_of_ten_hold_and_never_narrows() -> None:
    truths = np.linspace(0.0, 4.0, 401)
    worlds = [[channel(2.0, true)] for true in truths]
    factor = stretches(worlds, [1.0] * len(worlds), 0.9)["tv"]
    low, high = stretched(2.0, 1.0, 3.0, factor)
    assert np.mean((truths >= low) & (truths <= high)) == pytest.approx(0.9, abs=0.01)
    sure = [[channel(2.0, 2.0 + 0.01 * step)] for step in range(10)]
    assert stretches(sure, [1.0] * len(sure), 0.9) == {"tv": 1.0}
    assert stretches([], [], 0.9) == {}


def one_refit(number: int, family: Family, error: float, uplift: float) -> Refit:
    grid = np.array([0.0, 1.0, 2.0])
    truths = [
        ChannelTruth("tv", 60.0, 120.0, grid, grid, 1.0, 1.0),
        ChannelTruth("web", 40.0, 40.0, grid, grid, 1.0, 1.0),
    ]
    found = [
        ChannelEstimate("tv", 120.0 * (1 + error), 2.0 * (1 + error), 1.5, 2.5, 1.0),
        ChannelEstimate(
            "web", 40.0 * (1 + error), 1.0 * (1 + error), 0.85 + error, 1.15 + error, 1.0
        ),
    ]
    moves = {"tv": (1.2, 1.3), "web": (0.8, 1.3)}
    return Refit(number, family, score(truths, found), Advice(0.1, 0.2, uplift, 0.1), moves)


REFITS = [
    one_refit(0, Family.WIDE, 0.2, 0.05),
    one_refit(1, Family.CONVEX, -0.1, -0.05),
    one_refit(2, Family.WIDE, 0.0, 0.1),
    one_refit(3, Family.HARMFUL, 5.0, 0.1),
]


def test_totals_by_hand_without_the_harmful_world() -> None:
    found = total(REFITS)
    assert found.worlds == 3
    assert found.error == pytest.approx(0.1)
    assert found.error_mean == pytest.approx(0.1)
    # tv always lies inside, web within 0.15
    assert found.covered == pytest.approx(5 / 6)
    assert found.total_bias == pytest.approx(0.1 / 3)
    assert found.total_error == pytest.approx(0.1)
    assert found.uplift_share == pytest.approx((0.05 - 0.05 + 0.1) / 0.3)
    assert found.harmful == pytest.approx(1 / 3)
    assert found.direction == pytest.approx(0.5)  # up and up is right, down and up is wrong


def test_the_error_to_expect_is_what_the_intervals_mean_where_enough_of_them_hold() -> None:
    # Of a normal whose 90 % interval is 2 +- 0.5, the mean distance is 0.5 / 1.645 * 0.798.
    tv = ChannelEstimate("tv", 1.0, 2.0, 1.5, 2.5)
    mean_distance = 0.5 / 1.6448536 * 0.7978846
    claimed = claimed_error([tv], np.array([100.0]), 0.9)
    assert claimed == pytest.approx(mean_distance / 2.0)
    # Without an interval, a channel counts in neither sum.
    both = [tv, ChannelEstimate("web", 1.0, 9.0)]
    assert claimed_error(both, np.array([100.0, 50.0]), 0.9) == pytest.approx(claimed)
    assert claimed_error([ChannelEstimate("web", 1.0, 9.0)], np.array([1.0]), 0.9) is None
    found = total(REFITS, claimed)
    assert (found.claimed_error, found.expected_error) == (claimed, claimed)
    assert total(REFITS).expected_error == found.error
    assert expected_error(0.4, 0.5, 0.1) == 0.4
    assert expected_error(0.1, 0.5, 0.4) == 0.4


def test_channels_and_families_by_hand() -> None:
    reported = [ChannelEstimate("tv", 1.0, 2.0, 1.0, 3.0), ChannelEstimate("web", 1.0, 1.0)]
    tv, web = channels(REFITS, reported, 0.9)
    assert (tv.error, tv.bias) == pytest.approx((0.1, 0.1 / 3))
    assert (tv.covered, web.covered) == (1.0, pytest.approx(2 / 3))
    assert (tv.direction, web.direction) == (1.0, 0.0)
    assert tv.recalibrated_low == pytest.approx(2.0 - tv.stretch)
    assert (web.low, web.recalibrated_low) == (None, None)
    rows = {row.family: row for row in families(REFITS)}
    assert rows["wide"].worlds == 2
    assert rows["harmful"].error == pytest.approx(5.0)
    assert rows["convex"].harmful == 1


def asked(count: int) -> Asked:
    def advise(
        result: EngineResult, problem: Problem
    ) -> tuple[dict[str, float], dict[str, float]] | None:
        labels = Labels(problem.kpi_name, problem.kpi_kind, problem.currency)
        engine = offered(load_engine(result.engine), Responds)
        assert engine is not None
        found = advised_budget(engine, result.tables, labels)
        return None if found is None else (found.today, found.spend)

    settings = load_engine("ridge").settings.model_validate(
        {"trials": 1, "iterations": 60, "min_candidates": 10}
    )
    return Asked(count, 4, settings, "short", advise, Bounds(LOW, HIGH))


@pytest.fixture(scope="module")
def certificate(trained: tuple[Problem, Trained]) -> Certificate:
    problem, run = trained
    heard: list[Progress] = []
    found = certify(load_engine("ridge"), problem, run, asked(4), heard.append)
    worlds = [(item.done, item.total) for item in heard if item.stage == "worlds"]
    assert worlds == [(n, 4) for n in range(5)]
    assert heard[-1].stage == "checks"
    return found


def test_a_run_is_certified_with_its_own_numbers(
    certificate: Certificate, trained: tuple[Problem, Trained]
) -> None:
    problem, run = trained
    assert certificate.model_id == run.model_id
    assert [item.channel for item in certificate.channels] == [paid.name for paid in problem.paid]
    assert certificate.total.worlds + len(certificate.failed) == 4
    assert 0.0 < certificate.total.error < 3.0
    assert 0.0 < (certificate.total.claimed_error or 0.0) < 3.0
    assert 0.0 <= (certificate.total.covered or 0.0) <= 1.0
    assert {item.check for item in certificate.checks} >= {"placebo", "holdout"}
    assert {item.confidence for item in certificate.channels} <= set(Confidence)
    for item in certificate.channels:
        assert item.low is not None
        assert item.recalibrated_low is not None
        assert item.recalibrated_high is not None
        assert item.recalibrated_low <= item.low
        assert item.high is not None
        assert item.recalibrated_high >= item.high


def test_a_certificate_reads_back_as_it_was_stored(certificate: Certificate) -> None:
    assert read_certificate(certificate.to_json()) == certificate
    with pytest.raises(ValueError, match="total"):
        read_certificate('{"model_id": "x"}')


def test_progress_can_stop_it(trained: tuple[Problem, Trained]) -> None:
    problem, run = trained

    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.done == 1:
            raise Stop

    with pytest.raises(Stop):
        certify(load_engine("ridge"), problem, run, asked(3), stop)


def test_a_world_that_cannot_be_trained_is_named(trained: tuple[Problem, Trained]) -> None:
    problem, run = trained
    engine = load_engine("ridge")
    impossible = engine.settings.model_validate(
        {"trials": 1, "iterations": 10, "validation": {"train_size": [0.5, 0.5]}}
    )
    short = replace(asked(2), settings=impossible, checks=False)
    found = certify(engine, problem, run, short, lambda progress: None)
    assert found.total.worlds + len(found.failed) == 2


def test_of_many_worlds_a_budget_is_advised_in_every_second_of_a_family(
    trained: tuple[Problem, Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lowered for the test: training a hundred worlds would take minutes."""
    problem, run = trained
    monkeypatch.setattr(certify_module, "_ALL_ADVISED", 5)
    engine = load_engine("ridge")
    asked_in: list[int] = []

    def advise(result: EngineResult, data: Problem) -> None:
        asked_in.append(len(asked_in))

    settings = engine.settings.model_validate({"trials": 1, "iterations": 30, "min_candidates": 5})
    asked = Asked(8, 1, settings, "short", advise, Bounds(LOW, HIGH), checks=False)
    found = certify(engine, problem, run, asked, lambda progress: None)
    assert found.total.advised == 0  # this adviser never has anything to move
    families = {item.family: item.worlds for item in found.families}
    assert len(asked_in) == sum(-(-worlds // 2) for worlds in families.values())
