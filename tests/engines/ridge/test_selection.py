from __future__ import annotations

import numpy as np
import pytest

from mmm.engines.adstock_hill.models import Clusters
from mmm.engines.confidence import confidence_word
from mmm.engines.ridge.selection import (
    cluster_interval,
    cluster_models,
    consensus_weights,
    eligible,
    error_scores,
    likeliest_by_trial,
    log_weights,
    nearest_to_consensus,
    pareto_fronts,
    pareto_fronts_by_trial,
)
from mmm.engines.ridge.spread import REACH, Spread, bounds, measured_spread
from mmm.engines.words import Confidence


def losses(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.column_stack([rng.random(count), rng.random(count), np.zeros(count)])


def test_every_trial_keeps_its_share() -> None:
    """A trial that is better everywhere must not be the only one left."""
    rng = np.random.default_rng(1)
    loss = np.vstack([losses(rng, 200) * 0.5, losses(rng, 200) * 0.5 + [0.2, 0.2, 0.0]])
    trial = np.repeat([1, 2], 200)
    pooled = pareto_fronts(loss, np.ones(400, bool), 20)
    selection = pareto_fronts_by_trial(loss, np.ones(400, bool), 20, trial)
    assert np.bincount(trial[selection.kept]).tolist() == [0, 10, 10]
    assert (trial[pooled.kept] == 1).sum() > (trial[selection.kept] == 1).sum()
    # Fronts are numbered over all kept models: the first holds no dominated one.
    first = loss[selection.fronts == 1, :2]
    kept = loss[selection.kept, :2]
    assert not any(((kept < row).all(axis=1)).any() for row in first)


def test_duplicates_share_a_front() -> None:
    loss = np.array([[0.1, 0.5, 0], [0.1, 0.5, 0], [0.5, 0.1, 0], [0.6, 0.6, 0]], float)
    assert pareto_fronts(loss, np.ones(4, bool), 2).fronts.tolist() == [1, 1, 1, 0]


def test_worst_candidates_are_left_out() -> None:
    loss = np.column_stack([np.arange(10.0), np.zeros(10), np.zeros(10)])
    assert eligible(loss, 0.1).tolist() == [True] * 9 + [False]


def test_an_infinite_error_gives_an_infinite_score() -> None:
    scores = error_scores(
        np.array([[0.1, 0.1, 0], [0.2, np.inf, 0], [0.3, 0.2, 0]], float), (1.0, 1.0, 1.0)
    )
    assert np.isinf(scores[1])
    assert np.isfinite(scores[[0, 2]]).all()


def test_clusters_of_separate_groups() -> None:
    rng = np.random.default_rng(2)
    centres = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 1], [1, 1, 0]])
    features = np.vstack(
        [
            centre + 0.01 * rng.normal(size=(n, 3))
            for centre, n in zip(centres, (8, 6, 5, 4), strict=True)
        ]
    )
    scores = np.arange(23.0)
    found = cluster_models(features, scores, None, 123)
    assert found.count == 4
    assert found.labels.tolist() == [1] * 8 + [2] * 6 + [3] * 5 + [4] * 4  # the largest first
    assert np.flatnonzero(found.best).tolist() == [0, 8, 14, 19]
    assert (np.diff(found.wss) <= 1e-9).all()
    again = cluster_models(features, scores, None, 123)
    assert again.labels.tolist() == found.labels.tolist()


def test_a_wanted_number_of_clusters_is_kept_to() -> None:
    features = np.random.default_rng(3).random((30, 4))
    assert cluster_models(features, np.arange(30.0), 6, 1).count == 6
    assert cluster_models(features[:2], np.arange(2.0), 6, 1).count == 2
    assert cluster_models(np.ones((5, 2)), np.arange(5.0), None, 1).count == 1


def test_interval_of_a_cluster() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    mean, _, low, high = cluster_interval(values, 20_000, 1)
    # se of the mean is sd/sqrt(m) with the population sd; times t(0.975, 4) and sqrt(m), as Robyn
    # reports it.
    half = 2.7764451051977987 * values.std()
    assert mean == pytest.approx(3.0, abs=0.02)
    assert high - mean == pytest.approx(half, rel=0.03)
    assert low == max(0.0, mean - (high - mean))
    assert cluster_interval(np.array([2.5]), 100, 1) == (2.5, 0.0, 2.5, 2.5)
    assert np.isnan(cluster_interval(np.array([1.0, 2.0]), 100, 1)[1:]).all()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([2.0, 2.1, 2.2, 2.0], "high"),
        ([1.0, 2.0, 2.5, 3.0], "medium"),
        ([0.1, 2.0, 3.0, 4.0], "inconclusive"),
        ([0.0, 0.0, 0.0, 2.0], "inconclusive"),
        ([np.nan, np.nan], "inconclusive"),
    ],
)
def test_confidence_in_words(values: list[float], word: str) -> None:
    assert confidence_word(np.array(values)) == word


