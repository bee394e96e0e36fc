"""What the data alone can tell, before any training: from an experiment's problem, without an engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmm.certificate.baseline import smoother
from mmm.certificate.identify import Identifiability, before_training, design_of
from mmm.certificate.material import Material
from mmm.certificate.saturation import SaturationTold, saturation_told
from mmm.engines.base import Factor, Problem

#: What the noise is taken to be while it is looked for, as a share of the mean KPI.
_FIRST_NOISE, _LEAST_NOISE, _ROUNDS = 0.1, 0.005, 4
#: Exposures of a person in a period at which half of the effect is usually reached, of an S-shaped
#: curve of exponent 2.
_USUAL_FREQUENCY = 2.1


@dataclass(frozen=True)
class Before:
    """Which channels can be told apart and what would help; whose saturation can be told; `noise` is
    what neither baseline, controls nor media explain, as a share of the mean KPI: at most so much,
    since holidays and the like are not known yet.
    """

    known: Identifiability
    saturation: tuple[SaturationTold, ...]
    noise: float


def before(problem: Problem) -> Before:
    """What the data of a problem tell of its paid channels."""
    material = bare_material(problem)
    noise = _noise(material)
    smooth = smoother(material, noise)
    return Before(
        before_training(design_of(material, smooth)), saturation_told(material, smooth), noise
    )


def bare_material(problem: Problem) -> Material:
    """The material of a problem that nothing was trained on: no effects are known yet, and of other
    regressors the controls alone.
    """
    window = problem.window_rows
    inputs, spend = [], []
    for medium in problem.paid:
        values = medium.spend if medium.exposure is None else medium.exposure
        if medium.frequency is not None:
            squared = medium.frequency**2
            values = values * squared / (squared + _USUAL_FREQUENCY**2)
        mean = float(values[window].mean())
        inputs.append(values / mean if mean > 0 else np.zeros(problem.rows))
        spend.append(medium.spend)
    kpi = problem.kpi[window]
    nothing = np.zeros((len(kpi), len(inputs)))
    return Material(
        problem=problem,
        channels=tuple(medium.name for medium in problem.paid),
        inputs=np.array(inputs, float),
        spend=np.array(spend, float),
        kpi=kpi,
        base=kpi,
        effects=nothing,
        residuals=np.zeros(len(kpi)),
        known=_controls(problem),
        rois=np.empty((0, len(inputs))),
    )


def _controls(problem: Problem) -> np.ndarray:
    """Controls and organic media in the window, standardised, categories as flags: (W, R)."""
    window = problem.window_rows
    columns = []
    for item in (*problem.context, *problem.organic):
        if isinstance(item, Factor):
            levels = np.array(item.levels)[window]
            columns += [(levels == level).astype(float) for level in sorted(set(levels))[1:]]
            continue
        columns.append(np.asarray(item.values[window], float))
    kept = [(column - column.mean()) / column.std() for column in columns if column.std() > 0]
    return np.array(kept).T if kept else np.empty((len(problem.kpi[window]), 0))


def _noise(material: Material) -> float:
    """What is left of the KPI once the baseline and the media at usual curves are taken out, as a share
    of its mean; found in a few rounds, since the baseline's stiffness depends on it.
    """
    values = material.kpi / float(material.kpi.mean())
    noise = _FIRST_NOISE
    for _ in range(_ROUNDS):
        smooth = smoother(material, noise)
        columns = design_of(material, smooth).columns
        rest = smooth.rest(values)
        explained = smooth.rest(columns)
        fitted, *_ = np.linalg.lstsq(explained, rest, rcond=None)
        left = rest - explained @ fitted
        gram = np.linalg.solve(smooth.gram, smooth.terms.T @ smooth.terms)
        used = float(np.trace(gram)) + columns.shape[1]
        free = max(len(values) - used, 0.25 * len(values))
        noise = max(float(np.sqrt((left**2).sum() / free)), _LEAST_NOISE)
    return noise
