"""Placebo tests: the same analysis of geos that were not treated, and what stands out in the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmm.testing.synthetic import augmented

#: Robust standard deviations from which a geo or a date is named.
_ODD = 5.0


@dataclass(frozen=True)
class Placebo:
    """The mean effect that each control geo seems to have had in the test, as a share of its KPI;
    `odd` are the geos that stand out: something happened to them.
    """

    geos: tuple[str, ...]
    effects: tuple[float, ...]
    odd: tuple[str, ...]


def placebo_effects(controls: np.ndarray, geos: Sequence[str], before: np.ndarray) -> Placebo:
    """Each control (T, C) against the others, by synthetic control without ridge."""
    effects, ratios = [], []
    for place in range(controls.shape[1]):
        target, others = controls[:, place], np.delete(controls, place, axis=1)
        level, levels = target[before].mean(), others[before].mean(axis=0)
        found = augmented(target[before] - level, others[before] - levels, ridge=False)
        gap = target - level - (others - levels) @ found.weights
        effects.append(float(gap[~before].mean() / (level or 1.0)))
        ratios.append(float(gap[~before].mean() / (gap[before].std() or 1.0)))
    far = np.abs(_robust(np.array(ratios))) > _ODD
    odd = tuple(geo for geo, is_odd in zip(geos, far, strict=True) if is_odd)
    return Placebo(tuple(geos), tuple(effects), odd)


def odd_dates(gap: np.ndarray, before: np.ndarray, dates: np.ndarray) -> tuple[str, ...]:
    """Dates before the test on which the treated geos were far from what the controls say."""
    far = np.abs(_robust(gap[before])) > _ODD
    return tuple(str(day) for day in dates[: len(gap)][before][far])


def _robust(values: np.ndarray) -> np.ndarray:
    """Values in robust standard deviations from their median."""
    middle = np.median(values)
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    return np.asarray((values - middle) / (spread or 1.0))
