"""Whether the data can tell a channel's saturation from a drift of its effect, and which pulse would
settle it where they cannot.

Curves are linear in small changes of shape, so what is known of a channel's bend is a Gaussian
update: one column for the step from a straight response to a usual bend, some for slow changes of
the effect over the window, the other channels' sizes, and the baseline taken out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mmm.certificate.baseline import Smoother
from mmm.certificate.identify import typical_roi, usual_shape
from mmm.certificate.material import Material
from mmm.certificate.response import Shape, sized

#: A bend is told where the step from a straight response to a usual one is so many standard errors.
THRESHOLD = 2.0
#: Prior spreads: of a channel's size as a share of itself, of each slow change of its effect.
_SIZE, _DRIFT = 0.8, 0.3
_DRIFT_WAVES = 3
#: A pulse goes through multiples of today's spend, two weeks each; the mild one is looked at first.
PULSES, LEVEL_WEEKS = ((0.5, 1.0, 2.0), (0.0, 1.0, 3.0)), 2
_WEEKS = (6, 12, 18, 24, 36, 48)
#: Share of a pulse's movement that the baseline leaves to the channel.
_LEFT_BY_BASELINE = 0.7
_WEEK_DAYS, _LEAD = 7, 8


class Bend(StrEnum):
    """What the data tell of a channel's bend."""

    TOLD = "told"
    DRIFT = "saturation or drift"
    UNTOLD = "not told"


@dataclass(frozen=True)
class SaturationTold:
    """One channel. `alone` is the step from a straight response to a usual bend in standard errors
    where effects stay the same over time, `beside_drift` where they may drift. `pulse_weeks` is the
    shortest pulse that would tell the two apart, at `pulse_levels` times today's spend; None where
    they are told, or where none of a year would.
    """

    channel: str
    told: Bend
    alone: float
    beside_drift: float
    pulse_weeks: int | None
    pulse_levels: tuple[float, ...] = ()


def saturation_told(
    material: Material, smoother: Smoother, rois: Mapping[str, float] | None = None
) -> tuple[SaturationTold, ...]:
    """One row per channel. `rois` are what the effects are taken to be, None: the typical ROI."""
    typical = typical_roi(material)
    found = []
    unit = float(material.kpi.mean()) * smoother.noise
    sizes = np.array([max((rois or {}).get(name, typical), 0.0) for name in material.channels])
    whole = np.array([_effect(material, p, sizes[p], usual_shape()) for p in range(len(sizes))])
    for number, name in enumerate(material.channels):
        if material.by_frequency[number]:
            continue  # its effect saturates with the frequency, and is straight in the reach
        straight = _effect(material, number, sizes[number], usual_shape().straightened())
        columns = _columns(whole, number, straight) / unit
        information = columns.T @ smoother.rest(columns) + _prior(len(sizes))
        bend = len(sizes)
        fixed = np.delete(np.delete(information, np.s_[bend + 1 :], 0), np.s_[bend + 1 :], 1)
        alone, beside = _strength(fixed, bend), _strength(information, bend)
        told = _verdict(alone, beside)
        weeks: int | None = None
        levels: tuple[float, ...] = ()
        if told is not Bend.TOLD:
            weeks, levels = _pulse(material, number, sizes[number] / unit, information)
        found.append(SaturationTold(name, told, alone, beside, weeks, levels))
    return tuple(found)


def _verdict(alone: float, beside_drift: float) -> Bend:
    if beside_drift >= THRESHOLD:
        return Bend.TOLD
    return Bend.DRIFT if alone >= THRESHOLD else Bend.UNTOLD


def _effect(material: Material, number: int, roi: float, shape: Shape) -> np.ndarray:
    """A channel's effect over the window (W,) at an ROI."""
    inputs, spend = material.inputs[number], material.spend[number]
    return sized(shape, roi, inputs, spend, material.window).effect(inputs)[material.window]


def _columns(whole: np.ndarray, number: int, straight: np.ndarray) -> np.ndarray:
    """Every channel's effect, this one's bend, and its slow changes: (W, P + 1 + D)."""
    own = whole[number]
    time = (np.arange(len(own)) + 0.5) / len(own)
    drifts = [own * np.cos(np.pi * wave * time) for wave in range(1, _DRIFT_WAVES + 1)]
    return np.column_stack([*whole, own - straight, *drifts])


def _prior(channels: int) -> np.ndarray:
    """Precisions of what is believed before: nothing of the bend."""
    sizes = np.full(channels, 1.0 / _SIZE**2)
    return np.diag([*sizes, 1e-6, *np.full(_DRIFT_WAVES, 1.0 / _DRIFT**2)])


def _strength(information: np.ndarray, bend: int) -> float:
    return float(1.0 / np.sqrt(np.linalg.inv(information)[bend, bend]))


def _pulse(
    material: Material, number: int, size: float, information: np.ndarray
) -> tuple[int | None, tuple[float, ...]]:
    """Weeks and levels of the first pulse after the data with which the bend is told; `size` is the
    ROI in units of the noise.
    """
    channels = len(material.channels)
    keep = [number, channels, *range(channels + 1, len(information))]
    for levels in PULSES:
        for weeks in _WEEKS:
            added = _pulse_columns(material, number, size, weeks, levels)
            more = information.copy()
            more[np.ix_(keep, keep)] += _LEFT_BY_BASELINE * added.T @ added
            if _strength(more, channels) >= THRESHOLD:
                return weeks, levels
    return None, ()


def _pulse_columns(
    material: Material, number: int, size: float, weeks: int, levels: tuple[float, ...]
) -> np.ndarray:
    """This channel's size, bend and slow changes over a pulse, around their means: (n, 2 + D)."""
    per_week = max(round(_WEEK_DAYS / material.problem.step_days), 1)
    block = np.repeat(levels, LEVEL_WEEKS * per_week)
    inputs = np.concatenate([np.ones(_LEAD), np.resize(block, weeks * per_week)])
    parts = []
    for shape in (usual_shape(), usual_shape().straightened()):
        spend = material.spend[number]
        response = sized(shape, size, material.inputs[number], spend, material.window)
        parts.append(response.effect(inputs)[_LEAD:])
    own, straight = parts
    ends = [
        own * np.cos(np.pi * wave) for wave in range(1, _DRIFT_WAVES + 1)
    ]  # as at the data's end
    columns = np.column_stack([own, own - straight, *ends])
    return np.asarray(columns - columns.mean(axis=0))
