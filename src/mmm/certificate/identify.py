"""Which channels cannot be told apart, whatever the model says, and what would help most.

Channels' effects are linear in their ROIs once the curves are known, so the data's information on
the ROIs is a matrix; its inverse says how sure each ROI can be, and how much surer another test,
more weeks or phased spend would make it (Gaussian updates, as in the design of experiments).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mmm.certificate.baseline import Smoother
from mmm.certificate.material import Material
from mmm.certificate.response import Shape, sized

#: Two channels whose errors go against each other this much cannot be told apart; only where each
#: may be wrong by this share of the typical ROI.
INSEPARABLE, WRONG = -0.5, 0.3
#: The helps that are looked at: a test with this standard error as a share of the lift, so many more
#: weeks, and spend in blocks of so many weeks off and doubled over so many weeks.
TEST_ERROR, MORE_WEEKS, BLOCK_WEEKS, PULSED_WEEKS = 0.12, 52, 4, 26
#: Prior spread of an ROI as a share of the typical one: what is known before any data.
_PRIOR = 0.8
#: Share of a period's own movement that the baseline leaves to a pulsed channel.
_LEFT_BY_BASELINE = 0.7
_WEEK_DAYS = 7
#: Mean distance of a normal from its middle, in standard deviations.
_MEAN_DISTANCE = 0.798
_RETAINED, _LAGS = 0.4, 8


@dataclass(frozen=True)
class Help:
    """What could be done: `kind` is test, weeks or phasing; `channel` is None for weeks. `gain` is
    the drop in the expected ROI error, in the error's own unit (0.05 is five points).
    """

    kind: str
    channel: str | None
    gain: float


@dataclass(frozen=True)
class Identifiability:
    """`own_movement` (by channel): share of a channel's movement that neither the baseline nor the
    other channels share. `expected_error`: by channel, relative to the typical ROI. `pairs`:
    channels that cannot be told apart, with the correlation of their errors. `helps`: most helpful
    first.
    """

    own_movement: dict[str, float]
    expected_error: dict[str, float]
    pairs: tuple[tuple[str, str, float], ...]
    helps: tuple[Help, ...]


@dataclass(frozen=True)
class Design:
    """The channels' effects at the typical ROI with usual curves, in units of the noise: `columns`
    (W, P), and `information` (P, P) on the ROIs once the baseline is taken out.
    """

    material: Material
    columns: np.ndarray
    information: np.ndarray


def design_of(material: Material, smoother: Smoother) -> Design:
    """The design of the user's data."""
    unit = float(material.kpi.mean()) * smoother.noise / typical_roi(material)
    columns = _unit_effects(material) / unit
    found = columns.T @ smoother.rest(columns)
    return Design(material, columns, np.asarray((found + found.T) / 2))


def before_training(design: Design) -> Identifiability:
    """What the design of the data alone tells: the same whatever was or will be trained on it."""
    prior = np.eye(len(design.information)) / _PRIOR**2
    return _identified(design, np.linalg.inv(design.information + prior))


def after_training(design: Design, errors: np.ndarray) -> Identifiability:
    """The same from the errors (n, P) that the engine made in n worlds, as shares of the typical
    ROI: its bias counts, too.
    """
    count = len(errors)
    moments = errors.T @ errors / max(count, 1)
    # As many worlds as channels say little of correlations: they are shrunk accordingly.
    kept = count / (count + 2.0 * errors.shape[1])
    shrunk = kept * moments + (1.0 - kept) * np.diag(np.diag(moments))
    return _identified(design, shrunk + 1e-6 * np.eye(len(moments)))


def typical_roi(material: Material, share: float = 0.2) -> float:
    """The ROI at which media make up `share` of the KPI."""
    return share * float(material.kpi.sum()) / float(material.window_spend.sum())


def usual_shape() -> Shape:
    """Carryover and saturation as most channels have them."""
    weights = _RETAINED ** np.arange(_LAGS)
    return Shape(weights / weights.sum(), half=1.5, steepness=1.2)


def _unit_effects(material: Material) -> np.ndarray:
    """Effects of an ROI of 1 by row of the window and channel, (W, P), with usual curves."""
    columns = []
    for inputs, spend in zip(material.inputs, material.spend, strict=True):
        response = sized(usual_shape(), 1.0, inputs, spend, material.window)
        columns.append(response.effect(inputs)[material.window])
    return np.array(columns).T


