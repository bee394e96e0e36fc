"""From scored worlds to the certificate's numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mmm.certificate.certificate import ChannelCertificate, FamilyCertificate, TotalCertificate
from mmm.certificate.checks.prior import prior_gain
from mmm.certificate.claimed import expected_error
from mmm.certificate.families import Family
from mmm.certificate.identify import Identifiability
from mmm.certificate.recalibrate import stretched, stretches
from mmm.certificate.refit import Refit
from mmm.certificate.weights import weighted_mean, weighted_quantile, world_weights
from mmm.engines.confidence import Evidence, confidence
from mmm.engines.words import Confidence
from mmm.scoring.score import ChannelEstimate, ChannelScore

#: Moves of less than this share of today's spend are none.
_MOVED = 0.02


def ordinary(refits: Sequence[Refit]) -> list[Refit]:
    """The worlds that count in the means: a harmful channel is told by its own line."""
    return [item for item in refits if item.family is not Family.HARMFUL]


def weights_of(refits: Sequence[Refit]) -> np.ndarray:
    """How much each of the worlds counts, (n,), by how well its kind fits the user's KPI."""
    return world_weights(np.array([item.evidence for item in refits], float))


def total(refits: Sequence[Refit], claimed: float | None = None) -> TotalCertificate:
    """All channels over the ordinary worlds. `claimed` is the ROI error that the run's intervals mean."""
    counted = ordinary(refits)
    weights = weights_of(counted)
    scores = [item.recovery for item in counted]
    errors = [score.roi_error for score in scores]
    biases = np.array([score.total - 1.0 for score in scores])
    best = weighted_mean([item.advice.best_uplift for item in counted], weights)
    reached = weighted_mean([item.advice.uplift for item in counted], weights)
    harm = [_harm(item) for item in counted]
    middle, covered = weighted_quantile(errors, weights, 0.5), _covered(counted, weights)
    return TotalCertificate(
        worlds=len(counted),
        error=middle,
        error_mean=float(weights @ np.array(errors)),
        error_high=weighted_quantile(errors, weights, 0.9),
        covered=covered,
        width=weighted_mean([score.width for score in scores], weights),
        ranked=weighted_mean([score.ranked for score in scores], weights),
        direction=_direction([list(item.moves.values()) for item in counted], weights),
        total_bias=float(weights @ biases),
        total_error=float(weights @ np.abs(biases)),
        uplift_share=reached / best if reached is not None and best else None,
        harmful=weighted_mean(harm, weights),
        regret=weighted_mean([item.advice.regret for item in counted], weights),
        regret_today=weighted_mean([item.advice.regret_today for item in counted], weights),
        advised=sum(bool(np.isfinite(item.advice.uplift)) for item in counted),
        claimed_error=claimed,
        expected_error=expected_error(middle, covered, claimed),
    )


def _harm(refit: Refit) -> float:
    """1 where the advice does harm, 0 where not, NaN without advice."""
    return float(refit.advice.harmful) if np.isfinite(refit.advice.uplift) else float("nan")


def channels(
    refits: Sequence[Refit], reported: Sequence[ChannelEstimate], level: float
) -> tuple[ChannelCertificate, ...]:
    """One row per channel, in the order in which the run reports them; words come later."""
    counted = ordinary(refits)
    weights = weights_of(counted)
    factors = stretches([item.recovery.channels for item in counted], weights.tolist(), level)
    return tuple(_channel(estimate, counted, weights, factors) for estimate in reported)


def with_confidence(
    rows: Sequence[ChannelCertificate], after: Identifiability, typical: float
) -> tuple[ChannelCertificate, ...]:
    """The rows with their gain over the prior and their word. `typical` is the ROI before the
    data.
    """
    inseparable = {name for first, second, _ in after.pairs for name in (first, second)}
    found = []
    for row in rows:
        low, high = row.recalibrated_low, row.recalibrated_high
        if low is None or high is None:
            found.append(replace(row, confidence=str(Confidence.INCONCLUSIVE)))
            continue
        gain = prior_gain(low, high, typical)
        evidence = Evidence(low, high, gain, row.channel not in inseparable, row.error)
        found.append(replace(row, gain=gain, confidence=str(confidence(evidence))))
    return tuple(found)


