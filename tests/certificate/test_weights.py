"""Worlds count by how well their kind fits, and never so unequally that few decide."""

from __future__ import annotations

import numpy as np
import pytest

from mmm.certificate.weights import weighted_mean, weighted_quantile, world_weights


def test_equal_evidence_counts_equally() -> None:
    assert world_weights(np.full(4, -300.0)) == pytest.approx(0.25)


def test_evidence_counts_in_full_while_half_of_the_worlds_remain() -> None:
    found = world_weights(np.log([1.0, 1.0, 2.0]))
    assert found == pytest.approx([0.25, 0.25, 0.5])


def test_a_few_worlds_do_not_decide_alone() -> None:
    found = world_weights(np.array([0.0, -50.0, -100.0, -200.0, -400.0, -800.0]))
    assert found.sum() == pytest.approx(1.0)
    assert 1.0 / (found**2).sum() / len(found) == pytest.approx(0.5, abs=1e-6)
    assert (np.diff(found) < 0).all()


def test_means_and_quantiles_by_hand() -> None:
    assert weighted_mean([1.0, 4.0, np.nan], [2.0, 1.0, 9.0]) == pytest.approx(2.0)
    assert weighted_mean([np.nan], [1.0]) is None
    values = [3.0, 1.0, 2.0]
    assert weighted_quantile(values, [1.0, 1.0, 1.0], 0.5) == 2.0
    assert weighted_quantile(values, [1.0, 8.0, 1.0], 0.5) == 1.0
    assert weighted_quantile(values, [1.0, 1.0, 1.0], 1.0) == 3.0