def test_weights_of_the_consensus_by_hand() -> None:
    loss = np.array([[0.1, 0.2, 0.3], [0.2, 0.2, 0.0], [0.1, 0.6, 0.0]])
    studies = np.array([[0.0, np.nan], [0.0, np.nan], [2.0, np.nan]])
    found = consensus_weights(loss, studies, 10, (1.0, 1.0, 1.0))
    # to the first: half the fit to the power 10; one and a half standard deviations of distance
    # against a half, and a test missed by two of its standard errors
    expected = [1.0, 0.5**10, np.exp(-0.5 * (1.5**2 - 0.5**2) - 0.5 * 4)]
    assert found / found[0] == pytest.approx(expected)
    assert found.sum() == pytest.approx(1.0)
    assert consensus_weights(loss, studies, 10, (1.0, 0.0, 0.0))[2] == pytest.approx(
        1 / (2 + 0.5**10)
    )


def test_every_trial_keeps_what_counts_most() -> None:
    loss = losses(np.random.default_rng(3), 60)
    trial = np.repeat([1, 2, 3], 20)
    counts = log_weights(loss, 50, (1.0, 1.0, 1.0))
    within = np.ones(60, bool)
    within[np.argmax(counts)] = False
    kept = likeliest_by_trial(counts, loss, within, 9, trial).kept
    assert np.bincount(trial[kept]).tolist() == [0, 3, 3, 3]
    assert np.argmax(counts) not in kept
    for name in (1, 2, 3):
        others = np.flatnonzero(within & (trial == name) & ~np.isin(np.arange(60), kept))
        assert counts[kept[trial[kept] == name]].min() > counts[others].max()


def test_a_duplicate_shadows_the_next_front_as_in_robyn() -> None:
    """The second of two equal rows stays in the pool: of the two that follow, one is behind it."""
    loss = np.array(
        [[0.1, 0.5, 0], [0.1, 0.5, 0], [0.2, 0.6, 0], [0.5, 0.1, 0], [0.6, 0.2, 0]], float
    )
    everything = np.ones(5, bool)
    assert pareto_fronts(loss, everything, 5).fronts.tolist() == [1, 1, 2, 1, 2]
    assert pareto_fronts(loss, everything, 5, robyn=True).fronts.tolist() == [1, 1, 3, 1, 2]


def test_the_model_nearest_to_the_consensus() -> None:
    effects = np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    assert nearest_to_consensus(effects, np.array([3.0, 5.0])) == 1
    assert nearest_to_consensus(effects, np.array([5.1, 5.0])) == 2


def test_what_an_interval_is_made_of() -> None:
    """Curves (weighted and unweighted), noise and the variant that moves an effect most."""
    effects = np.array([[10.0, 5.0], [11.0, 5.0], [12.0, 5.0]])
    weights = np.full(3, 1 / 3)
    errors = np.full((3, 2), 0.5)
    variants = {"a": (effects + 1.0, weights), "b": (effects - 4.0, weights)}
    spread = measured_spread(effects, weights, errors, variants)
    assert spread.centre == pytest.approx([10.0, 4.0])  # over the three baselines
    assert spread.sd**2 == pytest.approx([2 * 2 / 3 + 0.25 + 9.0, 0.25 + 9.0])
    low, high = bounds(spread, effects)
    assert high == pytest.approx(spread.centre + REACH * spread.sd)
    assert low.tolist() == [0.0, 0.0]  # no model has less than no effect


@pytest.mark.parametrize(
    ("sd", "variant", "word"),
    [(0.5, 10.5, "high"), (0.5, 14.0, "medium"), (4.0, 10.5, "medium")],
)
def test_high_confidence_needs_variants_that_agree(sd: float, variant: float, word: str) -> None:
    spread = Spread(np.array([10.0]), np.array([sd]), {"other": np.array([variant])})
    assert spread.bounded(Confidence.HIGH, 0) == word
    assert spread.bounded(Confidence.INCONCLUSIVE, 0) == "inconclusive"


def test_a_recommended_model_stands_for_its_cluster() -> None:
    found = Clusters(np.array([1, 1, 2]), np.array([True, False, True]), np.zeros(2))
    assert found.standing_for_its_own(1).best.tolist() == [False, True, True]