def families(refits: Sequence[Refit]) -> tuple[FamilyCertificate, ...]:
    """One row per family that has worlds, in the order in which families are declared."""
    rows = []
    for family in Family:
        own = [item for item in refits if item.family is family]
        if own:
            rows.append(_family(family, own))
    return tuple(rows)


def roi_errors(refits: Sequence[Refit], typical: float) -> np.ndarray:
    """Errors (n, P) of the ordinary worlds as shares of the typical ROI, each times the root of its
    weight over the mean weight, so that their second moments are the weighted ones.
    """
    counted = ordinary(refits)
    rows = []
    for item in counted:
        rows.append([(part.roi - part.true_roi) / typical for part in item.recovery.channels])
    scale = np.sqrt(weights_of(counted) * len(counted))
    return np.array(rows, float) * scale[:, None]


def _channel(
    estimate: ChannelEstimate,
    refits: Sequence[Refit],
    weights: np.ndarray,
    factors: dict[str, float],
) -> ChannelCertificate:
    name = estimate.name
    own = [_part(item, name) for item in refits]
    gaps = np.array([part.roi - part.true_roi for part in own])
    size = float(weights @ np.array([abs(part.true_roi) for part in own])) or 1.0
    held = [float("nan") if part.held is None else float(part.held) for part in own]
    stretch = factors.get(name, 1.0)
    wide: tuple[float | None, float | None] = (None, None)
    if np.isfinite(estimate.low) and np.isfinite(estimate.high):
        wide = stretched(estimate.roi, estimate.low, estimate.high, stretch)
    moves = [[item.moves[name]] if name in item.moves else [] for item in refits]
    return ChannelCertificate(
        channel=name,
        worlds=len(own),
        error=float(weights @ np.abs(gaps)) / size,
        bias=float(weights @ gaps) / size,
        covered=weighted_mean(held, weights),
        direction=_direction(moves, weights),
        stretch=stretch,
        roi=_known(estimate.roi),
        low=_known(estimate.low),
        high=_known(estimate.high),
        recalibrated_low=wide[0],
        recalibrated_high=wide[1],
    )


def _part(refit: Refit, name: str) -> ChannelScore:
    return next(part for part in refit.recovery.channels if part.name == name)


def _family(family: Family, refits: Sequence[Refit]) -> FamilyCertificate:
    scores = [item.recovery for item in refits]
    equal = np.ones(len(refits))
    return FamilyCertificate(
        family=str(family),
        worlds=len(refits),
        error=float(np.median([score.roi_error for score in scores])),
        covered=_covered(refits, equal),
        total_bias=float(np.mean([score.total - 1.0 for score in scores])),
        uplift=weighted_mean([item.advice.uplift for item in refits], equal),
        harmful=sum(item.advice.harmful for item in refits),
    )


def _covered(refits: Sequence[Refit], weights: np.ndarray) -> float | None:
    """Share of intervals that hold the truth, over worlds and channels."""
    held, shares = [], []
    for item, weight in zip(refits, weights.tolist(), strict=True):
        for part in item.recovery.channels:
            if part.held is not None:
                held.append(float(part.held))
                shares.append(weight)
    return weighted_mean(held, shares)


def _direction(moves: Sequence[Sequence[tuple[float, float]]], weights: np.ndarray) -> float | None:
    """Share of moves, (advised, best) spends over today's by world, that go the same way."""
    right, shares = [], []
    for own, weight in zip(moves, weights.tolist(), strict=True):
        for advised, best in own:
            if abs(advised - 1.0) > _MOVED and abs(best - 1.0) > _MOVED:
                right.append(float((advised - 1.0) * (best - 1.0) > 0))
                shares.append(weight)
    return weighted_mean(right, shares)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
