"""Simulated worlds on the user's own data: a truth, the KPI that it would have made, and the problem
that the engine is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from mmm.certificate.baseline import Noise, Smoother, residual_noise, smoother
from mmm.certificate.families import Family, order
from mmm.certificate.material import Material
from mmm.certificate.plausible import Truth, plausible_truth
from mmm.certificate.response import lifted, truth_of
from mmm.engines.base import LiftTest, Problem
from mmm.scoring.score import ChannelTruth

#: A KPI that is a count or money does not fall below this share of its mean.
_LEAST_KPI = 0.01


@dataclass(frozen=True)
class World:
    """A world: what the engine is given, what is true in it, and how well truths of its family fit the
    KPI (`evidence`, a logarithm).
    """

    number: int
    family: Family
    problem: Problem
    truths: tuple[ChannelTruth, ...]
    evidence: float = 0.0


def worlds(material: Material, count: int, seed: int) -> Iterator[World]:
    """So many worlds, each from a seed of its own: the same for the same data and seed, however
    many are asked for.
    """
    noise = residual_noise(material)
    smooth = smoother(material, noise.deviation / float(material.kpi.mean()))
    for number, family in enumerate(order(count)):
        random = np.random.default_rng([seed, number])
        yield _world(number, family, material, smooth, noise, random)


def _world(
    number: int,
    family: Family,
    material: Material,
    smooth: Smoother,
    noise: Noise,
    random: np.random.Generator,
) -> World:
    truth = plausible_truth(family, material, smooth, random)
    effects = truth.effects(material).sum(axis=1)
    base = _baseline(effects + truth.extra, material, smooth, random)
    values = base + truth.extra + effects + noise.draw(len(base), random)
    kpi = material.problem.kpi.copy()
    kpi[material.window] = np.maximum(values, _LEAST_KPI * kpi[material.window].mean())
    tests = tuple(_tested(test, truth, material, random) for test in material.problem.lift_tests)
    truths = []
    for place, (name, response) in enumerate(zip(material.channels, truth.responses, strict=True)):
        inputs, spend = material.inputs[place], material.spend[place]
        truths.append(truth_of(name, response, inputs, spend, material.window))
    problem = replace(material.problem, kpi=kpi, lift_tests=tests)
    return World(number, family, problem, tuple(truths), truth.evidence)


def _baseline(
    taken: np.ndarray, material: Material, smooth: Smoother, random: np.random.Generator
) -> np.ndarray:
    """The KPI without media and what else happens (W,): the model's own baseline moved by what the
    truth takes from it, or what the smoother leaves of the KPI, half of the worlds each.
    """
    if random.random() < 0.5:
        return smooth.smooth(material.kpi - taken)
    fitted = material.base + material.effects.sum(axis=1)
    return material.base + smooth.smooth(fitted - material.base - taken)


def _tested(
    test: LiftTest, truth: Truth, material: Material, random: np.random.Generator
) -> LiftTest:
    """The lift test as this world would have measured it, with the test's own error."""
    starts = material.problem.dates.astype("datetime64[D]")
    inside = (starts >= np.datetime64(test.start)) & (starts <= np.datetime64(test.end))
    rows = np.flatnonzero(inside)
    if not len(rows):
        return test
    during = slice(int(rows[0]), int(rows[-1]) + 1)
    lift = 0.0
    for name in test.channels:
        place = material.channels.index(name)
        lift += lifted(truth.responses[place], material.inputs[place], during, test.scope)
    return replace(test, lift=lift + random.normal() * _standard_error(test))


def _standard_error(test: LiftTest) -> float:
    """The test's standard error: as given, else the one at which its lift has its confidence."""
    given = getattr(test, "standard_error", None)
    if given is not None:
        return float(given)
    return abs(test.lift) / max(float(ndtri(0.5 + test.confidence / 2)), 0.5)
