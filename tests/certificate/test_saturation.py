"""Whether saturation can be told from drift, what pulse settles it, and what is known before training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mmm.certificate.baseline import smoother
from mmm.certificate.before import before
from mmm.certificate.certify import Trained
from mmm.certificate.material import Material
from mmm.certificate.saturation import Bend, SaturationTold, saturation_told
from mmm.engines.base import Problem


def with_spend(material: Material, shape: np.ndarray) -> Material:
    """The first channel spending `shape` (T,), over its mean in the window."""
    inputs, spend = material.inputs.copy(), material.spend.copy()
    inputs[0] = shape / shape[material.window].mean()
    spend[0] = inputs[0] * material.spend[0][material.window].mean()
    return replace(material, inputs=inputs, spend=spend)


def first(material: Material, noise: float = 0.01) -> SaturationTold:
    return saturation_told(material, smoother(material, noise))[0]


def test_spend_at_many_levels_tells_saturation(material: Material) -> None:
    random = np.random.default_rng(1)
    rows = material.inputs.shape[1]
    told = first(with_spend(material, random.choice([0.2, 1.0, 3.0], rows)))
    assert told.told is Bend.TOLD
    assert told.beside_drift >= 2.0
    assert told.pulse_weeks is None


def test_constant_spend_tells_nothing_until_a_pulse(material: Material) -> None:
    rows = material.inputs.shape[1]
    steady = first(with_spend(material, np.ones(rows) + 0.01 * np.sin(np.arange(rows))))
    assert steady.told is Bend.UNTOLD
    assert steady.pulse_weeks is not None
    assert len(steady.pulse_levels) == 3
    louder = first(with_spend(material, np.ones(rows) + 0.01 * np.sin(np.arange(rows))), 0.02)
    assert louder.pulse_weeks is None or louder.pulse_weeks >= steady.pulse_weeks
    assert first(with_spend(material, np.ones(rows)), 0.5).pulse_weeks is None  # drowned in noise


def test_levels_that_follow_each_other_in_time_may_be_drift(material: Material) -> None:
    """A channel that runs at another level every third of the window, week on, week off: what looks
    like a bend could be a change of its effect over time.
    """
    rows = material.inputs.shape[1]
    level = np.repeat([0.5, 1.5, 3.0], -(-rows // 3))[:rows]
    flighted = level * (np.arange(rows) // 2 % 2)
    found = first(with_spend(material, flighted))
    assert found.beside_drift < 0.8 * found.alone
    mixed = first(with_spend(material, np.random.default_rng(2).permutation(flighted)))
    assert mixed.beside_drift > 0.9 * mixed.alone


def test_before_training_the_data_alone_are_asked(
    trained: tuple[Problem, Trained], material: Material
) -> None:
    problem, _ = trained
    found = before(problem)
    assert set(found.known.expected_error) == set(material.channels)
    assert [item.channel for item in found.saturation] == list(material.channels)
    left = float(material.residuals.std() / material.kpi.mean())
    assert (
        left < found.noise < 4 * left
    )  # holidays are not known yet, and a fit takes some of it up
    louder = replace(
        problem, kpi=problem.kpi * (1.0 + np.random.default_rng(3).normal(0, 0.3, problem.rows))
    )
    more = before(louder)
    assert more.noise > 3 * found.noise
    for name, error in found.known.expected_error.items():
        assert more.known.expected_error[name] > error
