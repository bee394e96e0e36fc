from __future__ import annotations

import numpy as np
import pytest

from mmm.engines.adstock_hill.models import Clusters
from mmm.engines.confidence import confidence_word
from mmm.engines.ridge.selection import (
    cluster_interval,
    cluster_models,
    consensus_interval,
    consensus_weights,
    eligible,
    error_scores,
    nearest_to_consensus,
    pareto_fronts,
    pareto_fronts_by_trial,
)


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
    # to the first: half the fit to the power 0.3 x 10; three against one standard deviation of
    # distance and a test missed by two of its standard errors
    assert found / found[0] == pytest.approx([1.0, 0.5**3, np.exp(-0.5 * (9 - 1) - 0.5 * 0.3 * 4)])
    assert found.sum() == pytest.approx(1.0)
    assert consensus_weights(loss, studies, 10, (1.0, 0.0, 0.0))[2] == pytest.approx(
        1 / (2 + 0.5**3)
    )


def test_the_model_nearest_to_the_consensus_and_its_interval() -> None:
    effects = np.array([[1.0, 5.0], [2.0, 5.0], [6.0, 5.0]])
    assert nearest_to_consensus(effects, np.full(3, 1 / 3)) == 1
    assert nearest_to_consensus(effects, np.array([0.1, 0.1, 0.8])) == 2
    low, high = consensus_interval(effects, np.full(3, 1 / 3))
    assert high == pytest.approx([3 + 2 * np.sqrt(14 / 3), 5.0])
    assert low.tolist() == [0.0, 5.0]  # no model has less than no effect


def test_a_recommended_model_stands_for_its_cluster() -> None:
    found = Clusters(np.array([1, 1, 2]), np.array([True, False, True]), np.zeros(2))
    assert found.standing_for_its_own(1).best.tolist() == [False, True, True]
