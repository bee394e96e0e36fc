"""What cannot be told apart, and what helps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmm.certificate.baseline import smoother
from mmm.certificate.identify import after_training, before_training, design_of
from mmm.certificate.material import Material


def alike(material: Material) -> Material:
    """The same data with the second channel spending nearly as the first does."""
    inputs = material.inputs.copy()
    wobble = 1.0 + 0.01 * np.sin(np.arange(inputs.shape[1]))
    inputs[1] = inputs[0] * wobble
    spend = material.spend.copy()
    spend[1] = spend[0] * wobble
    return replace(material, inputs=inputs, spend=spend)


def test_twins_cannot_be_told_apart(material: Material) -> None:
    plain = before_training(design_of(material, smoother(material, 0.02)))
    first, second = material.channels[:2]
    assert (first, second) not in [pair[:2] for pair in plain.pairs]
    twins = before_training(design_of(alike(material), smoother(material, 0.02)))
    assert (first, second) in [pair[:2] for pair in twins.pairs]
    assert twins.own_movement[second] < 0.1 * plain.own_movement[second]
    assert twins.expected_error[first] > plain.expected_error[first]
    helpful = twins.helps[0]
    assert helpful.kind in ("test", "phasing")
    assert helpful.channel in (first, second)
    assert helpful.gain > 0


def test_more_noise_means_less_is_known(material: Material) -> None:
    quiet = before_training(design_of(material, smoother(material, 0.01)))
    loud = before_training(design_of(material, smoother(material, 0.2)))
    for name in material.channels:
        assert loud.expected_error[name] > quiet.expected_error[name]
        assert 0.0 < quiet.own_movement[name] <= 1.0


def test_after_training_the_engines_errors_count(material: Material) -> None:
    design = design_of(material, smoother(material, 0.02))
    random = np.random.default_rng(1)
    swapped = random.normal(0.0, 0.6, 300)
    errors = random.normal(0.0, 0.05, (300, len(material.channels)))
    errors[:, 0] += swapped
    errors[:, 1] -= swapped
    found = after_training(design, errors)
    assert [pair[:2] for pair in found.pairs] == [material.channels[:2]]
    assert found.pairs[0][2] == pytest.approx(-0.97, abs=0.05)
    assert found.expected_error[material.channels[0]] == pytest.approx(0.8 * 0.6, rel=0.1)
    tests = [item for item in found.helps if item.kind == "test"]
    assert tests[0].channel in material.channels[:2]
    assert tests[0].gain > 10 * tests[-1].gain
