"""Slightly other data: spends a little off, and the noise another."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmm.certificate.baseline import residual_noise
from mmm.certificate.checks.base import CheckResult, Situation, compared
from mmm.engines.base import PaidMedium, Problem

_SPEND_ERROR, _REPEATS = 0.05, 2


@dataclass(frozen=True)
class DataPerturbation:
    """Multiplies every spend and exposure by noise of 5 %, and draws the KPI's noise anew around the
    model's fit. The value is the spend-weighted change of the ROIs, the larger of two tries.
    """

    key: str = "data_perturbation"
    threshold: float = 0.35
    decision: str = "how finely ROIs may be compared"

    def run(self, situation: Situation) -> list[CheckResult]:
        values = []
        for repeat in range(_REPEATS):
            random = np.random.default_rng([situation.seed, 2, repeat])
            others = situation.rois(perturbed(situation, random))
            values.append(situation.moved(others))
        value = max(values)
        finding = f"On slightly other data the ROIs change by {100 * value:.0f} %."
        return [compared(self, value, "", finding, _ADVICE)]


_ADVICE = "Differences between channels that are smaller than this are chance: do not act on them."


def perturbed(situation: Situation, random: np.random.Generator) -> Problem:
    """The problem with noise in spends, exposures and the KPI of the window."""
    problem, material = situation.problem, situation.material
    kpi = problem.kpi.copy()
    fitted = material.base + material.effects.sum(axis=1)
    kpi[material.window] = fitted + residual_noise(material).draw(len(fitted), random)
    return replace(problem, kpi=kpi, paid=tuple(_off(item, random) for item in problem.paid))


def _off(medium: PaidMedium, random: np.random.Generator) -> PaidMedium:
    factor = np.exp(random.normal(0.0, _SPEND_ERROR, len(medium.spend)))
    exposure = None if medium.exposure is None else medium.exposure * factor
    return replace(medium, spend=medium.spend * factor, exposure=exposure)
