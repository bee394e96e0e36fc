"""The frame of a problem: Robyn's, or in method "exact" with a baseline that each candidate fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mmm.engines.adstock_hill.candidates import split_rows
from mmm.engines.adstock_hill.checks import prophet_parts
from mmm.engines.adstock_hill.features import build_frame, exposure_costs, money
from mmm.engines.adstock_hill.frame import Frame
from mmm.engines.adstock_hill.transforms import adstock
from mmm.engines.base import Factor, Problem
from mmm.engines.ridge.baseline import (
    VARIANTS,
    build_baseline,
    centred,
    estimate_widths,
    first_parts,
)
from mmm.engines.ridge.settings import RidgeSettings

#: The carryover at which media stand beside the baseline's first estimate.
_DRIVER_THETA = 0.4


def ridge_frame(
    problem: Problem,
    settings: RidgeSettings,
    components: Mapping[str, np.ndarray] | None = None,
    costs: Mapping[str, float] | None = None,
) -> Frame:
    """The model frame. In method "exact" context is less its mean in the window, which is the
    intercept's, and Prophet is not asked. `components` and `costs` as in `features.build_frame`.
    """
    if settings.method == "robyn":
        return build_frame(problem, settings, components, costs)
    parts = prophet_parts(problem, settings)
    drivers = media_drivers(problem)
    widths = estimate_widths(problem, parts, drivers, _fitted_rows(problem, settings))
    window = problem.window_rows
    baseline = centred(build_baseline(problem, parts, widths), window)
    if components is None:
        components = first_parts(problem, parts, baseline, drivers)
    frame = build_frame(problem, settings, components, costs)
    base = frame.base.copy()
    for j, item in enumerate(problem.context, start=len(parts)):
        if not isinstance(item, Factor):
            base[:, j] -= base[window, j].mean()
    return replace(frame, base=base, baseline=baseline)


def variant_frames(problem: Problem, settings: RidgeSettings, frame: Frame) -> dict[str, Frame]:
    """The same frame with other baselines, by name in words; none in method "robyn"."""
    if settings.method == "robyn":
        return {}
    parts = prophet_parts(problem, settings)
    drivers = media_drivers(problem)
    widths = estimate_widths(problem, parts, drivers, _fitted_rows(problem, settings))
    found = {}
    for form in VARIANTS:
        baseline = centred(build_baseline(problem, parts, widths, form), problem.window_rows)
        found[form.name] = replace(frame, baseline=baseline)
    return found


def media_drivers(problem: Problem) -> list[np.ndarray]:
    """Media on a middling curve, (T,) each, for the baseline's first estimate alone. Without them
    it would book on season and trend what spends did then.
    """
    costs = exposure_costs(problem)
    series = [money(medium, costs) for medium in problem.paid]
    series += [item.values for item in problem.organic]
    found = []
    for values in series:
        carried = adstock(values, "geometric", _DRIVER_THETA)[0]
        if carried[problem.window_rows].any():
            found.append(carried / (carried + carried[carried > 0].mean()))
    return found


def _fitted_rows(problem: Problem, settings: RidgeSettings) -> slice:
    """The rows of the window that every candidate is fitted on."""
    first, last = problem.window
    if settings.validation is None:
        return problem.window_rows
    train = split_rows(last + 1 - first, settings.validation.train_size[0]).train
    return slice(first, first + train)
