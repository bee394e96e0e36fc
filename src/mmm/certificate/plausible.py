"""Which truths of a family the user's KPI does not rule out: shapes by how well they fit, sizes from
what the KPI says of them given the shapes.

The baseline is integrated out as Gaussian (the collapsed likelihood of linear models), so a world's
truth is a draw of the family's posterior on the user's data, whatever engine made the run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.certificate.baseline import Smoother
from mmm.certificate.families import Family, Sketch, sketch
from mmm.certificate.material import Material
from mmm.certificate.response import Response, sized

#: Sketches that a world's truth is chosen among, and the power of the likelihood by which: less
#: than 1, because these families are not all that could be.
_SKETCHES, _POWER = 24, 0.5
#: The typical ROI makes media this share of the KPI; single ROIs and the common level differ from
#: it by these factors (logarithmic standard deviations).
_MEDIA_SHARE, _OWN_SPREAD, _LEVEL_SPREAD = 0.2, 0.6, 0.5
_SWEEPS = 30


@dataclass(frozen=True)
class Truth:
    """A truth with its sizes: one response per channel, and what else moves the KPI (W,). `evidence`
    says how well the family's sketches fit the KPI: a logarithm, up to a constant.
    """

    responses: tuple[Response, ...]
    extra: np.ndarray
    evidence: float = 0.0

    def effects(self, material: Material) -> np.ndarray:
        """Effects by row of the window and channel, (W, P)."""
        found = [
            response.effect(inputs)[material.window]
            for response, inputs in zip(self.responses, material.inputs, strict=True)
        ]
        return np.array(found).T


@dataclass(frozen=True)
class _Weighed:
    """A sketch beside the KPI: products of the unit effects (P, P) and with the KPI (P,) once the
    baseline is taken out, and how well it fits.
    """

    drawn: Sketch
    gram: np.ndarray
    moment: np.ndarray
    likelihood: float


def plausible_truth(
    family: Family, material: Material, smoother: Smoother, random: np.random.Generator
) -> Truth:
    """A truth of the family that fits the KPI about as well as others of it do."""
    level = _typical_roi(material) * float(np.exp(random.normal(0.0, _LEVEL_SPREAD)))
    weighed = []
    for _ in range(_SKETCHES):
        drawn = sketch(family, material, random)
        weighed.append(_weigh(drawn, level, material, smoother))
    powers = _POWER * np.array([item.likelihood for item in weighed])
    shares = np.exp(powers - powers.max())
    chosen = weighed[int(random.choice(len(weighed), p=shares / shares.sum()))]
    if family is Family.POSTERIOR and len(material.rois):
        rois = material.rois[int(random.integers(len(material.rois)))]
    else:
        rois = _draw_rois(chosen, level, random)
    evidence = float(powers.max() + np.log(shares.mean()))
    return _with_rois(chosen.drawn, rois, material, evidence)


def _typical_roi(material: Material) -> float:
    return _MEDIA_SHARE * float(material.kpi.sum()) / float(material.window_spend.sum())


def _weigh(drawn: Sketch, level: float, material: Material, smoother: Smoother) -> _Weighed:
    """Everything in units of the mean KPI and of the noise, so that the noise's variance is 1."""
    unit = float(material.kpi.mean()) * smoother.noise
    columns = []
    for number, shape in enumerate(drawn.shapes):
        inputs, spend = material.inputs[number], material.spend[number]
        response = sized(shape, 1.0, inputs, spend, material.window)
        columns.append(response.effect(inputs)[material.window] / unit)
    effects = np.array(columns).T
    left = (material.kpi - drawn.extra) / unit
    for number, multiple in drawn.fixed.items():
        left = left - multiple * level * effects[:, number]
    free = [number for number in range(effects.shape[1]) if number not in drawn.fixed]
    rest = smoother.rest(np.column_stack([left, effects]))
    gram, moment = effects.T @ rest[:, 1:], effects.T @ rest[:, 0]
    precision = 1.0 / (_OWN_SPREAD * level) ** 2
    inner = gram[np.ix_(free, free)] + precision * np.eye(len(free))
    pull = moment[free] + precision * level
    best = np.linalg.solve(inner, pull)
    misfit = float(left @ rest[:, 0]) + precision * level**2 * len(free) - float(pull @ best)
    spread = np.linalg.slogdet(inner / precision)[1]
    return _Weighed(drawn, gram, moment, -0.5 * (misfit + float(spread)))


def _draw_rois(weighed: _Weighed, level: float, random: np.random.Generator) -> np.ndarray:
    """ROIs (P,) by Gibbs sweeps: each normal given the others, cut off at 0, with the family's
    fixed ones.
    """
    count = len(weighed.moment)
    precision = 1.0 / (_OWN_SPREAD * level) ** 2
    rois = np.full(count, level)
    # A fixed channel's part has been taken out of the KPI already.
    for number in weighed.drawn.fixed:
        rois[number] = 0.0
    free = [number for number in range(count) if number not in weighed.drawn.fixed]
    for _ in range(_SWEEPS):
        for number in free:
            others = weighed.gram[number] @ rois - weighed.gram[number, number] * rois[number]
            sharpness = weighed.gram[number, number] + precision
            mean = (weighed.moment[number] - others + precision * level) / sharpness
            rois[number] = _positive_normal(mean, 1.0 / np.sqrt(sharpness), random)
    for number, multiple in weighed.drawn.fixed.items():
        rois[number] = multiple * level
    return rois


def _positive_normal(mean: float, spread: float, random: np.random.Generator) -> float:
    """A draw of a normal that is cut off at 0, by inverting its distribution."""
    from scipy.special import log_ndtr, ndtri_exp

    below = float(log_ndtr(mean / spread))
    draw = np.log(random.random()) + below
    return max(mean - spread * float(ndtri_exp(draw)), 0.0)


def _with_rois(drawn: Sketch, rois: np.ndarray, material: Material, evidence: float) -> Truth:
    responses = []
    for number, shape in enumerate(drawn.shapes):
        inputs, spend = material.inputs[number], material.spend[number]
        responses.append(sized(shape, float(rois[number]), inputs, spend, material.window))
    return Truth(tuple(responses), drawn.extra, evidence)