def _identified(design: Design, covariance: np.ndarray) -> Identifiability:
    names, spreads = design.material.channels, np.sqrt(np.diag(covariance))
    pairs = []
    for first, second in combinations(range(len(names)), 2):
        correlation = covariance[first, second] / (spreads[first] * spreads[second])
        if correlation <= INSEPARABLE and min(spreads[first], spreads[second]) > WRONG:
            pairs.append((names[first], names[second], float(correlation)))
    errors = _MEAN_DISTANCE * spreads
    return Identifiability(
        own_movement=dict(zip(names, _own_movement(design), strict=True)),
        expected_error=dict(zip(names, errors.tolist(), strict=True)),
        pairs=tuple(sorted(pairs, key=lambda pair: pair[2])),
        helps=_helps(design, covariance),
    )


def _own_movement(design: Design) -> list[float]:
    """Per channel the part of its movement that is left once baseline and others are known."""
    power = ((design.columns - design.columns.mean(axis=0)) ** 2).sum(axis=0)
    inverse = np.diag(np.linalg.pinv(design.information))
    found = []
    for left, whole in zip(inverse.tolist(), power.tolist(), strict=True):
        own = 1.0 / (left * whole) if left > 0 and whole > 0 else 0.0
        found.append(min(own, 1.0))
    return found


def _helps(design: Design, covariance: np.ndarray) -> tuple[Help, ...]:
    """Every help with its gain, largest first."""
    material = design.material
    shares = material.window_spend / material.window_spend.sum()
    precision, now = np.linalg.inv(covariance), _expected(covariance, shares)

    def gain(added: np.ndarray) -> float:
        return now - _expected(np.linalg.inv(precision + added), shares)

    found = [Help("weeks", None, now - _expected(_with_more_weeks(design, covariance), shares))]
    pulsed = _pulse_information(design)
    for number, name in enumerate(material.channels):
        one = np.zeros_like(precision)
        one[number, number] = 1.0
        found.append(Help("test", name, gain(one / TEST_ERROR**2)))
        found.append(Help("phasing", name, gain(one * pulsed[number])))
    return tuple(sorted(found, key=lambda item: -item.gain))


def _with_more_weeks(design: Design, covariance: np.ndarray) -> np.ndarray:
    """The covariance after more weeks like those there are: they lessen what noise does, not what
    is wrong with the model.
    """
    rows = len(design.material.kpi)
    weeks = MORE_WEEKS * _WEEK_DAYS / design.material.problem.step_days
    prior = np.eye(len(covariance)) / _PRIOR**2
    by_noise = np.linalg.inv(design.information + prior)
    later = np.linalg.inv(design.information * (1.0 + weeks / rows) + prior)
    return np.asarray(covariance - by_noise + later)


def _expected(covariance: np.ndarray, shares: np.ndarray) -> float:
    """Spend-weighted mean distance of the ROIs from the truth."""
    return float(_MEAN_DISTANCE * shares @ np.sqrt(np.maximum(np.diag(covariance), 0.0)))


def _pulse_information(design: Design) -> np.ndarray:
    """Information (P,) of spend in blocks, off and doubled, beside that of the spend as it was: no
    more than a test gives, because the curve is no better known than there.
    """
    material = design.material
    per_week = max(round(_WEEK_DAYS / material.problem.step_days), 1)
    weeks = np.arange(PULSED_WEEKS * per_week) // per_week
    blocks = np.where((weeks // BLOCK_WEEKS) % 2 == 0, 2.0, 0.0)
    shape = usual_shape()
    answer = shape.saturated(np.concatenate([np.ones(_LAGS), blocks]))[_LAGS:]
    movement = _LEFT_BY_BASELINE * float(((answer - answer.mean()) ** 2).sum())
    found = []
    for number, inputs in enumerate(material.inputs):
        whole = float(shape.saturated(inputs)[material.window].sum())
        size = float(design.columns[:, number].sum()) / whole if whole > 0 else 0.0
        told = movement * size**2
        found.append(told / (1.0 + told * TEST_ERROR**2))
    return np.array(found)
